"""The series of a folder of DICOM files, by their headers.

One DICOM series can hold several images: echoes, the water and fat of a Dixon scan, magnitude and
phase. Each becomes a :class:`Series` of its own, since a converter that gets them together may
stack them (dcm2niix 1.0.20260724 makes one 4-D image of WATER and FAT, and takes IN_PHASE for a
phase image).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.errors import DatasetError, MissingFileError, MissingToolError
from imaging.io.dicom_size import read_dicom

# Elements in which makers hide the b-value: Siemens, GE, Philips.
_B_VALUES = ((0x0019, 0x100C), (0x0043, 0x1039), (0x2001, 0x1003))
_GE_B_OFFSET = 1_000_000_000
_MR = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")
_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "Manufacturer", "ImageType", "SeriesDescription",
    "ProtocolName", "SequenceName", "PulseSequenceName", "ScanningSequence", "EchoTime",
    "EffectiveEchoTime", "RepetitionTime", "FlipAngle", "InversionTime", "SeriesNumber",
    "SeriesInstanceUID", "StudyInstanceUID", "DiffusionBValue", "PatientID", "PatientName",
    "ImageComments", "NumberOfFrames", "BurnedInAnnotation", "InPlanePhaseEncodingDirection",
    "ImageOrientationPatient", "ComplexImageComponent", "InstanceNumber",
)  # fmt: skip
_NESTED = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


@dataclass(frozen=True)
class Series:
    """Files of one image, and what their headers say of it.

    Attributes
    ----------
    uid, study, number, modality, maker : str, str, int, str, str
        Of the DICOM series and its examination.
    description, protocol, sequence : str
        As the site named them; free text.
    image_type : tuple of str
        In capitals.
    echo_ms, repetition_ms, flip_deg, inversion_ms : float or None
    scanning : tuple of str
        SE, GR, EP, IR, RM.
    b_values : tuple of float
        Different ones, s/mm2, rising.
    n_files, n_frames : int
    is_mr : bool
        An MR image that is converted, no report, map or picture of a screen.
    patients : tuple of (ID, name)
    comment : str
        Of the first image.
    burned_in : bool
        Words may be drawn into the picture.
    files : tuple of Path
    """

    uid: str
    study: str
    number: int
    modality: str
    maker: str
    description: str
    protocol: str
    sequence: str
    image_type: tuple[str, ...]
    echo_ms: float | None
    repetition_ms: float | None
    flip_deg: float | None
    inversion_ms: float | None
    scanning: tuple[str, ...]
    b_values: tuple[float, ...]
    n_files: int
    n_frames: int
    is_mr: bool
    patients: tuple[tuple[str, str], ...]
    comment: str
    burned_in: bool
    files: tuple[Path, ...]


def read_folder(folder: Path) -> tuple[list[Series], int]:
    """Return the images of a folder and all below it, and how many files are no DICOM.

    Raises
    ------
    MissingFileError, MissingToolError, DatasetError
        No such folder, pydicom is not installed, or there is no DICOM file.
    """
    if not folder.is_dir():
        raise MissingFileError("no such folder", folder, "Give the folder of the DICOM files")
    headers, foreign = [], 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        header = _header(path)
        if header is None:
            foreign += 1
        else:
            headers.append((path, header))
    if not headers:
        raise DatasetError("holds no DICOM files", folder, "Give the folder of the DICOM files")
    found = [_series(own) for own in _groups(headers)]
    return sorted(found, key=lambda s: (s.number, s.uid, s.image_type, s.echo_ms or 0.0)), foreign


def _header(path: Path) -> Any | None:
    """Return the header of a file, None where it is no DICOM image."""
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise MissingToolError(
            "DICOM is read by pydicom, which is not installed", None,
            'Run pip install "pennate[dicom]"',
        ) from error  # fmt: skip
    try:
        data = read_dicom(path, stop_before_pixels=True, force=False)
    except Exception:  # whatever a file that is no DICOM, or a damaged one, leads to
        return None
    return data if "SOPClassUID" in data and "SeriesInstanceUID" in data else None


def _groups(headers: list[tuple[Path, Any]]) -> Iterator[list[tuple[Path, Any]]]:
    """Yield what is one image: of one series, one image type and, but in diffusion, one echo."""
    by_uid: dict[str, list[tuple[Path, Any]]] = {}
    for path, header in headers:
        by_uid.setdefault(str(header.SeriesInstanceUID), []).append((path, header))
    for own in by_uid.values():
        if any(b > 0 for _, h in own for b in _b_values(h)):
            yield own
            continue
        parts: dict[tuple[Any, ...], list[tuple[Path, Any]]] = {}
        for path, header in own:
            parts.setdefault((_image_type(header), _number(header, "EchoTime")), []).append(
                (path, header)
            )
        yield from parts.values()


def _series(own: list[tuple[Path, Any]]) -> Series:
    own = sorted(own, key=lambda pair: (int(_number(pair[1], "InstanceNumber") or 0), pair[0]))
    first = own[0][1]
    described = _text(first, "SeriesDescription")
    people = {(_text(h, "PatientID"), _text(h, "PatientName")) for _, h in own}
    return Series(
        uid=str(first.SeriesInstanceUID),
        study=_text(first, "StudyInstanceUID"),
        number=int(_number(first, "SeriesNumber") or 0),
        modality=_text(first, "Modality"),
        maker=_text(first, "Manufacturer"),
        description=described,
        protocol=_text(first, "ProtocolName") or described,
        sequence=_text(first, "SequenceName") or _text(first, "PulseSequenceName"),
        image_type=_image_type(first),
        echo_ms=_number(first, "EchoTime", "EffectiveEchoTime"),
        repetition_ms=_number(first, "RepetitionTime"),
        flip_deg=_number(first, "FlipAngle"),
        inversion_ms=_number(first, "InversionTime"),
        scanning=_words(first, "ScanningSequence"),
        b_values=tuple(sorted({b for _, h in own for b in _b_values(h)})),
        n_files=len(own),
        n_frames=sum(int(_number(h, "NumberOfFrames") or 1) for _, h in own),
        is_mr=str(first.SOPClassUID) in _MR,
        patients=tuple(sorted(people)),
        comment=_text(first, "ImageComments"),
        burned_in=_text(first, "BurnedInAnnotation").upper() != "NO",
        files=tuple(path for path, _ in own),
    )


def _find(header: Any, name: str) -> Any | None:
    """Return an element, also from the functional groups of an enhanced image."""
    if name in header and header[name].value not in (None, ""):
        return header[name].value
    for nested in _NESTED:
        for group in header.get(nested, [])[:1]:
            for sequence in group:
                for item in sequence.value if sequence.VR == "SQ" else []:
                    if name in item and item[name].value not in (None, ""):
                        return item[name].value
    return None


def _text(header: Any, name: str) -> str:
    value = _find(header, name)
    return "" if value is None else " ".join(str(value).split())


def _number(header: Any, *names: str) -> float | None:
    for name in names:
        try:
            value = float(_find(header, name))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        return value
    return None


def _words(header: Any, name: str) -> tuple[str, ...]:
    value = _find(header, name)
    if value is None:
        return ()
    parts = [value] if isinstance(value, str) else list(value)
    return tuple(str(part).strip().upper() for part in parts)


def _image_type(header: Any) -> tuple[str, ...]:
    return _words(header, "ImageType")


def _b_values(header: Any) -> list[float]:
    """Return the b-values of an image, also of each frame of an enhanced one."""
    found = []
    if (b := _number(header, "DiffusionBValue")) is not None:
        found.append(b)
    for group in header.get("PerFrameFunctionalGroupsSequence", []):
        for item in group.get("MRDiffusionSequence", []):
            if "DiffusionBValue" in item:
                found.append(float(item.DiffusionBValue))
    for tag in () if found else _B_VALUES:
        if tag not in header:
            continue
        value = header[tag].value
        if isinstance(value, bytes):
            value = value.decode("ascii", "ignore").split("\\")[0]
        try:
            first = value if isinstance(value, str | int | float) else next(iter(value))
            found.append(float(first) % _GE_B_OFFSET)
        except (TypeError, ValueError, StopIteration):
            continue
    return found
