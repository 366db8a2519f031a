"""Time steps that do not fit the wave are left out and named; others stay as they are."""

import numpy as np
import pytest
from waves_for_tests import modulus, plane_waves

from imaging.elastography.fields import frequency_field, harmonic_fields
from imaging.elastography.notes import wave_warnings
from imaging.elastography.offsets import LeftOut, without_bad_offsets
from imaging.elastography.waves import harmonic_field

AFFINE = np.diag([2.0, 2.0, 2.5, 1.0])
SHAPE = (24, 22, 10)
TISSUE = np.ones(SHAPE, bool)


def waves(**options):
    given = {"noise": 0.03, "amplitude": 1.5} | options
    return plane_waves(AFFINE, SHAPE, stiffness=modulus(), **given)


def off(found, want):
    a, b = (f.displacement - f.displacement.mean((0, 1, 2)) for f in (found, want))
    return float(np.abs(a - b).mean() / np.abs(b).mean())


@pytest.mark.parametrize("offsets", [6, 8, 12])
@pytest.mark.parametrize("amplitude", [0.3, 1.5, 4.0])
def test_good_time_steps_stay(offsets, amplitude):
    images = waves(offsets=offsets, amplitude=amplitude)
    again, left_out = without_bad_offsets(images, TISSUE)
    assert left_out == ()
    assert again is images


@pytest.mark.parametrize("spoil", ["noise", "turned", "late"])
def test_a_bad_time_step_is_left_out(spoil):
    clean, images = waves(), waves()
    rng = np.random.default_rng(3)
    bad = images.phase[..., 1, 5, 0]
    if spoil == "noise":
        bad[:] = rng.uniform(-np.pi, np.pi, SHAPE)
    elif spoil == "turned":  # a jump of the scanner's phase, not the same everywhere
        bad[:] = np.angle(np.exp(1j * (bad + np.linspace(0.5, 2, SHAPE[0])[:, None, None])))
    else:  # a lost trigger: the next time step but one again
        bad[:] = images.phase[..., 1, 7, 0]
    found, left_out = without_bad_offsets(images, TISSUE)
    assert left_out == (LeftOut(1, 5, 0),)
    want = harmonic_field(clean)
    assert off(harmonic_field(found), want) < 0.03
    assert off(harmonic_field(images), want) > 2 * off(harmonic_field(found), want)


def test_few_time_steps_cannot_be_judged():
    images = waves(offsets=5)
    images.phase[..., 1, 2, 0] = 0
    assert without_bad_offsets(images, TISSUE)[1] == ()


def test_what_was_left_out_is_named():
    images = waves()
    images.phase[..., 0, 3, 0] = np.random.default_rng(1).uniform(-3, 3, SHAPE)
    found = harmonic_fields([frequency_field(images, None, TISSUE)], TISSUE)
    assert found.facts["left_out_offsets"] == [
        {"frequency_hz": 60.0, "direction": 1, "offset": 4, "driver": 1}
    ]
    text = " ".join(wave_warnings(found, 2.0))
    assert "time step 4 of direction 1, driver 1" in text
