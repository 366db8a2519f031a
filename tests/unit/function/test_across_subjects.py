"""A known change in one muscle is found across persons, from the tables of their sessions."""

import numpy as np
import pandas as pd
import pytest

from imaging.function.across_subjects import effects
from imaging.muscles import label_of

TA, SOL = label_of("TA", "right"), label_of("SOL", "right")


def session(number, rng, shift_s=0.02, levels=("before", "after"), strides=8):
    """One person: two walks, the second with the onset of TA later by a known time."""
    own = rng.normal(0, 0.01)
    onsets, rows = [], []
    for trial, late in zip(("task-walk_run-1", "task-walk_run-2"), (0.0, shift_s), strict=True):
        for label, key, start in ((TA, "TA", 0.6), (SOL, "SOL", 0.1)):
            for stride in range(strides):
                begin = 1.1 * stride
                onset = begin + start + own + rng.normal(0, 0.012) + (late if label == TA else 0)
                head = (trial, label, key, "right", stride)
                share = 100 * (onset - begin) / 1.1
                onsets.append((*head, "swing", onset, onset + 0.2, share, share + 8, 1))
                rows.append((*head, begin, begin + 1.1, 0.3, 0.9, "peak of mean cycle"))
    trials = pd.DataFrame({"trial": ["task-walk_run-1", "task-walk_run-2"], "kind": "walking",
                           "factor_fatigue": list(levels)})  # fmt: skip
    columns = ["trial", "label", "muscle", "side", "stride", "phase", "onset_s", "offset_s",
               "onset_percent", "peak_percent", "main"]  # fmt: skip
    named = ["trial", "label", "muscle", "side", "stride", "start_s", "end_s", "amplitude", "peak",
             "unit"]  # fmt: skip
    return (f"sub-{number}", trials, pd.DataFrame(onsets, columns=columns),
            pd.DataFrame(rows, columns=named))  # fmt: skip


def test_a_known_shift_is_found_in_its_muscle_only():
    rng = np.random.default_rng(5)
    found = effects([session(n, rng) for n in range(8)])
    onset = found[(found["outcome"] == "onset")].set_index("muscle")
    assert onset.loc["TA", "effect"] == pytest.approx(20, abs=5)
    assert onset.loc["TA", "ci_low"] < 20 < onset.loc["TA", "ci_high"]
    assert onset.loc["TA", "p_holm"] < 0.01
    assert onset.loc["SOL", "p_holm"] > 0.05
    assert (onset["subjects"] == 8).all()
    assert set(found["against"]) == {"before"} and set(found["task"]) == {"walking"}


def test_the_level_of_most_first_recordings_is_compared_with():
    rng = np.random.default_rng(6)
    people = [session(n, rng) for n in range(3)]
    people.append(session(9, rng, levels=("after", "before")))
    assert set(effects(people)["against"]) == {"before"}


def test_without_factors_or_with_few_persons_nothing_is_claimed():
    rng = np.random.default_rng(7)
    who, trials, onsets, strides = session(1, rng)
    assert effects([(who, trials[["trial", "kind"]], onsets, strides)]).empty
    assert effects([]).empty
    few = effects([session(n, rng) for n in range(2)])
    assert few["effect"].isna().all()
    assert few["note"].str.contains("3 needed").all()


def test_amplitudes_of_two_sessions_without_mvc_do_not_compare():
    """Each is relative to its own reference, so that their difference would be none."""
    rng = np.random.default_rng(8)
    people = [
        session(n, rng, levels=(level, level)) for n in range(4) for level in ("before", "after")
    ]
    found = effects(people)
    of_size = found["outcome"].isin(["amplitude", "peak"])
    assert found.loc[of_size, "effect"].isna().all()
    assert found.loc[of_size, "note"].str.contains("without MVC").all()
    assert found.loc[found["outcome"] == "onset", "effect"].notna().all()
