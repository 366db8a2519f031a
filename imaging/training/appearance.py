"""Random tissue and random contrast of one synthetic image.

Everything grows with the difficulty: 0 is the leg as it is in a plain contrast, 1 is more than
people and scanners differ. Training starts mild and widens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.arrays import Float32
from imaging.segmentation.inputs import PIXEL_MM
from imaging.training.choices import FAMILIES, Choices
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
from imaging.training.shape import SIZE, smooth_noise

# Water and fat of air, skin, fat, filler, tendon, cortex, marrow, fascia, cartilage, other bone,
# other muscle.
_WATER = np.array([0.0, 0.60, 0.08, 0.30, 0.15, 0.05, 0.08, 0.20, 1.1, 0.08, 1.0])
_FAT = np.array([0.0, 0.25, 1.00, 0.70, 0.03, 0.02, 0.95, 0.05, 0.0, 0.95, 0.03])


@dataclass(frozen=True)
class Appearance:
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
    muscles : (2, MUSCLES) float32
        How much more than the mean each is infiltrated; 1 where a sheet runs within it.
    sheet : int
        Tissue of the sheets: aponeurosis or fat.
    echo_planar : bool
        Whether it is read out as diffusion images are.
    """

    water: Float32
    fats: Float32
    phase: float
    widths: Float32
    fat_mm: float
    infiltration: float
    muscles: Float32
    sheet: int
    echo_planar: bool


def draw_fields(rng: np.random.Generator, appearance: Appearance, difficulty: float) -> Float32:
    """Return the fields (4, SIZE, SIZE) of ``render.draw_slices``."""
    out = np.zeros((4, SIZE, SIZE), np.float32)
    broad = smooth_noise(rng, 3, 3)
    out[0] = np.exp(0.35 * np.clip(broad[0], -2, 2))
    out[1] = np.clip(0.9 + (0.2 + 0.8 * difficulty) * broad[1], 0, 1.4)
    if appearance.infiltration > 0:
        fine = smooth_noise(rng, int(rng.integers(18, 45)), 1)[0]
        out[2] = np.clip(appearance.infiltration * (1 + 0.6 * broad[2] + 1.2 * fine), 0, 0.9)
    if appearance.muscles[1].any():
        out[3] = _sheets(rng)
    return out


def _sheets(rng: np.random.Generator) -> Float32:
    """Return the share (SIZE, SIZE) of aponeuroses within muscles: bent lines at random places.

    Label maps have none; where images show one, it is no border between muscles.
    """
    at = (np.indices((SIZE, SIZE), dtype=np.float32) - 0.5 * (SIZE - 1)) * PIXEL_MM
    out = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        way = rng.uniform(0, np.pi)
        bent = smooth_noise(rng, 3, 2)
        line = np.cos(way) * at[0] + np.sin(way) * at[1] - rng.uniform(-45, 45) + 4.0 * bent[0]
        width = rng.uniform(0.3, 1.6) * np.clip(1 + 0.7 * bent[1], 0, 1.5)
        near = np.clip(0.5 + (0.5 * width - np.abs(line)) / PIXEL_MM, 0, 1)
        np.maximum(out, near * np.minimum(width / PIXEL_MM, 1), out=out)
    return out


def draw_appearance(rng: np.random.Generator, choices: Choices, difficulty: float) -> Appearance:
    """Draw a contrast of the family that was chosen."""
    family = FAMILIES.index(choices.family)
    jitter = 1 + (0.1 + 0.3 * difficulty) * rng.uniform(-1, 1, (2, len(_WATER)))
    water, fats = _WATER * jitter[0], _FAT * jitter[1]
    fats[T_FILLER] *= rng.uniform(0.4, 1.2)
    bright = [
        rng.uniform(0.8, 3.0), rng.uniform(0.6, 2.2), rng.uniform(0.0, 0.2),
        rng.uniform(0.4, 2.5), rng.uniform(4.0, 12.0), 0.0,
        rng.choice([0.1, 0.6, 1.6]) * rng.uniform(0.3, 1.0),
    ][family]  # fmt: skip
    phase = [0.0, np.pi, rng.uniform(0, np.pi), 0.0, 0.0, 0.0, rng.uniform(0, np.pi)][family]
    if family in (0, 3) and rng.random() < 0.2 * difficulty:
        phase = rng.uniform(0, np.pi)
    if family in (3, 6):
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
    thickness = _draw_thickness(rng, choices.septa, difficulty)
    # Fat replaces one muscle and spares its neighbour.
    muscles = np.zeros((2, MUSCLES), np.float32)
    muscles[0] = np.exp(0.8 * difficulty * rng.standard_normal(MUSCLES))
    if rng.random() < 0.5:
        muscles[1] = rng.random(MUSCLES) < 0.5
    sheet = T_FILLER if rng.random() < 0.25 else T_FASCIA
    return Appearance(table_water, table_fat, float(phase), *thickness, muscles, sheet,
                      family == 6)  # fmt: skip


def _draw_thickness(
    rng: np.random.Generator, septa: bool, difficulty: float
) -> tuple[Float32, float, float]:
    """Draw widths of skin, fascia, gaps and cortex, thickness of fat, fat in muscle."""
    gap = rng.uniform(0.3, 2.2) if rng.random() < 0.15 + 0.25 * difficulty else 0.0
    fascia = rng.uniform(0.2, 1.3)
    if not septa:
        gap, fascia = 0.0, rng.uniform(0.0, 0.2)
    widths = [
        rng.uniform(0.0, 2.5), fascia, gap, rng.uniform(1.5, 5.5),
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
