"""The series of a folder of DICOM files, by their headers.

One DICOM series, and one enhanced file, can hold several images: echoes, the water and fat of a
Dixon scan, magnitude and phase. Each becomes a :class:`Series` of its own, since a converter that
gets them together may stack them (dcm2niix 1.0.20260724 makes one 4-D image of WATER and FAT, and
takes IN_PHASE for a phase image).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.errors import DatasetError, MissingFileError, MissingToolError
from imaging.io.dicom_size import read_dicom
from imaging.io.scanner.frames import split

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
    frames : tuple of int
        Of the one enhanced file those that are of this image; empty: all.
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
    frames: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Header:
    """A file, its header, and the frames that the header is of, if not of all."""

    path: Path
    data: Any
    frames: tuple[int, ...] = ()


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
            headers.append(_Header(path, header))
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


def _groups(headers: list[_Header]) -> Iterator[list[_Header]]:
    """Yield what is one image: of one series, one image type and, but in diffusion, one echo."""
    by_uid: dict[str, list[_Header]] = {}
    for header in headers:
        by_uid.setdefault(str(header.data.SeriesInstanceUID), []).append(header)
    for own in by_uid.values():
        if any(b > 0 for h in own for b in _b_values(h.data)):
            yield own
            continue
        parts: dict[tuple[Any, ...], list[_Header]] = {}
        for header in own:
            if "PerFrameFunctionalGroupsSequence" in header.data:
                found = [_Header(header.path, data, frames) for frames, data in split(header.data)]
                if len(found) > 1:
                    yield from ([part] for part in found)
                    continue
            echo = _number(header.data, "EchoTime")
            parts.setdefault((_image_type(header.data), echo), []).append(header)
        yield from parts.values()


def _series(own: list[_Header]) -> Series:
    own = sorted(own, key=lambda h: (int(_number(h.data, "InstanceNumber") or 0), h.path))
    first = own[0].data
    described = _text(first, "SeriesDescription")
    people = {(_text(h.data, "PatientID"), _text(h.data, "PatientName")) for h in own}
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
        scanning=_scanning(first),
        b_values=tuple(sorted({b for h in own for b in _b_values(h.data)})),
        n_files=len(own),
        n_frames=sum(int(_number(h.data, "NumberOfFrames") or 1) for h in own),
        is_mr=str(first.SOPClassUID) in _MR,
        patients=tuple(sorted(people)),
        comment=_text(first, "ImageComments"),
        burned_in=_text(first, "BurnedInAnnotation").upper() != "NO",
        files=tuple(h.path for h in own),
        frames=own[0].frames,
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


def _scanning(header: Any) -> tuple[str, ...]:
    """Return SE, GR, EP, IR, RM: classic as they are, of enhanced files from their own words."""
    found = _words(header, "ScanningSequence")
    if found:
        return found
    echo = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}
    planar = _text(header, "EchoPlanarPulseSequence").upper() == "YES"
    own = echo.get(_text(header, "EchoPulseSequence").upper(), ())
    return (*own, "EP") if planar else own


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
