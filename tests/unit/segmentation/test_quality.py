import numpy as np
import pytest

from imaging.errors import ImageError
from imaging.formats.nifti import load_image
from imaging.image import Image, canonical
from imaging.muscles import structure
from imaging.phantom import not_legs
from imaging.phantom.images import dixon_echoes, label_image, t1_weighted
from imaging.phantom.leg import make_leg
from imaging.segmentation.legs import leg_mask, split_legs
from imaging.segmentation.quality import (
    Correction,
    Flag,
    assess_leg,
    corrected,
    expected_dice,
    fit_correction,
    refuse,
)
from imaging.segmentation.shares import Shares, soft_labels
from imaging.segmentation.view import tissue_on, view_leg, work_spacing

KEYS = ("", "TA", "GM", "GL", "SOL", "FDL", "FHL", "TP", "TIB", "FIB")


def _judged(image, shares=None):
    legs = split_legs(leg_mask(image), image.spacing)
    views = [view_leg(image, leg, work_spacing(2.0)) for leg in legs]
    return [assess_leg(v.tissue, v.work.spacing, shares) for v in views]


def _codes(quality):
    return {flag.code for flag in quality.flags}


@pytest.fixture(scope="module")
def leg():
    leg = make_leg(31, "left")
    grid = leg.grid((2.0, 2.0, 6.0))
    rng = np.random.default_rng(0)
    return t1_weighted([leg], grid, (2, 2, 2), 25.0, rng), label_image([leg], grid), leg


def test_a_leg_is_taken_for_a_leg(leg):
    (quality,) = _judged(leg[0])
    assert quality.score > 0.9
    assert quality.flags == []


def test_a_leg_is_taken_for_a_leg_in_phase():
    leg = make_leg(32, "right")
    grid = leg.grid((2.0, 2.0, 8.0))
    echo = dixon_echoes([leg], grid, (2, 2, 2), 25.0, np.random.default_rng(1))[1][0]
    (quality,) = _judged(echo)
    assert quality.score > 0.7
    assert all(flag.severity == "flag" for flag in quality.flags)


def test_a_third_of_a_leg_is_enough(leg):
    n = leg[0].shape[2]
    part = Image(leg[0].data[:, :, n // 3 : 2 * n // 3], leg[0].affine)
    assert _judged(part)[0].score > 0.9


@pytest.mark.parametrize(("seed", "fat_mm"), [(0, 10.0), (1, 3.0), (2, 25.0)])
def test_a_thigh_is_flagged(seed, fat_mm):
    (quality,) = _judged(not_legs.thigh(seed, fat_mm))
    assert {"one deep bone", "not like a leg"} <= _codes(quality)
    refuse(quality.flags)


@pytest.mark.parametrize("radius_mm", [30.0, 60.0, 90.0])
def test_a_bottle_is_refused(radius_mm):
    (quality,) = _judged(not_legs.bottle(3, radius_mm))
    with pytest.raises(ImageError, match="homogeneous"):
        refuse(quality.flags, "bottle.nii.gz")


@pytest.mark.parametrize("image", [not_legs.noise(4), not_legs.empty()])
def test_noise_and_nothing_are_refused(image):
    with pytest.raises(ImageError):
        for quality in _judged(image):
            refuse(quality.flags)


@pytest.mark.parametrize("name", ["gre", "dixon_te3.45_mag", "dixon_te4.60_mag"])
def test_real_legs_pass(shared_data, name):
    image = canonical(load_image(shared_data / "mri" / f"both-lower-legs_{name}.nii.gz"))
    legs = _judged(image)
    assert len(legs) == 2
    for quality in legs:
        assert quality.score > 0.5
        assert quality.flags == []


def test_labels_out_of_place_lower_the_score(leg):
    image, truth, _ = leg
    right = soft_labels(truth.data % 100, KEYS, truth, 2.0)
    turned = Shares(KEYS, right.values.copy(), truth)
    for a, b in (("TA", "SOL"), ("GM", "TP"), ("GL", "FDL")):
        c, d = KEYS.index(a), KEYS.index(b)
        turned.values[[c, d]] = turned.values[[d, c]]
    (good,), (bad,) = _judged(image, right), _judged(image, turned)
    assert good.score > bad.score + 0.03
    assert good.cues.place < 0.3 < bad.cues.place


def test_a_knee_is_flagged_as_mostly_bone_and_a_calf_is_not(leg):
    image, truth, _ = leg
    index = truth.data % 100
    top = int(np.flatnonzero((index == structure("TIB").index).any((0, 1)))[-1])
    for stop, expected in ((top + 1, True), (top - 12, False)):
        part = Image(image.data[:, :, stop - 4 : stop], image.affine)
        labels = Image(index[:, :, stop - 4 : stop], image.affine)
        shares = soft_labels(labels.data, KEYS, labels, 2.0)
        (mask,) = split_legs(leg_mask(part), part.spacing)
        view = view_leg(part, mask, work_spacing(2.0))
        quality = assess_leg(tissue_on(view.tissue, view.work, part), part.spacing, shares)
        assert ("mostly bone" in _codes(quality)) == expected


def test_muscles_painted_with_doubt_are_flagged(leg):
    image, truth, _ = leg
    shares = soft_labels(truth.data % 100, KEYS, truth, 2.0)
    vague = shares.values.copy()
    c = KEYS.index("FDL")
    won = shares.values.argmax(0) == c
    vague[:, won] = 0.4 / (len(KEYS) - 1)
    vague[c, won] = 0.6
    vague[c, ~won] = np.maximum(vague[c, ~won], 0.02)
    vague /= vague.sum(0)
    (quality,) = _judged(image, Shares(KEYS, vague, truth))
    assert [flag.label for flag in quality.flags] == [structure("FDL").index]


def test_sure_labels_expect_perfect_dice():
    values = np.zeros((2, 4, 4, 4), np.float32)
    values[0, :2], values[1, 2:] = 1, 1
    assert expected_dice(values, 1) == 1.0
    assert expected_dice(values[:, :2], 1) == 0.0


def test_expected_dice_is_the_mean_over_drawn_truths():
    rng = np.random.default_rng(5)
    share = rng.beta(0.5, 0.7, (12, 12, 12)).astype(np.float32)
    values = np.stack([1 - share, share])
    won = share > 0.5
    drawn = []
    for _ in range(200):
        truth = rng.random(share.shape) < share
        drawn.append(2 * (won & truth).sum() / (won.sum() + truth.sum()))
    assert expected_dice(values, 1) == pytest.approx(np.mean(drawn), abs=0.005)


def test_the_correction_is_found_again_and_keeps_order():
    true = Correction(0.8, -0.4)
    expected = np.linspace(0.4, 0.97, 20)
    found = fit_correction(expected, [corrected(x, true) for x in expected])
    assert found.slope == pytest.approx(true.slope, abs=0.02)
    assert found.offset == pytest.approx(true.offset, abs=0.02)
    assert corrected(0.9, true) > corrected(0.8, true)
    assert corrected(0.9, Correction()) == pytest.approx(0.9)


def test_only_refusals_raise():
    refuse([Flag("x", "flag", "looks odd")])
    with pytest.raises(ImageError, match="shows nothing"):
        refuse([Flag("empty", "refuse", "shows nothing")], "x.nii.gz")
