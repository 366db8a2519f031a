"""Three to twelve offsets, any set of encoding directions, jumps, and how much of it is a wave."""

import numpy as np
import pytest
from waves_for_tests import modulus, plane_waves

from imaging.elastography.spatial_noise import white_noise
from imaging.elastography.waves import harmonic_field

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (24, 22, 16)
HADAMARD = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


def field(**options):
    return harmonic_field(plane_waves(AFFINE, SHAPE, stiffness=modulus(), **options))


def centred(values):
    return values - values.mean((0, 1, 2))


@pytest.mark.parametrize("offsets", [3, 4, 5, 6, 8, 12])
def test_any_number_of_offsets_gives_the_same_wave(offsets):
    want, found = field(offsets=8, seed=3), field(offsets=offsets, seed=3)
    np.testing.assert_allclose(centred(found.displacement), centred(want.displacement), atol=2e-4)
    assert found.still.shape[-1] >= 1


@pytest.mark.parametrize("offsets", [3, 4, 8])
def test_noise_is_known_without_a_bin_for_it(offsets):
    noise = 0.05
    found = field(offsets=offsets, noise=noise, amplitude=0.6, still=False)
    # Var X = 2 (2/n) sigma^2, sigma of phase = noise of one channel.
    want = 4 * noise**2 / offsets
    assert (np.abs(found.still) ** 2).mean() == pytest.approx(want, rel=0.15)


@pytest.mark.parametrize("directions", [HADAMARD, np.vstack([np.eye(3), HADAMARD])])
def test_more_directions_than_three(directions):
    plain, found = field(seed=2), field(seed=2, directions=directions)
    assert found.components_in_world
    assert found.displacement.shape[3] == 3
    np.testing.assert_allclose(centred(found.displacement), centred(plain.displacement), atol=2e-4)


def test_jumps_of_whole_turns_between_frames_change_nothing():
    images = plane_waves(AFFINE, SHAPE, stiffness=modulus(), amplitude=2.5)
    found = harmonic_field(images)
    images.phase[:, :, :, 1, 3] += 2 * np.pi
    images.phase[:, :, :, 0, 5] -= 6 * np.pi
    again = harmonic_field(images)
    np.testing.assert_allclose(again.displacement, found.displacement, atol=1e-4)


def test_single_slice():
    images = plane_waves(AFFINE, (20, 20, 1), stiffness=modulus())
    found = harmonic_field(images)
    assert found.displacement.shape == (20, 20, 1, 3, 1)
    assert not found.gradient[:, :, :, 2].any()


def test_share_of_the_wave_falls_with_higher_harmonics_and_noise():
    images = plane_waves(AFFINE, SHAPE, stiffness=modulus(), amplitude=0.8)
    assert harmonic_field(images).share.min() > 0.999
    steps = np.exp(4j * np.pi * np.arange(8) / 8)
    first = harmonic_field(images).displacement[..., 0, 0]
    # Twice the frequency, half the amplitude, in one direction.
    second = (0.5 * first[..., None] * steps).real
    images.phase[:, :, :, 0, :, 0] += second
    share = harmonic_field(images).share
    power = np.abs(harmonic_field(images).displacement[..., 0]) ** 2
    want = power.sum(3) / (power.sum(3) + 0.25 * power[..., 0])
    np.testing.assert_allclose(share, want, atol=0.01)


def test_drawn_noise_is_the_same_twice():
    rng = np.random.default_rng(0)
    noisy = (rng.standard_normal((2, 20, 20, 12)).T @ [1, 1j]).T[..., None].astype(np.complex64)
    valid = np.ones(noisy.shape[:3], bool)
    valid[:5] = False
    draw = white_noise(noisy, valid)
    np.testing.assert_array_equal(draw, white_noise(noisy, valid))
    assert not draw[:5].any()
    assert (np.abs(draw[5:]) ** 2).mean() == pytest.approx(2, rel=0.1)
