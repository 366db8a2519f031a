"""Recordings of one session: what each is of, and which one stands for the person.

A session holds walking, running, landings, holds and maximal voluntary contractions. What a
recording is of follows from its BIDS entity ``task-``, by ``imaging/data/task_names.tsv`` or by
settings; a name that says nothing is *other*, and is never guessed from the signals.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, cast

from imaging.errors import ConfigError
from imaging.function.recording import Recording
from imaging.function.side_names import table

Kind = Literal["walking", "running", "landing", "hold", "mvc", "other"]
_CONTRACTIONS = {"mvc", "mvic"}
_MEASURES = {"speed", "velocity", "effort"}
_PLACES = {"treadmill", "overground"}
CYCLIC: tuple[Kind, ...] = ("walking", "running", "other")
"""Kinds in the order in which one stands for the person."""


@dataclass(frozen=True)
class Trial:
    """One recording and what it is of.

    Attributes
    ----------
    name : str
        Its entities without subject and session, such as ``task-walk_run-1``.
    kind : str
        walking, running, landing, hold, mvc or other.
    recording : Recording
    conditions : dict of str to str
        Factor to level, such as fatigue to after.
    """

    name: str
    kind: Kind
    recording: Recording
    conditions: Mapping[str, str] = field(default_factory=dict)


@cache
def task_names() -> dict[str, Kind]:
    """Return word → kind from ``imaging/data/task_names.tsv``."""
    rows = table("task_names.tsv").to_dict("records")
    return {str(r["name"]): cast(Kind, str(r["kind"])) for r in rows}


def kind_of(task: str, told: Mapping[str, Kind] | None = None) -> Kind:
    """Return what a task is: as settings say, else by the words of its name, else other.

    Maximal is a contraction by itself or with a hold, not a walk, a run or a jump.

    Examples
    --------
    >>> kind_of("walkFast"), kind_of("MVCsoleus"), kind_of("runMax"), kind_of("stairs")
    ('walking', 'mvc', 'running', 'other')
    """
    if told and task in told:
        return told[task]
    words = {w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", task)}
    named = words & set(task_names())
    # One walks on a treadmill, unless the name says that one runs.
    found = {task_names()[w] for w in named - _PLACES or named}
    if "mvc" in found and not words & _CONTRACTIONS:
        moves = found - {"mvc", "hold"}
        found = moves or ({"other"} if words & _MEASURES else {"mvc"})
    elif "mvc" in found:
        return "mvc"
    return found.pop() if len(found) == 1 else "other"


def check_channels(trials: Sequence[Trial], explicit: Mapping[str, str]) -> None:
    """Refuse a mapping of channels that names one which no recording has.

    Raises
    ------
    ConfigError
        With the channels that there are.
    """
    there = sorted({name for t in trials for name in t.recording.labels})
    if missing := sorted(set(explicit) - set(there)):
        raise ConfigError(
            f"channels: no recording has a channel {missing}", None, f"They have {there}"
        )


def unmatched(trials: Sequence[Trial], patterns: Iterable[str]) -> list[str]:
    """Return a sentence on each pattern of settings that names no recording of the session."""
    names = [t.name for t in trials]
    return [
        f"Settings give conditions to {pattern!r}, but the session has only {', '.join(names)}."
        for pattern in patterns
        if not fnmatch.filter(names, pattern)
    ]


def plainest_first(trials: Sequence[Trial]) -> list[Trial]:
    """Return recordings with the fewest entities first, then by name, run-2 before run-10.

    What has no acquisition or run of its own stands for what has: ``task-walk`` goes before
    ``task-walk_acq-tired``.
    """

    def key(trial: Trial) -> tuple[int, list[tuple[str, int]]]:
        parts = re.findall(r"([^0-9]*)([0-9]*)", trial.name)
        return trial.name.count("_"), [(text, int(n) if n else -1) for text, n in parts]

    return sorted(trials, key=key)


def reference(trials: Sequence[Trial], wanted: str = "") -> Trial | None:
    """Return the recording that stands for the person: painted, and measured per muscle.

    Parameters
    ----------
    trials
        Of one session.
    wanted
        Name or pattern of the settings; empty: the first of walking, running, other.

    Raises
    ------
    ConfigError
        No recording, or no one recording, has the name that is wanted.
    """
    if wanted:
        found = [t for t in trials if fnmatch.fnmatch(t.name, wanted)]
        if len(found) != 1:
            raise ConfigError(
                f"trial: {len(found)} recordings are named {wanted!r}",
                None,
                f"The session has {[t.name for t in trials]}",
            )
        return found[0]
    plain = plainest_first(trials)
    return next((t for kind in CYCLIC for t in plain if t.kind == kind), None)
