"""The digital leg: anatomy, sides, connectedness, fibre directions."""

import numpy as np
import pytest
from scipy import ndimage

from imaging.errors import ConfigError
from imaging.muscles import label_of, muscle_keys
from imaging.phantom.anatomy import mean_table
from imaging.phantom.leg import CONNECTIVE_LABEL, make_leg


def labelled(leg, spacing=(2.0, 2.0, 4.0), rotation=None):
    grid = leg.grid(spacing, 0.0, rotation)
    voxels = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).reshape(-1, 3)
    points = grid.to_world(voxels)
    return grid, points, leg.labels(points)


@pytest.fixture(scope="module")
def mean_leg():
    return make_leg(1, "right", 0.0)


@pytest.fixture(scope="module")
def mean_labels(mean_leg):
    return labelled(mean_leg)


def test_volumes_are_those_of_the_table(mean_labels):
    grid, _, labels = mean_labels
    wanted = mean_table().set_index("key")["volume_ml"]
    for key in muscle_keys():
        volume = (labels == label_of(key, "right")).sum() * grid.voxel_ml
        assert volume == pytest.approx(wanted[key], rel=0.05), key


@pytest.mark.parametrize(("seed", "side"), [(1, "right"), (4, "left")])
def test_every_muscle_is_one_body(seed, side):
    leg = make_leg(seed, side)
    grid, _, labels = labelled(leg, (2.0, 2.0, 3.0))
    volume = labels.reshape(grid.shape)
    for key in muscle_keys():
        parts, _ = ndimage.label(volume == label_of(key, side), np.ones((3, 3, 3)))
        sizes = np.bincount(parts.ravel())[1:]
        # A thin tip may fall apart on the voxels, the body must not.
        assert sizes.max() / sizes.sum() > 0.99, key


@pytest.mark.parametrize(("side", "lateral"), [("right", 1.0), ("left", -1.0)])
def test_neighbours_lie_where_they_do_in_people(side, lateral):
    leg = make_leg(3, side)
    _, points, labels = labelled(leg)
    assert np.all((labels <= 0) | (labels // 100 == {"left": 1, "right": 2}[side]))

    def middle(key):
        return points[labels == label_of(key, side)].mean(axis=0)

    # Behind and before are told at one height and without the turn of the foot.
    own = leg.to_leg(points)
    height = own[:, 2] / leg.anatomy.length_mm

    def calf(key):
        return own[(labels == label_of(key, side)) & (abs(height - 0.7) < 0.05)].mean(axis=0)

    x, y, z = 0, 1, 2
    assert lateral * (middle("FIB") - middle("TIB"))[x] > 20
    assert (middle("FIB") - middle("TIB"))[y] < 0
    assert lateral * (middle("TA") - middle("TIB"))[x] > 5
    assert lateral * (middle("EDL") - middle("TA"))[x] > 5
    assert lateral * (middle("PL") - middle("FIB"))[x] > 5
    assert lateral * (middle("GL") - middle("GM"))[x] > 30
    assert lateral * (middle("FHL") - middle("FDL"))[x] > 10
    for deep, superficial in (("SOL", "GM"), ("SOL", "GL"), ("TP", "SOL"), ("TIB", "SOL")):
        assert (calf(deep) - calf(superficial))[y] > 5, (deep, superficial)
    assert (middle("GM") - middle("SOL"))[z] > 20
    assert (middle("PL") - middle("PB"))[z] > 20
    assert (middle("POP") - middle("FHL"))[z] > 50


def test_both_legs_of_a_person_are_alike_and_not_the_same():
    left, right = make_leg(5, "left"), make_leg(5, "right")
    assert left.anatomy.length_mm == right.anatomy.length_mm
    assert left.anatomy.fat_mm == right.anatomy.fat_mm
    assert not left.anatomy.table.equals(right.anatomy.table)
    assert left.bounds_mm[1, 0] < right.bounds_mm[0, 0]


def test_mean_left_leg_mirrors_the_right(mean_leg, mean_labels):
    _, points, labels = mean_labels
    mirrored = make_leg(9, "left", 0.0).labels(points * (-1.0, 1.0, 1.0))
    expected = np.where(labels > 0, labels - 100, labels)
    assert np.array_equal(mirrored, expected)


def test_directions_are_unit_and_run_along_the_leg(mean_leg, mean_labels):
    _, points, labels = mean_labels
    found = mean_leg.directions(points, labels)
    muscle = (labels > 0) & (labels % 100 <= 14)
    assert np.allclose(np.linalg.norm(found[muscle], axis=1), 1.0)
    assert not found[~muscle].any()
    assert np.median(found[muscle][:, 2]) > 0.85
    assert not mean_leg.directions(points, np.where(labels > 0, labels - 100, labels)).any()


def test_directions_turn_with_the_leg():
    leg = make_leg(7, "left")
    _, points, labels = labelled(leg, 8.0)
    found = leg.directions(points, labels)
    assert np.allclose(np.linalg.norm(found, axis=1)[(labels > 0) & (labels % 100 <= 14)], 1.0)


def test_same_seed_same_leg():
    points = np.random.default_rng(0).uniform(-60, 60, (500, 3)) + (95, 0, 0)
    assert np.array_equal(make_leg(2).labels(points), make_leg(2).labels(points))
    assert not np.array_equal(make_leg(2).labels(points), make_leg(3).labels(points))


def test_oblique_anisotropic_grid_covers_the_leg(mean_leg):
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    grid, _, labels = labelled(mean_leg, (3.0, 4.0, 5.0), turn)
    assert np.allclose(grid.spacing, (3.0, 4.0, 5.0))
    volume = (labels == label_of("SOL", "right")).sum() * grid.voxel_ml
    assert volume == pytest.approx(454.0, rel=0.03)


def test_labels_hold_connective_tissue_and_air(mean_labels):
    _, _, labels = mean_labels
    assert {0, CONNECTIVE_LABEL} < set(labels.tolist())


def test_unknown_side_is_an_error():
    with pytest.raises(ConfigError, match="left or right"):
        make_leg(1, "undecided")
