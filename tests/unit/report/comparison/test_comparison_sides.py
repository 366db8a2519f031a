"""Left against right: known answers, exchanged sides, what does not compare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from visits_for_tests import (
    LEFT_SOL,
    LEFT_TA,
    SOL,
    TA,
    TABLE,
    coverage,
    length,
    visit,
    volume,
)

from imaging.report.comparison.sides import asymmetry


def rows(*measures):
    found = asymmetry(visit("1", *measures), TABLE)
    return {(r["muscle"], r["measure"]): r for r in found.to_dict("records")}


def test_the_difference_is_right_minus_left_in_percent_of_their_mean():
    row = rows(volume(LEFT_TA, 90), volume(TA, 110))["TA", "volume"]
    assert row["right_minus_left"] == 20
    assert row["asymmetry_percent"] == pytest.approx(20)
    assert row["verdict"] == "larger than SDC"
    assert (row["left"], row["right"]) == (90, 110)


@given(st.floats(1, 1e3), st.floats(1, 1e3))
def test_exchanged_sides_give_the_opposite(left, right):
    one = rows(volume(LEFT_TA, left), volume(TA, right))["TA", "volume"]
    two = rows(volume(LEFT_TA, right), volume(TA, left))["TA", "volume"]
    assert one["right_minus_left"] == pytest.approx(-two["right_minus_left"])
    assert one["asymmetry_percent"] == pytest.approx(-two["asymmetry_percent"])
    assert one["verdict"] == two["verdict"]


def test_one_leg_has_no_sides():
    assert rows(volume(TA, 100), volume(SOL, 100)) == {}
    assert rows(volume(TA, 100), volume(LEFT_TA, None)) == {}


def test_what_does_not_compare_says_why():
    found = rows(
        volume(LEFT_TA, 90), volume(TA, 110), coverage(TA, False), length(LEFT_TA, 50),
        length(TA, 51), volume(LEFT_SOL, 80), volume(SOL, 80, note="drawn by a person"),
        length(LEFT_SOL, 50), length(SOL, 51, status="modelled"),
    )  # fmt: skip
    assert found["TA", "volume"]["reason"] == "cut by the field of view: right"
    assert found["TA", "fascicle_length"]["verdict"] == "within SDC"
    assert found["SOL", "volume"]["reason"] == "network on the left, drawn by a person on the right"
    assert (
        found["SOL", "fascicle_length"]["reason"] == "measured on the left, modelled on the right"
    )


def test_a_muscle_on_one_side_is_named():
    found = rows(volume(LEFT_TA, 90), volume(TA, 110), volume(SOL, 80))
    assert found["SOL", "volume"]["reason"] == "left: not measured"
