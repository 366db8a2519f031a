"""Intervals of muscle medians: from virtual fields, between methods, and what is no figure."""

import numpy as np
import pytest
from waves_for_tests import modulus, plane_waves

from imaging.elastography.between_methods import with_errors
from imaging.elastography.intervals import with_intervals
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.mdev import mdev
from imaging.elastography.uncertainty import MuscleError
from imaging.elastography.virtualfields import virtual_fields
from imaging.elastography.waves import harmonic_field
from imaging.measures import Measure

SOL, TA = 209, 201
SHAPE = (40, 30, 12)
SPACING = np.array([2.0, 2.0, 2.5])
LABELS = np.full(SHAPE, SOL, np.int16)
LABELS[20:] = TA


def waves(noise, seed=0):
    affine = np.diag([*SPACING, 1.0])
    images = plane_waves(affine, SHAPE, stiffness=modulus(), noise=noise, seed=seed)
    return [harmonic_field(images)]


def test_virtual_fields_tell_their_error_and_it_grows_with_noise():
    mask = np.ones(SHAPE, bool)
    halves = []
    for noise in (0.02, 0.25):
        found = virtual_fields(waves(noise), mask, labels=LABELS)
        assert set(found.errors) == {SOL, TA}
        error = found.errors[SOL]
        got = np.median(found.maps["stiffness"].values[(LABELS == SOL) & found.mask])
        assert abs(got - 1000) <= error.modulus * got
        halves.append(error.modulus)
    assert 0.015 <= halves[0] < 0.06 < halves[1]


def test_without_labels_all_tissue_is_one():
    found = virtual_fields(waves(0.02), np.ones(SHAPE, bool))
    assert set(found.errors) == {0}


def test_what_parts_two_methods_is_an_error_of_the_one_that_assumes_more():
    fields, mask = waves(0.02), np.ones(SHAPE, bool)
    reference = virtual_fields(fields, mask, labels=LABELS)
    found = mdev(fields, mask, labels=LABELS)
    found.maps["stiffness"].values[LABELS == TA] *= np.float32(1.4)
    found = with_errors(found, reference, LABELS, SPACING, 3.0)
    assert found.errors[SOL].modulus < 0.15
    assert found.errors[TA].modulus > 0.35


def test_alone_it_is_as_unsure_as_such_methods_are():
    found = mdev(waves(0.02), np.ones(SHAPE, bool), labels=LABELS)
    assert with_errors(found, None, LABELS, SPACING, 3.0).errors[SOL].modulus >= 0.2


def test_a_muscle_in_one_spot_has_no_scatter_and_no_interval():
    values = np.zeros(SHAPE, np.float32)
    values[2:5, 2:5, 2:5] = 1000
    flat = Inversion("mdev", "", {"stiffness": QuantityMap(values, "Pa", "magnitude")}, values > 0)
    assert with_errors(flat, None, LABELS, SPACING, 0.0).errors[SOL].modulus == np.inf


MAGNITUDE, ANGLE = "stiffness_vfm_magnitude", "stiffness_vfm_lossangle"
QUANTITIES = {MAGNITUDE: "magnitude", ANGLE: "loss_angle"}


def rows():
    return [
        Measure(SOL, MAGNITUDE, 1000.0, "Pa", n=900),
        Measure(SOL, f"{MAGNITUDE}_iqr", 80.0, "Pa", n=900),
        Measure(SOL, ANGLE, 0.3, "rad", n=900),
    ]


def test_interval_is_put_beside_the_median():
    found, warnings = with_intervals(rows(), {SOL: MuscleError(0.1, 0.05)}, QUANTITIES)
    assert (found[0].ci_low, found[0].ci_high) == pytest.approx((900, 1100))
    assert (found[2].ci_low, found[2].ci_high) == pytest.approx((0.25, 0.35))
    assert found[1].value == 80
    assert not warnings


def test_wide_intervals_are_named_and_wider_ones_are_no_figures():
    found, warnings = with_intervals(rows(), {SOL: MuscleError(0.3, 0.2)}, QUANTITIES)
    assert found[0].value == 1000
    assert found[2].status == "not_measured"
    assert "95 % interval" in found[2].note
    assert any("Unsure" in w and "right SOL" in w for w in warnings)
    found, warnings = with_intervals(rows(), {SOL: MuscleError(0.6, 0.01)}, QUANTITIES)
    assert [r.status for r in found] == ["not_measured", "not_measured", "measured"]
    assert any("Not measured" in w for w in warnings)


@pytest.mark.parametrize("loss", [-20.0, 0.5])
def test_no_loss_modulus_at_or_below_nothing_is_measured(loss):
    names = {"s": "storage_modulus", "l": "loss_modulus"}
    given = [Measure(SOL, "s", 900.0, "Pa"), Measure(SOL, "l", loss, "Pa")]
    found, _ = with_intervals(given, {SOL: MuscleError(0.05, 0.05)}, names)
    assert found[0].status == "measured"
    assert found[1].status == "not_measured"


def test_half_widths_follow_the_complex_modulus():
    error = MuscleError(0.1, 0.0)
    assert error.half_width("storage_modulus", 1000, 0.3) == pytest.approx(100)
    turned = MuscleError(0.0, 0.1)
    # G'' = |G*| sin(angle): a turn by .1 rad at .3 rad.
    assert turned.half_width("loss_modulus", 300, 0.3) == pytest.approx(
        1000 * 0.1 * np.cos(0.3), rel=0.03
    )
