"""Bring arrays of different grids together on one grid, without inventing values.

Every function takes images whose affine leads to world RAS+ mm. Where a quantity was not
measured the result is NaN, never 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from imaging.dyads import dyads, main_axes, share_known
from imaging.erosion import erode
from imaging.errors import ImageError
from imaging.image import Image, regrid, resample
from imaging.musclemap.interpolation import linear_weights, weighted_mean
from imaging.muscles import muscle_labels

# Below this share of measured neighbours an interpolated value is mostly invented.
_MIN_WEIGHT = 0.5


def map_grid(labels: Image, spacing_mm: float | None = None, margin_mm: float = 10.0) -> Image:
    """Return the empty grid of the map: the bounding box of all labels and a margin.

    Parameters
    ----------
    labels : Image
        Label map (I, J, K).
    spacing_mm
        Isotropic spacing; None keeps the voxels of `labels`.
    margin_mm
        Kept around the labels, cut at the field of view.

    Raises
    ------
    ImageError
        Sheared axes, which no VTK image can hold.
    """
    if np.abs(labels.rotation.T @ labels.rotation - np.eye(3)).max() > 1e-3:
        raise ImageError("has axes that are not orthogonal", None, "Resample it without shear")
    (box,) = ndimage.find_objects((labels.data > 0).astype(np.uint8))
    margin = np.ceil(margin_mm / labels.spacing).astype(int)
    low = np.maximum([s.start for s in box] - margin, 0)
    high = np.minimum([s.stop for s in box] + margin, labels.shape)
    affine = labels.affine.copy()
    affine[:3, 3] = labels.to_world(low)
    grid = Image(np.zeros(high - low, np.uint8), affine)
    return grid if spacing_mm is None else regrid(grid, spacing_mm)


def eroded_labels(labels: Image, erode_mm: float) -> Image:
    """Keep of each muscle what is at least `erode_mm` from any other label or background.

    The edge of the field of view is no border of a muscle. Bones, fat and skin are dropped.
    """
    out = np.zeros_like(labels.data)
    boxes = ndimage.find_objects(labels.data)
    for label in muscle_labels(labels.data):
        box = tuple(
            slice(max(s.start - 1, 0), min(s.stop + 1, n))
            for s, n in zip(boxes[label - 1], labels.shape, strict=True)
        )
        inside = erode(labels.data[box] == label, labels.spacing, erode_mm)
        out[box][inside] = label
    return labels.with_data(out)


def sample(image: Image, like: Image, measured: Image | None = None) -> NDArray[np.float32]:
    """Interpolate linearly between measured voxels only.

    Parameters
    ----------
    image : Image
        Scalars (I, J, K).
    like : Image
        Any image on the wanted grid.
    measured : Image, optional
        Mask on the grid of `image`; None takes every voxel of it.

    Returns
    -------
    array of the shape of `like`
        NaN where less than half of the neighbours was measured.
    """
    values = image.data.astype(np.float32)
    if measured is None:
        mask = np.ones(image.shape, np.float32)
    else:
        mask = (measured.data > 0).astype(np.float32)
        values = values * mask
    weight = resample(image.with_data(mask), like).data
    out = resample(image.with_data(values), like).data
    return _where_known(out, weight)


class MuscleSampler:
    """Interpolates inside each muscle from that muscle's own measured voxels only.

    Neither fat and fascia nor the muscle next to it leak in.

    Parameters
    ----------
    core : Image
        Labels on the wanted grid, muscles eroded (see :func:`eroded_labels`).
    grid : Image
        Any image on the grid of what is sampled.
    """

    def __init__(self, core: Image, grid: Image):
        self._shape = core.shape
        owner = resample(core, grid, order=0).data
        boxes = ndimage.find_objects(owner)
        # Of each muscle: its voxels, their weights in its part of the source, that part.
        self._muscles = []
        for label in muscle_labels(owner):
            box = tuple(
                slice(max(s.start - 1, 0), min(s.stop + 1, n))
                for s, n in zip(boxes[label - 1], owner.shape, strict=True)
            )
            inside = np.nonzero(core.data == label)
            places = grid.to_voxels(core.to_world(np.stack(inside, axis=-1)))
            places -= [s.start for s in box]
            own = owner[box] == label
            self._muscles.append((inside, linear_weights(own.shape, places), box, own))

    def __call__(self, image: Image, measured: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return scalars of `image` on the grid of the labels.

        Parameters
        ----------
        image : Image
            Scalars on the grid given at the start.
        measured : bool array of the shape of `image`

        Returns
        -------
        array of the shape of the labels
            NaN outside muscles, near their borders, and where nothing was measured.
        """
        out = np.full(self._shape, np.nan, np.float32)
        for inside, weights, box, own in self._muscles:
            known = own & measured[box]
            if not known.any():
                continue
            mean, share = weighted_mean(weights, image.data[box], known)
            out[inside] = np.where(share > _MIN_WEIGHT, mean, np.nan)
        return out


def sample_directions(
    vectors: Image, like: Image, measured: Image | None, where: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Interpolate directions that have no sign, through their dyads.

    Parameters
    ----------
    vectors : Image
        Unit vectors (I, J, K, 3), world RAS+.
    like : Image
        Any image on the wanted grid.
    measured : Image, optional
        Mask on the grid of `vectors`.
    where : bool array of the shape of `like`
        Voxels that are wanted.

    Returns
    -------
    (..., 3) array
        Unit vectors that point upwards (S); NaN elsewhere.
    """
    mask = np.ones(vectors.shape, bool) if measured is None else measured.data > 0
    weight = resample(vectors.with_data(mask.astype(np.float32)), like).data
    wanted = where & (weight > _MIN_WEIGHT)
    # One after the other: all six on the grid of a map would be its largest array by far.
    parts = np.moveaxis(dyads(vectors.data.astype(np.float32)) * mask[..., None], -1, 0)
    found = [resample(vectors.with_data(part), like).data[wanted] for part in parts]
    values = np.stack(found, axis=-1)
    known = share_known(values) > _MIN_WEIGHT
    main = main_axes(values[known]).axis
    out = np.full((*like.shape, 3), np.nan, np.float32)
    wanted[wanted] = known
    out[wanted] = main
    return out


def _where_known(values: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide by the weight of what was measured, in place; NaN where it is too little."""
    np.divide(values, weight, out=values, where=weight > _MIN_WEIGHT)
    values[~(weight > _MIN_WEIGHT)] = np.nan
    return values


def muscle_statistics(
    values: NDArray[Any], labels: NDArray[np.integer[Any]], measured: NDArray[np.bool_]
) -> pd.DataFrame:
    """Return label, median, sd and n (voxels) of a scalar array per muscle label present."""
    chosen = measured & (labels > 0) & np.isfinite(values)
    table = pd.DataFrame({"label": labels[chosen], "value": values[chosen].astype(float)})
    groups = table.groupby("label")["value"]
    return groups.agg(median="median", sd="std", n="size").reset_index()
