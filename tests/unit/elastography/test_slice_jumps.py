"""Slices taken at other moments of the vibration are put in line, and said."""

import numpy as np
import pytest
from waves_for_tests import modulus, plane_waves

from imaging.elastography.fields import frequency_field, harmonic_fields
from imaging.elastography.mdev import mdev
from imaging.elastography.notes import wave_warnings
from imaging.elastography.waves import harmonic_field

AFFINE = np.diag([2.0, 2.0, 2.5, 1.0])
SHAPE = (28, 26, 12)
STEPS = np.exp(2j * np.pi * np.arange(8) / 8)


def apart(jumps, across=2):
    """Waves whose slices were taken at other phases of the vibration."""
    images = plane_waves(AFFINE, SHAPE, stiffness=modulus(), noise=0.02, amplitude=0.8, still=False)
    series = np.fft.fft(np.unwrap(images.phase, axis=4), axis=4)
    turn = np.exp(1j * jumps).reshape([-1 if a == across else 1 for a in range(3)])[..., None, None]
    series[..., 1, :] *= turn
    series[..., 7, :] *= turn.conj()
    images.phase[:] = np.angle(np.exp(1j * np.fft.ifft(series, axis=4).real))
    return images


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_waves_have_no_jumps(noise):
    images = plane_waves(AFFINE, SHAPE, stiffness=modulus(), noise=noise)
    assert not harmonic_field(images).slice_jumps.any()


@pytest.mark.parametrize(
    "jumps",
    [0.8 * (np.arange(12) % 2), np.random.default_rng(2).uniform(-0.5, 0.5, 12)],
    ids=["interleaved", "random"],
)
def test_jumps_are_taken_out(jumps):
    mask = np.ones(SHAPE, bool)
    found = harmonic_field(apart(jumps))
    got = found.slice_jumps.mean((0, 1))
    # Waves bend a little, too: a tenth of a radian over the slab.
    line = np.polyfit(np.arange(12), jumps, 1)
    np.testing.assert_allclose(got, jumps - np.polyval(line, np.arange(12)), atol=0.15)
    stiffness = mdev([found], mask).maps["stiffness"].values[5:-5, 5:-5, 3:-3]
    assert np.median(stiffness) == pytest.approx(1000, rel=0.06)


def test_they_are_said():
    images, tissue = apart(0.8 * (np.arange(12) % 2)), np.ones(SHAPE, bool)
    found = harmonic_fields([frequency_field(images, None, tissue)], tissue)
    assert found.facts["slice_jump_rad"][0] == pytest.approx(0.4, abs=0.05)
    assert any("other moments of the vibration" in w for w in wave_warnings(found, 2.0))
