import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import ImageError
from imaging.image import Image
from imaging.musclemap.fusion import (
    MuscleSampler,
    eroded_labels,
    map_grid,
    muscle_statistics,
    sample,
    sample_directions,
)

OBLIQUE = np.array([[1.6, -0.9, 0.0, 10], [1.2, 1.2, 0.0, -20], [0.0, 0.0, 4.0, 5], [0, 0, 0, 1.0]])


def labels_with_block(affine=OBLIQUE, shape=(20, 22, 18)):
    data = np.zeros(shape, np.int16)
    data[6:14, 5:15, 4:14] = 209
    return Image(data, affine)


def test_grid_is_the_box_with_margin_and_keeps_places():
    labels = labels_with_block()
    grid = map_grid(labels, margin_mm=4.0)
    # 4 mm are two, three and one voxels along the axes (2, 1.5 and 4 mm).
    assert grid.shape == (8 + 4, 10 + 6, 10 + 2)
    np.testing.assert_allclose(grid.to_world([0, 0, 0]), labels.to_world([4, 2, 3]))


def test_grid_at_another_spacing_covers_the_same_field():
    labels = labels_with_block()
    fine, coarse = map_grid(labels, margin_mm=4.0), map_grid(labels, 3.0, margin_mm=4.0)
    np.testing.assert_allclose(coarse.spacing, 3.0)
    corner = [-0.5, -0.5, -0.5]
    np.testing.assert_allclose(coarse.to_world(corner), fine.to_world(corner))


def test_sheared_axes_are_refused():
    affine = OBLIQUE.copy()
    affine[0, 2] = 2.0
    with pytest.raises(ImageError, match="orthogonal"):
        map_grid(labels_with_block(affine))


def test_erosion_is_in_millimetres_on_anisotropic_voxels():
    eroded = eroded_labels(labels_with_block(), 3.5).data == 209
    # 3.5 mm: two voxels of 2 mm, three of 1.5 mm, one of 4 mm are nearer to the border.
    assert eroded.any(axis=(1, 2)).sum() == 8 - 4
    assert eroded.any(axis=(0, 2)).sum() == 10 - 4
    assert eroded.any(axis=(0, 1)).sum() == 10 - 2


def test_edge_of_the_field_of_view_is_no_border():
    data = np.zeros((12, 12, 10), np.int16)
    data[3:9, 3:9, :] = 101
    eroded = eroded_labels(Image(data, np.eye(4)), 1.0).data
    assert (eroded[5, 5] == 101).all()


def test_neighbouring_muscles_erode_each_other_and_bones_go():
    data = np.full((20, 10, 10), 101, np.int16)
    data[10:] = 109
    data[:, :2] = 121
    eroded = eroded_labels(Image(data, np.eye(4)), 2.0).data
    assert 121 not in eroded
    assert (eroded[9:11] == 0).all()
    assert eroded[3, 8, 5] == 101
    assert eroded[16, 8, 5] == 109


@settings(max_examples=20, deadline=None)
@given(st.floats(-50, 50), st.tuples(*[st.floats(-2, 2)] * 3))
def test_a_linear_field_is_kept_between_oblique_grids(offset, slope):
    source = Image(np.zeros((24, 24, 20), np.float32), OBLIQUE)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in source.shape], indexing="ij"), -1)
    field = source.to_world(index) @ slope + offset
    target = Image(np.zeros((9, 8, 7)), np.diag([1.0, 1.0, 1.0, 1.0]))
    target.affine[:3, 3] = source.to_world([11, 11, 9])
    values = sample(source.with_data(field.astype(np.float32)), target)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in target.shape], indexing="ij"), -1)
    truth = target.to_world(index) @ slope + offset
    known = np.isfinite(values)
    assert known.any()
    np.testing.assert_allclose(values[known], truth[known], atol=1e-2)


def test_what_was_not_measured_is_nan_and_does_not_dilute():
    data = np.full((10, 10, 10), 7.0, np.float32)
    mask = np.zeros(data.shape, bool)
    mask[:5] = True
    data[5:] = 0
    fine = Image(np.zeros((40, 10, 10)), np.diag([0.25, 1, 1, 1.0]))
    values = sample(Image(data, np.eye(4)), fine, Image(mask, np.eye(4)))
    known = np.isfinite(values)
    np.testing.assert_allclose(values[known], 7.0)
    assert known[:18].all()
    assert not known[19:].any()


def test_stiff_neighbour_does_not_leak_into_a_muscle():
    data = np.full((20, 12, 12), 101, np.int16)
    data[10:] = 109
    labels = Image(data, np.eye(4))
    coarse = Image(np.zeros((7, 4, 4), np.float32), np.diag([3, 3, 3, 1.0]))
    coarse.affine[:3, 3] = 1
    stiffness = coarse.with_data(np.where(np.arange(7)[:, None, None] * 3 + 1 < 10, 1e3, 9e3)
                                 * np.ones((1, 4, 4)))  # fmt: skip
    sampler = MuscleSampler(eroded_labels(labels, 1.0), coarse)
    out = sampler(stiffness, np.ones(coarse.shape, bool))
    for label, value in ((101, 1e3), (109, 9e3)):
        known = out[(data == label) & np.isfinite(out)]
        assert known.size > 50
        np.testing.assert_allclose(known, value, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_directions_do_not_depend_on_their_signs(seed):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    signs = rng.choice([-1.0, 1.0], size=(8, 8, 8, 1))
    field = Image((signs * direction).astype(np.float32), np.eye(4))
    like = Image(np.zeros((10, 10, 10)), np.diag([0.6, 0.6, 0.6, 1.0]))
    out = sample_directions(field, like, None, np.ones(like.shape, bool))
    known = np.isfinite(out[..., 0])
    assert known.any()
    np.testing.assert_allclose(np.abs(out[known] @ direction), 1.0, atol=1e-5)
    assert (out[known][:, 2] >= 0).all()


def test_statistics_count_measured_voxels_only():
    labels = np.array([101, 101, 101, 109, 0])
    values = np.array([1.0, 3.0, np.nan, 5.0, 9.0])
    measured = np.array([True, True, True, False, True])
    table = muscle_statistics(values, labels, measured)
    assert table["label"].tolist() == [101]
    assert table["median"].tolist() == [2.0]
    assert table["n"].tolist() == [2]
