"""The picture of mean cycles puts left and right of a muscle side by side."""

import base64

import pandas as pd

from imaging.report.emg_cycles import emg_cycles


def _drawn(labels):
    rows = [
        {"label": v, "percent": p, "mean": 50.0, "sd": 5.0, "n": 6, "unit": "% of MVC"}
        for v in labels
        for p in (0, 50, 100)
    ]
    address = emg_cycles(pd.DataFrame(rows), [])
    return base64.b64decode(address.split(",")[1]).decode()


def _titles(labels):
    drawn = _drawn(labels)
    names = ["left TA", "right TA", "left SOL", "right SOL"]
    places = {name: drawn.find(f"{name} (n = 6)") for name in names}
    return sorted((name for name in names if places[name] >= 0), key=places.get)


def test_left_and_right_of_a_muscle_stand_side_by_side():
    assert _titles([101, 109, 201, 209]) == ["left TA", "right TA", "left SOL", "right SOL"]


def test_a_muscle_of_one_side_leaves_the_place_of_the_other_empty():
    assert _titles([101, 109, 209]) == ["left TA", "left SOL", "right SOL"]


def test_one_leg_keeps_the_order_of_the_catalogue():
    assert _titles([209, 201]) == ["right TA", "right SOL"]


def test_muscles_that_are_not_imaged_are_drawn():
    assert "right GMAX" in _drawn([252, 201])


def test_a_merged_label_does_not_repeat_its_part():
    assert "right PL+PB" not in _drawn([205, 242])
    assert "right PL+PB" in _drawn([242])
