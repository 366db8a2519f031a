"""Fat fraction of known mixtures: echoes with and without phase, pairs of images."""

import numpy as np
import pytest

from imaging.composition import complex_fit, magnitude_fit, parts
from imaging.composition.spectrum import AMPLITUDES, SHIFTS_PPM, fat_signal

TIMES = np.array([1.2, 2.2, 3.2, 4.2, 5.2, 6.2]) * 1e-3
SHAPE, SPACING = (24, 20, 8), np.array([2.0, 2.0, 5.0])


def phantom(times, *, noise=0.0, field_t=3.0, off=120.0, peaks=(AMPLITUDES, SHIFTS_PPM)):
    """Return echoes (I, J, K, N), the fat fraction, and where there is signal."""
    rng = np.random.default_rng(3)
    x, y, _ = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    fraction = np.where(np.hypot(x, y) > 0.8, 0.92, 0.05 + 0.1 * (x > 0))
    inside = np.hypot(x, y) < 0.97
    amplitudes, shifts = peaks
    fat = np.exp(2j * np.pi * np.outer(times, shifts * 42.577 * field_t)) @ amplitudes
    field = off * x + 0.4 * off * y
    turn = np.exp(1j * (0.7 + 2 * np.pi * field[..., None] * times) - 40 * times)
    signal = ((1 - fraction)[..., None] + fraction[..., None] * fat) * turn * inside[..., None]
    signal = signal + noise * (rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape))
    return signal.astype(np.complex64), fraction, inside


@pytest.mark.parametrize("times", [TIMES, np.array([3.45, 4.60, 5.75]) * 1e-3])
@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_echoes_with_phase_tell_water_from_fat(times, field_t):
    signal, fraction, inside = phantom(times, noise=0.01, field_t=field_t)
    found = complex_fit.water_fat(signal, times, field_t, inside, SPACING).fraction
    away = (found - fraction)[inside]
    assert (np.abs(away) > 0.3).mean() < 0.01
    assert abs(np.median(away)) < 0.005
    assert np.isnan(found[~inside]).all()


def test_noise_of_absent_fat_averages_to_nothing():
    signal, _, _ = phantom(TIMES, noise=0.05)
    rng = np.random.default_rng(1)
    water = np.exp(-40 * TIMES) + 0.05 * (
        rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape)
    )
    found = complex_fit.water_fat(
        water.astype(np.complex64), TIMES, 3.0, np.ones(SHAPE, bool), SPACING
    ).fraction
    assert abs(found.mean()) < 0.004


def test_magnitudes_of_six_echoes_tell_both_ends():
    signal, fraction, inside = phantom(TIMES, noise=0.005)
    found = magnitude_fit.fat_fraction(np.abs(signal), TIMES, 3.0, inside)
    away = (found - fraction)[inside]
    assert abs(np.median(away)) < 0.005
    assert (np.abs(away) > 0.3).mean() < 0.05


def test_few_magnitudes_stay_below_one_half():
    signal, fraction, inside = phantom(TIMES[:3])
    found = magnitude_fit.fat_fraction(np.abs(signal), TIMES[:3], 3.0, inside)
    assert np.nanmax(found) <= 0.5
    muscle = inside & (fraction < 0.5)
    assert np.abs(found - fraction)[muscle].max() < 0.01


def test_another_spectrum_of_fat_costs_little():
    # Intramyocellular lipid has more of its signal near water.
    other = (np.array([0.06, 0.05, 0.02, 0.11, 0.66, 0.10]), SHIFTS_PPM + 0.05)
    signal, fraction, inside = phantom(TIMES, peaks=other)
    found = complex_fit.water_fat(signal, TIMES, 3.0, inside, SPACING).fraction
    muscle = inside & (fraction < 0.5)
    assert np.abs(np.median((found - fraction)[muscle])) < 0.01


def test_pairs_of_images():
    inside = np.array([[[True, True, False]]])
    water, fat = np.array([[[90.0, 0.0, 5.0]]]), np.array([[[10.0, 0.0, 5.0]]])
    found = parts.of_water_and_fat(water, fat, inside)
    assert found[0, 0, 0] == pytest.approx(0.1)
    assert np.isnan(found[0, 0, 1:]).all()
    found = parts.of_in_and_out(water + fat, np.abs(water - fat), inside)
    assert found[0, 0, 0] == pytest.approx(0.1)


def test_fat_has_the_phase_of_its_shift():
    # The main peak is opposed to water at 1.15 ms at 3 T and in phase at 2.30 ms.
    opposed, together = fat_signal(np.array([1.15e-3, 2.30e-3]), 3.0)
    assert opposed.real < -0.7 and together.real > 0.6
