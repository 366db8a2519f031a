"""The direction field: exact where it is known, also at borders and beside a sheet."""

import numpy as np
import pytest

from imaging.architecture.direction import fit_directions, principal_direction
from imaging.geometry import fold_angle_deg


def tensors(directions: np.ndarray) -> np.ndarray:
    d = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    full = 1.3e-3 * np.eye(3) + 0.6e-3 * d[..., :, None] * d[..., None, :]
    return full[..., [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]].astype(np.float32)


def fan(shape: tuple, spacing: tuple, per_mm: float) -> np.ndarray:
    """Directions in the x-z plane that turn with x."""
    x = np.indices(shape)[0] * spacing[0]
    angle = per_mm * (x - x.mean())
    return np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)


def test_axis_of_a_tensor():
    rng = np.random.default_rng(0)
    want = rng.normal(size=(50, 3))
    assert fold_angle_deg(principal_direction(tensors(want)), want).max() < 0.05
    assert (principal_direction(tensors(want))[:, 2] >= 0).all()


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 1.5), (1.5, 1.5, 5.0)])
def test_borders_do_not_pull_the_direction(spacing):
    shape = (16, 12, 12)
    want = fan(shape, spacing, np.radians(1.0))  # 17 per metre, as in soleus
    weight = np.zeros((1, *shape), np.float32)
    weight[0, 3:13, 2:10, 2:10] = 1
    data = tensors(want)
    data[weight[0] == 0] = tensors(np.array([1.0, 0, 0]))  # a neighbour that must not leak in
    field = fit_directions(data, weight, np.array(spacing), 3.0)
    error = fold_angle_deg(field.vectors[0], want)
    assert error[weight[0] > 0].max() < 0.6
    # One voxel beyond the mask the field goes on.
    assert error[2, 3:9, 3:9].max() < 1.5


def test_smoothing_reduces_noise_without_leaning():
    rng = np.random.default_rng(1)
    shape, spacing = (24, 24, 16), (2.0, 2.0, 4.0)
    want = fan(shape, spacing, np.radians(0.8))
    data = tensors(want) + rng.normal(0, 1.0e-4, (*shape, 6)).astype(np.float32)
    weight = np.ones((1, *shape), np.float32)
    single = fold_angle_deg(principal_direction(data), want)
    field = fit_directions(data, weight, np.array(spacing), 4.0)
    smooth = fold_angle_deg(field.vectors[0], want)
    assert np.median(single) > 5
    assert np.median(smooth) < 0.25 * np.median(single)
    tilt = np.degrees(np.arctan2(field.vectors[0][..., 0], field.vectors[0][..., 2]))
    true_tilt = np.degrees(np.arctan2(want[..., 0], want[..., 2]))
    assert abs(np.mean(tilt - true_tilt)) < 0.15
    # Dispersion speaks of the single voxel's error.
    rms = np.sqrt(np.mean(single**2))
    assert np.median(field.dispersion_deg) == pytest.approx(rms, rel=0.15)


def test_outlying_voxels_are_left_out():
    shape = (14, 14, 14)
    want = np.broadcast_to([0.0, 0.3, 1.0], (*shape, 3))
    rng = np.random.default_rng(2)
    data = tensors(want) + rng.normal(0, 2e-5, (*shape, 6)).astype(np.float32)
    bad = rng.random(shape) < 0.03
    data[bad] = tensors(np.array([1.0, 0, 0])) * 2.0
    field = fit_directions(data, np.ones((1, *shape)), np.array([2.0, 2.0, 2.0]), 3.0)
    assert np.median(fold_angle_deg(field.vectors[0], want)) < 0.5
    assert (field.certainty[bad] == 0).mean() > 0.95


def test_nothing_known_far_from_the_muscle():
    weight = np.zeros((1, 30, 10, 10), np.float32)
    weight[0, :5] = 1
    data = tensors(np.broadcast_to([0.0, 0, 1], (30, 10, 10, 3)))
    field = fit_directions(data, weight, np.array([2.0, 2.0, 2.0]), 3.0)
    assert (field.vectors[0, 20:] == 0).all()


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 4.0), (1.2, 1.2, 1.2)])
def test_more_noise_asks_for_wider_kernels(spacing):
    """The chosen width grows with noise, and is about as good as the best of them all."""
    shape = tuple(int(n / h) for n, h in zip((40, 36, 48), spacing, strict=True))
    x = np.indices(shape)[0] * spacing[0]
    angle = 0.35 * np.sin(2 * np.pi * x / 40.0)  # turns both ways, as no straight line does
    clean = tensors(np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1))
    weight = np.ones((1, *shape), np.float32)
    want = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    widths = []
    for noise in (1e-5, 3e-4):
        rng = np.random.default_rng(3)
        data = clean + rng.normal(0, noise, (*shape, 6)).astype(np.float32)
        field = fit_directions(data, weight, np.array(spacing))
        error = np.median(fold_angle_deg(field.vectors[0], want))
        others = [
            np.median(
                fold_angle_deg(
                    fit_directions(data, weight, np.array(spacing), sigma).vectors[0], want
                )
            )
            for sigma in (2.5, 5.0, 10.0)
        ]
        assert error < 1.3 * min(others)
        widths.append(field.kernel.sigma_mm / field.kernel.order)
    assert widths[1] > widths[0]
