"""Every point of a muscle counts once, wherever seeds fell; small muscles get as many seeds."""

import numpy as np
import pandas as pd
import pytest

from imaging.architecture.fascicles import COLUMNS, volumes
from imaging.architecture.measures import OPTIMAL_SARCOMERE_UM, muscle_measures, nothing_measured
from imaging.architecture.profile import PARTS, profile
from imaging.architecture.seeds import spread_seeds
from imaging.geometry import mask_surface
from imaging.muscles import label_of


def box(half_mm, spacing=1.0):
    """Return the surface of a block about the origin."""
    shape = np.ceil(2 * np.array(half_mm) / spacing).astype(int) + 6
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -spacing * (shape - 1) / 2
    at = np.moveaxis(np.indices(shape), 0, -1) * spacing + affine[:3, 3]
    return mask_surface((np.abs(at) < half_mm).all(axis=-1), affine)


def fascicles(places, weight) -> pd.DataFrame:
    """Return rows whose length grows from 20 mm below by 0.2 mm per mm."""
    table = pd.DataFrame({name: np.zeros(len(places)) for name in COLUMNS})
    table["length_mm"] = 40 + 0.2 * places[:, 2]
    table["pennation_line_deg"] = 60.0
    table["weight"], table["status"] = weight, "measured"
    return table


def test_crowded_seeds_do_not_pull_the_mean():
    surface = box((15, 20, 60))
    rng = np.random.default_rng(1)
    even = spread_seeds(*surface, 4.0, rng)
    crowd = rng.uniform([-15, -20, 30], [15, 20, 60], (3000, 3))
    seeds = np.concatenate([even, crowd])
    volume = 30 * 40 * 120.0
    length = 40 + 0.2 * seeds[:, 2]
    weight = volumes(seeds, np.arange(len(seeds)), volume, even)
    assert weight.sum() == pytest.approx(volume)
    assert length.mean() > 45
    assert np.average(length, weights=weight) == pytest.approx(40, abs=0.3)
    thinned = np.flatnonzero(rng.uniform(size=len(seeds)) < 0.3)
    weight = volumes(seeds, thinned, volume, even)
    assert np.average(length[thinned], weights=weight) == pytest.approx(40, abs=0.3)


def test_lost_seeds_leave_their_volume_to_neighbours():
    seeds = spread_seeds(*box((15, 20, 60)), 4.0, np.random.default_rng(2))
    lost = np.random.default_rng(3).uniform(size=len(seeds)) < np.where(seeds[:, 2] > 0, 0.6, 0.0)
    weight = volumes(seeds, np.flatnonzero(~lost), 144e3)
    upper = seeds[~lost, 2] > 0
    assert weight[upper].sum() == pytest.approx(72e3, rel=0.03)
    assert weight.sum() == pytest.approx(144e3, rel=0.01)


def test_a_region_without_fascicles_belongs_to_nobody():
    seeds = spread_seeds(*box((15, 20, 60)), 4.0, np.random.default_rng(2))
    weight = volumes(seeds, np.flatnonzero(seeds[:, 2] < 0), 144e3)
    assert 0.5 * 144e3 < weight.sum() < 0.6 * 144e3
    assert len(volumes(seeds, np.zeros(0, int), 144e3)) == 0


@pytest.mark.parametrize("half", [(4, 5, 20), (3, 8, 60), (15, 20, 60)])
def test_small_muscles_get_seeds_enough(half):
    seeds = spread_seeds(*box(half), 4.0, np.random.default_rng(4))
    assert len(seeds) > 150
    volume = 8 * np.prod(half)
    assert len(seeds) == pytest.approx(max(volume / 64, 200), rel=0.12)
    assert np.abs(seeds.mean(axis=0) / half).max() < 0.06


@pytest.mark.parametrize("turned", [False, True])
def test_parts_follow_the_muscle_from_distal_to_proximal(turned):
    points, faces = box((15, 20, 60))
    seeds = spread_seeds(points, faces, 4.0, np.random.default_rng(5))
    table = fascicles(seeds, 64.0)
    if turned:  # lies oblique and elsewhere
        c, s = np.cos(0.5), np.sin(0.5)
        turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        points, seeds = points @ turn.T + [40, -30, 800], seeds @ turn.T + [40, -30, 800]
    parts = profile(label_of("GM", "right"), points, table, seeds)
    assert parts["part"].tolist() == [1, 2, 3, 4, 5]
    assert set(parts["side"]) == {"right"}
    assert set(parts["muscle"]) == {"GM"}
    assert parts["n"].sum() == len(seeds)
    wanted = 40 + 0.2 * np.array([-48, -24, 0, 24, 48])
    np.testing.assert_allclose(parts["length_mm"], wanted, atol=0.4)
    np.testing.assert_allclose(parts["to_mm"] - parts["from_mm"], 24.0, atol=0.3)
    assert (parts["length_mm_ci_low"] < parts["length_mm"]).all()
    assert (parts["length_mm_ci_high"] - parts["length_mm_ci_low"] < 2).all()


def test_parts_without_fascicles_are_not_measured():
    points, faces = box((15, 20, 60))
    seeds = spread_seeds(points, faces, 4.0, np.random.default_rng(5))
    seeds = seeds[seeds[:, 2] > -30]
    table = fascicles(seeds, 64.0)
    parts = profile(107, points, table, seeds)
    assert parts["status"].tolist() == ["not_measured"] + 4 * ["measured"]
    assert np.isnan(parts["length_mm"].iloc[0])
    nothing = profile(107, points, table[:0], np.zeros((0, 3)))
    assert len(nothing) == PARTS
    assert set(nothing["status"]) == {"not_measured"}
    table["status"] = "not_measured"
    assert set(profile(107, points, table, seeds)["status"]) == {"not_measured"}


def figures(**given):
    places = np.zeros((20, 3))
    table = fascicles(places, 50.0)
    limits = {"fascicle_length": (38.0, 42.0)}
    found = muscle_measures(107, table, limits, "noise", 100.0, 0.0, **given)
    return {m.measure: m for m in found}


def test_functional_area_needs_a_sarcomere_length():
    found = figures()
    assert found["pcsa_anatomical"].value == pytest.approx(25.0)
    assert found["pcsa_functional"].status == "not_measured"
    assert "sarcomere" in found["pcsa_functional"].note
    found = figures(sarcomere_length_um=OPTIMAL_SARCOMERE_UM)["pcsa_functional"]
    assert found.status == "assumed"
    assert found.value == pytest.approx(25.0 * 0.5)
    found = figures(sarcomere_length_um=3.0)["pcsa_functional"]
    # Stretched sarcomeres: the fibre is shorter at its optimum, so its area is larger.
    assert found.value == pytest.approx(25.0 * 0.5 * 3.0 / 2.7)
    assert found.ci_low == pytest.approx(1000 / 42 * 0.5 * 3.0 / 2.7)
    names = [m.measure for m in nothing_measured(107, "why")]
    assert "pcsa_functional" in names


def test_figures_that_some_fascicles_lack():
    table = fascicles(np.zeros((20, 3)), 50.0)
    table["cubic_length_mm"] = np.where(np.arange(20) < 5, np.nan, 33.0)
    table["slope_pennation_end_deg"] = np.nan
    found = {m.measure: m for m in muscle_measures(107, table, {}, "", 100.0, 0.0)}
    assert found["fascicle_length_cubic"].value == pytest.approx(33.0)
    assert found["fascicle_length_cubic"].n == 15
    assert found["slope_pennation_end"].status == "not_measured"
