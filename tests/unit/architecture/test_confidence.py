"""Confidence intervals: their statistics, the wild bootstrap of the field, and whole muscles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imaging.architecture.compartments import uncut
from imaging.architecture.direction import principal_direction
from imaging.architecture.muscle import reconstruct_muscle
from imaging.architecture.replicas import FieldReplicas
from imaging.architecture.smoothing import Kernel
from imaging.architecture.uncertainty import interval, noise_bias, sampling_error
from imaging.config import FibreSettings
from imaging.geometry import fold_angle_deg, sheet_from_mask
from imaging.image import Image
from imaging.phantom.leg import rotation_matrix

SPACING = (2.0, 2.0, 4.0)


def tensors(angle_deg, shape) -> np.ndarray:
    """Return tensors of one direction in the x-z plane."""
    a = np.radians(angle_deg)
    e = np.array([np.sin(a), 0.0, np.cos(a)])
    full = 1.3e-3 * np.eye(3) + 0.6e-3 * np.outer(e, e)
    return np.broadcast_to(full[[0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]], (*shape, 6))


def noise(shape, rng, sigma=1e-4, blur=0.0) -> np.ndarray:
    drawn = rng.normal(0.0, sigma, (*shape, 6))
    return ndimage.gaussian_filter(drawn, (blur, blur, blur, 0), mode="wrap")


def replicas(tensor, kernel, spacing=SPACING) -> FieldReplicas:
    affine = np.diag([*spacing, 1.0])
    return FieldReplicas.build(tensor, affine, np.ones((1, *tensor.shape[:3])), kernel, [])


@given(st.floats(0.1, 50.0), st.floats(0.0, 0.02))
def test_a_small_shift_by_noise_is_extrapolated(value, shift):
    drawn = np.full(40, value * (1 + shift))
    assert noise_bias(value, drawn) == pytest.approx(value * shift, abs=2e-3 * value)


def test_what_is_noise_alone_is_biased_by_all_of_itself():
    rng = np.random.default_rng(1)
    length = np.linalg.norm(rng.normal(size=(200_000, 2)), axis=1).mean()
    twice = np.linalg.norm(np.sqrt(2) * rng.normal(size=(200_000, 2)), axis=1).mean()
    assert noise_bias(length, np.full(40, twice)) == pytest.approx(length, rel=0.1)


@settings(deadline=None)
@given(st.floats(0.0, 90.0), st.floats(0.0, 5.0), st.lists(st.floats(-4.0, 4.0), max_size=3))
def test_an_interval_holds_the_figure_with_and_without_bias(value, error, biases):
    low, high = interval(value, error, biases, 40)
    plain = interval(value, error, [], 40)
    assert low <= plain[0] <= value <= plain[1] <= high
    for bias in biases:
        assert low <= max(value - bias, 0.0) <= high or value - bias < 0
    assert low >= 0.0


def test_an_interval_without_bias_is_that_of_student():
    low, high = interval(30.0, 1.0, [], 11)
    assert high - 30 == pytest.approx(2.2281, abs=1e-4)
    assert 30 - low == pytest.approx(2.2281, abs=1e-4)


def test_other_seeds_would_give_what_neighbours_tell():
    rng = np.random.default_rng(3)
    corner = np.stack(np.meshgrid(*[np.arange(6.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
    found, told = [], []
    for _ in range(200):
        places = corner + rng.uniform(0, 1, corner.shape)
        values = np.sin(places[:, 0]) + 0.3 * places[:, 2]
        found.append(values.mean())
        told.append(sampling_error(values, np.full(len(values), 2.0), places))
    assert np.mean(told) == pytest.approx(np.std(found), rel=0.15)


@pytest.mark.parametrize("kernel", [Kernel(4.0, 1), Kernel(8.0, 2)])
@pytest.mark.parametrize("blur", [0.0, 0.6])
def test_replicas_turn_as_far_as_noise_does(kernel, blur):
    rng = np.random.default_rng(5)
    shape = (16, 16, 12)
    true = principal_direction(tensors(20.0, (1,)))[0]
    error, drawn, growth = [], [], []
    for _ in range(3):
        fields = replicas(tensors(20.0, shape) + noise(shape, rng, blur=blur), kernel)
        original = fields.original()[0]
        fields = fields.with_common_noise(rng)
        growth.append(fields.growth)
        error.append(np.sqrt(np.mean(fold_angle_deg(original, true) ** 2)))
        for _ in range(3):
            angle = fold_angle_deg(fields.noisy(rng)[0], original)
            drawn.append(np.sqrt(np.mean(angle**2)))
    assert np.mean(drawn) == pytest.approx(np.mean(error), rel=0.15)
    assert np.mean(growth) < 1.1 if blur == 0 else np.mean(growth) > 1.7


def test_blocks_of_fine_voxels_lie_where_their_voxels_do():
    shape = (16, 12, 10)
    fields = replicas(tensors(10.0, shape) + 0.0, Kernel(12.0, 1), (1.5, 1.5, 3.0))
    assert fields.smooth.shape[1:4] == (8, 6, 10)
    assert np.allclose(fields.affine @ [0, 0, 0, 1], [0.75, 0.75, 0, 1])
    assert np.allclose(np.diag(fields.affine), [3.0, 3.0, 3.0, 1.0])


def test_a_straight_field_has_no_bias_of_smoothing_and_no_noise():
    fields = replicas(tensors(25.0, (12, 12, 10)), Kernel(4.0, 1))
    original = fields.original()
    assert fold_angle_deg(fields.smoothed_again(), original).max() < 0.1
    assert fold_angle_deg(fields.noisy(np.random.default_rng(1)), original).max() < 0.1


def test_voxels_cut_by_a_wall_are_not_whole():
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    affine[:3, 3] = [-13.0, -10.0, -10.0]
    fine = np.zeros((52, 40, 24), bool)
    fine[26] = True
    shifted = np.diag([0.5, 0.5, 1.0, 1.0])
    shifted[:3, 3] = [-13.0, -10.0, -10.0]  # the sheet stands at x = 0
    sheet = sheet_from_mask(fine, shifted)
    share = np.ones((13, 10, 6))
    share[:, 0] = 0.7
    whole = uncut(share, affine, [sheet])
    x = -13.0 + 2.0 * np.arange(13)
    assert not whole[:, 0].any()
    assert (whole[:, 5, 3] == (np.abs(x) > 1.0 + 1e-6)).all()


def plate(spacing) -> Image:
    """Return a mask of 16 x 30 x 90 mm that lies askew in its grid."""
    turn = rotation_matrix(np.radians([8.0, -9.0, 10.0]))
    shape = np.ceil(np.array([44, 44, 110]) / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2)
    image = Image(np.zeros(shape, bool), affine)
    p = np.abs(image.to_world(np.argwhere(~image.data))).reshape(*shape, 3)
    return image.with_data((p[..., 0] < 8) & (p[..., 1] < 15) & (p[..., 2] < 45))


def noisy_scan(sigma, seed) -> Image:
    grid = plate((2.0, 2.0, 4.0))
    rng = np.random.default_rng(seed)
    return grid.with_data(tensors(20.0, grid.shape) + noise(grid.shape, rng, sigma))


def measured(result):
    return {m.measure: m for m in result.measures}


def test_intervals_hold_the_truth_of_a_noisy_plate_and_widen_with_noise():
    mask, options = plate((1.25, 1.25, 2.5)), FibreSettings(bootstrap=12)
    t, theta, height = 16.0, np.radians(20.0), 90.0
    full, rise = t / np.sin(theta), t / np.tan(theta)
    length = full * (height - rise / 3) / height  # corners have shorter fascicles
    width = {}
    for sigma in (5e-5, 2e-4):
        found = measured(reconstruct_muscle(107, mask, noisy_scan(sigma, 1), options))
        assert found["pennation_line"].ci_low < 20.0 < found["pennation_line"].ci_high
        assert found["fascicle_length"].ci_low < length < found["fascicle_length"].ci_high
        area = found["pcsa_anatomical"]
        assert area.ci_low < area.value < area.ci_high
        line = found["pennation_line"]
        width[sigma] = line.ci_high - line.ci_low
        assert "noise" in line.note
    assert width[2e-4] > 2.0 * width[5e-5]


def test_no_replicas_no_interval():
    result = reconstruct_muscle(
        107, plate((2.0, 2.0, 3.0)), noisy_scan(1e-4, 2), FibreSettings(bootstrap=0)
    )
    found = measured(result)["fascicle_length"]
    assert found.value is not None
    assert found.ci_low is None
    assert "interval" not in found.note


def test_same_seed_same_interval():
    mask, tensor, options = plate((1.5, 1.5, 3.0)), noisy_scan(1e-4, 3), FibreSettings(bootstrap=2)
    a, b = (reconstruct_muscle(107, mask, tensor, options).measures for _ in range(2))
    assert a == b
