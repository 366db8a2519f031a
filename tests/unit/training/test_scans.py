"""Legs of real images of which a few slices or muscles were drawn."""

import numpy as np
import pytest

from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.inputs import CLASSES, OUTSIDE, PLACE_CHANNELS, REST, SAT, SLICES_MM
from imaging.segmentation.network import LegSlices
from imaging.training.legs import SPACING_MM
from imaging.training.scans import IGNORED, ScannedLeg, scanned_leg, slice_input, with_fat

DRAWN = slice(20, 40, 5)


@pytest.fixture(scope="module")
def site(labels_of_tube):
    """Return the image of a leg, muscle in a ring of fat, and its labels."""
    labels = np.pad(labels_of_tube(), ((20, 20), (20, 20), (0, 0)))
    x, y = np.mgrid[-60:60, -60:60]
    image = np.where(labels > 0, 100.0, 0.0)
    image[(np.hypot(x, y) < 42)[:, :, None] & (labels == 0)] = 150.0
    grid = np.diag([*SPACING_MM, 1.0])
    return Image(image.astype(np.float32), grid), Image(labels, grid)


def few(labels: Image) -> Image:
    """Return labels of some slices in which the bones were not drawn."""
    out = np.zeros_like(labels.data)
    bones = np.isin(labels.data, [structure(key).index for key in ("TIB", "FIB")])
    out[:, :, DRAWN] = np.where(bones, 0, labels.data)[:, :, DRAWN]
    return labels.with_data(out)


def test_what_was_not_drawn_of_a_few_slices_teaches_nothing(site):
    image, labels = site
    leg = scanned_leg("own_right", "own", image, few(labels), True)
    named = set(np.unique(leg.classes).tolist())
    assert named == {OUTSIDE, IGNORED, *(CLASSES.index(k) for k in ("GM", "SOL", "PL+PB"))}
    assert np.all(leg.classes[leg.slices.data == 0] == OUTSIDE)


def test_around_a_whole_drawing_lies_fat(site):
    image, labels = site
    every = labels.data.copy()
    for n, key in enumerate(("TA", "EDL", "EHL", "GL", "TP", "FHL", "FDL")):
        every[50:53, 60 + 3 * n : 63 + 3 * n] = structure(key).index
    leg = scanned_leg("own_right", "own", image, labels.with_data(every), True)
    assert (leg.classes == SAT).any()
    assert not (leg.classes == IGNORED).any()
    assert set(np.unique(leg.classes).tolist()) >= {SAT, CLASSES.index("TIB")}


def test_a_left_leg_is_the_mirror_of_a_right_one(site):
    image, labels = site
    right = scanned_leg("own_right", "own", image, few(labels), True)
    left = scanned_leg("own_left", "own", image, few(labels), False)
    np.testing.assert_array_equal(left.classes, right.classes[::-1])
    np.testing.assert_array_equal(left.slices.data, right.slices.data[::-1])


def flat_leg(classes: np.ndarray) -> ScannedLeg:
    grid = Image(np.ones(classes.shape, np.float32), np.diag([1.5, 1.5, 6.0, 1.0]))
    levels = np.full(classes.shape[2], 1.0)
    return ScannedLeg("a", "a", LegSlices(grid.data, levels, grid), classes)


def test_fat_is_named_only_where_nothing_is_known_and_the_network_is_sure():
    classes = np.full((20, 20, 3), IGNORED, np.uint8)
    classes[5:15, 5:15, 1] = CLASSES.index("GM")
    classes[:2] = OUTSIDE

    def sure_of_fat(x):
        """Be sure of fat in the upper rows, unsure of it below."""
        logits = np.zeros((len(CLASSES), *x.shape[1:]))
        logits[SAT, :12] = 20.0
        return logits

    told = with_fat(flat_leg(classes), sure_of_fat, SLICES_MM).classes
    changed = told != classes
    assert np.all(classes[changed] == IGNORED)
    assert np.all(told[changed] == SAT)
    assert changed[2:12, :, 1].sum() == 10 * 20 - 7 * 10
    assert not changed[:, :, [0, 2]].any(), "slices that were not drawn stay open"
    assert not changed[12:].any()


def test_a_slice_is_filled_up_to_whole_tiles():
    leg = flat_leg(np.full((20, 33, 3), REST, np.uint8))
    x = slice_input(leg, 1, SLICES_MM)
    assert x.shape == (len(SLICES_MM) + PLACE_CHANNELS, 32, 48)
    assert np.all(x[:-PLACE_CHANNELS, 20:] == -1)
