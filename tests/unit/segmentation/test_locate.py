import numpy as np
import pytest

from imaging.image import Image
from imaging.segmentation.inputs import CLASSES
from imaging.segmentation.locate import Place, cut_sentence, far_from_leg, locate, within_reach
from imaging.segmentation.network import KEYS
from imaging.segmentation.shares import Shares

HEIGHTS = np.linspace(-0.15, 1.15, 53)


def _profile():
    """GM grows upwards from mid-leg, SOL peaks at .5, TA at .7, tibia everywhere."""
    shares = np.zeros((len(HEIGHTS), len(CLASSES)))
    for key, values in {
        "GM": np.clip(HEIGHTS - 0.45, 0, 1),
        "SOL": np.exp(-(((HEIGHTS - 0.5) / 0.2) ** 2)),
        "TA": 0.5 * np.exp(-(((HEIGHTS - 0.7) / 0.2) ** 2)),
        "TIB": np.full(len(HEIGHTS), 0.2),
    }.items():
        shares[:, CLASSES.index(key)] = values
    shares /= shares.sum(1, keepdims=True)
    reach = [[-0.1, 1.0]] * len(CLASSES)
    return {"heights": HEIGHTS.tolist(), "shares": shares.tolist(), "reach": reach}


def _leg(low_mm, length_mm, count=40, spacing=6.0):
    table = np.array(_profile()["shares"])
    heights = (np.arange(count) * spacing - low_mm) / length_mm
    values = np.zeros((len(KEYS), 10, 10, count), np.float32)
    for c, key in enumerate(KEYS[2:], 2):
        column = np.interp(heights, HEIGHTS, table[:, CLASSES.index(key)])
        values[c] = column[None, None]
    return Shares(KEYS, values, Image(values[0], np.diag([1.5, 1.5, spacing, 1.0]))), heights


def _all(shares):
    return np.ones(shares.grid.shape, bool)


@pytest.mark.parametrize(("low_mm", "length_mm"), [(20.0, 370.0), (-60.0, 400.0), (-100.0, 340.0)])
def test_slices_find_their_place(low_mm, length_mm):
    shares, heights = _leg(low_mm, length_mm)
    place = locate(shares, _profile(), _all(shares))
    np.testing.assert_allclose(place.heights, heights, atol=0.06)
    assert place.misfit < 0.01


def test_two_slices_say_nothing():
    shares, _ = _leg(-150.0, 370.0, count=2)
    assert locate(shares, _profile(), _all(shares)) is None


def test_what_is_like_no_leg_fits_badly():
    shares, _ = _leg(0.0, 370.0)
    values = np.zeros_like(shares.values)
    values[KEYS.index("PLA")] = 1.0
    place = locate(Shares(KEYS, values, shares.grid), _profile(), _all(shares))
    assert place.misfit > 0.5


def test_no_tibia_is_left_above_the_knee():
    shares, heights = _leg(-200.0, 370.0)
    values = shares.values.copy()
    values[KEYS.index("TIB")] = 1.0
    seen = within_reach(
        Shares(KEYS, values / values.sum(0), shares.grid), Place(heights, 370.0, 0.0), _profile()
    )
    np.testing.assert_allclose(seen.values.sum(0), 1.0, atol=1e-5)
    bone = seen.values[KEYS.index("TIB")].mean((0, 1))
    assert (bone[heights > 1.12] < 1e-3).all()
    assert (bone[heights < 1.0] > 0.2).all()


def test_a_scan_that_goes_on_is_cut_to_the_lower_leg_and_says_so():
    low_mm, length_mm = 60.0, 370.0
    shares, heights = _leg(low_mm, length_mm, count=110)
    values = shares.values
    values[0] = 1.0 - values[1:].sum(0)
    place = Place(heights, length_mm, 0.01)
    kept = within_reach(shares, place, _profile()).values[1:].sum((0, 1, 2))
    outside = (heights < -0.06) | (heights > 1.06)
    np.testing.assert_array_equal(far_from_leg(place), outside)
    assert kept[outside].max() == 0.0
    assert kept[(heights > 0.1) & (heights < 0.9)].min() > 0
    sentence = cut_sentence(place)
    above = (heights.max() - 1.06) * length_mm / 10
    assert sentence == (
        f"The scan goes on {above:.0f} cm above the knee and 4 cm below the ankle: nothing was "
        "labelled there."
    )


def test_a_scan_of_a_lower_leg_is_not_cut():
    place = Place(np.linspace(-0.05, 1.04, 40), 370.0, 0.01)
    assert cut_sentence(place) is None
    assert not far_from_leg(place).any()
    assert place.sure
    assert place.between.sum() < 40


def test_the_place_on_a_finer_grid():
    grid = Image(np.zeros((4, 4, 20), np.float32), np.diag([1.5, 1.5, 6.0, 1.0]))
    fine = Image(np.zeros((4, 4, 40), np.float32), np.diag([2.0, 2.0, 3.0, 1.0]))
    fine.affine[2, 3] = 9.0
    place = Place(0.1 + 6.0 / 370.0 * np.arange(20), 370.0, 0.02)
    found = place.on(grid, fine).heights
    np.testing.assert_allclose(found, 0.1 + (9.0 + 3.0 * np.arange(40)) / 370.0)
