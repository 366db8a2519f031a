"""Random anatomy and random contrast of one synthetic image.

Everything grows with the difficulty: 0 is the leg as it is in a plain contrast, 1 is more than
people and scanners differ. Training starts mild and widens.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from imaging.phantom.leg import rotation_matrix
from imaging.segmentation.inputs import CLASSES, NEIGHBOUR_MM
from imaging.training.legs import SPACING_MM, TrainingLeg
from imaging.training.render import (
    AT_CORTEX_FIB,
    AT_CORTEX_TIB,
    MUSCLES,
    T_AIR,
    T_CARTILAGE,
    T_CORTEX,
    T_FASCIA,
    T_FILLER,
    T_MARROW,
    T_MUSCLE,
    T_OTHER_BONE,
    T_OTHER_MUSCLE,
    T_SKIN,
    T_TENDON,
    TISSUES,
)

Float32 = NDArray[np.float32]
SIZE = 112
THICK_SAMPLES = 3
# Water and fat of air, skin, fat, filler, tendon, cortex, marrow, fascia, cartilage, other bone,
# other muscle.
_WATER = np.array([0.0, 0.60, 0.08, 0.30, 0.15, 0.05, 0.08, 0.20, 1.1, 0.08, 1.0])
_FAT = np.array([0.0, 0.25, 1.00, 0.70, 0.03, 0.02, 0.95, 0.05, 0.0, 0.95, 0.03])


@dataclass(frozen=True)
class Look:
    """Signals of tissues and what the scan does with them.

    Attributes
    ----------
    water, fats : (TISSUES,) float32
        Signals; muscle's water is about 1.
    phase : float
        Angle between fat and water, rad.
    widths : (6,) float32
        See ``render.tissue_at``.
    fat_mm : float
        Thickness of subcutaneous fat.
    infiltration : float
        Mean share of fat in muscle.
    infiltrated : (MUSCLES,) float32
        How much more than the mean each muscle is infiltrated.
    """

    water: Float32
    fats: Float32
    phase: float
    widths: Float32
    fat_mm: float
    infiltration: float
    infiltrated: Float32


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
    return warp


def draw_fields(rng: np.random.Generator, look: Look, difficulty: float) -> Float32:
    """Return fields for fat thickness, visible fascia, and share of fat in muscle."""
    out = np.zeros((3, SIZE, SIZE), np.float32)
    broad = smooth_noise(rng, 3, 3)
    out[0] = np.exp(0.35 * np.clip(broad[0], -2, 2))
    out[1] = np.clip(0.9 + (0.2 + 0.8 * difficulty) * broad[1], 0, 1.4)
    if look.infiltration > 0:
        fine = smooth_noise(rng, int(rng.integers(18, 45)), 1)[0]
        out[2] = np.clip(look.infiltration * (1 + 0.6 * broad[2] + 1.2 * fine), 0, 0.9)
    return out


def draw_look(rng: np.random.Generator, difficulty: float) -> Look:
    """Draw a contrast: T1-like, opposed phase, water or diffusion, T2-like, fat, or random."""
    families = np.array([0.30, 0.20, 0.22, 0.11, 0.03, 0.14 * difficulty])
    family = int(rng.choice(6, p=families / families.sum()))
    jitter = 1 + (0.1 + 0.3 * difficulty) * rng.uniform(-1, 1, (2, len(_WATER)))
    water, fats = _WATER * jitter[0], _FAT * jitter[1]
    fats[T_FILLER] *= rng.uniform(0.4, 1.2)
    bright = [
        rng.uniform(0.8, 3.0), rng.uniform(0.6, 2.2), rng.uniform(0.0, 0.2),
        rng.uniform(0.4, 2.5), rng.uniform(4.0, 12.0), 0.0,
    ][family]  # fmt: skip
    phase = [0.0, np.pi, rng.uniform(0, np.pi), 0.0, 0.0, 0.0][family]
    if family in (0, 3) and rng.random() < 0.2 * difficulty:
        phase = rng.uniform(0, np.pi)
    if family == 3:
        water[[T_SKIN, T_FILLER, T_CARTILAGE]] *= rng.uniform(0.5, 3.0, 3)
    if family == 5:
        water = rng.uniform(0.0, 2.5, len(water))
        water[T_AIR], water[T_OTHER_MUSCLE] = 0.0, 1.0
        water[T_OTHER_BONE] = water[T_MARROW]
        if rng.random() < 0.7:
            water[[T_CORTEX, T_FASCIA, T_TENDON]] *= 0.2
    table_water = np.ones(TISSUES, np.float32)
    table_fat = np.full(TISSUES, fats[T_OTHER_MUSCLE] * bright, np.float32)
    table_water[:T_MUSCLE], table_fat[:T_MUSCLE] = water, fats * bright
    spread = (0.02 + 0.08 * difficulty) * rng.random()
    table_water[T_MUSCLE:] *= np.exp(spread * rng.standard_normal(MUSCLES))
    thickness = _draw_thickness(rng, difficulty)
    # Fat replaces one muscle and spares its neighbour.
    infiltrated = np.exp(0.8 * difficulty * rng.standard_normal(MUSCLES)).astype(np.float32)
    return Look(table_water, table_fat, float(phase), *thickness, infiltrated)


def _draw_thickness(rng: np.random.Generator, difficulty: float) -> tuple[Float32, float, float]:
    """Draw widths of skin, fascia, gaps and cortex, thickness of fat, fat in muscle."""
    gap = rng.uniform(0.3, 2.2) if rng.random() < 0.15 + 0.25 * difficulty else 0.0
    widths = [
        rng.uniform(0.0, 2.5), rng.uniform(0.2, 1.3), gap, rng.uniform(1.5, 5.5),
        rng.uniform(1.0, 3.5), rng.uniform(0.5, 2.5),
    ]  # fmt: skip
    # Thin people and thin shins have next to no fat under the skin.
    fat = float(np.exp(rng.uniform(np.log(0.4), np.log(8 + 14 * difficulty))))
    infiltrated = rng.random() < 0.5
    infiltration = float(rng.uniform(0, 0.05 + 0.30 * difficulty)) if infiltrated else 0.0
    return np.array(widths, np.float32), fat, infiltration


def cortex_at(widths: Float32, height: float) -> Float32:
    """Return the widths at a height: towards its ends a bone's cortex grows thin."""
    out = widths.copy()
    thin = np.interp(height, [0.0, 0.15, 0.75, 0.95], [0.35, 1.0, 1.0, 0.35])
    out[[AT_CORTEX_TIB, AT_CORTEX_FIB]] *= np.float32(thin)
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
