"""What a condition changes is found with its interval, or it is said why it cannot be."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from imaging.function.conditions import ONE_EACH, compare, compare_subjects, holm
from imaging.function.stride_values import ALONE


def run(trial, values, muscle="TA", unit="ms", outcome="onset"):
    return pd.DataFrame(
        {
            "trial": trial, "label": 201, "muscle": muscle, "side": "right", "phase": "main",
            "stride": np.arange(len(values)), "outcome": outcome, "value": values, "unit": unit,
        }
    )  # fmt: skip


def walking(conditions):
    return dict.fromkeys(conditions, "walking")


def two(rng, shift=20.0, n=12):
    conditions = {"a": {"fatigue": "before"}, "b": {"fatigue": "after"}}
    values = [run("a", 15 * rng.standard_normal(n)), run("b", shift + 15 * rng.standard_normal(n))]
    return compare(pd.concat(values), conditions, walking(conditions))


def test_a_shift_is_held_by_the_interval_in_95_of_100():
    rng = np.random.default_rng(3)
    rows = pd.concat([two(rng) for _ in range(100)])
    assert ((rows["ci_low"] < 20) & (rows["ci_high"] > 20)).mean() > 0.92
    same = pd.concat([two(rng, 0.0) for _ in range(100)])
    assert (same["p"] < 0.05).mean() < 0.09
    assert set(rows["note"]) == {ONE_EACH}


def test_effect_has_its_sign_unit_and_counts():
    conditions = {"a": {"fatigue": "before"}, "b": {"fatigue": "after"}}
    values = pd.concat([run("a", [1.0, 2.0, 3.0, np.nan]), run("b", [11.0, 12.0, 13.0])])
    (row,) = compare(values, conditions, walking(conditions)).to_dict("records")
    assert row["effect"] == pytest.approx(10) and row["unit"] == "ms"
    assert (row["level"], row["against"]) == ("after", "before")
    assert (row["n"], row["missing"], row["recordings"]) == (6, 1, 2)


def test_several_recordings_are_the_units():
    rng = np.random.default_rng(4)
    held, found = [], []
    for _ in range(12):
        conditions, parts = {}, []
        for level, shift in (("before", 0.0), ("after", 20.0)):
            for k in range(4):
                conditions[f"{level}{k}"] = {"fatigue": level}
                own = shift + 8 * rng.standard_normal()
                parts.append(run(f"{level}{k}", own + 10 * rng.standard_normal(10)))
        (row,) = compare(pd.concat(parts), conditions, walking(conditions)).to_dict("records")
        assert row["recordings"] == 8 and not row["note"]
        held.append(row["ci_low"] < 20 < row["ci_high"])
        found.append(row["ci_high"] - row["ci_low"])
    assert np.mean(held) > 0.75
    # Of 40 strides each, an interval of strides would be 9 ms wide.
    assert np.median(found) > 15


def test_conditions_that_change_together_are_not_told_apart():
    conditions = {
        "a": {"fatigue": "before", "speed": "slow"},
        "b": {"fatigue": "after", "speed": "fast"},
    }
    values = pd.concat([run("a", np.arange(5.0)), run("b", np.arange(5.0))])
    rows = compare(values, conditions, walking(conditions))
    assert rows["effect"].isna().all()
    assert set(rows["note"]) == {"fatigue and speed change together in the recordings"}


def test_two_factors_are_told_apart_where_they_cross():
    conditions = {
        f"{f}{s}": {"fatigue": f, "speed": s} for f in ("before", "after") for s in ("slow", "fast")
    }
    rng = np.random.default_rng(5)
    parts = [
        run(name, 20 * (c["fatigue"] == "after") - 50 * (c["speed"] == "fast")
            + rng.standard_normal(12))
        for name, c in conditions.items()
    ]  # fmt: skip
    rows = compare(pd.concat(parts), conditions, walking(conditions)).set_index("factor")
    assert rows.loc["fatigue", "effect"] == pytest.approx(20, abs=2)
    assert rows.loc["speed", "effect"] == pytest.approx(-50, abs=2)


@pytest.mark.parametrize(
    ("values", "conditions", "why"),
    [
        (
            [run("a", np.arange(5.0)), run("b", np.arange(2.0))],
            {"a": {"fatigue": "before"}, "b": {"fatigue": "after"}},
            "fewer than 3 strides in a condition",
        ),
        (
            [run("a", np.arange(5.0)), run("b", np.arange(5.0), unit="MVC")],
            {"a": {"fatigue": "before"}, "b": {"fatigue": "after"}},
            "recordings have different units: ms, MVC",
        ),
        (
            [run(t, np.arange(5.0), unit=ALONE, outcome="peak") for t in "ab"],
            {"a": {"fatigue": "before"}, "b": {"fatigue": "after"}},
            "amplitudes of each recording are relative to itself",
        ),
    ],
)
def test_why_an_effect_is_missing(values, conditions, why):
    (row,) = compare(pd.concat(values), conditions, walking(conditions)).to_dict("records")
    assert np.isnan(row["effect"]) and row["note"] == why


def test_walking_is_not_compared_with_running():
    conditions = {"a": {"fatigue": "before"}, "b": {"fatigue": "after"}}
    values = pd.concat([run("a", np.arange(5.0)), run("b", np.arange(5.0))])
    assert compare(values, conditions, {"a": "walking", "b": "running"}).empty


def test_one_level_is_nothing_to_compare():
    conditions = {"a": {"fatigue": "before"}, "b": {"fatigue": "before"}, "c": {}}
    values = pd.concat([run(t, np.arange(5.0)) for t in conditions])
    assert compare(values, conditions, walking(conditions)).empty


def test_p_is_corrected_over_muscles():
    rng = np.random.default_rng(6)
    conditions = {"a": {"fatigue": "before"}, "b": {"fatigue": "after"}}
    parts = [
        run(trial, rng.standard_normal(12), muscle=f"M{k}") for trial in "ab" for k in range(10)
    ]
    rows = compare(pd.concat(parts), conditions, walking(conditions))
    assert (rows["p_holm"] >= rows["p"]).all()
    assert rows["p_holm"].min() == pytest.approx(min(1, 10 * rows["p"].min()))


def test_holm_is_that_of_statsmodels():
    p = np.random.default_rng(9).random(12) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    assert len(holm(np.zeros(0))) == 0


def cohort(rng, subjects, shift):
    parts = []
    for s in range(subjects):
        level, effect = 40 * rng.standard_normal(), shift + 6 * rng.standard_normal()
        for name, own in (("before", 0.0), ("after", effect)):
            values = level + own + 15 * rng.standard_normal(10)
            parts.append(run("", values).assign(subject=f"{s}", level=name))
    return pd.concat(parts)


def test_across_subjects_the_subjects_are_the_units():
    rng = np.random.default_rng(7)
    held = []
    for _ in range(10):
        (row,) = compare_subjects(cohort(rng, 8, 20.0), "before").to_dict("records")
        held.append(row["ci_low"] < 20 < row["ci_high"])
        assert (row["subjects"], row["n"]) == (8, 160)
    assert np.mean(held) >= 0.8


def test_two_subjects_are_too_few():
    (row,) = compare_subjects(cohort(np.random.default_rng(8), 2, 20.0), "before").to_dict(
        "records"
    )
    assert np.isnan(row["effect"])
    assert row["note"] == "2 subjects with both conditions, 3 needed"


def test_values_that_do_not_vary_end_without_a_failure():
    conditions = {f"{c}{k}": {"fatigue": c} for c in "ab" for k in range(2)}
    values = pd.concat([run(t, np.full(5, 2.0)) for t in conditions])
    (row,) = compare(values, conditions, walking(conditions)).to_dict("records")
    assert row["effect"] == 0 and row["ci_low"] == row["ci_high"] == 0
