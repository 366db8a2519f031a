"""How well plates, file, markers and shanks agree on gait events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function.events import MATCH_S, by_foot, nearest
from imaging.function.recording import Event, EventKind
from imaging.function.stances import Stance

Source = Literal["plates", "file", "markers", "shanks"]
ORDER: tuple[Source, ...] = ("plates", "file", "markers", "shanks")
KINDS: tuple[EventKind, ...] = ("foot_strike", "foot_off")


@dataclass(frozen=True)
class Seen:
    """An event that is used, and when each source saw it.

    Attributes
    ----------
    event : Event
    times : dict of source to float
        s, within 100 ms of the event.
    """

    event: Event
    times: Mapping[Source, float]

    @property
    def spread_ms(self) -> float:
        """Largest difference between its sources, ms; NaN with one."""
        times = list(self.times.values())
        return 1000 * (max(times) - min(times)) if len(times) > 1 else float("nan")


@dataclass(frozen=True)
class Pair:
    """How two sources differ on one kind of event: second minus first, ms."""

    first: Source
    second: Source
    kind: EventKind
    n: int
    mean_ms: float
    sd_ms: float


@dataclass(frozen=True)
class GaitEvents:
    """Events of a recording.

    Attributes
    ----------
    seen : tuple of Seen
        Those used, in the order of time.
    by_source : dict of source to tuple of Event
        All that each source saw.
    pairs : tuple of Pair
        Agreement of sources.
    partly : tuple of Event
        Those of a plate that the foot was only partly on; not used.
    refused : tuple of Stance
        Contacts that are not those of one foot.
    undecided : int
        Contacts on a plate whose foot could not be told.
    unused : tuple of Source
        Sources that contradict a better one and fill nothing.
    said : tuple of str
        What a reader must know.
    """

    seen: tuple[Seen, ...]
    by_source: Mapping[Source, tuple[Event, ...]]
    pairs: tuple[Pair, ...] = ()
    partly: tuple[Event, ...] = ()
    refused: tuple[Stance, ...] = ()
    undecided: int = 0
    unused: tuple[Source, ...] = ()
    said: tuple[str, ...] = field(default=())

    @property
    def events(self) -> tuple[Event, ...]:
        """Those used."""
        return tuple(s.event for s in self.seen)


def agreement(by_source: Mapping[Source, Sequence[Event]]) -> tuple[Pair, ...]:
    """Return mean and SD of the differences between every two sources, strikes and lifts apart."""
    pairs = []
    for (first, second), kind in ((two, kind) for two in combinations(ORDER, 2) for kind in KINDS):
        apart = 1000 * differences(by_source[second], by_source[first], kind, MATCH_S)
        if len(apart):
            sd = float(apart.std(ddof=1)) if len(apart) > 1 else float("nan")
            pairs.append(Pair(first, second, kind, len(apart), float(apart.mean()), sd))
    return tuple(pairs)


def differences(
    events: Sequence[Event], of: Sequence[Event], kind: EventKind, within_s: float
) -> FloatArray:
    """Return for each event of `of` how much later the nearest of `events` is, s, (n,).

    Same foot and same kind, within a time.
    """
    theirs, own = by_foot(events), by_foot(of)
    apart = [
        nearest(theirs.get(key, np.zeros(0)), times) - times
        for key, times in own.items()
        if key[1] == kind
    ]
    found: FloatArray = np.concatenate([np.zeros(0), *apart])
    return found[np.abs(found) <= within_s]


def seen_by(used: Sequence[Event], by_source: Mapping[Source, Sequence[Event]]) -> tuple[Seen, ...]:
    """Return each event that is used with the times of the sources that saw it."""
    tables = {source: by_foot(by_source[source]) for source in ORDER}
    seen = []
    for event in used:
        at = np.array([event.time_s])
        times: dict[Source, float] = {}
        for source in ORDER:
            near = nearest(tables[source].get((event.side, event.kind), np.zeros(0)), at)[0]
            if abs(near - event.time_s) <= MATCH_S:
                times[source] = float(near)
        seen.append(Seen(event, times))
    return tuple(seen)


def events_table(gait: GaitEvents) -> pd.DataFrame:
    """Return onset (s), duration, trial_type, source, number of sources and their spread (ms)."""
    rows = [
        (
            s.event.time_s, 0.0, s.event.trial_type, s.event.source,
            max(len(s.times), 1), s.spread_ms,
        )
        for s in gait.seen
    ]  # fmt: skip
    columns = ["onset", "duration", "trial_type", "source", "sources", "spread_ms"]
    return pd.DataFrame(rows, columns=columns)
