"""Sentences about what conditions change."""

import numpy as np
import pandas as pd

from imaging.muscles import label_of
from imaging.report.conditions import condition_lines


def row(outcome, effect, p, unit="ms", phase="swing"):
    return {
        "task": "walking", "factor": "fatigue", "level": "after", "against": "before",
        "label": label_of("TA", "right"), "muscle": "TA", "phase": phase, "outcome": outcome,
        "unit": unit, "effect": effect, "ci_low": effect - 5, "ci_high": effect + 5, "p_holm": p,
    }  # fmt: skip


def test_what_stands_out_is_told_with_its_interval():
    rows = pd.DataFrame([row("onset", -20.0, 0.001), row("duration", 3.0, 0.4),
                         row("onset", np.nan, np.nan)])  # fmt: skip
    ((title, sentences, n),) = condition_lines(rows)
    assert title == "walking, fatigue: after compared with before"
    assert sentences == ["Right TA, burst of swing, begins 20 ms earlier (95 % interval 15 to 25)."]
    assert n == 2


def test_amplitudes_are_told_in_percent_of_what_they_are_relative_to():
    told = row("amplitude", 0.1, 0.01, "MVC", "") | {"ci_low": 0.04, "ci_high": 0.16}
    ((_, sentences, _),) = condition_lines(pd.DataFrame([told]))
    assert sentences == [
        "Right TA has a mean amplitude higher by 10 % of MVC (95 % interval 4.0 to 16)."
    ]


def test_nothing_to_tell():
    assert condition_lines(None) == []
    assert condition_lines(pd.DataFrame()) == []
