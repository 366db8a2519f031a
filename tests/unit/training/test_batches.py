import numpy as np
import pytest
from scipy import ndimage

from imaging.segmentation.inputs import CLASSES, OUTSIDE, PIXEL_MM, SLICES_MM
from imaging.training.appearance import draw_appearance
from imaging.training.batches import _seen, draw_batch, draw_image
from imaging.training.choices import Choices
from imaging.training.render import T_FAT
from imaging.training.sources import digital_leg


@pytest.fixture(scope="module")
def leg():
    return digital_leg(3)


def test_the_same_step_of_a_seed_gives_the_same_batch(leg):
    one, again = (draw_batch(5, 9, [leg], np.ones(1), 2, 0.8) for _ in range(2))
    np.testing.assert_array_equal(one.x, again.x)
    np.testing.assert_array_equal(one.y, again.y)
    other = draw_batch(5, 10, [leg], np.ones(1), 2, 0.8)
    assert (one.x != other.x).any()


def test_muscle_is_about_one_in_plain_contrasts(leg):
    levels = []
    for n in range(12):
        x, y = draw_image(np.random.default_rng(n), leg, 0.0, 0.6)
        muscle = (y >= CLASSES.index("TA")) & (y <= CLASSES.index("TP"))
        levels.append(np.median(x[len(SLICES_MM) // 2][muscle]) + 1)
    assert np.median(levels) == pytest.approx(1.0, abs=0.15)


def test_nothing_is_seen_outside_the_leg(leg):
    x, y = draw_image(np.random.default_rng(2), leg, 0.5, 0.5)
    # The mask of a leg may be some millimetres too wide.
    far = ndimage.distance_transform_edt(y == OUTSIDE) * PIXEL_MM > 8.0
    assert far.any() and (x[:-2, far] == -1.0).all()


def test_height_is_told_only_where_known(leg):
    told, _ = draw_image(np.random.default_rng(1), leg, 0.3, 0.75, known=True)
    untold, _ = draw_image(np.random.default_rng(1), leg, 0.3, 0.75, known=False)
    assert (told[-1] == 1).all() and told[-2].mean() == pytest.approx(0.5, abs=0.3)
    assert (untold[-2:] == 0).all()


def test_medial_is_medial(leg):
    _, y = draw_image(np.random.default_rng(4), leg, 0.0, 0.7)
    medial = np.argwhere(y == CLASSES.index("GM"))[:, 0].mean()
    lateral = np.argwhere(y == CLASSES.index("GL"))[:, 0].mean()
    # A right leg in RAS+: lateral is towards larger x.
    assert medial < lateral


def test_slices_above_the_knee_hold_no_named_muscle_but_the_heads(leg):
    _, y = draw_image(np.random.default_rng(4), leg, 0.0, 1.13)
    named = {CLASSES[c] for c in np.unique(y)} - {"outside", "SAT", "rest"}
    assert named <= {"GM", "GL", "PLA"}


def test_dark_fat_is_sometimes_taken_for_air(leg):
    """A leg's mask ends at the fascia where fat is suppressed; labels end there too."""
    appearance = draw_appearance(np.random.default_rng(0), Choices("t1"), 0.0)
    appearance.water[T_FAT], appearance.fats[T_FAT] = 0.05, 0.05
    depth = np.linspace(-20, 40, 61, dtype=np.float32)[None]
    dark = [
        _seen(np.random.default_rng(n), depth, appearance, np.ones((1, 61)), 0.0) for n in range(40)
    ]
    appearance.fats[T_FAT] = 2.0
    plain = [
        _seen(np.random.default_rng(n), depth, appearance, np.ones((1, 61)), 0.0) for n in range(40)
    ]
    first = np.array([[depth[m].min() for m in masks] for masks in (dark, plain)])
    assert (first[1] <= 0).all()
    under = first[0] > appearance.fat_mm + appearance.widths[0] - 6
    assert 8 < under.sum() < 32
