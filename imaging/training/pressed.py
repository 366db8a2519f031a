"""A calf that lies on something, and another leg beside it."""

from __future__ import annotations

import numpy as np

from imaging.arrays import BoolArray, Float32
from imaging.segmentation.inputs import PIXEL_MM
from imaging.training.legs import TrainingLeg
from imaging.training.shape import SIZE

_AIR_MM = 150.0


def pressed(away: Float32, by_mm: float, reach_mm: float) -> Float32:
    """Return how far a leg is squeezed along a direction, mm: where pixels lie in the free leg.

    Parameters
    ----------
    away
        Distance of pixels to the plane that presses, mm, negative beyond it.
    by_mm
        How far the leg reached beyond the plane before.
    reach_mm
        Depth over which it gives way; at least twice `by_mm`, or tissue folds.
    """
    reach = max(reach_mm, 2.0 * by_mm)
    share = np.clip((reach - away) / reach, 0.0, 1.0)
    out = by_mm * share**2
    return np.where(away < 0, _AIR_MM, out).astype(np.float32)


def press(warp: Float32, way: float, plane_mm: float, by_mm: float, reach_mm: float) -> None:
    """Squeeze a leg against a plane; changes the displacements `warp` (6, SIZE, SIZE).

    Parameters
    ----------
    way
        Direction from the leg to the plane, rad from the first axis.
    plane_mm
        Distance of the plane from the middle of the image.
    by_mm, reach_mm
        See :func:`pressed`.
    """
    at = (np.indices((SIZE, SIZE), dtype=np.float32) - 0.5 * (SIZE - 1)) * PIXEL_MM
    to = np.array([np.cos(way), np.sin(way)], np.float32)
    away = np.asarray(plane_mm - np.tensordot(to, at, 1), np.float32)
    squeezed = pressed(away, by_mm, reach_mm)
    warp[:2] += to[:, None, None] * squeezed


def draw_press(
    rng: np.random.Generator, warp: Float32, leg: TrainingLeg, frame: Float32, fat_mm: float
) -> None:
    """Lay the leg on a table, or press its inner side against the other; changes `warp`."""
    way = -0.5 * np.pi + rng.normal(0, 0.35) if rng.random() < 0.75 else np.pi + rng.normal(0, 0.3)
    k = int(np.clip(round(float(frame[2, 3])), 0, leg.envelope.shape[2] - 1))
    places = np.argwhere(leg.envelope[:, :, k] < 0)
    if not len(places):
        return
    across = np.linalg.solve(frame[:2, :2].astype(float), (places - frame[:2, 3]).T)
    reach = float(np.percentile(np.array([np.cos(way), np.sin(way)]) @ across, 99)) + fat_mm
    by = float(rng.uniform(3.0, 16.0))
    press(warp, float(way), reach - by, by, float(rng.uniform(20.0, 45.0)))


def beside(image: Float32, depth: Float32, seen: BoolArray, gap: int) -> tuple[Float32, BoolArray]:
    """Put the other leg, mirrored, on the medial side of a right leg.

    Parameters
    ----------
    image : (S, N, M)
        Slices of the leg.
    depth : (N, M)
        Depth under its skin, mm, negative outside.
    seen : (N, M) bool
        Mask of the leg.
    gap
        Pixels between the two; negative: they press each other flat.

    Returns
    -------
    Slices with both, and where the other leg alone lies.
    """
    own = seen | (depth > 0)
    if not own.any():
        return image, np.zeros_like(seen)
    left = int(np.flatnonzero(own.any(1))[0])
    mirror, inside = image[:, ::-1], (depth > 0)[::-1]
    right = SIZE - 1 - left
    shift = left - gap - 1 - right
    out = image.copy()
    other = np.zeros_like(seen)
    if abs(shift) >= SIZE:
        return out, other
    to, of = slice(max(shift, 0), SIZE + min(shift, 0)), slice(max(-shift, 0), SIZE - max(shift, 0))
    other[to] = inside[of]
    other &= ~own
    moved = np.zeros_like(image)
    moved[:, to] = mirror[:, of]
    out[:, other] = moved[:, other]
    return out, other
