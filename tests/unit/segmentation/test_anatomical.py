from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from imaging.image import Image
from imaging.muscles import structure
from imaging.phantom.images import label_image
from imaging.phantom.leg import make_leg
from imaging.segmentation.anatomical import impose_anatomy, in_place, one_body, smoothed_lengthwise
from imaging.segmentation.frame import coordinates, leg_frame, out_of_place
from imaging.segmentation.shares import Shares, key_indices, soft_labels
from imaging.segmentation.tissue import Tissue

KEYS = (
    "", "SAT", "TA", "EDL+PT", "EHL", "PL+PB", "GM", "GL", "SOL", "PLA", "POP", "FDL", "FHL", "TP",
    "TIB", "FIB",
)  # fmt: skip
GROUPED = {2: "EDL+PT", 4: "EDL+PT", 5: "PL+PB", 6: "PL+PB"}


@cache
def _leg(side):
    leg = make_leg(11, side)
    labels = label_image([leg], leg.grid((3.0, 3.0, 8.0)))
    indices = (labels.data % 100).astype(np.int16)
    for index, key in GROUPED.items():
        indices[labels.data % 100 == index] = structure(key).index
    return soft_labels(indices, KEYS, labels.with_data(indices), 1.5)


@pytest.fixture(scope="module", params=["left", "right"])
def leg(request):
    return _leg(request.param)


def _channel(key):
    return KEYS.index(key)


def _bodies(shares, key):
    mask = shares.indices() == structure(key).index
    return ndimage.label(mask, np.ones((3, 3, 3)))[1]


def _painted(shares, key, where, certainty=0.6):
    values = shares.values.copy()
    values[(slice(None), *where)] *= 1 - certainty
    values[(_channel(key), *where)] += certainty
    return Shares(shares.keys, values, shares.grid)


def _inside(shares, key, size=2):
    """Return a box about the voxel deepest inside a structure."""
    depth = ndimage.distance_transform_edt(shares.indices() == structure(key).index)
    centre = np.unravel_index(np.argmax(depth), depth.shape)
    return tuple(slice(int(c) - size // 2, int(c) + size // 2 + 1) for c in centre)


def test_a_true_leg_stays_as_it_is(leg):
    out = impose_anatomy(leg)
    truth = leg.indices()
    assert (out.indices()[truth > 0] == truth[truth > 0]).mean() > 0.985
    np.testing.assert_allclose(out.values.sum(0), 1.0, atol=1e-5)


def test_an_island_goes_to_the_muscle_around_it_and_not_to_the_background(leg):
    where = _inside(leg, "SOL")
    bad = _painted(leg, "GL", where, 0.9)
    assert _bodies(bad, "GL") == _bodies(leg, "GL") + 1
    out = one_body(bad.values, KEYS)
    assert (key_indices(KEYS)[out.argmax(0)][where] == structure("SOL").index).all()
    np.testing.assert_allclose(out.sum(0), 1.0, atol=1e-5)


def test_debris_outside_the_leg_becomes_background(leg):
    where = (slice(1, 3), slice(1, 3), slice(20, 23))
    out = impose_anatomy(_painted(leg, "TA", where, 0.9))
    assert (out.indices()[where] == 0).all()


@pytest.mark.parametrize("strength", [0.7, 0.9])
def test_every_structure_is_one_body_after_heavy_noise(leg, strength):
    rng = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(rng.standard_normal(leg.values.shape), (0, 1.5, 1.5, 0.7))
    values = leg.values**0.5 * np.exp(strength * noise / noise.std())
    values = (values / values.sum(0)).astype(np.float32)
    bad = Shares(KEYS, values, leg.grid)
    out = impose_anatomy(bad)
    assert max(_bodies(bad, key) for key in KEYS[2:]) > 1
    assert {_bodies(out, key) for key in KEYS[2:]} == {1}
    truth = leg.indices()
    # One body may cost one voxel in a thousand, not more.
    assert (out.indices() == truth).mean() > (bad.indices() == truth).mean() - 0.001


@pytest.mark.parametrize("missing", [1, 2])
def test_a_muscle_that_fails_in_one_or_two_slices_is_bridged(leg, missing):
    values = leg.values.copy()
    k = values.shape[3] // 2
    gap = slice(k, k + missing)
    c, other = _channel("TP"), _channel("SOL")
    values[other, :, :, gap] += values[c, :, :, gap]
    values[c, :, :, gap] = 0
    out = one_body(values, KEYS)
    mask = out.argmax(0) == c
    assert mask[:, :, gap].any((0, 1)).all()
    assert mask.sum() > 0.95 * (leg.values.argmax(0) == c).sum()


def test_a_muscle_on_the_wrong_side_of_the_bones_is_refused(leg):
    where = _inside(leg, "SOL", 6)
    out = in_place(_painted(leg, "TA", where, 0.6))
    assert (out.indices()[where] == structure("SOL").index).mean() > 0.95


def test_the_frame_is_the_same_for_both_sides_and_for_a_turned_image():
    left, right = _leg("left"), _leg("right")
    mirrored = Shares(KEYS, left.values[:, ::-1, ::-1], left.grid)
    for shares in (left, right, mirrored):
        frame = leg_frame(shares)
        where = coordinates(frame, shares.grid.shape, shares.grid.spacing)
        index = shares.indices()
        assert where[1][index == structure("TA").index].mean() > 0.2
        assert where[1][index == structure("SOL").index].mean() < -0.2
        assert where[0][index == structure("GL").index].mean() > 1.0
        own = np.take_along_axis(
            out_of_place(shares, frame), shares.values.argmax(0)[None], 0
        )[0]  # fmt: skip
        assert own[index > 0].mean() < 0.2


def test_without_bones_nothing_is_moved(leg):
    values = leg.values.copy()
    for key in ("TIB", "FIB"):
        values[0] += values[_channel(key)]
        values[_channel(key)] = 0
    bare = Shares(KEYS, values, leg.grid)
    assert in_place(bare) is bare


def test_muscle_inside_seen_bone_or_fat_is_taken_back(leg):
    index = leg.indices()
    fat = np.zeros(index.shape, bool)
    where = _inside(leg, "GM")
    fat[where] = True
    tibia = index == structure("TIB").index
    nothing = np.zeros_like(fat)
    spread = _inside(leg, "TIB")
    bad = _painted(leg, "TA", spread, 0.9)
    tissue = Tissue(
        np.ones(index.shape, np.float32), np.ones_like(fat), ~fat, tibia, nothing, fat,
        np.ones(index.shape[2], bool),
    )  # fmt: skip
    out = impose_anatomy(bad, tissue).indices()
    centre = tuple(s.start + 1 for s in where)
    assert out[centre] == structure("SAT").index
    assert (out[spread] == structure("TIB").index).mean() > 0.9


def test_smoothing_follows_an_oblique_muscle_through_thick_slices():
    truth = np.zeros((40, 20, 12), np.int16)
    for k in range(12):
        truth[4 + 2 * k : 12 + 2 * k, 6:14, k] = structure("GM").index
    grid = Image(truth, np.diag([1.0, 1.0, 5.0, 1.0]))
    shares = soft_labels(truth, ("", "GM"), grid, 0.0)
    out = smoothed_lengthwise(shares.values, ("", "GM"), grid.spacing, 4.0)
    mask = out.argmax(0) == 1
    assert 2 * (mask & (truth > 0)).sum() / (mask.sum() + (truth > 0).sum()) > 0.97
