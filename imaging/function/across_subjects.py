"""What a condition changes across persons, from the tables that the stage wrote of each session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from imaging.function.conditions import compare_subjects
from imaging.function.stride_values import ALONE, FACTOR, OWN_PEAK, stride_values

COLUMNS = (
    "task", "factor", "level", "against", "label", "muscle", "side", "phase", "outcome", "unit",
    "effect", "ci_low", "ci_high", "p", "p_holm", "n", "subjects", "missing", "method", "note",
)  # fmt: skip
NO_SCALE = "without MVC, amplitudes of one session do not compare with those of another"
Sessions = Sequence[tuple[str, pd.DataFrame, pd.DataFrame, pd.DataFrame]]


def effects(sessions: Sessions) -> pd.DataFrame:
    """Return the effect of every level of every factor on every muscle, persons as units.

    Parameters
    ----------
    sessions
        Participant, then the tables of recordings, bursts and strides of one session.

    Returns
    -------
    DataFrame
        `COLUMNS`. A level is compared with the one that most persons have in their first
        recording.
    """
    values = [_values(*session).assign(session=k) for k, session in enumerate(sessions)]
    values = [v for v in values if len(v)]
    if not values:
        return pd.DataFrame(columns=list(COLUMNS))
    whole = pd.concat(values, ignore_index=True)
    frames = []
    for task, of_task in whole.groupby("kind", sort=True):
        for factor in sorted(str(c) for c in of_task if str(c).startswith(FACTOR)):
            known = of_task[of_task[factor].notna()].rename(columns={factor: "level"})
            if known["level"].nunique() < 2:
                continue
            known, alone = _comparable(known)
            found = compare_subjects(known, _first_level(known))
            lost = found["unit"].isin(alone) & found["effect"].isna()
            found.loc[lost, "note"] = NO_SCALE
            name = factor.removeprefix(FACTOR)
            frames.append(found.assign(task=task, factor=name))
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def _comparable(values: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """Return the values without amplitudes that compare with no other level, and their units.

    An amplitude relative to a recording of its own session says nothing of another session.
    """
    relative = values["unit"].isin([OWN_PEAK, ALONE])
    only = values.groupby("session")["level"].transform("nunique") < 2
    without = relative & (only | (values["unit"] == ALONE))
    kept = values["value"].where(~without)
    return values.assign(value=kept), set(values.loc[without, "unit"])


def _values(
    participant: str, trials: pd.DataFrame, onsets: pd.DataFrame, strides: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per stride and outcome, with the person, the task and the levels."""
    values = stride_values(onsets, strides)
    factors = [c for c in trials if str(c).startswith(FACTOR)]
    joined = values.merge(trials[["trial", "kind", *factors]], on="trial")
    return joined.assign(subject=participant)


def _first_level(values: pd.DataFrame) -> str:
    """Return the level of the first recording of most persons; of several the first by name."""
    firsts = Counter(rows["level"].iloc[0] for _, rows in values.groupby("subject", sort=True))
    most = max(firsts.values())
    return min(level for level, n in firsts.items() if n == most)
