"""What the stage says beside its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imaging.config import FunctionSettings
from imaging.function import double_threshold, event_notes
from imaging.function.amplitude import MVC
from imaging.function.analysis import Analysis, MuscleActivity
from imaging.function.channels import left_out
from imaging.function.placing import lifts_known
from imaging.function.recording import Recording
from imaging.function.session import SessionAnalysis
from imaging.function.strides import sentences
from imaging.measures import Notes
from imaging.muscles import is_known, side_and_key, side_of

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
    "Rabiner LR. A tutorial on hidden Markov models and selected applications in speech "
    "recognition. Proc IEEE 1989;77:257-286.",
    "Staude G, Flachenecker C, Daumer M, Wolf W. Onset detection in surface electromyographic "
    "signals: a systematic comparison of methods. EURASIP J Appl Signal Process 2001;2001:67-81.",
    "Perry J, Burnfield JM. Gait Analysis: Normal and Pathological Function. SLACK, 2010.",
)
MVC_CITATION = (
    "Besomi M, Hodges PW, Clancy EA, et al. Consensus for experimental design in electromyography "
    "(CEDE) project: Amplitude normalization matrix. J Electromyogr Kinesiol 2020;53:102438."
)
ONE_VALUE = (
    "Surface EMG gives one value per muscle: an activation map paints it on the anatomy and does "
    "not measure it at a place."
)


LEAST_OF_MVC = 0.01


def notes(session: SessionAnalysis, settings: FunctionSettings) -> Notes:
    """Return method, citations, warnings and facts."""
    recordings = {t.name: t.recording for t in session.trials}
    warnings = [ONE_VALUE]
    warnings += _each_once(
        {name: _warnings(recordings[name], a) for name, a in session.analyses.items()},
        several=len(session.trials) > 1,
    )
    if not session.analyses:
        warnings.append("No recording of walking or running: no events, cycles or onsets.")
    warnings += [*session.warnings, *_against_mvc(session)]
    return Notes(
        "function",
        _method(session, settings),
        (
            *CITATIONS,
            *((MVC_CITATION,) if session.contractions else ()),
            *event_notes.citations([a.gait for a in session.analyses.values()]),
        ),
        tuple(warnings),
        _facts(session),
    )


def _each_once(by_trial: Mapping[str, Sequence[str]], *, several: bool) -> list[str]:
    """Return each sentence once, with the names of its recordings unless it is of all of them."""
    trials: dict[str, list[str]] = {}
    for name, said in by_trial.items():
        for sentence in dict.fromkeys(said):
            trials.setdefault(sentence, []).append(name)
    return [
        sentence
        if not several or len(names) == len(by_trial) > 1
        else f"{', '.join(names)}: {sentence}"
        for sentence, names in trials.items()
    ]


def _method(session: SessionAnalysis, settings: FunctionSettings) -> str:
    bands = {a.band_hz for a in session.analyses.values()}
    filtering = ""
    if None in bands:
        filtering = "A recording held envelopes, which were not filtered again. "
    for low, high in sorted(band for band in bands if band is not None):
        filtering += (
            f"EMG was band-passed to {low:g}-{high:g} Hz (Butterworth of order 4, zero phase), "
            f"rectified and low-passed at {settings.envelope_hz:g} Hz. "
        )
    if bands - {None}:
        filtering += (
            "Bursts are those that two detectors both found: the Teager-Kaiser energy above mean "
            f"plus {settings.onset_sd:g} SD of the quiet 200 ms of every stride for at least "
            f"{settings.onset_min_ms:g} ms, and a hidden Markov model with a quiet and an active "
            "state of log energy. Begin and end were placed where the energy most likely changes. "
            "Bursts were put together over strides, sides and recordings, and named by phase: "
            "strike, stance, push-off, swing. "
        )
    amplitude = "Amplitude is relative to the peak of the muscle's own mean cycle"
    if session.contractions:
        amplitude = (
            "Amplitude is relative to the largest mean of the envelope over 500 ms in maximal "
            "voluntary contractions; where there is none, to the peak of the muscle's own mean "
            "cycle"
        )
    events = [a.gait for a in session.analyses.values()]
    return (
        f"{event_notes.method(events, settings.force_threshold_n)} {filtering}Cycles of 101 points "
        f"were averaged over strides. {amplitude}."
    )


def _warnings(recording: Recording, analysis: Analysis) -> list[str]:
    """Return what a reader must know of one recording."""
    found = list(recording.warnings)
    channels = analysis.channels
    found += left_out(channels)
    if above := [v for v in channels.labels.values() if not is_known(v)]:
        listed = ", ".join(side_and_key(label) for label in sorted(above))
        found.append(f"Measured in time, not in the image of the lower leg: {listed}.")
    if not analysis.muscles:
        found.append("No channel belongs to a known muscle: nothing of any muscle is measured.")
    found += sentences(analysis.left_out)
    recorded = {side_of(m.label) for m in analysis.muscles}
    for side, strides in analysis.strides.items():
        if len(strides) < 5 and side in recorded:
            found.append(_few(side, len(strides)))
    found += _no_onsets(analysis.muscles)
    for m in analysis.muscles:
        if m.outlying_s:
            found.append(
                f"{side_and_key(m.label)} is far larger at "
                f"{', '.join(f'{t:.1f}' for t in m.outlying_s)} s than in its other strides: if "
                "that is an artefact, its amplitudes are too high."
            )
        if m.clipped:
            found.append(
                f"{100 * m.clipped:.1f} % of {m.channel} lie at its limits: amplitudes of "
                f"{side_and_key(m.label)} are too low."
            )
    if any(len(s) for s in analysis.strides.values()) and not lifts_known(analysis):
        found.append(
            "No lift of a foot is known: bursts are named as if it came at 60 % of the cycle."
        )
    if analysis.undecided_stances:
        found.append(f"{analysis.undecided_stances} stances on a plate left out: foot not known.")
    found += analysis.events_said
    found += _partly(analysis)
    found += _disagreement(analysis)
    return found


def _no_onsets(muscles: Sequence[MuscleActivity]) -> list[str]:
    """Return one sentence for each reason; figures in brackets follow each muscle."""
    by_reason: dict[str, list[str]] = {}
    for m in muscles:
        if m.no_onsets:
            reason, _, figures = m.no_onsets.partition(" (")
            named = side_and_key(m.label) + (f" ({figures}" if figures else "")
            by_reason.setdefault(reason, []).append(named)
    return [f"No onsets ({reason}): {', '.join(names)}." for reason, names in by_reason.items()]


def _against_mvc(session: SessionAnalysis) -> list[str]:
    """Return which muscles go beyond their maximal contraction, or show next to nothing of it."""
    beyond: dict[tuple[str, str], list[str]] = {}
    silent: dict[str, list[str]] = {}
    for name, analysis in session.analyses.items():
        for m in analysis.muscles:
            if m.unit != MVC or m.mean is None:
                continue
            top = float(m.mean.mean.max())
            if top > 1:
                where = name, session.contractions[m.label].trial
                percent = f"{side_and_key(m.label)} ({100 * top:.0f} %)"
                beyond.setdefault(where, []).append(percent)
            elif top < LEAST_OF_MVC:
                silent.setdefault(name, []).append(side_and_key(m.label))
    said = [
        f"Beyond their MVC in {name}: {', '.join(muscles)}. The contraction in {trial} was not "
        "maximal, or not of these muscles."
        for (name, trial), muscles in beyond.items()
    ]
    return said + [
        f"Below {100 * LEAST_OF_MVC:.0f} % of their MVC in {name}: {', '.join(muscles)}. They are "
        "silent, or their sensors are off."
        for name, muscles in silent.items()
    ]


def _few(side: str, n: int) -> str:
    if n == 0:
        return (
            f"No stride of the {side} foot is known, so nothing of its muscles is measured: give "
            "its foot strikes in a table of events, or record plates, markers or gyroscopes."
        )
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


def _facts(session: SessionAnalysis) -> dict[str, Any]:
    """Return the facts of the reference recording, and of all in short."""
    recordings = {t.name: t.recording for t in session.trials}
    facts: dict[str, Any] = {
        "recordings": {
            t.name: {"kind": t.kind, "conditions": dict(t.conditions)} for t in session.trials
        },
        "reference": session.reference,
        "mvc": {
            side_and_key(label): {
                "amplitude": float(f"{c.amplitude:.6g}"),
                "unit": c.unit or None,
                "recording": c.trial,
                "recordings": c.n,
            }
            for label, c in session.contractions.items()
        },
    }
    if session.reference in session.analyses:
        facts |= _of_reference(recordings[session.reference], session.analyses[session.reference])
    return facts


def _of_reference(recording: Recording, analysis: Analysis) -> dict[str, Any]:
    units = sorted({m.unit for m in analysis.muscles if m.mean is not None})
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
                "needed": double_threshold.LEAST_CONTRAST,
            }
            for m in analysis.muscles
            if m.contrast is not None
        },
        **event_notes.facts(analysis.gait),
        "bursts_of_one_detector": {m.channel: m.found_by_one for m in analysis.muscles},
        "amplitude": ", ".join(units),
    }
