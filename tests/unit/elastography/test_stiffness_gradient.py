"""Change of stiffness along a muscle."""

import numpy as np
import pytest

from imaging.elastography.muscles import muscle_measures
from imaging.elastography.stiffness_gradient import lengthwise_gradient, lengthwise_place

TILT = np.array([[0, -2.0, 0.5, 30], [2.2, 0, 0.3, -10], [0.2, 0.1, -3.0, 400], [0, 0, 0, 1]])


def oblique_muscle():
    """A slanted bar of 24 slices, stored feet first or head first, wider than it is long."""
    region = np.zeros((60, 40, 24), bool)
    for k in range(24):
        region[10 + k // 2 : 40 + k // 2, 8:30, k] = True
    return region


def test_place_is_millimetres_along_the_muscle_and_grows_proximally():
    region = oblique_muscle()
    place = lengthwise_place(region, TILT)
    world = np.argwhere(region) @ TILT[:3, :3].T + TILT[:3, 3]
    assert np.corrcoef(place, world[:, 2])[0, 1] > 0.9
    centres = np.array([world[np.argwhere(region)[:, 2] == k].mean(axis=0) for k in (0, 23)])
    means = [place[np.argwhere(region)[:, 2] == k].mean() for k in (0, 23)]
    assert abs(means[1] - means[0]) == pytest.approx(
        np.linalg.norm(centres[1] - centres[0]), rel=0.03
    )


def test_gradient_is_found_per_centimetre_with_an_interval_that_holds_it():
    rng = np.random.default_rng(2)
    place = rng.uniform(100, 180, 4000)
    hits = 0
    for _ in range(40):
        found = lengthwise_gradient(1000 + 25 * place / 10 + rng.normal(0, 200, place.size), place)
        assert found.slope == pytest.approx(25, abs=12)
        hits += found.low <= 25 <= found.high
    assert found.parts == 8
    assert hits >= 34


def test_a_short_piece_has_no_gradient():
    place = np.linspace(0, 29, 500)
    assert lengthwise_gradient(np.ones(500), place) is None


def test_measures_of_a_muscle_hold_spread_share_and_gradient():
    region = oblique_muscle()
    labels = np.where(region, 209, 0).astype(np.int16)
    place = lengthwise_place(region, TILT)
    stiffness = np.ones(region.shape)
    stiffness[region] = 2000 + 10 * (place - place.min())  # Pa per mm along the muscle
    valid = region.copy()
    valid[:, :19] = False
    rows, _ = muscle_measures(
        {"stiffness_ti_mu_perp": (stiffness, "Pa"), "stiffness_ti_confidence": (stiffness, "1")},
        labels, [209, 101], valid, np.linalg.norm(TILT[:3, :3], axis=0),
        erode_mm=0.0, note="at 60 Hz", method="ti", affine=TILT,
    )  # fmt: skip
    found = {(r.label, r.measure): r for r in rows}
    assert found[209, "stiffness_ti_stable_share"].value == pytest.approx(11 / 22)
    iqr = found[209, "stiffness_ti_mu_perp_iqr"]
    assert iqr.value == pytest.approx(np.subtract(*np.quantile(stiffness[valid], [0.75, 0.25])))
    slope = found[209, "stiffness_ti_mu_perp_gradient"]
    assert slope.unit == "Pa/cm"
    assert slope.value == pytest.approx(100, rel=0.02)
    relative = found[209, "stiffness_ti_mu_perp_gradient_relative"]
    median = found[209, "stiffness_ti_mu_perp"].value
    assert relative.value == pytest.approx(100 * slope.value / median)
    assert (209, "stiffness_ti_confidence_iqr") not in found
    assert found[101, "stiffness_ti_mu_perp"].status == "not_measured"
