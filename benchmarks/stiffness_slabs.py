"""|G*| of every muscle in noise and thin slabs: legs of two bodies, 3 to 40 slices, noisy waves.

    python -m benchmarks.stiffness_slabs [--bodies 1 3] [--slices 40 10 5 3] [--snr 30 15]
        [--first 1 3] [--drivers 3] [--muscles] [--published]

Waves are solved on 2 mm (kept in ``scratch/``, not in git; some ten minutes once) and acquired on
2.5 mm voxels of a grid tilted against it: wrapped phase, 3 directions, 8 offsets, 40, 50 and 60 Hz.
`--first F` adds noise to the first harmonic alone, as pulsation and table motion do, until it holds
F times the amplitude of noise in the other bins. Per method: median and worst error of |G*| among
muscles that the product calls measured, how many it flags or withholds, silent failures (error
above 20 %, no flag, interval excludes the truth), and the share of intervals that hold the truth.
`--published` adds the formulas of the papers as their authors apply them, without intervals.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from imaging.elastography.waves import WaveField, WaveImages, harmonic_field
from imaging.image import Image
from imaging.phantom.leg import Leg, make_leg
from imaging.phantom.moduli import paint
from imaging.phantom.mre import (
    DENSITY,
    OFFSETS,
    Preset,
    displacement,
    encode,
    points_of,
    slab_box,
    turned_grid,
)

CACHE = Path(__file__).parent.parent / "scratch" / "elastography"
FREQUENCIES = (40.0, 50.0, 60.0)
VOXEL_MM, TALL = 2.5, 40
SOLVER = Preset(2.0, 16.0, 136.0, 18.0, (VOXEL_MM,) * 3, TALL, 30.0)
TILT = Rotation.from_euler("xyz", [3, -4, 6], degrees=True).as_matrix()


@dataclass(frozen=True)
class Scene:
    """Waves of a leg with the truth on their grid."""

    images: list[WaveImages]
    tissue: NDArray[np.bool_]
    labels: NDArray[np.integer[Any]]
    modulus: NDArray[np.complexfloating[Any, Any]]
    affine: NDArray[Any]

    def fields(self) -> list[WaveField]:
        """Return the harmonic fields."""
        return [harmonic_field(one) for one in self.images]


def solved(leg: Leg, body: int, frequency: float, drivers: int) -> Image:
    """Return the displacement of the drivers, solved once."""
    path = CACHE / f"slab-{body}-{frequency:g}.npz"
    if not path.is_file():
        waves = displacement(leg, preset=SOLVER, drivers=3, frequency_hz=frequency)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, data=waves.data, affine=waves.affine)
    kept = np.load(path)
    return Image(kept["data"][..., :drivers], kept["affine"])


def scene(
    body: int, slices: int, snr: float, first: float, drivers: int = 3,
    frequencies: tuple[float, ...] = FREQUENCIES,
) -> Scene:  # fmt: skip
    """Return the waves of a leg as acquired."""
    leg, rng = make_leg(body), np.random.default_rng([body, slices, int(snr), int(10 * first)])
    low, high = slab_box(leg, TALL * VOXEL_MM)
    across = np.ceil(((high - low)[:2] + 8) / VOXEL_MM).astype(int)
    shape = (int(across[0]), int(across[1]), slices)
    affine = turned_grid((low + high) / 2, shape, VOXEL_MM, TILT)
    labels = leg.labels(points_of(shape, affine)).reshape(shape)
    modulus, signal = paint(labels)
    like = Image(np.zeros(shape, np.uint8), affine)
    out = []
    for frequency in frequencies:
        waves = solved(leg, body, frequency, drivers)
        phase, magnitude = encode(waves, like, signal, TILT.T, snr=snr, rng=rng)
        if first > 1:
            phase = _shaken(phase, signal, snr, first, rng)
        weight = magnitude.reshape(*shape, -1).mean(-1) * (signal > 0)
        out.append(WaveImages(phase, weight, affine, TILT.T, frequency, DENSITY))
    muscles = np.where((labels > 0) & (labels % 100 <= 14), labels, 0)
    return Scene(out, signal > 0.3, muscles, modulus, affine)


def _shaken(
    phase: NDArray[Any], signal: NDArray[Any], snr: float, first: float, rng: np.random.Generator
) -> NDArray[Any]:
    """Add noise to the first harmonic (I, J, K, D, n, R) until its amplitude is `first` times."""
    # An offset's phase has SD 1 / (snr signal); an amplitude of a bin sqrt(2 / n) of it per part.
    sd = np.sqrt((first**2 - 1) * 2 / OFFSETS) / (snr * np.maximum(signal, 0.05))
    steps = np.exp(2j * np.pi * np.arange(OFFSETS) / OFFSETS)
    shape = (*phase.shape[:4], phase.shape[5])
    noise = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    noise *= sd[..., None, None]
    more = (noise[..., None, :] * steps[:, None]).real
    return np.angle(np.exp(1j * (phase + more))).astype(np.float32)
