"""Muscles drawn one by one, on one label map."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.image import Image
from imaging.io.muscles import DrawnMuscle
from imaging.pipeline.drawn_labels import drawn_labels


def ball(label, centre, radius, spacing, shear=0.0):
    """A ball drawn on a grid of its own."""
    affine = np.diag([*spacing, 1.0])
    affine[0, 1] = shear
    shape = np.ceil((2 * radius + 6) / np.array(spacing)).astype(int)
    affine[:3, 3] = np.array(centre) - affine[:3, :3] @ ((shape - 1) / 2)
    grid = Image(np.zeros(shape), affine)
    where = grid.to_world(np.argwhere(np.ones(shape, bool)))
    inside = np.linalg.norm(where - centre, axis=1) <= radius
    name = f"muscle {label}"
    return DrawnMuscle(label, name, grid.with_data(inside.reshape(shape)), Path(f"{label}.nii"))


def volume_ml(labels, label):
    return float((labels.data == label).sum()) * labels.voxel_ml


@settings(max_examples=10, deadline=None)
@given(
    st.floats(-40, 40),
    st.tuples(st.floats(0.8, 2.5), st.floats(0.8, 2.5), st.floats(0.8, 4)),
)
def test_every_muscle_keeps_volume_and_place(shift, spacing):
    muscles = [
        ball(107, (shift, 0, 10), 12.0, spacing),
        ball(1001, (shift + 30, 5, -7), 15.0, (1.5, 1.5, 2)),
    ]
    labels, warnings = drawn_labels(muscles)
    assert warnings == []
    for muscle, centre in zip(muscles, [(shift, 0, 10), (shift + 30, 5, -7)], strict=True):
        own = labels.to_world(np.argwhere(labels.data == muscle.label))
        np.testing.assert_allclose(own.mean(axis=0), centre, atol=0.5)
        drawn = float(muscle.mask.data.sum()) * muscle.mask.voxel_ml
        assert volume_ml(labels, muscle.label) == pytest.approx(drawn, rel=0.06)


def test_the_voxels_of_a_single_mask_stay_as_they_are():
    muscle = ball(107, (3, 4, 5), 12.0, (1, 1.5, 4))
    labels, _ = drawn_labels([muscle])
    drawn = muscle.mask.to_world(np.argwhere(muscle.mask.data))
    shown = labels.to_world(np.argwhere(labels.data == 107))
    assert len(drawn) == len(shown)
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(shown, axis=0), atol=1e-6)


def test_where_muscles_overlap_the_smaller_one_is_shown_and_it_is_said():
    muscles = [
        ball(107, (0, 0, 0), 15.0, (1, 1, 1)),
        ball(1001, (0, 0, 0), 8.0, (1, 1, 1)),
    ]
    labels, (said,) = drawn_labels(muscles)
    small = 4 / 3 * np.pi * 8**3 / 1000
    assert volume_ml(labels, 1001) == pytest.approx(small, rel=0.05)
    shared = volume_ml(labels, 1001)
    assert said.startswith(f"muscle 107 overlaps muscle 1001 by {shared:.1f} ml")


def test_muscles_far_apart_do_not_need_more_memory_than_pictures_show():
    muscles = [ball(107, (-200, 0, 0), 10, (0.5,) * 3), ball(207, (200, 0, 400), 10, (0.5,) * 3)]
    labels, _ = drawn_labels(muscles)
    assert labels.data.size <= 4_000_000
    assert set(np.unique(labels.data)) == {0, 107, 207}


def test_sheared_axes_give_way_to_those_of_the_world():
    labels, _ = drawn_labels([ball(107, (0, 0, 0), 15.0, (1, 1, 1), shear=0.3)])
    np.testing.assert_allclose(labels.rotation, np.eye(3))
    assert volume_ml(labels, 107) == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.05)
