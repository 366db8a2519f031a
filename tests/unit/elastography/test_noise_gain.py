"""Noise that the first harmonic holds beside that of the bins without motion."""

import numpy as np
import pytest
from waves_for_tests import modulus, plane_waves

from imaging.elastography.curl import curl_helmholtz
from imaging.elastography.mdev import mdev
from imaging.elastography.virtualfields import virtual_fields
from imaging.elastography.waves import harmonic_field

AFFINE = np.diag([2.0, 2.0, 2.5, 1.0])
SHAPE = (34, 32, 14)
NOISE = 0.03


def shaken(times, seed=5, offsets=8):
    """Waves whose first harmonic holds `times` the amplitude of noise of the other bins."""
    images = plane_waves(AFFINE, SHAPE, stiffness=modulus(), noise=NOISE, offsets=offsets)
    rng = np.random.default_rng(seed)
    shape = (*SHAPE, 3, 1, 1)
    more = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    more *= NOISE * np.sqrt((times**2 - 1) * 2 / offsets)
    steps = np.exp(2j * np.pi * np.arange(offsets) / offsets)[:, None]
    images.phase[:] += (more * steps).real
    return images


@pytest.mark.parametrize("times", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("offsets", [4, 8])
def test_noise_of_the_first_harmonic_is_known_apart_from_the_wave(times, offsets):
    found = harmonic_field(shaken(times, offsets=offsets))
    np.testing.assert_allclose(found.noise_gain, times, rtol=0.08)
    quiet = harmonic_field(shaken(1.0, offsets=offsets))
    ratio = np.abs(found.still).std() / np.abs(quiet.still).std()
    assert ratio == pytest.approx(times, rel=0.08)


def test_it_is_known_per_direction():
    images = shaken(1.0)
    images.phase[..., 1, :, :] = shaken(3.0).phase[..., 1, :, :]
    np.testing.assert_allclose(harmonic_field(images).noise_gain[:, 0], [1, 3, 1], rtol=0.1)


@pytest.mark.parametrize("method", [mdev, curl_helmholtz, virtual_fields])
def test_stiffness_hardly_moves_with_it(method):
    mask = np.ones(SHAPE, bool)
    for times in (1.0, 3.0):
        found = method([harmonic_field(shaken(times))], mask)
        name = "storage" if "storage" in found.maps else "stiffness"
        got = found.maps[name].values[found.mask]
        true = modulus().real if name == "storage" else 1000
        assert np.median(got) == pytest.approx(true, rel=0.06)


def test_a_mask_too_small_to_tell_keeps_what_the_other_bins_say():
    images = plane_waves(AFFINE, (6, 6, 3), stiffness=modulus(), noise=NOISE)
    np.testing.assert_array_equal(harmonic_field(images).noise_gain, 1)
