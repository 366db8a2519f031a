"""Labels between drawn slices: the image from slice to slice, and the shapes at both ends.

Every slice between two drawn ones gets two maps, one to the drawn slice below and one to the drawn
slice above. A map is a chain of registrations of the image from slice to slice; what it misses when
it arrives at the other drawn slice, as the labels there tell, is spread along the chain. Without an
image the chain is empty, and what is left is interpolation of shapes. Signed distances of the
labels at both ends, read through the maps, are averaged by nearness and by how well the image
agrees.

Stacks are (N, I, J): one slice after the other. Fields are displacements in pixels.

Sources: Herman, Zheng & Bucholtz, IEEE Comput Graph Appl 12, 1992 (shape-based interpolation by
signed distances); Penney et al., IEEE Trans Med Imaging 23, 2004 (interpolation by registration of
slices).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32, FloatArray
from imaging.segmentation.slices import affine_between, compose, invert, register_slice, warp

AGREE_MM = 4.0
REACH_MM = 12.0
SURE_MM = 0.8
DOUBT = 0.04
_TAPER = 0.05
_AGREEMENT = 0.05


@dataclass(frozen=True)
class Ends:
    """Drawn slices as signed distances.

    Attributes
    ----------
    distances : (n, C, I, J) float32
        Of each structure in each drawn slice, mm, positive inside; the first structure is
        everything else.
    present : (n, C) bool
        Which structures are drawn there.
    nodes : (n,) int
        Which slices of the stack they are, rising.
    """

    distances: Float32
    present: NDArray[np.bool_]
    nodes: NDArray[np.intp]


def interpolate(
    image: Float32 | None, ends: Ends, heights: FloatArray, spacing: FloatArray
) -> Float32:
    """Return the shares of every structure in every slice.

    Parameters
    ----------
    image : (N, I, J) or None
        Intensities, muscle about 1; none: shapes alone.
    ends
        The drawn slices.
    heights : (N,)
        Place of each slice along the leg, mm, rising.
    spacing : (2,)
        Pixel size, mm.

    Returns
    -------
    (N, C, I, J) float32
        They add up to 1. Where the slices below and above say different things, so do they.
    """
    count, (_, channels, *shape) = len(heights), ends.distances.shape
    up = _steps(image, spacing, count, shape)
    out = np.empty((count, channels, *shape), np.float32)
    for first, last in zip(ends.nodes[:-1], ends.nodes[1:], strict=True):
        _fill_gap(out, image, ends, int(first), int(last), up, heights, spacing)
    _extrapolate(out, ends, up, heights, spacing)
    for n, node in enumerate(ends.nodes):
        out[node] = softmax(ends.distances[n], SURE_MM)
    return out


def _steps(image: Float32 | None, spacing: FloatArray, count: int, shape: Sequence[int]) -> Float32:
    """Return the maps from each slice to the one below it (N, 2, I, J); the first is 0."""
    out = np.zeros((count, 2, *shape), np.float32)
    if image is not None:
        for k in range(1, count):
            out[k] = register_slice(image[k][None], image[k - 1][None], spacing)
    return out


def _fill_gap(
    out: Float32, image: Float32 | None, ends: Ends, first: int, last: int, down: Float32,
    heights: FloatArray, spacing: FloatArray,
) -> None:  # fmt: skip
    """Fill the slices between two drawn ones."""
    n = int(np.flatnonzero(ends.nodes == first)[0])
    below, above = ends.distances[n], ends.distances[n + 1]
    seen = ends.present[n] & ends.present[n + 1]
    here = ends.present[n] | ends.present[n + 1]
    only_below, only_above = here & ~ends.present[n + 1], here & ~ends.present[n]
    low, high = _vanish(below, ends.present[n + 1]), _vanish(above, ends.present[n])
    nodes = range(first, last + 1)
    to_below = _chain([down[k] for k in range(first + 1, last + 1)])
    ups = [invert(down[k]) for k in range(last, first, -1)]
    to_above = _chain(ups)[::-1]
    missed_above = misfit(warp(below, to_below[-1])[seen], above[seen], spacing)
    missed_below = misfit(warp(above, to_above[0])[seen], below[seen], spacing)
    for i, k in enumerate(nodes[1:-1], start=1):
        t = float((heights[k] - heights[first]) / (heights[last] - heights[first]))
        # What a chain misses is known where it arrives: read there, spread by the way gone.
        from_below = compose(to_below[i], t * warp(missed_above, to_above[i]))
        from_above = compose(to_above[i], (1 - t) * warp(missed_below, to_below[i]))
        weight = _nearness(image, k, (first, from_below), (last, from_above), t, spacing)
        a, b = warp(below, from_below), warp(above, from_above)
        both = np.where(here[:, None, None], (1 - weight) * a + weight * b, -np.inf)
        both[only_below] = (a + t * low[:, None, None])[only_below]
        both[only_above] = (b + (1 - t) * high[:, None, None])[only_above]
        width = SURE_MM + DOUBT * min(heights[k] - heights[first], heights[last] - heights[k])
        pooled = (1 - weight) * softmax(a, width) + weight * softmax(b, width)
        out[k] = 0.5 * (softmax(both, width) + pooled)


def _vanish(distances: Float32, stays: NDArray[np.bool_]) -> Float32:
    """Return what takes a structure's depth to nothing halfway if it is not drawn at the end."""
    depth = np.maximum(distances.max((1, 2)), 0.0)
    return np.where(stays, 0.0, -2.0 * depth).astype(np.float32)


def _chain(steps: Sequence[Float32]) -> list[Float32]:
    """Return the maps from each slice to the start of the steps, the start first."""
    maps = [np.zeros_like(steps[0])]
    for step in steps:
        maps.append(compose(maps[-1], step))
    return maps


def misfit(moving: Float32, fixed: Float32, spacing: FloatArray) -> Float32:
    """Return the field (2, I, J) that takes signed distances (C, I, J) to those of another slice.

    Affine from the shapes, then demons on all structures at once.
    """
    start = affine_between(fixed > 0, moving > 0)
    a, b = (np.clip(v / REACH_MM, -1, 1).astype(np.float32) for v in (fixed, moving))
    return register_slice(a, b, spacing, start=start, sigmas_mm=(3.0, 1.5), iterations=(60, 40))


def _nearness(
    image: Float32 | None, k: int, below: tuple[int, Float32], above: tuple[int, Float32],
    t: float, spacing: FloatArray,
) -> Float32 | float:  # fmt: skip
    """Return the weight of the slice above (I, J), by distance and by how the image agrees."""
    if image is None:
        return t
    errors = []
    for source, field in (below, above):
        error = (image[k] - warp(image[source][None], field)[0]) ** 2
        errors.append(ndimage.gaussian_filter(error, AGREE_MM / spacing) + _AGREEMENT**2)
    a, b = (1 - t) / errors[0], t / errors[1]
    return np.asarray(b / (a + b), np.float32)


def _extrapolate(
    out: Float32, ends: Ends, down: Float32, heights: FloatArray, spacing: FloatArray
) -> None:
    """Fill the slices beyond the first and the last drawn one; structures taper off."""
    first, last = int(ends.nodes[0]), int(ends.nodes[-1])
    field = np.zeros_like(down[0])
    for k in range(first - 1, -1, -1):
        field = compose(field, invert(down[k + 1]))
        out[k] = _tapered(ends.distances[0], field, heights[first] - heights[k])
    field = np.zeros_like(down[0])
    for k in range(last + 1, len(heights)):
        field = compose(field, down[k])
        out[k] = _tapered(ends.distances[-1], field, heights[k] - heights[last])


def _tapered(distances: Float32, field: Float32, away_mm: float) -> Float32:
    """Return the shares (C, I, J) of structures that grow thinner away from a drawn slice."""
    moved = warp(distances, field)
    moved[1:] -= _TAPER * away_mm
    return softmax(moved, SURE_MM + DOUBT * away_mm)


def softmax(distances: Float32, width_mm: float) -> Float32:
    """Return shares (C, I, J) of signed distances; the width is the doubt about borders, mm."""
    values = np.exp((distances - distances.max(0)) / np.float32(width_mm))
    return np.asarray(values / values.sum(0), np.float32)
