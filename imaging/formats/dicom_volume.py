"""One DICOM image series as a volume in space.

A volume is slices of one orientation that follow one another at equal steps. Its voxels are
(column, row, slice), its affine leads to world RAS+ mm as everywhere (DICOM itself is LPS+).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.errors import InputError
from imaging.image import Image

#: Between LPS+ and RAS+, in both directions.
TURNED = np.diag([-1.0, -1.0, 1.0, 1.0])
# No slice lies farther from its place in an even stack.
_UNEVEN_MM = 0.01
_SAME_ANGLE = 1e-4


@dataclass(frozen=True)
class DicomVolume:
    """Files of one series that make up one volume.

    Attributes
    ----------
    number, description : int, str
        Of the series, as the scanner named it.
    files : tuple of Path
        One per slice in the order of slices, or one of several frames.
    frames : tuple of int
        Index of the frame of each slice; empty where each slice has its file.
    shape : tuple of int
        Columns, rows, slices.
    affine : (4, 4) array
        Voxel (column, row, slice) to world RAS+ mm.
    about : mapping
        SeriesInstanceUID, StudyInstanceUID, FrameOfReferenceUID, SOPClassUID, PatientID.
    """

    number: int
    description: str
    files: tuple[Path, ...]
    frames: tuple[int, ...]
    shape: tuple[int, int, int]
    affine: FloatArray
    about: Mapping[str, str]

    @property
    def title(self) -> str:
        """Number, name and size in words."""
        size = " x ".join(str(n) for n in self.shape)
        return f"series {self.number} ({self.description or 'no name'}, {size})"

    def datasets(self) -> list[Any]:
        """Return the files, whole, in the order of slices."""
        import pydicom

        return [pydicom.dcmread(path) for path in self.files]

    def image(self) -> Image:
        """Return the voxels, rescaled as the headers say.

        Raises
        ------
        InputError
            The pixels of a file cannot be decoded.
        """
        planes = []
        for path, data in zip(self.files, self.datasets(), strict=True):
            try:
                pixels = np.atleast_3d(np.asarray(data.pixel_array, np.float32).T)
            except Exception as error:  # whatever a damaged or unknown compression leads to
                why = f"holds pixels that cannot be decoded ({error})"
                raise InputError(why, path, "Send the series uncompressed") from error
            slope, intercept = data.get("RescaleSlope", 1), data.get("RescaleIntercept", 0)
            planes.append(pixels * np.float32(slope or 1) + np.float32(intercept or 0))
        values = np.concatenate(planes, axis=2)
        return Image(values[..., list(self.frames)] if self.frames else values, self.affine)


def volume_of(paths: Sequence[Path], headers: Sequence[Any]) -> DicomVolume:
    """Return the volume of the files of one image.

    Parameters
    ----------
    paths, headers
        Files of one series, and their data sets (pixels are not needed), in any order.

    Raises
    ------
    ValueError
        Why they are no volume, in a few words.
    """
    first = headers[0]
    if len(headers) > 1 and any("NumberOfFrames" in header for header in headers):
        raise ValueError("several files of many frames")
    if "PerFrameFunctionalGroupsSequence" in first:
        places, axes, spacing = _of_frames(first)
    else:
        places = [_numbers(header, "ImagePositionPatient", 3) for header in headers]
        axes = [_numbers(header, "ImageOrientationPatient", 6) for header in headers]
        spacing = [_numbers(header, "PixelSpacing", 2) for header in headers]
    sizes = {(int(h.get("Columns", 0)), int(h.get("Rows", 0))) for h in headers}
    if len(sizes) != 1:
        raise ValueError("slices of different size")
    affine, order = _stack(np.array(places), np.array(axes), np.array(spacing))
    many = "PerFrameFunctionalGroupsSequence" in first
    about = {name: str(first.get(name, "") or "") for name in (
        "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "SOPClassUID", "PatientID",
    )}  # fmt: skip
    columns, rows = sizes.pop()
    return DicomVolume(
        number=int(first.get("SeriesNumber") or 0),
        description=" ".join(str(first.get("SeriesDescription") or "").split()),
        files=(paths[0],) if many else tuple(paths[i] for i in order),
        frames=tuple(int(i) for i in order) if many else (),
        shape=(columns, rows, len(order)),
        affine=affine,
        about=about,
    )


def _numbers(header: Any, name: str, count: int) -> list[float]:
    values = header.get(name)
    if values is None or len(values) != count:
        raise ValueError(f"no {name}")
    return [float(v) for v in values]


def _of_frames(header: Any) -> tuple[list[list[float]], list[list[float]], list[list[float]]]:
    shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]

    def item(frame: Any, name: str) -> Any:
        found = frame.get(name) or shared.get(name)
        if not found:
            raise ValueError(f"no {name}")
        return found[0]

    places, axes, spacing = [], [], []
    for frame in header.PerFrameFunctionalGroupsSequence:
        places.append(_numbers(item(frame, "PlanePositionSequence"), "ImagePositionPatient", 3))
        plane = item(frame, "PlaneOrientationSequence")
        axes.append(_numbers(plane, "ImageOrientationPatient", 6))
        spacing.append(_numbers(item(frame, "PixelMeasuresSequence"), "PixelSpacing", 2))
    return places, axes, spacing


def _stack(
    places: FloatArray, axes: FloatArray, spacing: FloatArray
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return the affine of slices, and their order along the normal."""
    if len(places) < 2:
        raise ValueError("one slice")
    if np.abs(axes - axes[0]).max() > _SAME_ANGLE or np.abs(spacing - spacing[0]).max() > 1e-4:
        raise ValueError("slices of different orientation or spacing")
    along_row, along_column = axes[0, :3], axes[0, 3:]
    normal = np.cross(along_row, along_column)
    order = np.argsort(places @ normal, kind="stable")
    sorted_places = places[order]
    step = (sorted_places[-1] - sorted_places[0]) / (len(places) - 1)
    even = sorted_places[0] + np.arange(len(places))[:, None] * step
    if float(step @ normal) < _UNEVEN_MM or np.diff(sorted_places @ normal).min() < _UNEVEN_MM:
        raise ValueError("several images of each slice")
    if np.linalg.norm(sorted_places - even, axis=1).max() > _UNEVEN_MM:
        raise ValueError("slices at uneven steps")
    # PixelSpacing is that between rows, then that between columns.
    lps = np.eye(4)
    lps[:3, :3] = np.stack([along_row * spacing[0, 1], along_column * spacing[0, 0], step], axis=1)
    lps[:3, 3] = sorted_places[0]
    return TURNED @ lps, order
