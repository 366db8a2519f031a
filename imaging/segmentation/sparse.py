"""A few drawn slices of a leg: found in the drawn map, carried to all slices, joined with others.

A drawn slice is complete for the structures that are drawn anywhere: what is not labelled there is
none of them. Structures that are never drawn are unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32
from imaging.image import Image, canonical, resample
from imaging.muscles import SIDE_CODES, Side, catalogue
from imaging.segmentation.shares import Shares

if TYPE_CHECKING:
    from imaging.segmentation.interpolate import Ends

_FULL = 0.5
_MARGIN_MM = 12.0
_FAR_MM = 30.0
_STEP_MM = 3.0


@dataclass(frozen=True)
class Drawn:
    """Drawn slices of one leg.

    Attributes
    ----------
    labels : Image
        Indices of the catalogue without side (I, J, K), slices along the third axis.
    planes : (n,) int
        Which slices are drawn.
    keys : tuple of str
        What is drawn anywhere.
    """

    labels: Image
    planes: NDArray[np.intp]
    keys: tuple[str, ...]


def slice_axis(mask: NDArray[np.bool_]) -> int | None:
    """Return the axis across which a few slices are drawn; none for whole muscles or nothing.

    Along it less than half of the slices in the drawn range hold labels, or two at most do.

    Parameters
    ----------
    mask : (I, J, K)
        Where anything is drawn.
    """
    filled = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(tuple(a for a in range(3) if a != axis)))
        few = len(used) > 0 and (len(used) <= 2 or len(used) / np.ptp([*used, used[0] - 1]) < _FULL)
        filled.append(len(used) / mask.shape[axis] if few else np.inf)
    best = int(np.argmin(filled))
    return best if np.isfinite(filled[best]) else None


def find_slices(labels: Image, side: Side, leg: Image | None = None) -> Drawn | None:
    """Return the drawn slices of one leg; none if nothing is drawn, or whole muscles are.

    Parameters
    ----------
    labels
        Drawn map in labels of the catalogue, any grid of the world of the image.
    side
        Labels of this side are taken, and those without a side.
    leg
        Mask of the leg on any grid; only labels inside it are taken.
    """
    wanted = np.isin(labels.data // 100, (0, SIDE_CODES[side])) & (labels.data > 0)
    if leg is not None:
        inside = leg.with_data((leg.data > 0).astype(np.uint8))
        wanted &= resample(inside, labels, order=0).data > 0
    image = canonical(labels.with_data(np.where(wanted, labels.data % 100, 0).astype(np.int16)))
    axis = slice_axis(image.data > 0)
    if axis is None:
        return None
    image = _along_third(image, axis)
    planes = np.flatnonzero((image.data > 0).any((0, 1)))
    present = set(np.unique(image.data).tolist())
    keys = tuple(s.key for s in catalogue() if s.index in present)
    return Drawn(image, planes, keys)


def _along_third(image: Image, axis: int) -> Image:
    """Put the slicing axis third."""
    order = [a for a in range(3) if a != axis] + [axis]
    affine = image.affine.copy()
    affine[:, :3] = image.affine[:, order]
    return Image(np.ascontiguousarray(image.data.transpose(order)), affine)


def propagate(
    image: Image,
    leg_mask: NDArray[np.bool_],
    drawn: Drawn,
    *,
    spacing_mm: float = 1.5,
    use_image: bool = True,
) -> Shares:
    """Carry drawn slices to every slice of a leg.

    Parameters
    ----------
    image
        Bias-corrected image of any contrast, canonical axis order.
    leg_mask : (I, J, K) bool
        The leg, on the grid of `image`.
    drawn
        Its drawn slices.
    spacing_mm
        Pixel size of the working grid in its slices.
    use_image
        Whether the image is registered from slice to slice; else shapes alone are interpolated.

    Returns
    -------
    Shares
        Of what is drawn and of everything else, on a grid along the drawn slices.
    """
    # Compiled code takes a second to load, and most images come without a drawing.
    from imaging.segmentation.interpolate import interpolate

    grid = _work_grid(image, leg_mask, drawn, spacing_mm)
    heights, nodes, regular = _nodes(grid, drawn)
    stack = _stack(image, leg_mask, grid, heights) if use_image else None
    ends = _ends(drawn, grid, nodes)
    values = interpolate(stack, ends, heights, grid.spacing[:2])[regular]
    return Shares(("", *drawn.keys), np.ascontiguousarray(values.transpose(1, 2, 3, 0)), grid)


def _work_grid(image: Image, leg_mask: NDArray[np.bool_], drawn: Drawn, spacing_mm: float) -> Image:
    """Return a grid along the drawn slices that covers leg and drawing."""
    step = drawn.labels.spacing[2]
    step *= max(1, round(_STEP_MM / step))
    spacing = np.array([spacing_mm, spacing_mm, step])
    corners = image.to_world(np.argwhere(leg_mask[::4, ::4]) * [4, 4, 1])
    corners = np.concatenate([corners, drawn.labels.to_world(np.argwhere(drawn.labels.data > 0))])
    frame = drawn.labels.rotation
    local = corners @ np.linalg.inv(frame).T
    margin = np.array([_MARGIN_MM, _MARGIN_MM, 0.0])
    low, high = local.min(0) - margin, local.max(0) + margin
    # Slices of the working grid are drawn ones where the drawn grid is as coarse.
    origin = np.linalg.inv(frame) @ drawn.labels.affine[:3, 3]
    low[2] = origin[2] + np.ceil((low[2] - origin[2]) / step - 1e-3) * step
    shape = np.floor((high - low) / spacing + 1e-3).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = frame * spacing
    affine[:3, 3] = frame @ low
    return Image(np.zeros(shape, np.uint8), affine)


def _nodes(
    grid: Image, drawn: Drawn
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Return heights (N,) of all slices, which are drawn, and which are the grid's."""
    centres = np.zeros((len(drawn.planes), 3))
    centres[:, 2] = drawn.planes
    at = grid.to_voxels(drawn.labels.to_world(centres))[:, 2]
    own = np.arange(grid.shape[2], dtype=float)
    own = np.where(np.abs(own[:, None] - at).min(1) < 0.05, np.rint(own), own)
    at = np.where(np.abs(at - np.rint(at)) < 0.05, np.rint(at), at)
    every = np.union1d(own, at)
    step = float(grid.spacing[2])
    return every * step, np.searchsorted(every, at), np.searchsorted(every, own)


def _stack(
    image: Image, leg_mask: NDArray[np.bool_], grid: Image, heights: NDArray[np.float64]
) -> Float32:
    """Return the image in every slice (N, I, J), air 0, muscle about 1."""
    level = float(np.median(image.data[leg_mask]))
    sigma = np.maximum(0.4 * (grid.spacing / image.spacing - 1), 0.0)
    values = np.where(ndimage.binary_dilation(leg_mask), image.data / level, 0).astype(np.float32)
    smooth = ndimage.gaussian_filter(np.minimum(values, 3.0), sigma)
    out = np.empty((len(heights), *grid.shape[:2]), np.float32)
    for n, height in enumerate(heights):
        matrix = np.linalg.inv(image.affine) @ _slice_at(grid, height).affine
        ndimage.affine_transform(
            smooth, matrix[:3, :3], matrix[:3, 3], (*grid.shape[:2], 1), out[n][..., None],
            order=1, mode="nearest",
        )  # fmt: skip
    return out


def _slice_at(grid: Image, height: float) -> Image:
    """Return the grid of one slice at a height above the grid's first."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world([0, 0, height / grid.spacing[2]])
    return Image(np.zeros((*grid.shape[:2], 1), np.uint8), affine)


def _ends(drawn: Drawn, grid: Image, nodes: NDArray[np.intp]) -> Ends:
    """Return signed distances of the drawn labels, measured on their own pixels."""
    from imaging.segmentation.interpolate import Ends

    index = {s.key: s.index for s in catalogue()}
    size = drawn.labels.spacing[:2]
    keys = ("", *drawn.keys)
    distances = np.empty((len(nodes), len(keys), *grid.shape[:2]), np.float32)
    present = np.ones((len(nodes), len(keys)), bool)
    for n, plane in enumerate(drawn.planes):
        labels = drawn.labels.data[..., plane]
        height = grid.to_voxels(drawn.labels.to_world([0, 0, plane]))[2] * grid.spacing[2]
        matrix = np.linalg.inv(drawn.labels.affine) @ _slice_at(grid, height).affine
        for c, key in enumerate(keys):
            mask = labels == (index[key] if key else 0)
            present[n, c] = mask.any()
            fill = _FAR_MM if c == 0 else -_FAR_MM
            ndimage.affine_transform(
                depth_mm(mask, size), matrix[:2, :2], matrix[:2, 3], grid.shape[:2],
                distances[n, c], order=1, mode="constant", cval=fill,
            )  # fmt: skip
    return Ends(distances, present, nodes)


def depth_mm(mask: NDArray[np.bool_], spacing: NDArray[np.floating]) -> Float32:
    """Return the distance to the border of a mask (I, J), mm, positive inside, clipped."""
    if not mask.any():
        return np.full(mask.shape, -_FAR_MM, np.float32)
    padded = np.pad(mask, 1, mode="edge")
    inside = ndimage.distance_transform_edt(padded, sampling=spacing)
    outside = ndimage.distance_transform_edt(~padded, sampling=spacing)
    half = 0.5 * float(np.mean(spacing))
    signed = np.where(padded, inside - half, half - outside)[1:-1, 1:-1]
    return np.clip(signed, -_FAR_MM, _FAR_MM).astype(np.float32)
