"""Which series of a folder the muscle map was made from: by its grid, then by its picture."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.errors import InputError
from imaging.formats.dicom_volume import DicomVolume
from imaging.image import Image, resample

_SAME_MM = 0.01
# Correlation of fine structure below which two images are not of one scan. Of the phantom leg, a
# scan and its bias-corrected copy reach .99, and one scan with new noise (SNR 100) .80.
_SAME_SCAN = 0.9
_AS_GOOD = 0.002
# Structure finer than this is compared, so that bias correction and the leg's outline do not count.
_FINE_MM = 4.0


@dataclass(frozen=True)
class Source:
    """The series an export lies on.

    Attributes
    ----------
    volume : DicomVolume
    on_grid : bool
        Every voxel of the map is a voxel of the series.
    likeness : float
        Correlation of fine structure between the map's anatomical image and the series.
    """

    volume: DicomVolume
    on_grid: bool
    likeness: float


def choose(
    volumes: Sequence[DicomVolume],
    others: Mapping[str, str],
    anatomy: Image,
    labels: Image,
    folder: Path,
) -> Source:
    """Return the series that the map was made from.

    Those on whose grid the map lies come first; where there are none, those that the map lies
    inside. Among them the picture decides.

    Parameters
    ----------
    volumes, others
        Of the folder: volumes, and further series with the reason why they are none.
    anatomy, labels
        Of the map, on one grid.
    folder
        Named in errors.

    Raises
    ------
    InputError
        No series has the map's place and picture, or several have.
    """
    inside = [v for v in volumes if _holds(v, labels)]
    on_grid = [v for v in inside if lies_on_grid(v, anatomy)]
    if not inside:
        raise InputError(
            f"holds no series that the muscle map lies in ({_list(volumes, others)})", folder,
            "Give the folder of the series that was segmented",
        )  # fmt: skip
    rated = [(likeness(v.image(), anatomy), v) for v in on_grid or inside]
    best = max(rate for rate, _ in rated)
    found = [(rate, v) for rate, v in rated if rate >= _SAME_SCAN and rate >= best - _AS_GOOD]
    if not found:
        raise InputError(
            "holds no series with the picture of the muscle map, although its place fits "
            f"({_rates(rated)}; needed: {_SAME_SCAN:g})", folder,
            "Give the folder of the series that was segmented, of the same person and visit",
        )  # fmt: skip
    if len(found) > 1:
        found = _plainly_alike(found, anatomy)
    if len(found) > 1:
        told = "; ".join(v.title for _, v in found)
        raise InputError(
            f"holds several series that the muscle map may be of ({told})", folder,
            "Give the folder of one of them",
        )  # fmt: skip
    rate, volume = found[0]
    return Source(volume, bool(on_grid), rate)


def lies_on_grid(volume: DicomVolume, image: Image) -> bool:
    """Tell whether every voxel of an image is one of a series, axes in any order, to .01 mm."""
    matrix = np.linalg.inv(volume.affine) @ image.affine
    whole = np.rint(matrix)
    turn = np.abs(whole[:3, :3])
    if not (np.all(turn.sum(axis=0) == 1) and np.all(turn.sum(axis=1) == 1)):
        return False
    corners = _corners(image.shape)
    voxels = corners @ whole[:3, :3].T + whole[:3, 3]
    apart = image.to_world(corners) - (voxels @ volume.affine[:3, :3].T + volume.affine[:3, 3])
    return bool(np.linalg.norm(apart, axis=1).max() <= _SAME_MM)


def _corners(shape: Sequence[int]) -> NDArray[np.int64]:
    return np.array(list(itertools.product(*[(0, n - 1) for n in shape])))


def _holds(volume: DicomVolume, labels: Image) -> bool:
    """Tell whether the labelled voxels lie in a series."""
    where = np.argwhere(labels.data > 0)
    box = np.stack([where.min(axis=0), where.max(axis=0)])
    corners = np.array(list(itertools.product(*box.T)))
    world = labels.to_world(corners)
    inverse = np.linalg.inv(volume.affine)
    voxels = world @ inverse[:3, :3].T + inverse[:3, 3]
    # Labels of a finer grid may begin half a voxel before the first centre.
    return bool(np.all(voxels > -1) and np.all(voxels < np.array(volume.shape)))


def likeness(series: Image, anatomy: Image) -> float:
    """Return the correlation of the fine structure of two images on the second's grid, -1 to 1.

    Local mean and spread (Gaussian) are taken out first: the map's image is bias-corrected.
    """
    moved = resample(series, anatomy, fill=np.nan).data.astype(np.float64)
    own = anatomy.data.astype(np.float64)
    seen = np.isfinite(moved) & np.isfinite(own)
    if seen.sum() < 2:
        return 0.0
    a, b = (_fine(np.where(seen, v, 0.0), anatomy.spacing)[seen] for v in (moved, own))
    return _correlation(a, b)


def _fine(values: FloatArray, spacing: FloatArray) -> FloatArray:
    # Within slices too thick for it, a blur of less than a voxel leaves nothing.
    sigma = np.maximum(_FINE_MM / spacing, 1.0)
    rest = values - ndimage.gaussian_filter(values, sigma)
    spread = np.sqrt(ndimage.gaussian_filter(rest**2, sigma))
    floor = 1e-3 * float(spread.max()) if spread.size else 0.0
    out: FloatArray = np.divide(rest, spread, out=np.zeros_like(rest), where=spread > floor)
    return out


def _correlation(a: FloatArray, b: FloatArray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else 0.0


def _plainly_alike(
    found: Sequence[tuple[float, DicomVolume]], anatomy: Image
) -> list[tuple[float, DicomVolume]]:
    """Keep those whose plain values follow the map's best, such as one of two bias corrections."""
    own = np.nan_to_num(anatomy.data).astype(np.float64).ravel()
    rates = []
    for _, volume in found:
        moved = resample(volume.image(), anatomy).data.astype(np.float64).ravel()
        rates.append(_correlation(moved, own))
    return [pair for pair, rate in zip(found, rates, strict=True) if rate >= max(rates) - 1e-4]


def _list(volumes: Sequence[DicomVolume], others: Mapping[str, str]) -> str:
    told = [v.title for v in volumes] + [f"{name}: {why}" for name, why in others.items()]
    return "; ".join(told)


def _rates(rated: Sequence[tuple[float, DicomVolume]]) -> str:
    return "; ".join(f"{v.title}: likeness {rate:.2f}" for rate, v in rated)
