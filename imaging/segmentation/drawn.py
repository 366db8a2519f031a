"""Drawn slices joined with another source of labels: the drawing wins near its slices.

Both sources may tell structures apart differently. What is drawn apart splits the other's group
(drawn PL and PB split PL+PB); what is drawn merged merges the other's parts. What is never drawn is
left to the other source, where the drawing has nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32
from imaging.image import Image
from imaging.muscles import single_keys, structure
from imaging.segmentation.interpolate import misfit
from imaging.segmentation.shares import Shares
from imaging.segmentation.slices import warp
from imaging.segmentation.sparse import Drawn, depth_mm, propagate

BETWEEN_MM = 40.0
BEYOND_MM = 25.0
_LEAST = 0.3
_FLOOR = 1e-4
_TINY = 1e-30


def carry(image: Image, leg_mask: NDArray[np.bool_], drawn: Drawn, other: Shares) -> Shares:
    """Return drawn slices carried along the leg, joined with another source of labels.

    Parameters
    ----------
    image
        Bias-corrected image of any contrast, canonical axis order.
    leg_mask : (I, J, K) bool
        The leg, on the grid of `image`.
    drawn
        Its drawn slices.
    other
        Network or registered atlas, any grid of the same world.

    Returns
    -------
    Shares
        On a grid along the drawn slices; see :func:`join_drawn`.
    """
    propagated = propagate(image, leg_mask, drawn)
    weight = weight_of_drawing(propagated.grid, drawn)
    return join_drawn(propagated, guided(other, propagated, drawn), weight)


def weight_of_drawing(grid: Image, drawn: Drawn) -> Float32:
    """Return how far the drawing is believed in every slice of a grid, (K,), 1 in drawn slices.

    It falls with the distance from the nearest drawn slice, faster beyond the first and the last.

    Parameters
    ----------
    grid
        Grid with slices nearly along the drawn ones, as of :func:`sparse.propagate`.
    drawn
        The drawn slices.
    """
    middle = (np.array(grid.shape) - 1) / 2
    points = np.tile(middle, (grid.shape[2], 1))
    points[:, 2] = np.arange(grid.shape[2])
    place = drawn.labels.to_voxels(grid.to_world(points))[:, 2]
    step = float(drawn.labels.spacing[2])
    away = np.abs(place[:, None] - drawn.planes).min(1) * step
    beyond = (place < drawn.planes[0]) | (place > drawn.planes[-1])
    reach = np.where(beyond, BEYOND_MM, BETWEEN_MM)
    return (_LEAST + (1 - _LEAST) * np.exp(-((away / reach) ** 2))).astype(np.float32)


def join_drawn(propagated: Shares, other: Shares, weight: NDArray[np.floating]) -> Shares:
    """Return the shares of both, pooled slice by slice.

    Parameters
    ----------
    propagated
        Drawn slices carried along the leg.
    other
        Network or registered atlas, any grid of the same world.
    weight
        Of `propagated` in each slice (K,) of its grid; `other` has the rest.

    Returns
    -------
    Shares
        On the grid of `propagated`; keys are those drawn and those of `other` that are not.
    """
    drawn, rest = same_keys(propagated, shares_on(other, propagated.grid))
    w = np.asarray(weight, np.float32)
    total = np.empty_like(drawn.values)
    for c in range(len(total)):
        total[c] = w * np.log(np.maximum(drawn.values[c], _FLOOR))
        total[c] += (1 - w) * np.log(np.maximum(rest.values[c], _FLOOR))
    total -= total.max(0)
    np.exp(total, out=total)
    total /= total.sum(0)
    return Shares(drawn.keys, total, propagated.grid)


def shares_on(shares: Shares, grid: Image) -> Shares:
    """Return shares on another grid of the same world, border values beyond their own."""
    matrix = np.linalg.inv(shares.grid.affine) @ grid.affine
    values = np.empty((len(shares.keys), *grid.shape), np.float32)
    for out, channel in zip(values, shares.values, strict=True):
        ndimage.affine_transform(
            channel, matrix[:3, :3], matrix[:3, 3], grid.shape, out, order=1, mode="nearest"
        )
    return Shares(shares.keys, values, grid)


def same_keys(drawn: Shares, other: Shares) -> tuple[Shares, Shares]:
    """Return both with the same keys: those drawn, then those of the other that are not drawn."""
    ours = drawn.keys[1:]
    total = {key: np.zeros(other.grid.shape, np.float32) for key in ("", *ours)}
    total[""] += other.values[0]
    for key, value in zip(other.keys[1:], other.values[1:], strict=True):
        own = single_keys(key)
        hit = [k for k in ours if single_keys(k) & own]
        left = own - frozenset().union(*(single_keys(k) for k in hit))
        parts = [drawn.values[drawn.keys.index(k)] for k in hit]
        if left or not hit:
            parts.append(drawn.values[0] if hit else np.ones_like(value))
            total.setdefault(key, np.zeros_like(value))
            hit = [*hit, key]
        # Shares of what is drawn fall off without end, so their ratio tells the nearest part.
        whole = np.maximum(sum(parts), _TINY)
        for k, part in zip(hit, parts, strict=True):
            total[k] += value * part / whole
    added = [k for k in total if k not in drawn.keys]
    keys = ("", *sorted([*ours, *added], key=lambda k: structure(k).index))
    free = np.maximum(total[""] + sum(total[k] for k in added), _TINY)
    extended = dict(zip(drawn.keys, drawn.values, strict=True))
    extended |= {k: drawn.values[0] * total[k] / free for k in ("", *added)}
    return (
        Shares(keys, np.stack([extended[k] for k in keys]), drawn.grid),
        Shares(keys, np.stack([total[k] for k in keys]), drawn.grid),
    )


def guided(other: Shares, propagated: Shares, drawn: Drawn) -> Shares:
    """Return another source deformed within slices so that it agrees with the drawn ones.

    In each drawn slice its labels are registered to the drawn labels; between them the
    displacement is interpolated, beyond them it fades.
    """
    ours, theirs = same_keys(propagated, shares_on(other, propagated.grid))
    spacing = propagated.grid.spacing
    use = [n for n, key in enumerate(ours.keys) if key in propagated.keys and key]
    places = propagated.grid.to_voxels(
        drawn.labels.to_world([[0, 0, p] for p in drawn.planes])
    )[:, 2]  # fmt: skip
    fields = []
    for place in places:
        k = int(np.clip(np.rint(place), 0, propagated.grid.shape[2] - 1))
        a, b = (_distances(v.values[..., k], use, spacing[:2]) for v in (theirs, ours))
        seen = (a > 0).any((1, 2)) & (b > 0).any((1, 2))
        fields.append(misfit(a[seen], b[seen], spacing[:2]))
    stack = np.stack(fields)
    out = np.empty_like(theirs.values)
    for k in range(propagated.grid.shape[2]):
        field = np.zeros_like(stack[0])
        n = int(np.searchsorted(places, k))
        if n == 0 or n == len(places):
            end = min(n, len(places) - 1)
            fade = np.exp(-abs(places[end] - k) * spacing[2] / 60.0)
            field = fade * stack[end]
        else:
            t = (k - places[n - 1]) / (places[n] - places[n - 1])
            field = (1 - t) * stack[n - 1] + t * stack[n]
        out[..., k] = warp(theirs.values[..., k], field.astype(np.float32))
    return Shares(theirs.keys, out, propagated.grid)


def _distances(values: Float32, channels: list[int], spacing: NDArray[np.floating]) -> Float32:
    """Return signed distances (C, I, J) of the likeliest structures of a slice, mm."""
    best = np.argmax(values, axis=0)
    return np.stack([depth_mm(best == c, spacing) for c in channels])
