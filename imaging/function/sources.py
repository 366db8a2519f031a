"""One list of gait events from plates, file, markers and shanks, and how well they agree.

Plates rule over the file, the file over markers, markers over shanks; what one did not see is
taken from the next. A list that a person corrected rules alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.agreement import (
    KINDS,
    ORDER,
    GaitEvents,
    Source,
    agreement,
    differences,
    seen_by,
)
from imaging.function.event_notes import sentences
from imaging.function.events import MATCH_S, by_foot, limits_of, nearest, strikes
from imaging.function.markers import marker_events
from imaging.function.recording import Event, EventKind, EventSide, Recording
from imaging.function.shank import shank_events
from imaging.function.stances import events_of, is_on_plate, once_per_step, stances
from imaging.function.trials import Kind

RUNNING_BELOW_S = 0.85
# Of the time between two strikes of a foot: nearer, two events are one.
APART_SHARE = 0.5
LEAST_EVENTS = 3


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
    running = _of_running(shanks) if kind == "other" else ""
    shanks = [] if running else shanks
    found, said = stances(recording, threshold_n, limits, [*markers, *shanks])
    of_plates = events_of(recording, [s for s in found if not s.refused])
    partly = [e for e in of_plates if not is_on_plate(recording, e)]
    not_whole = set(partly)
    whole = [e for e in of_plates if e not in not_whole and e.side != "undecided"]
    by_source: dict[Source, tuple[Event, ...]] = {
        "plates": tuple(once_per_step(whole)),
        "file": recording.events,
        "markers": tuple(markers),
        "shanks": tuple(shanks),
    }
    pairs = agreement(by_source)
    used, unused = _merge(by_source, recording.events_are_final)
    seen = seen_by(used, by_source)
    refused = tuple(s for s in found if s.refused)
    undecided = sum(s.side == "undecided" and not s.refused for s in found)
    said += [running] if running else []
    said += sentences(recording, seen, pairs, unused, refused)
    return GaitEvents(
        seen, by_source, pairs, tuple(partly), refused, undecided, unused, tuple(said)
    )


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


def _of_running(shanks: Sequence[Event]) -> str:
    """Return why events of shanks are not used where the task does not say what was done."""
    gaps = np.concatenate([np.diff(strikes(shanks, side)) for side in ("left", "right")])
    if len(gaps) == 0 or float(np.median(gaps)) >= RUNNING_BELOW_S:
        return ""
    return (
        f"Strides of {np.median(gaps):.2f} s by the shanks may be running, in which their turning "
        "does not tell contact: it is not used. Name the task walking if it was."
    )


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
        if len(apart) >= LEAST_EVENTS and float(np.median(apart)) > MATCH_S:
            return True
    return False
