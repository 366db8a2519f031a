"""Fibre angles, and what may be made of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.dyads import FibreDirections
from imaging.image import Image
from imaging.phantom.shear_speed import RATIO_ALONG, RATIO_TENSILE, shown_pa
from imaging.ultrasound.angles import (
    FibreAngles,
    Ratios,
    correction,
    fibre_angles,
    pennate_factor,
    turned_factor,
)
from imaging.ultrasound.directions import sample_fibres

X, Y, Z = np.eye(3)
VASTUS = Ratios(RATIO_ALONG, RATIO_TENSILE, "Knight 2022")
LIMITS = {"small_deg": 5.0, "largest_deg": 25.0, "tolerance": 0.15}


def fibre(inclined, turned):
    a, b = np.radians([inclined, turned])
    return np.array([[np.cos(a) * np.cos(b), np.sin(a), np.cos(a) * np.sin(b)]])


@pytest.mark.parametrize(("inclined", "turned"), [(0, 0), (20, 0), (0, 35), (15, 10), (-20, 5)])
def test_angles_of_known_fibres(inclined, turned):
    found = fibre_angles(fibre(inclined, turned), X, Y)
    assert found.pitch[0] == pytest.approx(abs(inclined), abs=1e-5)
    a, b = np.radians([inclined, turned])
    assert found.tilt[0] == pytest.approx(abs(np.degrees(np.arcsin(np.cos(a) * np.sin(b)))))
    assert found.across[0] == pytest.approx(np.degrees(np.arccos(np.cos(a) * np.cos(b))), abs=1e-5)


@given(st.floats(-80, 80), st.floats(-80, 80))
def test_angles_have_no_sign(inclined, turned):
    one = fibre_angles(fibre(inclined, turned), X, Y)
    for vector, x, y in ((-1, X, Y), (3, -X, Y), (1, X, -Y)):
        other = fibre_angles(vector * fibre(inclined, turned), x, y)
        for name in ("across", "tilt", "pitch"):
            assert getattr(one, name)[0] == pytest.approx(getattr(other, name)[0], abs=1e-4)


def test_unknown_fibres_have_no_angle():
    found = fibre_angles(np.zeros((2, 3)), X, Y)
    assert np.isnan(found.across).all() and np.isnan(found.tilt).all()


def test_inclined_fibres_are_shown_too_stiff_and_turned_ones_too_soft():
    np.testing.assert_allclose(1 / pennate_factor(np.array([0, 10.0, 20]), VASTUS),
                               [1, 1.10, 1.37], atol=0.006)  # fmt: skip
    assert turned_factor(np.array([0.0, 90]), 3.0) == pytest.approx([1, 3])
    assert np.isnan(pennate_factor(np.array([10.0]), Ratios(3.0, None, ""))).all()


def shown(inclined, turned):
    vector = fibre(inclined, turned)
    value, parallel = shown_pa(np.array([209]), vector, np.zeros(1), X, Y)
    return float(value[0]), float(parallel[0])


@pytest.mark.parametrize(("inclined", "turned"), [(0, 0), (12, 0), (22, 0), (0, 15), (0, 24)])
def test_the_correction_gives_the_modulus_along_the_fibre(inclined, turned):
    value, parallel = shown(inclined, turned)
    angles = fibre_angles(fibre(inclined, turned), X, Y)
    found = correction(angles, np.array([1.0]), VASTUS, **LIMITS)
    assert found.admissible[0]
    assert value * found.factor[0] == pytest.approx(parallel, rel=1e-6)
    # The wrong recipe of the literature is further away than none at all.
    if inclined:
        by_cosine = value / np.cos(np.radians(inclined)) ** 2
        assert abs(by_cosine - parallel) > abs(value - parallel)


@pytest.mark.parametrize(
    ("inclined", "turned", "unsure", "ratios"),
    [
        (12, 12, 1.0, VASTUS),  # both: two waves at once
        (35, 0, 1.0, VASTUS),  # too far
        (20, 0, 12.0, VASTUS),  # angle too unsure
        (12, 0, 1.0, Ratios(3.0, None, "")),  # E along the fibre unknown
    ],
)
def test_what_is_not_admissible_stays_uncorrected(inclined, turned, unsure, ratios):
    angles = fibre_angles(fibre(inclined, turned), X, Y)
    found = correction(angles, np.array([unsure]), ratios, **LIMITS)
    assert not found.admissible[0] and np.isnan(found.factor[0])


def test_unknown_angles_or_uncertainty_are_not_admissible():
    nan, one = np.array([np.nan]), np.array([1.0])
    assert not correction(FibreAngles(nan, nan, nan), one, VASTUS, **LIMITS).admissible[0]
    assert not correction(FibreAngles(one, one, one), nan, VASTUS, **LIMITS).admissible[0]


def test_directions_are_interpolated_without_sign_on_any_grid():
    affine = np.array([[0, -2.0, 0, 10], [2.0, 0, 0, 0], [0, 0, 5.0, -8], [0, 0, 0, 1]])
    vectors = np.broadcast_to(fibre(20, 10)[0], (8, 8, 4, 3)).copy()
    vectors[::2] *= -1
    vectors[:, :2] = 0
    image = Image(vectors.astype(np.float32), affine)
    spread = Image(np.full((8, 8, 4), 7.0, np.float32), affine)
    points = image.to_world([[3.5, 4.5, 1.5], [3.0, 0.0, 1.0], [99, 0, 0]])
    found = sample_fibres(points, FibreDirections(image, spread))
    assert abs(found.vectors[0] @ fibre(20, 10)[0]) == pytest.approx(1, abs=1e-5)
    assert not found.vectors[1:].any()
    assert found.uncertainty_deg[0] == 7 and np.isnan(found.uncertainty_deg[2])
