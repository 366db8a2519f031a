"""Where structures lie in a cross-section of the calf, told from its own two bones.

The frame of a slice has its origin at the centre of the tibia, its first axis towards the fibula
and its second axis forwards; lengths are divided by the radius of the circle with the area of
muscles and bones. So it turns and grows with the leg and is the same for both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32, FloatArray
from imaging.muscles import catalogue
from imaging.own_tables import own_rows
from imaging.segmentation.shares import Shares

_SMOOTH_MM = 10.0
_MIN_BONE_MM2 = 20.0
_MIN_SLICES = 3
_REACH_MM = 30.0
_FREE = 14.0
_MOST = 12.0
_BEHIND = ("superficial posterior", "deep posterior")


@dataclass(frozen=True)
class LegFrame:
    """Frame of every slice, in mm along the voxel axes across the leg (index times voxel size).

    Attributes
    ----------
    origin : (K, 2) array
        Centre of the tibia.
    lateral, forward : (K, 2) arrays
        Unit axes: towards the fibula; across that, forwards.
    radius : (K,) array
        Of the circle with the area of muscles and bones, mm.
    known : (K,) bool
        Slices near some in which both bones are seen.
    """

    origin: FloatArray
    lateral: FloatArray
    forward: FloatArray
    radius: FloatArray
    known: NDArray[np.bool_]


def leg_frame(shares: Shares) -> LegFrame | None:
    """Return the frame of every slice of a leg; None where its two bones are not seen.

    Slices without bones take the frame of their neighbours. Forwards is the side of the line
    through the bones on which the anterior muscles lie, whatever the orientation of the image.
    """
    if not {"TIB", "FIB"} <= set(shares.keys):
        return None
    spacing = shares.grid.spacing
    winner = shares.winner
    centres = [_centres(_largest(winner == shares.keys.index(k)), spacing) for k in ("TIB", "FIB")]
    seen = np.isfinite(centres[0][:, 0]) & np.isfinite(centres[1][:, 0])
    if seen.sum() < _MIN_SLICES:
        return None
    tibia = _along(centres[0], np.isfinite(centres[0][:, 0]), spacing[2])
    lateral = _along(centres[1] - centres[0], seen, spacing[2])
    lateral /= np.maximum(np.linalg.norm(lateral, axis=1), 1e-6)[:, None]
    forward = np.stack([-lateral[:, 1], lateral[:, 0]], -1)
    around = [c for c, key in enumerate(shares.keys) if key in ("", "SAT", "SKIN")]
    body = _largest(~np.isin(winner, around))
    area = body.sum((0, 1)) * spacing[0] * spacing[1]
    radius = _along(np.sqrt(area / np.pi)[:, None], area > 0, spacing[2])[:, 0]
    near = ndimage.distance_transform_edt(~seen, sampling=spacing[2]) < _REACH_MM
    frame = LegFrame(tibia, lateral, forward, np.maximum(radius, 1.0), near)
    winner = np.where(body, winner, 0)
    return frame if _anterior_is_forward(winner, shares, frame) else _turned(frame)


def coordinates(frame: LegFrame, shape: tuple[int, int, int], spacing: FloatArray) -> Float32:
    """Return lateral and forward coordinates (2, I, J, K) of every voxel, in radii of the leg."""
    x = np.arange(shape[0])[:, None, None] * spacing[0] - frame.origin[:, 0]
    y = np.arange(shape[1])[None, :, None] * spacing[1] - frame.origin[:, 1]
    axes = (frame.lateral, frame.forward)
    return np.stack([(x * a[:, 0] + y * a[:, 1]) / frame.radius for a in axes]).astype(np.float32)


def out_of_place(shares: Shares, frame: LegFrame) -> Float32:
    """Return how far out of its usual place each structure would be (C, I, J, K).

    0 wherever the structure lies in label legs (within 3.7 standard deviations), rising with the
    squared Mahalanobis distance beyond, up to 12: half of it is a negative log likelihood.
    """
    where = coordinates(frame, shares.grid.shape, shares.grid.spacing)
    out = np.zeros(shares.values.shape, np.float32)
    for c, key in enumerate(shares.keys):
        row = _place(key)
        if row is not None:
            u, v = where[0] - np.float32(row["u"]), where[1] - np.float32(row["v"])
            # Numbers of Python leave arrays in single precision.
            (a, b), (_, d) = np.linalg.inv(
                [[row["uu"], row["uv"]], [row["uv"], row["vv"]]]
            ).tolist()
            distance = a * u**2 + 2 * b * u * v + d * v**2
            out[c] = np.clip(distance - _FREE, 0.0, _MOST) * frame.known
    return out


@cache
def _table() -> dict[str, dict[str, float]]:
    rows = own_rows("leg_frame.tsv")
    return {row.pop("key"): {k: float(v) for k, v in row.items()} for row in rows}


def _place(key: str) -> dict[str, float] | None:
    """Return the row of a key, or of the group that holds it; None where there is neither."""
    group = {s.key: s.group for s in catalogue()}.get(key, "")
    return next((_table()[name] for name in (key, group) if name in _table()), None)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest body of a mask: islands must not pull a centre."""
    bodies, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return mask
    return bodies == 1 + int(np.argmax(np.bincount(bodies.ravel())[1:]))


def _centres(share: NDArray[np.bool_], spacing: FloatArray) -> FloatArray:
    """Return the centre (K, 2) of a structure per slice, mm; NaN where there is too little."""
    mass = share.sum((0, 1), dtype=float)
    x = np.arange(share.shape[0]) * spacing[0]
    y = np.arange(share.shape[1]) * spacing[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.stack([share.sum(1).T @ x / mass, share.sum(0).T @ y / mass], -1)
    centre[mass * spacing[0] * spacing[1] < _MIN_BONE_MM2] = np.nan
    return centre


def _along(values: FloatArray, known: NDArray[np.bool_], step_mm: float) -> FloatArray:
    """Fill gaps along the leg and smooth: median against single wrong slices, then a Gaussian."""
    at = np.arange(len(values))
    filled = np.stack([np.interp(at, at[known], column[known]) for column in values.T], -1)
    window = 2 * max(1, round(_SMOOTH_MM / step_mm / 2)) + 1
    filled = ndimage.median_filter(filled, (window, 1), mode="nearest")
    return ndimage.gaussian_filter1d(filled, _SMOOTH_MM / 2 / step_mm, axis=0, mode="nearest")


def _anterior_is_forward(winner: NDArray[np.integer], shares: Shares, frame: LegFrame) -> bool:
    forward = coordinates(frame, shares.grid.shape, shares.grid.spacing)[1]
    compartment = {s.key: s.compartment for s in catalogue()}
    balance = 0.0
    for c, key in enumerate(shares.keys):
        sign = 1.0 if compartment.get(key) == "anterior" else 0.0
        sign -= 1.0 if compartment.get(key) in _BEHIND else 0.0
        if sign:
            balance += sign * float(np.clip(forward[winner == c], -1, 1).sum(dtype=float))
    return balance >= 0


def _turned(frame: LegFrame) -> LegFrame:
    return LegFrame(frame.origin, frame.lateral, -frame.forward, frame.radius, frame.known)
