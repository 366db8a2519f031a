"""Random place, posture, size and shape of one synthetic image of a leg.

Everything grows with the difficulty: 0 is the leg as it is, 1 is more than people differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import BSpline

from imaging.arrays import Float32, FloatArray
from imaging.phantom.leg import rotation_matrix
from imaging.segmentation.inputs import CLASSES, PIXEL_MM
from imaging.training.legs import SPACING_MM, TrainingLeg

SIZE = 112
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
    """Draw a height along the leg.

    Slices with small muscles, ends of the calf's bellies, knee and foot come more often.
    """
    choice = rng.random()
    if choice < 0.25:
        small = [CLASSES.index(key) for key in ("PLA", "POP", "EHL", "FDL", "EDL+PT")]
        slices = np.flatnonzero(leg.present[rng.choice(small)])
        if slices.size:
            return float(leg.height[rng.choice(slices)])
    if choice < 0.45:
        own = [CLASSES.index(key) for key in ("GM", "GL", "GM", "GL", "SOL")]
        slices = np.flatnonzero(leg.present[rng.choice(own)])
        if slices.size:
            end = slices[-1] if rng.random() < 0.35 else slices[0]
            near = end + int(rng.normal(0, 12.0 / SPACING_MM[2]))
            return float(leg.height[np.clip(near, 2, len(leg.height) - 3)])
    if choice < 0.60:
        low, high = float(leg.height[2]), float(leg.height[-3])
        return float(rng.uniform(low, 0.03) if rng.random() < 0.4 else rng.uniform(0.97, high))
    return float(rng.uniform(-0.05, 1.05))


@dataclass(frozen=True)
class Stack:
    """Slices of a scan around one of them, and what the network reads between them.

    Attributes
    ----------
    samples : (P, H) float32
        Places along the leg at which each slice is sampled, mm; its middle first.
    middle : int
        The slice itself.
    mix : (S, P) float32
        Shares of the slices in what is read at each distance the network sees.
    """

    samples: Float32
    middle: int
    mix: Float32


def draw_stack(
    rng: np.random.Generator, slices_mm: Sequence[float], apart_mm: float, difficulty: float
) -> Stack:
    """Draw thickness of slices and where the scan ends.

    Beyond the ends of a scan its last slice is read again.

    Parameters
    ----------
    rng
        Random numbers.
    slices_mm
        Where the network looks.
    apart_mm
        Distance of slices that are read between, as a scan's are; 0: slices are where it looks.
    difficulty
        0 to 1.
    """
    at = np.array(slices_mm, float)
    if rng.random() < 0.35:
        at = np.maximum(at, -rng.exponential(30.0)) if rng.random() < 0.6 else at
        at = np.minimum(at, rng.exponential(30.0)) if rng.random() < 0.6 else at
    if apart_mm == 0:
        at = at * (1 + 0.15 * difficulty * rng.uniform(-1, 1))
        return _stack(at, 1.0, float(rng.uniform(1.0, 3.0 + 4.0 * difficulty)))
    # The slice itself is one of the scan; its ends are slices, too.
    at = np.clip(at / apart_mm, np.ceil(at.min() / apart_mm), np.floor(at.max() / apart_mm))
    return _stack(at, apart_mm, float(apart_mm * rng.uniform(0.6, 1.0)))


def _stack(at: FloatArray, unit_mm: float, thick_mm: float) -> Stack:
    """Return the slices needed to read between whole numbers, or at any number if the unit is 1."""
    low = np.floor(at) if unit_mm != 1.0 else at
    share = (at - low).astype(np.float32)
    places, index = np.unique(np.concatenate([low, low + (share > 0), [0.0]]), return_inverse=True)
    mix = np.zeros((len(at), len(places)), np.float32)
    rows = np.arange(len(at))
    np.add.at(mix, (rows, index[: len(at)]), 1 - share)
    np.add.at(mix, (rows, index[len(at) : -1]), share)
    # Thick slices are sampled more often along the leg.
    spread = (0.0, -0.4, 0.4, -0.2, 0.2) if thick_mm > 9.0 else (0.0, -0.33, 0.33)
    samples = unit_mm * places[:, None] + thick_mm * np.array(spread)
    return Stack(samples.astype(np.float32), int(index[-1]), mix)
