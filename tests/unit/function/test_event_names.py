"""Names of gait events as motion capture systems write them."""

import pytest

from imaging.function.event_names import event_names, parse_event, read_names
from imaging.function.side_names import split_name


@pytest.mark.parametrize(
    ("text", "trial_type"),
    [
        ("left_foot_strike", "left_foot_strike"),
        ("Right Foot Off", "right_foot_off"),
        ("Left Toe-Off", "left_foot_off"),
        ("RHS", "right_foot_strike"),
        ("LTO", "left_foot_off"),
        ("lto", "left_foot_off"),
        ("RIC", "right_foot_strike"),
        ("LFO", "left_foot_off"),
        ("HSR", "right_foot_strike"),
        ("eRHS", "right_foot_strike"),
        ("IC right", "right_foot_strike"),
        ("Right RHS", "right_foot_strike"),
        ("Right Heel Strike", "right_foot_strike"),
        ("RHeelStrike", "right_foot_strike"),
        ("LeftFootOff", "left_foot_off"),
        ("R Initial Contact", "right_foot_strike"),
        ("Fersenkontakt links", "left_foot_strike"),
        ("Fußaufsatz rechts", "right_foot_strike"),
        ("Zehenablösung re", "right_foot_off"),
        ("Attaque du talon gauche", "left_foot_strike"),
        ("Décollement des orteils droit", "right_foot_off"),
        ("Foot Strike", "undecided_foot_strike"),
        ("General Foot Strike", "undecided_foot_strike"),
    ],
)
def test_names_of_events(text, trial_type):
    assert parse_event(text, 1.0).trial_type == trial_type


@pytest.mark.parametrize(
    "text", ["General Event", "", "Heel Off left", "Left Right Foot Strike", "Left RHS", "FSR 1"]
)
def test_other_events_are_not_gait_events(text):
    assert parse_event(text, 1.0) is None


def test_table_is_written_as_names_are_compared():
    for name in event_names():
        assert split_name(name) == [name]
    kinds = {name[:2]: kind for name, (kind, side) in event_names().items() if side != "undecided"}
    for code, kind in kinds.items():  # the left has what the right has
        assert event_names()[f"{code}l"] == (kind, "left")
        assert event_names()[f"{code}r"] == (kind, "right")


def test_what_is_not_understood_is_listed_with_its_number():
    named = [("Left Foot Strike", 2.0), ("Swing", 1.0), ("Swing", 3.0), ("Foot Off", 2.5)]
    events, warnings = read_names(named)
    assert [e.trial_type for e in events] == ["left_foot_strike"]
    assert len(warnings) == 2
    assert "Swing (2)" in warnings[0]
    assert "Foot Off (1)" in warnings[1]


def test_nothing_is_said_where_all_is_understood():
    assert read_names([("LHS", 0.1)])[1] == ()


def test_names_of_persons_are_not_repeated():
    named = [("Doe_Jane coughs", 1.0), ("start", 2.0), ("note of JANE", 3.0)]
    (warning,) = read_names(named, ["Doe^Jane"])[1]
    assert "Doe" not in warning
    assert "jane" not in warning.lower()
    assert "start (1)" in warning
    assert "(2)" in warning


def test_an_event_written_twice_is_one():
    found, said = read_names([("LHS", 1.0), ("LHS", 1.0), ("left foot strike", 1.0), ("LHS", 2.0)])
    assert [e.time_s for e in found] == [1.0, 2.0]
    assert not said
