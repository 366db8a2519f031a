"""Personal data planted in every input that can carry them, and all bytes of outputs searched."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import c3d_bytes
import nibabel as nib
import pyarrow.parquet
from edfio import Patient, Recording, read_edf
from PIL import Image, PngImagePlugin

#: Name, birth date in three forms, accession and serial number, hospital, operator, remark; all
#: of them so long that base64 does not spell them by chance.
SECRETS = (
    "dulcinea", "tobosovilla", "19430501", "1943-05-01", "01.05.1943", "acc7734190", "sn991204",
    "quixanohospital", "panzaleon", "limpsleft",
)  # fmt: skip
PERSON = {
    "PatientName": "Tobosovilla^Dulcinea", "PatientBirthDate": "19430501",
    "PatientID": "Dulcinea-1", "AccessionNumber": "ACC7734190", "DeviceSerialNumber": "SN991204",
    "InstitutionName": "Quixanohospital", "OperatorsName": "Panzaleon",
    "StationName": "QUIXANOHOSPITAL1", "ImageComments": "Dulcinea limpsleft",
    "AcquisitionDateTime": "1943-05-01T10:00:00", "SeriesDescription": "t1 Tobosovilla",
}  # fmt: skip
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")


def plant(bids: Path) -> None:
    """Write personal data into every file of a BIDS folder that has a place for them."""
    for path in sorted(bids.rglob("*")):
        if path.name.endswith((".nii", ".nii.gz")):
            _nifti(path)
        elif path.suffix == ".json" and path.parent != bids:
            content = json.loads(path.read_text())
            path.write_text(json.dumps({**PERSON, **content}))
        elif path.suffix == ".c3d":
            _c3d(path)
        elif path.suffix == ".edf":
            _edf(path)
        elif path.suffix == ".mha":
            raw = path.read_bytes()
            told = b"".join(f"{k} = {v}\n".encode() for k, v in PERSON.items())
            path.write_bytes(raw.replace(b"ElementType", told + b"ElementType", 1))
        elif path.suffix == ".png":
            texts = PngImagePlugin.PngInfo()
            for key, value in PERSON.items():
                texts.add_text(key, value)
            Image.open(path).copy().save(path, pnginfo=texts)
    _participants(bids / "participants.tsv")
    for subject in bids.glob("sub-*"):
        files = [p.relative_to(subject).as_posix() for p in subject.glob("*/*") if p.is_file()]
        rows = [f"{f}\t1943-05-01T10:00:00\tPanzaleon\tDulcinea limpsleft" for f in sorted(files)]
        table = "\n".join(["filename\tacq_time\toperator\tremarks", *rows])
        (subject / f"{subject.name}_scans.tsv").write_text(table + "\n")


def _nifti(path: Path) -> None:
    image = nib.load(path)
    image.header["descrip"] = b"Tobosovilla^Dulcinea 19430501"
    image.header["aux_file"] = b"ACC7734190 Panzaleon"
    image.header["intent_name"] = b"Dulcinea"
    image.header["db_name"] = b"Quixanohospital"
    for code in (2, 4, 6):  # DICOM, AFNI, comment
        text = json.dumps(PERSON).encode().ljust(480)
        image.header.extensions.append(nib.nifti1.Nifti1Extension(code if code != 2 else 0, text))
    data = image.dataobj.get_unscaled()
    made = type(image)(data, image.affine, image.header)
    made.header.set_slope_inter(image.dataobj.slope, image.dataobj.inter)
    nib.save(made, path)


def _c3d(path: Path) -> None:
    file = c3d_bytes.read(path)
    file["SUBJECTS:NAMES"] = ["Dulcinea Tobosovilla"]
    file["EVENT:SUBJECTS"] = ["Dulcinea Tobosovilla"] * len(file["EVENT:LABELS"])
    file["MANUFACTURER:OPERATOR"] = ["Panzaleon 01.05.1943"]
    file["MANUFACTURER:SERIAL"] = ["SN991204"]
    c3d_bytes.write(file, path)


def _edf(path: Path) -> None:
    file = read_edf(path)
    file.patient = Patient(code="Dulcinea", name="Tobosovilla_Dulcinea")
    file.recording = Recording(investigator_technician_code="Panzaleon", equipment_code="SN991204")
    file.write(path)


def _participants(path: Path) -> None:
    lines = path.read_text().splitlines()
    lines[0] += "\tname\tbirth_date"
    lines[1:] = [line + "\tDulcinea Tobosovilla\t1943-05-01" for line in lines[1:]]
    path.write_text("\n".join(lines) + "\n")


def told(folder: Path) -> list[tuple[str, str]]:
    """Return which secrets lie in which files below a folder, unpacked as far as can be."""
    return [
        (path.relative_to(folder).as_posix(), secret)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for piece in [path.name.encode(), *pieces(path.read_bytes(), path)]
        for secret in SECRETS
        if secret.encode() in piece.lower()
    ]


def pieces(content: bytes, path: Path | None = None) -> Iterator[bytes]:
    """Yield bytes and everything that is packed in them."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from pieces(gzip.decompress(content))
    elif content.startswith(b"x") and len(content) > 2:
        try:
            yield zlib.decompress(content)
        except zlib.error:
            return
    elif content.startswith(b"PK\x03\x04") and path is not None:
        with zipfile.ZipFile(path) as file:
            for name in file.namelist():
                yield name.encode()
                yield from pieces(file.read(name))
    elif content.startswith(b"PAR1") and path is not None:
        yield str(pyarrow.parquet.read_table(path).to_pydict()).encode()
    elif content[:1] in b"<{" or b"<html" in content[:200]:
        for found in _BASE64.findall(content):
            try:
                yield from pieces(base64.b64decode(found))
            except (binascii.Error, ValueError):
                continue
