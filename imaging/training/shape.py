"""Random place, posture, size and shape of one synthetic image of a leg.

Everything grows with the difficulty: 0 is the leg as it is, 1 is more than people differ.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.interpolate import BSpline

from imaging.arrays import Float32
from imaging.phantom.leg import rotation_matrix
from imaging.segmentation.inputs import CLASSES, NEIGHBOUR_MM, PIXEL_MM
from imaging.training.legs import SPACING_MM, TrainingLeg

SIZE = 112
THICK_SAMPLES = 3
# A swelling is at most this much of the distance to its centre, so that nothing folds.
_MOST_SWOLLEN = 0.45
_SWELLING_REACH_MM = 55.0


@cache
def basis(coarse: int, size: int = SIZE) -> Float32:
    """Return the matrix (size, coarse) of a cubic B-spline between `coarse` controls."""
    knots = np.arange(-3, coarse + 1, dtype=float)
    at = np.linspace(0.0, coarse - 3 - 1e-6, size)
    return BSpline.design_matrix(at, knots, 3).toarray().astype(np.float32)


def smooth_noise(rng: np.random.Generator, coarse: int, count: int) -> Float32:
    """Return smooth random fields (count, SIZE, SIZE) of mean 0 and standard deviation 1."""
    controls = rng.standard_normal((count, coarse + 3, coarse + 3), dtype=np.float32)
    spline = basis(coarse + 3)
    # The spline averages its controls: by 2/3 in each direction, roughly.
    return np.asarray(spline @ controls @ spline.T * np.float32(1.6))


def draw_frame(
    rng: np.random.Generator, leg: TrainingLeg, height: float, difficulty: float
) -> Float32:
    """Return a (3, 4) matrix from slice coordinates in mm to voxels: place, posture, size."""
    k = leg.ends[0] + height * (leg.ends[1] - leg.ends[0])
    k = float(np.clip(k, 2, leg.classes.shape[2] - 3))
    centre = leg.centres[int(k)]
    turn = difficulty * np.deg2rad([8.0, 8.0, 22.0]) * np.clip(rng.standard_normal(3), -2, 2)
    size = np.exp(difficulty * 0.16 * np.clip(rng.standard_normal(), -2, 2))
    stretch = np.exp(difficulty * 0.08 * rng.standard_normal())
    matrix = np.zeros((3, 4))
    scale = np.array([size * stretch, size / stretch, size])
    matrix[:, :3] = rotation_matrix(turn) * scale / np.array(SPACING_MM)[:, None]
    matrix[:, 3] = [*centre, k]
    shift = (5.0 + 15.0 * difficulty) * rng.uniform(-1, 1, 2)
    matrix[:, 3] += matrix[:, :2] @ shift
    return matrix.astype(np.float32)


def draw_warp(rng: np.random.Generator, difficulty: float) -> Float32:
    """Return displacements of every pixel and their slopes along the leg (6, SIZE, SIZE), mm."""
    across = difficulty * rng.uniform(1.0, 6.0)
    warp = smooth_noise(rng, 4, 6)
    warp[:2] *= across
    warp[2] *= 1.5 * across
    warp[3:] *= 0.08 * difficulty
    warp[:2] += difficulty * rng.uniform(0.0, 2.0) * smooth_noise(rng, 9, 2)
    warp[:2] += _swellings(rng, difficulty)
    return warp


def _swellings(rng: np.random.Generator, difficulty: float) -> Float32:
    """Return displacements (2, SIZE, SIZE), mm, of places that are larger or smaller than usual.

    Muscles differ in size, alone and among their neighbours; a leg that lies on something is
    dented there.
    """
    at = (np.indices((SIZE, SIZE), dtype=np.float32) - 0.5 * (SIZE - 1)) * PIXEL_MM
    out = np.zeros_like(at)
    for _ in range(int(rng.integers(0, 4))):
        away = at - rng.uniform(-1, 1, (2, 1, 1)).astype(np.float32) * _SWELLING_REACH_MM
        reach = rng.uniform(9.0, 28.0)
        swollen = difficulty * _MOST_SWOLLEN * rng.uniform(-1, 1)
        out -= swollen * away * np.exp(-0.5 * (away**2).sum(0) / reach**2)
    return out


def draw_height(rng: np.random.Generator, leg: TrainingLeg) -> float:
    """Draw a height along the leg; slices with small muscles, knee and foot come more often."""
    choice = rng.random()
    if choice < 0.30:
        small = [CLASSES.index(key) for key in ("PLA", "POP", "EHL", "FDL", "EDL+PT")]
        slices = np.flatnonzero(leg.present[rng.choice(small)])
        if slices.size:
            return float(leg.height[rng.choice(slices)])
    if choice < 0.50:
        low, high = float(leg.height[2]), float(leg.height[-3])
        return float(rng.uniform(low, 0.03) if rng.random() < 0.4 else rng.uniform(0.97, high))
    return float(rng.uniform(-0.05, 1.05))


def draw_heights(rng: np.random.Generator, difficulty: float) -> Float32:
    """Draw distance and thickness of the three slices; places of their samples (3, H), mm."""
    apart = NEIGHBOUR_MM * (1 + 0.15 * difficulty * rng.uniform(-1, 1))
    thick = rng.uniform(1.0, 3.0 + 4.0 * difficulty)
    middle = apart * np.arange(-1, 2)[:, None]
    offsets = thick * np.array([0.0, -0.33, 0.33])[None, :THICK_SAMPLES]
    return (middle + offsets).astype(np.float32)
