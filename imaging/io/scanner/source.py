"""The volumes in a folder of DICOM files: what an export may lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imaging.errors import DatasetError
from imaging.formats.dicom_volume import DicomVolume, volume_of
from imaging.io.scanner.series import read_folder


@dataclass(frozen=True)
class SourceFolder:
    """What a folder holds.

    Attributes
    ----------
    volumes : sequence of DicomVolume
    others : dict
        Series that are no volume, and why.
    """

    volumes: Sequence[DicomVolume]
    others: dict[str, str] = field(default_factory=dict)


def read_source(folder: Path) -> SourceFolder:
    """Read the headers of every image series in a folder and below.

    Files of one instance that lie there twice are taken once.

    Raises
    ------
    MissingFileError, MissingToolError, DatasetError
        See :func:`imaging.io.scanner.series.read_folder`; or there is no image.
    """
    found, _ = read_folder(folder)
    volumes, others = [], {}
    for series in found:
        name = f"series {series.number} ({series.description or 'no name'})"
        if not series.is_mr:
            others[name] = "no image of a scanner"
            continue
        paths, headers = _once(series.files)
        people = {str(header.get("PatientID", "")) for header in headers}
        try:
            if len(people) > 1:
                raise ValueError("of several persons")
            volumes.append(volume_of(paths, headers))
        except ValueError as error:
            others[name] = str(error)
    if not volumes:
        told = "; ".join(f"{name}: {why}" for name, why in others.items())
        raise DatasetError(
            f"holds no series that is a volume of slices ({told})", folder,
            "Give the folder of the series that was segmented",
        )  # fmt: skip
    return SourceFolder(volumes, others)


def _once(files: Sequence[Path]) -> tuple[list[Path], list[Any]]:
    import pydicom

    seen: dict[str, tuple[Path, Any]] = {}
    for path in files:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        seen.setdefault(str(header.SOPInstanceUID), (path, header))
    return [path for path, _ in seen.values()], [header for _, header in seen.values()]
