"""What is said of gait events: method, papers, agreement, and what a reader must know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.function.agreement import GaitEvents, Pair, Seen, Source
from imaging.function.recording import Recording
from imaging.function.stances import Stance

# Events of two sources that differ by this much on average differ in their meaning or clock.
SYSTEMATIC_MS, LEAST_PAIRS = 25.0, 3
WIDE_MS = 30.0
OUTSIDE_SHARE = 0.1
WEAK: tuple[Source, ...] = ("markers", "shanks")
MARKERS_METHOD = (
    ", else from markers of the feet (contact where heel or forefoot falls below 10 % of the top "
    "speed of the swing over the ground, in running midway to its first peak of vertical "
    "acceleration, lift midway between where the forefoot exceeds 29 % of it "
    "and where the middle of the foot rises fastest)"
)
SHANKS_METHOD = (
    ", else from the turning of the shanks (where they turn backwards at 75 % of the fastest "
    "within 100 ms of the swing)"
)
MARKERS_CITATIONS = (
    "Ghoussayni S, Stevens C, Durham S, Ewins D. Assessment and validation of a simple automated "
    "method for the detection of gait events and intervals. Gait Posture 2004;20:266-272.",
    "Bruening DA, Ridge ST. Automated event detection algorithms in pathological gait. Gait "
    "Posture 2014;39:472-477.",
    "O'Connor CM, Thorpe SK, O'Malley MJ, Vaughan CL. Automatic detection of gait events using "
    "kinematic data. Gait Posture 2007;25:469-474.",
)
SHANKS_CITATIONS = (
    "Aminian K, Najafi B, Büla C, Leyvraz PF, Robert P. Spatio-temporal parameters of gait "
    "measured by an ambulatory system using miniature gyroscopes. J Biomech 2002;35:689-699.",
    "Salarian A, Russmann H, Vingerhoets FJG, et al. Gait assessment in Parkinson's disease: "
    "toward an ambulatory system for long-term monitoring. IEEE Trans Biomed "
    "Eng 2004;51:1434-1443.",
)


def method(found: Sequence[GaitEvents], threshold_n: float) -> str:
    """Return how the events that are used were found, for the notes."""
    text = (
        f"Foot strike and lift were taken from the vertical force (> {threshold_n:g} N, "
        "re-crossings bridged) where the foot was wholly and alone on a plate, else from "
        "the events of the file"
    )
    told = {"markers": MARKERS_METHOD, "shank": SHANKS_METHOD}
    return text + "".join(told[name] for name in _used(found)) + "."


def citations(found: Sequence[GaitEvents]) -> tuple[str, ...]:
    """Return the papers behind the events that are used."""
    papers = {"markers": MARKERS_CITATIONS, "shank": SHANKS_CITATIONS}
    return tuple(paper for name in _used(found) for paper in papers[name])


def _used(found: Sequence[GaitEvents]) -> list[str]:
    """Return the weak sources that events in use come from."""
    names = {event.source for gait in found for event in gait.events}
    return [name for name in ("markers", "shank") if name in names]


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


def _elsewhere(recording: Recording) -> list[str]:
    """Return a sentence on events of the file outside of the recording, if they are many."""
    start, end = recording.start_s, recording.end_s
    far = sum(not start <= e.time_s <= end for e in recording.events)
    if far <= OUTSIDE_SHARE * len(recording.events):
        return []
    return [
        f"{far} of {len(recording.events)} events of the file lie outside of the recording "
        f"({start:.1f}-{end:.1f} s): they may be on another clock, or not in seconds."
    ]


def sentences(
    recording: Recording,
    seen: Sequence[Seen],
    pairs: Sequence[Pair],
    unused: Sequence[Source],
    refused: Sequence[Stance],
) -> list[str]:
    """Return sentences on sources that disagree, weak events, and contacts without an event."""
    said = _elsewhere(recording)
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
