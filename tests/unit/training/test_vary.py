"""Bellies of other lengths and widths."""

import numpy as np
import pytest
from scipy import ndimage

from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.inputs import CLASSES, REST
from imaging.training.anatomy import Member, share, stretched, vary
from imaging.training.cast import Cast
from imaging.training.legs import SPACING_MM, TrainingLeg, prepare

GM, SOL = CLASSES.index("GM"), CLASSES.index("SOL")


def calf() -> np.ndarray:
    """Return a block of soleus (I, J, K) with GM behind its upper part, from slice 30 up."""
    classes = np.zeros((40, 40, 60), np.uint8)
    classes[5:35, 5:35] = SOL
    classes[5:35, 5:15, 30:] = GM
    return classes


@pytest.fixture(scope="module")
def leg() -> TrainingLeg:
    x, y = np.mgrid[-40:40, -40:40]
    labels = np.zeros((80, 80, 60), np.int16)
    labels[np.hypot(x, y) < 34] = structure("SOL").index
    labels[(np.hypot(x, y) < 34) & (y < -15), 25:] = structure("GM").index
    labels[np.hypot(x, y - 20) < 10] = structure("TIB").index
    labels[np.hypot(x - 15, y) < 5] = structure("FIB").index
    grid = Image(labels, np.diag([*SPACING_MM, 1.0]))
    return prepare("calf", "calf", grid, np.zeros(grid.shape, bool))


def lower_end(classes: np.ndarray) -> int:
    return int(np.flatnonzero((classes == GM).any((0, 1)))[0])


def test_a_belly_reaches_lower_or_higher_and_its_base_fills_the_room():
    ends = set()
    for seed in range(12):
        classes = calf()
        member = Member("GM", 20.0, 0.0, 0.0)
        share(np.random.default_rng(seed), classes, "SOL", (member,), 1.0, classes == REST)
        ends.add(lower_end(classes))
        np.testing.assert_array_equal(classes > 0, calf() > 0)
        assert set(np.unique(classes)) == {0, GM, SOL}
    assert min(ends) < 26 < 34 < max(ends)


def test_the_gap_at_the_old_border_does_not_stay_in_a_muscle():
    classes = calf()
    classes[5:35, 14:16, 30:] = REST
    share(np.random.default_rng(1), classes, "SOL", (Member("GM", 0, 0, 2.5),), 1.0,
          classes == REST)  # fmt: skip
    assert not (classes[7:33, 7:33] == REST).any()


def test_no_strip_of_the_base_lies_behind_a_belly():
    for seed in range(6):
        classes = calf()
        share(np.random.default_rng(seed), classes, "SOL", (Member("GM", 20, 0, 2.5),), 1.0,
              classes == REST)  # fmt: skip
        for k in range(60):
            bodies, _ = ndimage.label(classes[:, :, k] == SOL)
            # What is left beside the one body is no more than a crumb.
            assert np.sort(np.bincount(bodies.ravel())[1:])[:-1].sum() < 12


def test_a_belly_laid_between_its_own_ends_is_the_same():
    own = calf() == GM
    field = stretched(own, 30, 59, np.zeros((60, 2), int))
    np.testing.assert_array_equal(field < 0, own)


def test_a_belly_laid_lower_is_found_there():
    own = calf() == GM
    field = stretched(own, 16, 59, np.zeros((60, 2), int))
    assert (field[:, :, 16] < 0).any() and not (field[:, :, 15] < 0).any()


def test_at_strength_zero_nothing_changes(leg):
    same = vary(np.random.default_rng(1), leg, 0.0)
    np.testing.assert_array_equal(same.packed, leg.packed)


def test_bones_fascia_and_outline_stay(leg):
    other = vary(np.random.default_rng(3), leg, 1.0)
    assert (other.classes != leg.classes).any()
    for key in ("TIB", "FIB"):
        c = CLASSES.index(key)
        np.testing.assert_array_equal(other.classes == c, leg.classes == c)
    np.testing.assert_array_equal(other.envelope, leg.envelope)
    np.testing.assert_array_equal(other.classes > 0, leg.classes > 0)  # no hole, nothing beyond


def test_the_distance_to_the_border_is_that_of_the_new_classes(leg):
    other = vary(np.random.default_rng(3), leg, 1.0)
    muscle = other.classes > REST
    left, right = other.classes[:-1], other.classes[1:]
    border = np.zeros(muscle.shape, bool)
    border[:-1] |= left != right
    assert other.edge[border & muscle].max() <= 2
    assert other.edge[(other.classes == GM)].max() > 8


def test_what_a_step_sees_follows_from_its_number(leg):
    weights = np.ones(1)
    one, again = Cast(4, [leg], weights), Cast(4, [leg], weights)
    for step in (0, 60, 400):
        first = one.at(step)[0]
    np.testing.assert_array_equal(first.classes, again.at(400)[0].classes)
    rounds = [one.at(step)[0].classes for step in (0, 500, 1000, 1500)]
    assert any((rounds[0] != other).any() for other in rounds[1:])
