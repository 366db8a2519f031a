"""The volumes in a folder of DICOM files: what an export may lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imaging.errors import DatasetError
from imaging.formats.dicom_volume import DicomVolume, volume_of
from imaging.io.dicom_size import read_dicom
from imaging.io.scanner.frames import split
from imaging.io.scanner.series import Series, read_folder


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
        paths, headers = _once(series)
        people = {str(header.get("PatientID", "")) for header in headers}
        try:
            if len(people) > 1:
                raise ValueError("of several persons")
            volumes.append(_named(volume_of(paths, headers), series))
        except ValueError as error:
            others[name] = str(error)
    if not volumes:
        told = "; ".join(f"{name}: {why}" for name, why in others.items())
        raise DatasetError(
            f"holds no series that is a volume of slices ({told})", folder,
            "Give the folder of the series that was segmented",
        )  # fmt: skip
    return SourceFolder(volumes, others)


def _once(series: Series) -> tuple[list[Path], list[Any]]:
    """Return files and headers, each instance once; of a file of several images its own frames."""
    seen: dict[str, tuple[Path, Any]] = {}
    for path in series.files:
        header = read_dicom(path, stop_before_pixels=True)
        seen.setdefault(str(header.SOPInstanceUID), (path, header))
    paths, headers = [p for p, _ in seen.values()], [h for _, h in seen.values()]
    if series.frames:
        headers = [part for frames, part in split(headers[0]) if frames == series.frames]
    return paths, headers


def _named(volume: DicomVolume, series: Series) -> DicomVolume:
    """Return a volume of some frames of a file with their numbers in it, told by its type."""
    if not series.frames:
        return volume
    kind = " ".join(series.image_type[2:]) or f"TE {series.echo_ms} ms"
    return replace(
        volume,
        frames=tuple(series.frames[n] for n in volume.frames),
        description=f"{volume.description}, {kind}",
    )
