"""One leg cut out of an image, reduced to tissue classes and channels for registration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.image import Image, regrid, resample
from imaging.muscles import Side
from imaging.segmentation.features import Features, image_features
from imaging.segmentation.sides import side_from_bones
from imaging.segmentation.tissue import Tissue, classify

_MARGIN_MM = 10.0


@dataclass(frozen=True)
class LegView:
    """One leg cut out of the image.

    Attributes
    ----------
    box : tuple of slices
        Where it lies in the image.
    work : Image
        Working grid over the box.
    tissue : Tissue
        Rough classes on the working grid.
    side : str
        Side told by the bones.
    """

    box: tuple[slice, slice, slice]
    work: Image
    tissue: Tissue
    side: Side = "undecided"

    @cached_property
    def features(self) -> Features:
        """Channels for registration, on the working grid; the network needs none."""
        return image_features(self.tissue, self.work.spacing)


def work_spacing(spacing_mm: float) -> FloatArray:
    """Return the voxel size of the working grid: twice as long along the leg as across it."""
    return np.array([spacing_mm, spacing_mm, 2.0 * spacing_mm])


def view_leg(image: Image, leg: BoolArray, spacing: FloatArray) -> LegView:
    """Cut one leg out and reduce it to tissue classes."""
    margin = np.ceil(_MARGIN_MM / image.spacing).astype(int)
    margin[2] = 0
    where = np.argwhere(leg)
    low = np.maximum(where.min(0) - margin, 0)
    high = np.minimum(where.max(0) + 1 + margin, image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    part = cut(image, box)
    # Cortex is two to five millimetres thick: bones are looked for on no coarser a grid.
    fine = regrid(part, np.minimum(spacing, work_spacing(2.0)))
    data = resample(_blurred(part, fine), fine).data
    mask = resample(part.with_data(leg[box].astype(np.float32)), fine).data > 0.5
    tissue = classify(data, mask, fine.spacing)
    side = side_from_bones(tissue.tibia, tissue.fibula, fine.affine)
    grid = regrid(part, spacing)
    if grid.shape != fine.shape:
        tissue = tissue_on(tissue, fine, grid)
    return LegView(box, grid, tissue, side)  # type: ignore[arg-type]


def tissue_on(tissue: Tissue, fine: Image, grid: Image) -> Tissue:
    """Put tissue classes on another grid of the same world.

    Parameters
    ----------
    tissue
        Tissue classes of one leg.
    fine
        Any image on their grid.
    grid
        Any image on the wanted grid.
    """

    def mask(values: BoolArray) -> BoolArray:
        return resample(fine.with_data(values.astype(np.float32)), grid).data > 0.5

    valid = np.asarray(mask(np.broadcast_to(tissue.valid, fine.shape)).any((0, 1)))
    return Tissue(
        resample(fine.with_data(tissue.intensity), grid).data,
        mask(tissue.leg),
        mask(tissue.envelope),
        mask(tissue.tibia),
        mask(tissue.fibula),
        mask(tissue.fat),
        valid,
    )


def cut(image: Image, box: tuple[slice, ...]) -> Image:
    """Return a part of an image, in its place in the world."""
    matrix = image.affine.copy()
    matrix[:3, 3] = image.to_world([s.start for s in box])
    return Image(image.data[box], matrix)


def _blurred(image: Image, grid: Image) -> Image:
    sigma = np.maximum(0.4 * (grid.spacing / image.spacing - 1), 0.0)
    return image.with_data(ndimage.gaussian_filter(image.data.astype(np.float32), sigma))
