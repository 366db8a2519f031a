import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.measures import Measure
from imaging.report.group.muscles import stages, ways_apart
from imaging.report.group.outliers import (
    OUTLIER_SCORE,
    VALUES,
    chance_of_outlier,
    expected_outliers,
    find_outliers,
    long_values,
    person_means,
    robust_scores,
    scored,
)
from imaging.report.group.subjects import Subject


def frame(rows):
    return pd.DataFrame([(*row, "") for row in rows], columns=list(VALUES))


def test_scores_find_the_far_value_and_leave_few_values_alone():
    scores = robust_scores(np.array([10, 11, 9, 10.5, 9.5, 30.0]))
    assert np.flatnonzero(np.abs(scores) > OUTLIER_SCORE).tolist() == [5]
    assert np.isnan(robust_scores(np.array([1, 2, 90.0]))).all()
    assert np.isnan(robust_scores(np.full(8, 3.0))).all()


def test_score_is_that_of_iglewicz_and_hoaglin():
    # Median 3, absolute deviations 2 1 0 1 97, MAD 1.
    assert robust_scores(np.array([1, 2, 3, 4, 100.0]))[4] == pytest.approx(0.6745 * 97)


def test_visits_of_one_person_are_one_witness():
    values = np.array([10, 11, 9, 10.5, 30, 30, 30, 30, 30, 30.0])
    persons = ["a", "b", "c", "d", "e", "e", "e", "e", "e", "e"]
    scores = robust_scores(values, persons)
    assert (scores[4:] > OUTLIER_SCORE).all()
    # As five strangers they would be the rule, and the four others the exception.
    assert not (robust_scores(values)[4:] > OUTLIER_SCORE).any()
    assert np.isnan(robust_scores(values[:5], ["a", "a", "b", "b", "c"])).all()


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=20), st.floats(0.1, 10))
def test_scores_do_not_depend_on_the_unit(values, factor):
    values = np.array(values)
    a, b = robust_scores(values), robust_scores(values * factor)
    if np.isfinite(a).all() and np.isfinite(b).all():
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_places_in_the_cycle_are_neighbours_across_its_end():
    values = np.array([99, 1, 98, 2, 0.5, 99.5, 50])
    scores = robust_scores(values, circular=True)
    assert np.flatnonzero(np.abs(scores) > OUTLIER_SCORE).tolist() == [6]
    mean = person_means(np.array([98.0, 2.0, 50.0]), ["a", "a", "b"], circular=True)
    assert min(mean[0], 100 - mean[0]) == pytest.approx(0, abs=1e-9)
    assert mean[1] == pytest.approx(50)


def test_outliers_are_of_the_same_muscle_the_farthest_first():
    rows = [("p", f"s{k}", "n/a", "right SOL", "volume", "ml", v, 209)
            for k, v in enumerate((1, 2, 3, 2, 1, 40, -90))]  # fmt: skip
    rows += [("p", "s", "n/a", "left SOL", "volume", "ml", 1000.0, 109)]
    values = scored(frame(rows))
    assert find_outliers(values)["value"].tolist() == [-90, 40]
    assert np.isnan(values["score"].iloc[-1])
    assert expected_outliers(values) == round(7 * chance_of_outlier(7))


def test_unknown_muscles_go_by_their_names_not_by_their_labels():
    def subject(prefix, name, value):
        muscles = pd.DataFrame({"label": [1001], "name": [name]})
        return Subject(prefix, None, [Measure(1001, "volume", value, "ml")], muscles)

    values = long_values([subject("sub-1", "vastus", 1.0), subject("sub-2", "sartorius", 2.0)])
    assert values["muscle"].tolist() == ["vastus", "sartorius"]


def test_chance_is_larger_in_small_groups():
    chances = [chance_of_outlier(n) for n in (4, 5, 20, 200)]
    assert chances[0] == 0
    assert chances[1] > chances[2] > chances[3] > 0.0005


def test_waves_of_other_frequencies_are_no_outliers_of_each_other():
    subjects = [
        Subject(f"sub-{k}", None, [
            Measure(209, "stiffness_mdev_magnitude", value, "Pa", note=f"MDEV at {hertz} Hz")
        ], pd.DataFrame({"label": [209], "name": ["n/a"]}))
        for k, (value, hertz) in enumerate(
            [(1000.0 + 10 * k, 40) for k in range(6)] + [(2500.0 + 10 * k, 60) for k in range(5)]
        )
    ]  # fmt: skip
    values = scored(long_values(subjects))
    assert find_outliers(values).empty
    assert values.groupby("way")["usual"].first().to_dict() == {"at 40 Hz": 1025, "at 60 Hz": 2520}
    (said,) = ways_apart(values)
    assert said.endswith("at 40 Hz, n 6; at 60 Hz, n 5.")
    titles = [part.title for _, parts in stages(values, subjects, {}) for part in parts]
    assert [t.rpartition(", ")[2] for t in titles] == ["at 40 Hz", "at 60 Hz"]
