"""What the stage says beside its figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from imaging.config import FunctionSettings
from imaging.function import onsets, sources
from imaging.function.analysis import Analysis
from imaging.function.recording import Recording
from imaging.function.session import SessionAnalysis
from imaging.function.strides import sentences
from imaging.measures import Notes
from imaging.muscles import is_known, side_and_key

CITATIONS = (
    "Merletti R. Standards for reporting EMG data. J Electromyogr Kinesiol 1999;9(1):III-IV.",
    "Solnik S, Rider P, Steinweg K, DeVita P, Hortobágyi T. Teager-Kaiser energy operator signal "
    "conditioning improves EMG onset detection. Eur J Appl Physiol 2010;110:489-498.",
    "Hodges PW, Bui BH. A comparison of computer-based methods for the determination of onset of "
    "muscle contraction using electromyography. Electroencephalogr Clin Neurophysiol "
    "1996;101:511-519.",
    "Bonato P, D'Alessio T, Knaflitz M. A statistical method for the measurement of muscle "
    "activation intervals from surface myoelectric signal during gait. IEEE Trans Biomed Eng "
    "1998;45:287-299.",
)
ONE_VALUE = (
    "Surface EMG gives one value per muscle: an activation map paints it on the anatomy and does "
    "not measure it at a place."
)


def notes(session: SessionAnalysis, settings: FunctionSettings) -> Notes:
    """Return method, citations, warnings and facts."""
    recording = next(t.recording for t in session.trials if t.name == session.reference)
    analysis = session.analyses[session.reference]
    return Notes(
        "function",
        _method(analysis, settings),
        CITATIONS,
        tuple(_warnings(recording, analysis)),
        _facts(recording, analysis),
    )


def _method(analysis: Analysis, settings: FunctionSettings) -> str:
    if analysis.band_hz is None:
        filtering = "The recording held envelopes, which were not filtered again."
    else:
        low, high = analysis.band_hz
        filtering = (
            f"EMG was band-passed to {low:g}-{high:g} Hz (Butterworth of order 4, zero phase), "
            f"rectified and low-passed at {settings.envelope_hz:g} Hz. Onsets and offsets were "
            "taken from the Teager-Kaiser energy, not from the envelope: above mean plus "
            f"{settings.onset_sd:g} SD of the quiet 200 ms of every stride for at least "
            f"{settings.onset_min_ms:g} ms, and reaching {onsets.REACH:g} times that threshold."
        )
    return (
        f"Foot strike and lift were taken from the vertical force (> "
        f"{settings.force_threshold_n:g} N, re-crossings bridged) where the foot was on a plate, "
        f"else from the events of the file. {filtering} Cycles of 101 points were averaged over "
        "strides; amplitude is relative to the peak of the muscle's own mean cycle."
    )


def _warnings(recording: Recording, analysis: Analysis) -> list[str]:
    found = list(recording.warnings)
    found.append(ONE_VALUE)
    channels = analysis.channels
    by_reason: dict[str, list[str]] = {}
    for name, reason in channels.unmapped.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        found.append(f"Channels left out ({reason}): {', '.join(names)}.")
    if above := [v for v in channels.labels.values() if not is_known(v)]:
        listed = ", ".join(side_and_key(label) for label in sorted(above))
        found.append(f"Measured in time, not in the image of the lower leg: {listed}.")
    if not analysis.muscles:
        found.append("No channel belongs to a known muscle; name them in settings.")
    found += sentences(analysis.left_out)
    for side, strides in analysis.strides.items():
        if len(strides) < 5:
            found.append(_few(side, len(strides)))
    for m in analysis.muscles:
        if m.no_onsets:
            found.append(f"No onsets of {side_and_key(m.label)}: {m.no_onsets}.")
    if analysis.undecided_stances:
        found.append(f"{analysis.undecided_stances} stances on a plate left out: foot not known.")
    found += analysis.events_said
    found += _partly(analysis)
    found += _disagreement(analysis)
    return found


def _few(side: str, n: int) -> str:
    if n == 0:
        return f"No stride of the {side} foot is known: nothing of its muscles is measured."
    if n == 1:
        return f"1 stride of the {side} foot; all figures rest on it."
    return f"{n} strides of the {side} foot; means rest on them."


def _partly(analysis: Analysis) -> list[str]:
    """Return what was done where a foot was not wholly on its plate."""
    matched = {a.event for a in analysis.agreement}
    done = {True: "the file's event is used", False: "left out, the file has no event next to it"}
    return [
        f"{e.trial_type} at {e.time_s:.3f} s: the foot was only partly on {e.source}; "
        f"{done[e in matched]}."
        for e in analysis.partly_on_plate
    ]


def _disagreement(analysis: Analysis) -> list[str]:
    far = [a for a in analysis.agreement if abs(a.frames) > 1]
    return [
        f"{a.event.trial_type} at {a.event.time_s:.3f} s: the file's event lies "
        f"{a.milliseconds:+.0f} ms from the force."
        for a in far
    ]


def _facts(recording: Recording, analysis: Analysis) -> dict[str, Any]:
    return {
        "rate_hz": recording.rate_hz,
        "start_s": round(recording.start_s, 6),
        "channels": dict(analysis.channels.labels),
        "strides": {side: len(s) for side, s in analysis.strides.items()},
        "event_agreement": [
            {
                "event": a.event.trial_type,
                "time_s": round(a.event.time_s, 4),
                "file_minus_force_ms": round(a.milliseconds, 1),
                "frames": None if np.isnan(a.frames) else int(a.frames),
                "used": "file" if a.event in analysis.partly_on_plate else a.event.source,
            }
            for a in analysis.agreement
        ],
        "quiet_baseline": {
            m.channel: {
                "active_to_quiet_energy": round(m.contrast, 2),
                "needed": onsets.LEAST_CONTRAST,
            }
            for m in analysis.muscles
            if m.contrast is not None
        },
        **sources.facts(analysis.gait),
        "amplitude": "peak of mean cycle",
    }
