"""Anatomical sense: what every lower leg has in common, imposed on probabilities.

Muscles are no bone and no subcutaneous fat, lie in their place about the two bones, run smoothly
along the leg, and each is one body. Nothing here looks at intensities but through tissue classes.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, Float32, FloatArray
from imaging.muscles import structure
from imaging.segmentation.frame import leg_frame, out_of_place
from imaging.segmentation.shares import Shares, likeliest
from imaging.segmentation.tissue import Tissue

SMOOTH_MM = 2.0
BRIDGED_SLICES = 2
# How many times likelier what the image shows is than what it contradicts.
_SEEN = 50.0
_LEAST = 0.03
_EDGE_MM = 1.0
_WHOLE_BONE = 0.85
_AROUND = ("", "SAT", "SKIN")


def impose_anatomy(
    shares: Shares, tissue: Tissue | None = None, smooth_mm: float = SMOOTH_MM
) -> Shares:
    """Return shares that make anatomical sense.

    Parameters
    ----------
    shares
        Of one leg, canonical axis order, third axis along the leg.
    tissue
        Tissue classes that the image shows, on the grid of the shares; None: not known.
    smooth_mm
        Standard deviation of smoothing along each muscle, mm; 0: none.
    """
    values = shares.values
    if tissue is not None:
        values = _as_seen(values, shares.keys, tissue, shares.grid.spacing)
    if smooth_mm > 0:
        values = smoothed_lengthwise(values, shares.keys, shares.grid.spacing, smooth_mm)
    # Islands pull the frame of the bones aside, and what is out of place leaves new ones.
    shares = in_place(Shares(shares.keys, one_body(values, shares.keys), shares.grid))
    return Shares(shares.keys, one_body(shares.values, shares.keys), shares.grid)


def in_place(shares: Shares) -> Shares:
    """Lower the shares of structures far from their usual place about tibia and fibula.

    Puts the compartments in order: extensors in front between the bones, peronei beside the fibula,
    gastrocnemii behind on their own sides, soleus before them, deep flexors behind the bones. Bones
    themselves stay; where they are not found nothing changes.
    """
    frame = leg_frame(shares)
    if frame is None:
        return shares
    penalty = out_of_place(shares, frame)
    penalty[[shares.keys.index(key) for key in ("TIB", "FIB")]] = 0.0
    return Shares(shares.keys, _weighted(shares.values, np.exp(-0.5 * penalty)), shares.grid)


def smoothed_lengthwise(
    values: Float32, keys: tuple[str, ...], spacing: FloatArray, sigma_mm: float
) -> Float32:
    """Smooth every structure along itself by a Gaussian of `sigma_mm`.

    Each is laid straight first (its centre in every slice to one place, by whole voxels) so that a
    muscle that runs obliquely through thick slices is not blurred sideways.
    """
    out = np.empty_like(values)
    sigma = sigma_mm / float(spacing[2])
    drift = _drift(values[[c for c, key in enumerate(keys) if key not in _AROUND]].sum(0))
    for c, key in enumerate(keys):
        shift = drift if key in _AROUND else _drift(values[c], drift)
        straight = _rolled(values[c], -shift)
        smooth = ndimage.gaussian_filter1d(straight, sigma, axis=2, mode="nearest")
        out[c] = _rolled(smooth, shift)
    return out / np.maximum(out.sum(0, keepdims=True), 1e-6)


def one_body(values: Float32, keys: tuple[str, ...], bridged: int = BRIDGED_SLICES) -> Float32:
    """Leave one connected body of every structure; islands go to the likeliest neighbour.

    The body kept is the one with most probability. Gaps of up to `bridged` slices are closed where
    the structure is seen at the same place on both sides.

    Parameters
    ----------
    values : (C, I, J, K)
        Probabilities.
    keys
        Of the channels.
    bridged
        Slices.
    """
    out = values.copy()
    winner = likeliest(values)
    named = [c for c, key in enumerate(keys) if key not in _AROUND]
    for c in named:
        _bridge(out, winner, c, keys, bridged)
    for whole in (False, True, True):
        islands = np.zeros(winner.shape, bool)
        for c in named:
            islands |= _islands(out[c], winner == c)
        if not islands.any():
            break
        for c in named:
            for box, mask in _bodies(islands & (winner == c)):
                _give_away(out, winner, islands, box, mask, c, whole)
    return out


def _as_seen(
    values: Float32, keys: tuple[str, ...], tissue: Tissue, spacing: FloatArray
) -> Float32:
    """Follow the image where it shows bone or subcutaneous fat, and where it shows air."""
    factor = np.zeros_like(values)
    out = np.maximum(values, np.float32(1e-4))
    fat = keys.index("SAT") if "SAT" in keys else 0
    _favour(out, factor, [fat], tissue.fat, spacing)
    _favour(out, factor, sorted({0, fat}), ~tissue.leg, spacing)
    for key, mask in (("TIB", tissue.tibia), ("FIB", tissue.fibula)):
        if key in keys:
            own = keys.index(key)
            expected = np.maximum(values[own].sum((0, 1)), 1e-6)
            # Marrow alone, without its cortex, is not the bone.
            whole = mask.sum((0, 1)) > _WHOLE_BONE * expected
            _favour(out, factor, [own], mask & whole, spacing)
    return _weighted(out, np.exp(factor))


def _favour(
    values: Float32, factor: Float32, keep: list[int], mask: BoolArray, spacing: FloatArray
) -> None:
    """Add the log likelihood ratio against all channels but those kept, softly at the edge."""
    sigma = (_EDGE_MM / spacing[0], _EDGE_MM / spacing[1], 0.0)
    seen = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    for c in range(len(values)):
        if c in keep:
            np.maximum(values[c], np.float32(_LEAST) * seen, out=values[c])
        else:
            factor[c] -= np.float32(np.log(_SEEN)) * seen


def _weighted(values: Float32, factor: Float32) -> Float32:
    out = values * factor
    out /= np.maximum(out.sum(0, keepdims=True), 1e-12)
    return out.astype(np.float32)


def _drift(share: Float32, default: NDArray[np.int_] | None = None) -> NDArray[np.int_]:
    """Return the centre (K, 2) of a structure in every slice in whole voxels, from its mean."""
    mass = share.sum((0, 1), dtype=float)
    known = mass > 0.05 * mass.max() if mass.max() > 0 else np.zeros(len(mass), bool)
    if known.sum() < 2:
        return np.zeros((len(mass), 2), int) if default is None else default
    centre = np.stack(
        [share.sum(1).T @ np.arange(share.shape[0]), share.sum(0).T @ np.arange(share.shape[1])], -1
    )
    at = np.arange(len(mass))
    centre[known] /= mass[known, None]
    path = np.stack([np.interp(at, at[known], column[known]) for column in centre.T], -1)
    path = ndimage.gaussian_filter1d(path, 1.0, axis=0, mode="nearest")
    return np.rint(path - path.mean(0)).astype(int)


def _rolled(share: Float32, shift: NDArray[np.int_]) -> Float32:
    """Shift every slice by whole voxels; what leaves at one edge is air that returns as air."""
    out = np.empty_like(share)
    for k, (i, j) in enumerate(shift):
        out[:, :, k] = np.roll(share[:, :, k], (int(i), int(j)), (0, 1))
    return out


def _bridge(
    values: Float32, winner: NDArray[np.int16], c: int, keys: tuple[str, ...], slices: int
) -> None:
    """Close gaps along the leg in which the structure is missing altogether."""
    mask = winner == c
    where = np.flatnonzero(mask.any((0, 1)))
    bones = np.array([bool(key) and structure(key).tissue == "bone" for key in keys])
    for before, after in pairwise(where):
        if 1 < after - before <= slices + 1:
            both = mask[:, :, before] & mask[:, :, after]
            for k in range(before + 1, after):
                _make_winner(values, winner, (both & ~bones[winner[:, :, k]], k), c)


def _make_winner(
    values: Float32, winner: NDArray[np.int16], where: tuple[BoolArray, int], c: int
) -> None:
    """Exchange the share of a structure with that of the winner, so that they still add up."""
    take, k = where
    i, j = np.nonzero(take)
    old = winner[i, j, k]
    values[c, i, j, k], values[old, i, j, k] = values[old, i, j, k], values[c, i, j, k]
    winner[i, j, k] = c


def _islands(share: Float32, mask: BoolArray) -> BoolArray:
    """Return all bodies of a structure but the one with most probability."""
    bodies, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return np.zeros_like(mask)
    weight = ndimage.sum_labels(share, bodies, range(1, count + 1))
    return mask & (bodies != 1 + int(np.argmax(weight)))


def _bodies(mask: BoolArray) -> list[tuple[tuple[slice, ...], BoolArray]]:
    """Return box (one voxel wider) and mask of every connected body."""
    bodies, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    out = []
    for n, box in enumerate(ndimage.find_objects(bodies), 1):
        wide = tuple(
            slice(max(s.start - 1, 0), min(s.stop + 1, size))
            for s, size in zip(box, mask.shape, strict=True)
        )
        out.append((wide, bodies[wide] == n))
    return out


def _give_away(
    values: Float32,
    winner: NDArray[np.int16],
    islands: BoolArray,
    box: tuple[slice, ...],
    island: BoolArray,
    own: int,
    whole: bool,
) -> None:
    """Give every voxel of an island to the likeliest structure that touches it.

    To the background only where that is most of what lies around the island: then it is debris
    outside the muscles. Other islands are no heirs unless nothing else touches. `whole`: all of it
    to one heir, for what voxel by voxel would fall into islands again.
    """
    around = ndimage.binary_dilation(island, np.ones((3, 3, 3))) & ~island
    firm = around & ~islands[box]
    touching = np.bincount(winner[box][firm if firm.any() else around], minlength=len(values))
    touching[own] = 0
    if 0 < touching[0] < 0.5 * touching.sum():
        touching[0] = 0
    heirs = np.flatnonzero(touching)
    if not heirs.size:
        return
    place = tuple(np.argwhere(island).T + np.array([[s.start] for s in box]))
    columns = values[(slice(None), *place)]
    # Where no heir has any share, the one that touches most.
    likely = columns[heirs] + 1e-6 * (touching[heirs] / touching.sum())[:, None]
    if whole:
        likely = np.broadcast_to(likely.mean(1, keepdims=True), likely.shape)
    heir = heirs[np.argmax(likely, axis=0)]
    at = np.arange(columns.shape[1])
    columns[heir, at] += columns[own]
    columns[own] = 0.0
    # It must win, also over structures that do not touch the island.
    top = columns.argmax(0)
    columns[heir, at], columns[top, at] = columns[top, at], columns[heir, at].copy()
    values[(slice(None), *place)] = columns
    winner[place] = heir
    islands[place] = False
