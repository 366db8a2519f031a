"""Activity before and after landings."""

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.function.amplitude import Contraction
from imaging.function.landing_activity import COLUMNS, landings_table
from imaging.function.recording import Event, Recording
from imaging.function.trials import Trial

RATE = 2000.0
SETTINGS = {"task-drop": FunctionSettings()}


def drop(units=("uV", "uV"), kind="landing", events=None):
    """Left TA works before contact at 2 s, left GM after it; the right leg has no electrode."""
    time = np.arange(int(4 * RATE)) / RATE
    tone = np.sqrt(2) * np.sin(2 * np.pi * 120 * time)
    before = np.where((time > 1.7) & (time < 2.0), 100.0, 2.0) * tone
    after = np.where((time > 2.0) & (time < 2.4), 80.0, 2.0) * tone
    told = events or (
        Event(2.0, "left", "foot_strike", "file"),
        Event(2.01, "right", "foot_strike", "file"),
    )
    labels = ("L TA", "L GM")
    read = Recording(
        labels, np.stack([before, after]), RATE, events=told,
        units={n: u for n, u in zip(labels, units, strict=True) if u},
    )  # fmt: skip
    return Trial("task-drop", kind, read)


def test_windows_are_parted_by_contact():
    table, said = landings_table([drop()], SETTINGS, {})
    assert list(table.columns) == COLUMNS
    assert said == []
    rows = {r.muscle: r for r in table.itertuples()}
    mean = np.sqrt(2) * 2 / np.pi  # of a rectified tone of rms 1
    assert rows["TA"].before == pytest.approx(100 * mean, rel=0.06)
    assert rows["TA"].after < 15
    assert rows["GM"].after == pytest.approx(80 * mean, rel=0.06)
    assert rows["GM"].before < 15
    assert set(table["unit"]) == {"uV"}
    assert set(table["side"]) == {"left"}


def test_relative_to_mvc_only_in_its_unit_and_band():
    label = int(landings_table([drop()], SETTINGS, {})[0].query("muscle == 'TA'")["label"].iloc[0])
    plain = landings_table([drop()], SETTINGS, {})[0]
    for mvc, unit in (
        (Contraction(200.0, "uV", (20.0, 450.0), "task-mvc"), "MVC"),
        (Contraction(200.0, "", (20.0, 450.0), "task-mvc"), "uV"),
        (Contraction(200.0, "uV", (20.0, 400.0), "task-mvc"), "uV"),
    ):
        table = landings_table([drop()], SETTINGS, {label: mvc})[0]
        row = table[table["label"] == label].iloc[0]
        assert row["unit"] == unit
        own = plain[plain["label"] == label].iloc[0]["before"]
        assert row["before"] == pytest.approx(own / (200 if unit == "MVC" else 1))


def test_an_unknown_unit_is_named_so():
    table, _ = landings_table([drop(units=("", ""))], SETTINGS, {})
    assert set(table["unit"]) == {"unit of the file"}


def test_nothing_found_and_other_tasks():
    nothing = drop(events=(Event(2.0, "left", "foot_off", "file"),))
    table, said = landings_table([nothing], SETTINGS, {})
    assert len(table) == 0
    assert "No landing was found in task-drop" in said[0]
    assert landings_table([drop(kind="walking")], SETTINGS, {})[1] == []


def test_a_landing_of_an_unknown_foot_is_left_out_and_said():
    events = (
        Event(2.0, "undecided", "foot_strike", "file"),
        Event(3.0, "left", "foot_strike", "file"),
    )
    table, said = landings_table([drop(events=events)], SETTINGS, {})
    assert set(table["contact_s"]) == {3.0}
    assert "1 of 2 landings in task-drop left out" in said[0]
