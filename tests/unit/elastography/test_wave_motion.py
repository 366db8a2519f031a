"""Motion between volumes: found in the magnitude, taken out of the phase, left alone where none."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.elastography.motion import correct_motion
from imaging.elastography.waves import WaveImages

TURN = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix()
AFFINE = np.eye(4)
AFFINE[:3, :3] = TURN * [2.5, -2.5, 4.0]  # oblique, left-handed, anisotropic


def scene(shape, snr=30.0, moved=None, seed=0):
    """Magnitude and phase of a textured leg; one volume shifted and turned, in world axes."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).astype(float)
    centre = (np.array(shape) - 1) / 2
    texture = ndimage.gaussian_filter(rng.standard_normal(shape), 1.5)
    texture /= texture.std()
    inside = np.hypot(*(grid - centre)[..., :2].transpose(3, 0, 1, 2)) < 0.38 * shape[0]
    body = ndimage.gaussian_filter(np.where(inside, 1 + 0.2 * texture, 0.02), 0.6)
    still = 0.25 * grid[..., 0] + 0.1 * grid[..., 1]
    frames = (3, 4, 1)
    magnitude = np.empty((*shape, *frames), np.float32)
    phase = np.empty_like(magnitude)
    for d, n, r in np.ndindex(frames):
        signal = body * np.exp(1j * (still + np.sin(grid[..., 2] + n)))
        if moved and (d, n) == moved[0]:
            spacing = np.linalg.norm(AFFINE[:3, :3], axis=0)
            axes = AFFINE[:3, :3] / spacing
            shift = axes.T @ moved[1]
            turn = axes.T @ Rotation.from_rotvec(np.radians(moved[2])).as_matrix() @ axes
            matrix = turn.T * spacing / spacing[:, None]
            offset = centre - matrix @ (centre + shift / spacing)
            run = {"order": 3, "mode": "nearest"}
            signal = ndimage.affine_transform(signal.real, matrix, offset, **run) + (
                1j * ndimage.affine_transform(signal.imag, matrix, offset, **run)
            )
        signal = signal + (rng.standard_normal((2, *shape)).T @ [1, 1j]).T / snr
        magnitude[..., d, n, r], phase[..., d, n, r] = np.abs(signal), np.angle(signal)
    weight = magnitude.mean((3, 4, 5))
    images = WaveImages(phase, weight, AFFINE, np.eye(3), 60.0, 1000.0)
    return images, magnitude, ndimage.binary_erosion(inside, np.ones((5, 5, 1)))


def error(images, clean, mask):
    """Phase error of the moved volume, radians."""
    wrong = np.exp(1j * (images.phase[..., 1, 2, 0] - clean.phase[..., 1, 2, 0]))
    return np.sqrt(np.mean(np.angle(wrong[mask]) ** 2))


def test_a_moved_volume_is_moved_back():
    shift, turn = np.array([1.5, -1.0, 2.0]), np.array([0.5, 2.0, -1.0])
    images, magnitude, mask = scene((40, 40, 16), moved=((1, 2), shift, turn))
    clean, _, _ = scene((40, 40, 16))
    mask[:, :, [0, 1, 2, -3, -2, -1]] = False
    fixed, motion = correct_motion(images, magnitude, mask)
    assert motion.corrected.sum() == 1
    assert motion.corrected[1, 2, 0]
    # Against the mean of twelve volumes, of which it is one.
    np.testing.assert_allclose(motion.trace[1, 2, 0, :3], shift * 11 / 12, atol=0.25)
    np.testing.assert_allclose(motion.trace[1, 2, 0, 3:], turn * 11 / 12, atol=0.4)
    assert error(fixed, clean, mask) < 0.35 * error(images, clean, mask)


def test_still_volumes_are_left_alone():
    images, magnitude, mask = scene((32, 32, 10), snr=15.0)
    fixed, motion = correct_motion(images, magnitude, mask)
    assert not motion.corrected.any()
    np.testing.assert_array_equal(fixed.phase, images.phase)


@pytest.mark.parametrize("slices", [1, 3])
def test_few_slices_move_in_their_plane(slices):
    axes = AFFINE[:3, :3] / np.linalg.norm(AFFINE[:3, :3], axis=0)
    shift = 2.0 * axes[:, 0]
    images, magnitude, mask = scene((40, 40, slices), moved=((1, 2), shift, np.zeros(3)))
    _, motion = correct_motion(images, magnitude, mask)
    assert motion.corrected[1, 2, 0]
    np.testing.assert_allclose(motion.trace[1, 2, 0, :3], shift * 11 / 12, atol=0.3)
