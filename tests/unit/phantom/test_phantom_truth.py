"""True fascicles: known answers for straight fibres, convergence, ends on the surface."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.phantom.cells import border, direction
from imaging.phantom.fascicles import CHORD, CURVATURE, LENGTH, half_fascicle, trace
from imaging.phantom.leg import make_leg
from imaging.phantom.truth import fascicle_table, muscle_points, true_measures

TA, GM, SOL = 0, 6, 8


@pytest.fixture(scope="module")
def leg():
    return make_leg(1, "right", 0.0)


@pytest.fixture(scope="module")
def inside(leg):
    return muscle_points(leg)


def some(points, n=25):
    return np.ascontiguousarray(points[np.linspace(50, len(points) - 50, n).astype(int)])


def test_straight_fibres_have_the_length_of_their_chord(leg, inside):
    t = leg.tables
    angle = np.deg2rad(20.0)
    straight = t._replace(
        slope=np.zeros_like(t.slope),
        bend=np.zeros_like(t.bend),
        pennation=np.full_like(t.pennation, angle),
    )
    traced = trace(straight, GM, some(inside["GM"]), 0.25)
    chord = np.linalg.norm(traced[:, CHORD], axis=1)
    assert np.allclose(traced[:, LENGTH], chord, atol=1e-6)
    assert np.allclose(traced[:, CURVATURE], 0.0, atol=1e-3)
    assert np.allclose(np.arccos(traced[:, 6] / chord), angle, atol=1e-6)


def test_truth_does_not_depend_on_the_step(leg, inside):
    for muscle, key in ((GM, "GM"), (SOL, "SOL")):
        coarse = trace(leg.tables, muscle, some(inside[key]), 0.25)
        fine = trace(leg.tables, muscle, some(inside[key]), 0.1)
        assert np.median(np.abs(coarse - fine)[:, LENGTH]) < 0.01


def test_fascicles_end_on_the_border_or_the_sheet(leg, inside):
    for x, y, z in some(inside["GM"], 10):
        ex, ey, ez, _, _ = half_fascicle(leg.tables, GM, x, y, z, 1.0, 0.25)
        assert abs(border(leg.tables, GM, ex, ey, ez)) < 1e-3


def test_means_are_those_of_people(leg, inside):
    table = fascicle_table(leg, inside, 100)
    ends = ["pennation_start_deg", "pennation_end_deg"]
    mean = table.groupby("key")[["length_mm", *ends]].mean()
    # Ward 2009 and in vivo imaging.
    for key, length in (("SOL", 42), ("GM", 51), ("GL", 58), ("TA", 68), ("TP", 38), ("PL", 51)):
        assert mean["length_mm"][key] == pytest.approx(length, rel=0.2), key
    assert 20 < mean.loc["SOL", ends].mean() < 45
    assert 5 < mean.loc["TA", ends].mean() < 25


def test_fascicles_lean_as_in_people(leg):
    # Going up, those of gastrocnemius rise to the superficial aponeurosis, behind; those of the
    # posterior soleus to the one in front of it; those of tibialis anterior away from its sheet.
    def anterior(muscle: int, y_mm: float) -> float:
        z = 0.6 * leg.anatomy.length_mm
        i = int((z - leg.tables.z0) / leg.tables.dz)
        x, y = leg.tables.middle[i, muscle] + y_mm * leg.tables.tilt[muscle]
        return float(direction(leg.tables, muscle, x, y, z, np.sign(y_mm) or 1.0)[1])

    assert anterior(GM, 0.0) < -0.1
    assert anterior(SOL, -6.0) > 0.1 > -0.1 > anterior(SOL, 6.0)
    assert anterior(TA, 4.0) > anterior(TA, -4.0)


def test_world_points_and_measures(leg, inside):
    table = fascicle_table(leg, inside, 20)
    points = table[["x", "y", "z"]].to_numpy()
    assert np.array_equal(leg.labels(points), table["label"])
    measures = {(m.label, m.measure): m for m in true_measures(leg, inside, table)}
    assert measures[209, "volume"].value == pytest.approx(454, rel=0.02)
    assert measures[209, "fascicle_length"].unit == "mm"
    assert 0.2 < measures[209, "fa"].value < 0.4


def test_a_mirrored_leg_has_the_same_truth(leg, inside):
    left = replace(leg, side="left", pose=leg.pose @ np.diag([-1.0, 1.0, 1.0, 1.0]))
    right = fascicle_table(leg, inside, 10)
    assert np.allclose(fascicle_table(left, inside, 10)["length_mm"], right["length_mm"], atol=1e-9)
