"""Two legs apart: where they touch or press each other flat, they are cut along the valley.

What is two legs in a slice shows by two bodies, or by one body with a waist. From those slices the
middles of both legs are followed along the scan, and every body that holds both middles is cut
between them along the path that runs through the least tissue, best through a narrow dark line
(skin and air between two layers of fat, or suppressed fat between two muscles): a shortest path, as
in Dijkstra, Numerische Mathematik 1, 1959, found row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray

# A body as long as this beside its width, whose waist is this much narrower than both its halves.
_LONG, _WAIST = 1.3, 0.93
_LEAST_SHARE, _LEAST_MM = 0.25, 15.0
_SIZES_ALIKE = 0.25
_VALLEY_MM, _VALLEY_GAIN = 6.0, 0.8
_SMOOTH_MM = 20.0
# A section without a waist as long as this beside its width may be two legs pressed flat.
_AS_TWO = 1.6
# Least distance of the middles of two legs.
_ROOM_MM = 60.0


@dataclass(frozen=True)
class Waist:
    """Shape of one body of a slice, along its longest axis.

    Attributes
    ----------
    long : float
        Its length over its width.
    narrow : float
        Width of its waist over that of the narrower half; 1 where it has none.
    halves : (2, 2) array
        Centres of what lies on both sides of the waist, mm.
    alike : float
        Area of the smaller half over that of the larger.
    """

    long: float
    narrow: float
    halves: FloatArray
    alike: float

    @property
    def beside(self) -> bool:
        """Whether two legs have room in it, side by side."""
        apart_mm = self.halves[1] - self.halves[0]
        length = float(np.hypot(*apart_mm))
        return length > _ROOM_MM and abs(float(apart_mm[0])) > 0.7 * length

    @property
    def two(self) -> bool:
        """Whether it looks like two legs."""
        return self.long > _LONG and self.narrow < _WAIST and self.alike > 2 * _SIZES_ALIKE


def apart(
    mask: BoolArray, spacing: FloatArray, data: NDArray[Any] | None = None,
    middles: FloatArray | None = None,
) -> list[BoolArray]:  # fmt: skip
    """Return one mask per leg, ordered by rising x; one mask where there is one leg.

    Parameters
    ----------
    mask : (I, J, K) bool
        Legs, holes filled; third axis along them.
    spacing : (3,)
        Voxel size, mm.
    data : (I, J, K)
        The image, for the valley between the legs; without it the shape alone decides.
    middles : (2, K, 2)
        Where the legs are known to lie, mm; found by their shape otherwise.
    """
    if middles is None:
        middles = _middles(mask, spacing)
    if middles is None:
        return [mask]
    one, other = np.zeros_like(mask), np.zeros_like(mask)
    for k in np.flatnonzero(mask.any((0, 1))):
        values = None if data is None else np.asarray(data[:, :, k], np.float32)
        side = _sides(mask[:, :, k], values, spacing, middles[:, k])
        one[:, :, k], other[:, :, k] = side == 1, side == 2
    legs = [leg for leg in (one, other) if leg.any()]
    return sorted(legs, key=lambda leg: float(ndimage.center_of_mass(leg)[0]))


def as_wide_as_two(mask: BoolArray, spacing: FloatArray) -> float:
    """Return the share of slices in which the section of one leg is shaped like two legs.

    Parameters
    ----------
    mask : (I, J, K) bool
        One leg.
    spacing : (3,)
        Voxel size, mm.
    """
    seen = np.flatnonzero(mask.any((0, 1)))
    shapes = [waist(mask[:, :, k], spacing) for k in seen]
    wide = [s is not None and s.beside and (s.long > _AS_TWO or s.two) for s in shapes]
    return float(np.mean(wide)) if wide else 0.0


def waist(body: BoolArray, spacing: FloatArray) -> Waist | None:
    """Return the shape of one body of a slice (I, J); none where it is a line."""
    at = np.argwhere(body) * spacing[:2]
    if len(at) < 20:
        return None
    middle = at.mean(0)
    axes = np.linalg.eigh(np.cov((at - middle).T))[1]
    u = (at - middle) @ axes[:, 1]
    step = float(max(spacing[:2]))
    bins = np.round((u - u.min()) / step).astype(int)
    wide = np.bincount(bins) * float(spacing[0] * spacing[1]) / step
    wide = ndimage.gaussian_filter1d(wide, max(1.0, 3.0 / step), mode="constant")
    n = len(wide)
    inner = np.arange(int(0.25 * n), int(np.ceil(0.75 * n)))
    if len(inner) < 3:
        return None
    left = np.maximum.accumulate(wide)
    right = np.maximum.accumulate(wide[::-1])[::-1]
    narrow = wide[inner] / np.maximum(np.minimum(left[inner], right[inner]), 1e-6)
    best = int(inner[np.argmin(narrow)])
    below = bins < best
    if not below.any() or below.all():
        return None
    sizes = np.array([below.sum(), (~below).sum()], float)
    halves = np.stack([at[below].mean(0), at[~below].mean(0)])
    return Waist(n * step / float(wide.max()), float(narrow.min()), halves,
                 float(sizes.min() / sizes.max()))  # fmt: skip


def _middles(mask: BoolArray, spacing: FloatArray) -> FloatArray | None:
    """Return the middles (2, K, 2) of two legs, mm; none where the mask looks like one."""
    count = mask.shape[2]
    found = np.full((2, count, 2), np.nan)
    for k in np.flatnonzero(mask.any((0, 1))):
        pair = _pair(mask[:, :, k], spacing)
        if pair is not None:
            found[:, k] = pair
    seen = np.isfinite(found[0, :, 0])
    filled = int(mask.any((0, 1)).sum())
    if seen.sum() < max(_LEAST_SHARE * filled, min(_LEAST_MM / spacing[2], filled)):
        return None
    # Which is which: along the axis that joins them in most slices.
    way = np.median(found[1, seen] - found[0, seen], axis=0)
    turned = seen & ((found[1] - found[0]) @ way < 0)
    found[:, turned] = found[::-1, turned]
    width = 2 * int(_SMOOTH_MM / spacing[2] / 2) + 1
    at = np.arange(count)
    for leg in found:
        for axis in range(2):
            line = np.interp(at, at[seen], leg[seen, axis])
            leg[:, axis] = ndimage.median_filter(line, width, mode="nearest")
    return found


def _pair(slice_: BoolArray, spacing: FloatArray) -> FloatArray | None:
    """Return the middles (2, 2) of the two legs of a slice, mm, by rising x."""
    bodies, count = ndimage.label(slice_)
    sizes = ndimage.sum_labels(slice_, bodies, range(1, count + 1))
    order = np.argsort(sizes)[::-1]
    pair = None
    if count >= 2 and sizes[order[1]] > _SIZES_ALIKE * sizes[order[0]]:
        centres = ndimage.center_of_mass(slice_, bodies, (order[:2] + 1).tolist())
        pair = np.array(centres) * spacing[:2]
    elif count:
        shape = waist(bodies == order[0] + 1, spacing)
        pair = shape.halves if shape is not None and shape.two else None
    return None if pair is None else np.asarray(pair[np.argsort(pair[:, 0])])


def _sides(
    slice_: BoolArray, values: NDArray[np.float32] | None, spacing: FloatArray, middles: FloatArray
) -> NDArray[np.uint8]:
    """Give every voxel of a slice to one leg (1) or the other (2)."""
    out = np.zeros(slice_.shape, np.uint8)
    bodies, count = ndimage.label(slice_)
    way = middles[1] - middles[0]
    apart_mm = float(np.hypot(*way))
    way = way / max(apart_mm, 1e-6)
    centre = middles.mean(0)
    at = [np.indices(slice_.shape)[n] * spacing[n] - centre[n] for n in (0, 1)]
    along = at[0] * way[0] + at[1] * way[1]
    across = -at[0] * way[1] + at[1] * way[0]
    for label in range(1, count + 1):
        body = bodies == label
        low, high = along[body].min(), along[body].max()
        # A body that reaches beyond a third of the way to both middles holds both legs.
        if low < -0.33 * apart_mm and high > 0.33 * apart_mm:
            line = _valley(body, values, spacing, centre, way, apart_mm)
            border = np.interp(across[body], *line)
            out[body] = np.where(along[body] < border, 1, 2)
        else:
            out[body] = 1 if along[body].mean() < 0 else 2
    return out


def _valley(
    body: BoolArray, values: NDArray[np.float32] | None, spacing: FloatArray, centre: FloatArray,
    way: FloatArray, apart_mm: float,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Return the cut through a body: places across (mm) and along (mm) the line of both legs."""
    step = float(min(spacing[:2]))
    u = np.arange(-0.3 * apart_mm, 0.3 * apart_mm + step, step)
    reach = np.argwhere(body) * spacing[:2] - centre
    side = reach @ np.array([-way[1], way[0]])
    v = np.arange(side.min() - 2 * step, side.max() + 2 * step, step)
    places = centre[:, None, None] + (
        way[:, None, None] * u[None, :, None] + np.array([-way[1], way[0]])[:, None, None] * v
    )
    voxels = places / spacing[:2, None, None]
    inside = ndimage.map_coordinates(body.astype(np.float32), voxels, order=1) > 0.5
    cost = np.where(inside, 1.0 + 0.3 * (2 * u / apart_mm)[:, None] ** 2, 0.02)
    if values is not None:
        seen = ndimage.map_coordinates(values, voxels, order=1, mode="nearest")
        size = 2 * int(np.ceil(_VALLEY_MM / step)) + 1
        dark = ndimage.grey_closing(seen, (size, 1)) - seen
        level = float(np.median(values[body]))
        cost -= np.where(inside, _VALLEY_GAIN * np.clip(dark / max(level, 1e-6), 0, 1), 0)
    return v, u[_cheapest(cost)]


def _cheapest(cost: FloatArray) -> NDArray[np.intp]:
    """Return for every column of a map the row of the cheapest path through it, by steps of 1."""
    rows, columns = cost.shape
    total = cost[:, 0].copy()
    came = np.zeros((rows, columns), np.intp)
    at = np.arange(rows)
    for c in range(1, columns):
        padded = np.pad(total, 1, constant_values=np.inf)
        # Sideways steps are longer.
        options = np.stack([padded[:-2] + 0.4 * cost[:, c], total, padded[2:] + 0.4 * cost[:, c]])
        best = options.argmin(0)
        came[:, c] = np.clip(at + best - 1, 0, rows - 1)
        total = options[best, at] + cost[:, c]
    path = np.zeros(columns, np.intp)
    path[-1] = int(total.argmin())
    for c in range(columns - 1, 0, -1):
        path[c - 1] = came[path[c], c]
    return path
