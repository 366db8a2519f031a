"""The harmonic gradient: sign, axes and units."""

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.elastography.displacement import derivative, harmonics
from imaging.elastography.waves import WaveImages, harmonic_field


def linear_images(affine, shape, gradient, directions, offsets=8):
    """Phase whose harmonic displacement has a constant world gradient (3, 3), d_a u_c, rad/m."""
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    world = (voxels @ affine[:3, :3].T) / 1000
    u = world @ gradient
    steps = np.exp(2j * np.pi * np.arange(offsets) / offsets)
    phase = np.einsum("ijkc,dc,n->ijkdn", u, directions, steps).real
    weight = np.ones(shape, np.float32)
    return WaveImages(phase[..., None].astype(np.float32), weight, affine, directions, 60.0, 1000.0)


def test_gradient_is_in_world_axes():
    rng = np.random.default_rng(0)
    gradient = 20 * (rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3)))
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", [20, 40, -70], degrees=True).as_matrix()
    affine[:3, :3] = turn * [2.0, -3.0, 1.5]
    directions = Rotation.from_euler("xyz", [10, -50, 30], degrees=True).as_matrix()
    field = harmonic_field(linear_images(affine, (9, 8, 7), gradient, directions))
    assert field.components_in_world
    np.testing.assert_allclose(field.gradient[4, 4, 3, :, :, 0], gradient, rtol=1e-3, atol=0.02)
    np.testing.assert_allclose(np.abs(field.gradient_of(field.still)[4, 4, 3]), 0, atol=0.02)


def test_curl_of_a_rotation():
    spin = np.array([3.0, -5.0, 2.0 + 4j])
    # u = spin x r, so d_a u_c = epsilon_cba spin_b, and its curl is 2 spin.
    gradient = np.cross(spin, np.eye(3))
    field = harmonic_field(linear_images(np.diag([2.0, 2, 2, 1]), (7, 7, 7), gradient, np.eye(3)))
    np.testing.assert_allclose(field.curl(field.gradient)[3, 3, 3, :, 0], 2 * spin, atol=0.02)


def test_derivative_is_taken_inside_the_mask_only():
    x = np.arange(20) * 2e-3
    values = np.broadcast_to((900 * x)[:, None, None], (20, 3, 3)).copy()
    values[12:] = 1e6
    valid = np.ones((20, 3, 3), bool)
    valid[12:] = False
    found = derivative(values, valid, 0, 2e-3)
    np.testing.assert_allclose(found[:12], 900, rtol=1e-4)
    assert not found[13:].any()


def test_derivative_of_a_short_wave():
    k = 2 * np.pi / 12e-3  # six voxels
    x = np.arange(40) * 2e-3
    values = np.broadcast_to(np.exp(1j * k * x)[:, None, None], (40, 2, 2))
    found = derivative(values, np.ones(values.shape, bool), 0, 2e-3)
    np.testing.assert_allclose(found[3:-3], 1j * k * values[3:-3], rtol=0.015)


def moving(amplitude, shape=(24, 20, 6), offsets=8):
    """Wrapped phase of a wave of an amplitude in rad, and its harmonic."""
    i, j, _ = np.indices(shape)
    true = amplitude * np.exp(-1j * 2 * np.pi * (i + 0.5 * j) / 16 - i / 10)
    steps = np.exp(2j * np.pi * np.arange(offsets) / offsets)
    phase = (true[..., None] * steps).real + 0.3 * i[..., None] + 1.0
    return np.angle(np.exp(1j * phase)).astype(np.float32), true


def test_harmonic_of_a_wave_that_wraps_in_time_too():
    phase, true = moving(6.0)  # steps of 4.6 rad between offsets
    assert np.abs(np.diff(np.unwrap(phase, axis=3), axis=3)).max() < np.pi
    found = harmonics(phase, np.ones(phase.shape[:3], bool), 2)
    np.testing.assert_allclose(found[..., 0], true, atol=0.01)
    np.testing.assert_allclose(found[..., 1], 0, atol=0.01)


def test_harmonic_is_zero_where_there_is_no_phase():
    phase, true = moving(2.0)
    valid = np.ones(phase.shape[:3], bool)
    valid[10:14] = False
    found = harmonics(phase, valid, 1)[..., 0]
    np.testing.assert_allclose(found[valid], true[valid], atol=0.01)
    assert not found[~valid].any()
