"""Fat fraction and T2 from whichever images there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.composition import complex_fit, magnitude_fit, parts
from imaging.composition.t2 import fit_t2
from imaging.image import Image

# Of the 95th percentile of the signal, below which a voxel is air.
_AIR = 0.08
_RAYLEIGH_MEDIAN = 1.1774


@dataclass(frozen=True)
class Echoes:
    """Gradient or spin echoes on one grid.

    Attributes
    ----------
    magnitudes : Image
        (I, J, K, N).
    echo_s : (N,) array
        Rising.
    field_t : float
        0 where not known (spin echoes).
    phases : (I, J, K, N) array or None
        rad.
    """

    magnitudes: Image
    echo_s: FloatArray
    field_t: float = 0.0
    phases: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class FatFraction:
    """Share of fat at each voxel, percent, NaN where not known, and how it was found."""

    percent: Image
    method: str
    at_most: float = 100.0


def of_echoes(echoes: Echoes) -> FatFraction:
    """Return the fat fraction from three gradient echoes or more."""
    image = echoes.magnitudes
    inside = signal_mask(image.data.mean(axis=-1))
    n = len(echoes.echo_s)
    if echoes.phases is not None:
        signal = image.data * np.exp(1j * echoes.phases)
        found = complex_fit.water_fat(
            signal.astype(np.complex64), echoes.echo_s, echoes.field_t, inside, image.spacing
        ).fraction
        method, most = f"{n} gradient echoes with their phase, six peaks of fat, one R2*", 100.0
    else:
        found = magnitude_fit.fat_fraction(image.data, echoes.echo_s, echoes.field_t, inside)
        most = 100.0 if n >= magnitude_fit.FEWEST_FOR_BOTH else 50.0
        method = f"magnitudes of {n} gradient echoes, six peaks of fat, one R2*"
    return FatFraction(image.with_data(100 * found), method, most)


def of_water_and_fat(water: Image, fat: Image) -> FatFraction:
    """Return the fat fraction from the water and fat images of a scanner."""
    inside = signal_mask(water.data + fat.data)
    found = parts.of_water_and_fat(water.data, fat.data, inside)
    return FatFraction(water.with_data(100 * found), "the scanner's water and fat images")


def of_in_and_out(in_phase: Image, out_of_phase: Image) -> FatFraction:
    """Return the fat fraction from images in phase and out of phase."""
    inside = signal_mask(in_phase.data + out_of_phase.data)
    found = parts.of_in_and_out(in_phase.data, out_of_phase.data, inside)
    method = "two magnitudes, in phase and out of phase"
    return FatFraction(in_phase.with_data(100 * found), method, 50.0)


def t2_of(echoes: Echoes) -> Image:
    """Return T2, ms, from four spin echoes or more; NaN where not known."""
    data = echoes.magnitudes.data
    mean = data.mean(axis=-1)
    inside = signal_mask(mean)
    found = fit_t2(data, 1000 * echoes.echo_s, inside, noise_of(data, inside))
    return echoes.magnitudes.with_data(found)


def signal_mask(mean: FloatArray) -> BoolArray:
    """Return where an image (I, J, K) holds more than air."""
    bright = np.percentile(mean, 95)
    return np.asarray(mean > _AIR * bright)


def noise_of(data: FloatArray, inside: BoolArray) -> float:
    """Return the standard deviation of one channel from the air of the last echo; 0 without air."""
    air = data[..., -1][~inside]
    air = air[air > 0]
    return float(np.median(air) / _RAYLEIGH_MEDIAN) if len(air) > 1000 else 0.0
