"""The harmonic gradient: sign, axes and units."""

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.elastography.waves import WaveImages, harmonic_field, phase_gradient


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
    np.testing.assert_allclose(np.abs(field.noise[4, 4, 3]), 0, atol=0.02)


def test_curl_of_a_rotation():
    spin = np.array([3.0, -5.0, 2.0 + 4j])
    # u = spin x r, so d_a u_c = epsilon_cba spin_b, and its curl is 2 spin.
    gradient = np.cross(spin, np.eye(3))
    field = harmonic_field(linear_images(np.diag([2.0, 2, 2, 1]), (7, 7, 7), gradient, np.eye(3)))
    np.testing.assert_allclose(field.curl(field.gradient)[3, 3, 3, :, 0], 2 * spin, atol=0.02)


def test_gradient_across_a_wrap_and_at_a_border():
    x = np.arange(20) * 2e-3
    phase = np.broadcast_to((900 * x)[:, None, None], (20, 3, 3))
    weight = np.ones((20, 3, 3), np.float32)
    weight[12:] = 0
    found = phase_gradient(np.exp(1j * phase), weight, np.full(3, 2e-3))
    np.testing.assert_allclose(found[0, :12], 900, rtol=1e-4)
    assert not found[:, 13:].any()
