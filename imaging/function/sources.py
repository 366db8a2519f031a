"""One list of gait events from plates, file, markers and shanks, and how well they agree.

Plates rule over the file, the file over markers, markers over shanks; what one did not see is
taken from the next. A list that a person corrected rules alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function.events import MATCH_S, by_foot, limits_of, nearest, strikes
from imaging.function.markers import marker_events
from imaging.function.recording import Event, EventKind, EventSide, Recording
from imaging.function.shank import shank_events
from imaging.function.stances import Stance, events_of, is_on_plate, once_per_step, stances
from imaging.function.trials import Kind

Source = Literal["plates", "file", "markers", "shanks"]
ORDER: tuple[Source, ...] = ("plates", "file", "markers", "shanks")
# Events of two sources that differ by this much on average differ in their meaning or clock.
SYSTEMATIC_MS = 25.0
LEAST_PAIRS = 3
WIDE_MS = 30.0
# Of the time between two strikes of a foot: nearer, two events are one.
APART_SHARE = 0.5
KINDS: tuple[EventKind, ...] = ("foot_strike", "foot_off")
WEAK: tuple[Source, ...] = ("markers", "shanks")


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


def find_events(recording: Recording, kind: Kind, threshold_n: float) -> GaitEvents:
    """Return the events of a recording.

    Parameters
    ----------
    kind
        What it is of: sets the limits of contacts. Shanks are not read in running.
    threshold_n
        Force above which a foot is on a plate, N.
    """
    limits = limits_of(kind)
    markers = marker_events(recording)
    shanks = shank_events(recording) if kind in ("walking", "other") else []
    found, said = stances(recording, threshold_n, limits, [*markers, *shanks])
    of_plates = events_of(recording, [s for s in found if not s.refused])
    partly = [e for e in of_plates if not is_on_plate(recording, e)]
    whole = [e for e in of_plates if e not in partly and e.side != "undecided"]
    by_source: dict[Source, tuple[Event, ...]] = {
        "plates": tuple(once_per_step(whole)),
        "file": recording.events,
        "markers": tuple(markers),
        "shanks": tuple(shanks),
    }
    pairs = agreement(by_source)
    used, unused = _merge(by_source, recording.events_are_final)
    seen = _seen(used, by_source)
    refused = tuple(s for s in found if s.refused)
    undecided = sum(s.side == "undecided" and not s.refused for s in found)
    said += _sentences(recording, seen, pairs, unused, refused)
    return GaitEvents(
        seen, by_source, pairs, tuple(partly), refused, undecided, unused, tuple(said)
    )


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


def facts(gait: GaitEvents) -> dict[str, object]:
    """Return agreement of sources and what was refused, for the notes."""
    return {
        "events_by_source": {s: len(e) for s, e in gait.by_source.items() if e},
        "event_sources": [
            {
                "of": p.second,
                "minus": p.first,
                "event": p.kind,
                "n": p.n,
                "mean_ms": round(p.mean_ms, 1),
                "sd_ms": None if np.isnan(p.sd_ms) else round(p.sd_ms, 1),
            }
            for p in gait.pairs
        ],
        "contacts_refused": [{"plate": s.plate, "why": s.refused} for s in gait.refused],
    }


def _seen(used: Sequence[Event], by_source: Mapping[Source, Sequence[Event]]) -> tuple[Seen, ...]:
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


def _merge(
    by_source: Mapping[Source, Sequence[Event]], final: bool
) -> tuple[list[Event], tuple[Source, ...]]:
    """Return every event once, from the best source, and the sources that contradict a better."""
    if final:
        return sorted(by_source["file"], key=_in_order), ()
    apart_s = APART_SHARE * _stride_s(by_source)
    used: list[Event] = []
    unused: list[Source] = []
    for source in ORDER:
        if _contradicts(by_source[source], used, apart_s):
            unused.append(source)
            continue
        have = by_foot(used)
        used += [e for e in by_source[source] if abs(_nearest_of(have, e) - e.time_s) >= apart_s]
    return sorted(used, key=_in_order), tuple(unused)


def _nearest_of(have: Mapping[tuple[EventSide, EventKind], FloatArray], event: Event) -> float:
    times = have.get((event.side, event.kind), np.zeros(0))
    return float(nearest(times, np.array([event.time_s]))[0])


def _in_order(event: Event) -> tuple[float, str, str]:
    return event.time_s, event.side, event.kind


def _stride_s(by_source: Mapping[Source, Sequence[Event]]) -> float:
    """Return the usual time between two strikes of a foot: the shortest that a source gives."""
    medians = []
    for events in by_source.values():
        gaps = np.concatenate([np.diff(np.sort(strikes(events, s))) for s in ("left", "right")])
        if len(gaps):
            medians.append(float(np.median(gaps)))
    return min(max(min(medians, default=0.6), 0.4), 2.5)


def _contradicts(events: Sequence[Event], used: Sequence[Event], apart_s: float) -> bool:
    """Whether most events lie far from the same events of better sources."""
    for kind in KINDS:
        apart = np.abs(differences(events, used, kind, apart_s))
        if len(apart) >= LEAST_PAIRS and float(np.median(apart)) > MATCH_S:
            return True
    return False


def _sentences(
    recording: Recording,
    seen: Sequence[Seen],
    pairs: Sequence[Pair],
    unused: Sequence[Source],
    refused: Sequence[Stance],
) -> list[str]:
    said = []
    for pair in pairs:
        if pair.n >= LEAST_PAIRS and abs(pair.mean_ms) > SYSTEMATIC_MS:
            said.append(
                f"{pair.kind} by {pair.second} lies {pair.mean_ms:+.0f} ms from that by "
                f"{pair.first} on average (n={pair.n}): look at the clock and the definition."
            )
    said += [
        f"Events of {source} lie far from those of a better source: they fill nothing."
        for source in unused
    ]
    told = {"file" if not recording.events_are_final else "manual", "manual"}
    for source in WEAK:
        name = {"markers": "markers", "shanks": "shank"}[source]
        n = sum(s.event.source == name for s in seen)
        if n and any(s.event.source.startswith("force") or s.event.source in told for s in seen):
            said.append(f"{n} of {len(seen)} events rest on {source} alone, a weaker source.")
        elif n:
            said.append(
                f"{n} of {len(seen)} events come from {source}: no plate and no file tells them."
            )
    wide = [s.spread_ms for s in seen if s.spread_ms > WIDE_MS]
    if wide:
        said.append(
            f"{len(wide)} of {len(seen)} events: their sources differ by more than {WIDE_MS:g} ms, "
            f"by up to {max(wide):.0f} ms."
        )
    for plate in sorted({s.plate for s in refused}):
        own = [s for s in refused if s.plate == plate]
        said.append(
            f"{len(own)} contacts on force plate {plate} give no event: "
            + "; ".join(sorted({s.refused for s in own}))
            + "."
        )
    return said
