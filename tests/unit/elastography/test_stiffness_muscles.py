"""Stiffness per muscle."""

import numpy as np
import pytest

from imaging.elastography.muscles import muscle_measures
from imaging.erosion import erode

SPACING = np.array([2.0, 2.0, 4.0])


def two_muscles():
    labels = np.zeros((30, 20, 10), np.int16)
    labels[4:15, 4:16], labels[15:26, 4:16] = 201, 209
    stiffness = np.full(labels.shape, 50_000.0)
    stiffness[labels == 201], stiffness[labels == 209] = 1200, 900
    stiffness[14:16] = 9000  # what leaks in from the border
    return labels, stiffness


def measures(labels, stiffness, wanted, **options):
    given = {"erode_mm": 3.0, "note": "MDEV at 60 Hz"} | options
    valid = given.pop("valid", stiffness > 0)
    maps = {"stiffness_mdev_magnitude": (stiffness, "Pa")}
    return muscle_measures(maps, labels, wanted, valid, SPACING, **given)


def test_median_away_from_borders():
    rows, warnings = measures(*two_muscles(), [201, 209])
    medians = [r for r in rows if r.measure == "stiffness_mdev_magnitude"]
    assert [r.value for r in medians] == [1200, 900]
    assert all(r.sd == 0 and r.status == "measured" and "60 Hz" in r.note for r in medians)
    assert not warnings


def test_no_erosion_takes_every_voxel():
    rows, _ = measures(*two_muscles(), [201], erode_mm=0.0)
    assert rows[0].n == 11 * 12 * 10
    assert rows[0].sd > 0


@pytest.mark.parametrize(
    ("label", "options", "reason"),
    [
        (214, {}, "outside"),
        (209, {"erode_mm": 40.0}, "40 mm"),
        (209, {"valid": np.zeros((30, 20, 10), bool)}, "no valid|no voxel has valid"),
    ],
)
def test_missing_is_said_and_not_zero(label, options, reason):
    rows, _ = measures(*two_muscles(), [label], **options)
    assert rows[0].value is None
    assert rows[0].status == "not_measured"
    assert rows[0].note.count(reason.split("|")[-1]) == 1


def test_wrong_unit_is_noticed():
    labels, stiffness = two_muscles()
    rows, warnings = measures(labels, stiffness / 1000, [201])
    assert rows[0].value == pytest.approx(1.2)
    assert "declared quantity and unit" in warnings[0]


def test_few_voxels_are_named():
    labels, stiffness = two_muscles()
    labels[:], labels[10:13, 10:13, 2:5] = 0, 213
    _, warnings = measures(labels, stiffness, [213], erode_mm=0.0)
    assert "right FHL" in warnings[0]


def test_erosion_is_in_millimetres_and_spares_the_field_of_view():
    region = np.zeros((30, 20, 10), bool)
    region[5:25, 5:15, :] = True
    inner = erode(region, SPACING, 3.0)
    # The border runs half a voxel (1 mm) out of the last voxel: depths 1, 3, 5 mm.
    assert inner[6:24, 6:14].all()
    assert not inner[5].any()
    assert inner[10, 10, 0]
    assert inner[10, 10, -1]


def test_a_loss_modulus_may_be_small_and_negative():
    labels, _ = two_muscles()
    loss = np.random.default_rng(0).normal(40.0, 100.0, labels.shape)
    maps = {"stiffness_curl_loss": (loss, "Pa")}
    rows, warnings = muscle_measures(
        maps, labels, [209], np.ones(labels.shape, bool), SPACING, erode_mm=3.0, note="60 Hz"
    )
    assert rows[0].value == pytest.approx(40.0, abs=20.0)
    assert not warnings
