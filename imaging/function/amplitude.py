"""What amplitudes are relative to: maximal voluntary contraction, else the reference recording.

The amplitude at maximal voluntary contraction is the largest mean of the envelope over 500 ms, the
envelope filtered as in the other recordings; of several contractions the largest counts.

Besomi M, Hodges PW, Clancy EA, et al. Consensus for experimental design in electromyography (CEDE)
project: Amplitude normalization matrix. J Electromyogr Kinesiol 2020;53:102438.
Merletti R. Standards for reporting EMG data. J Electromyogr Kinesiol 1999;9(1):III-IV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.config import FunctionSettings
from imaging.function import emg
from imaging.function.analysis import Analysis, MuscleActivity
from imaging.function.channels import map_channels
from imaging.function.dropouts import clipped
from imaging.function.recording import Recording
from imaging.function.stride_values import ALONE, OWN_PEAK
from imaging.function.trials import Trial
from imaging.muscles import side_and_key

MVC = "MVC"
WINDOW_S = 0.5
MOST_CREST = 15.0
# Fast running and jumps reach about twice the amplitude of a maximal isometric contraction.
MOST_OF_MVC = 3.0
MOST_UNLIKE = 10.0


@dataclass(frozen=True)
class Contraction:
    """The largest contraction of a muscle in the recordings of maximal ones.

    Attributes
    ----------
    amplitude : float
        In `unit`.
    unit : str
        uV; empty where the file does not tell.
    band_hz : tuple or None
        Band that was passed; None for a recording of envelopes.
    trial : str
        Recording that holds it.
    n : int
        Recordings of the muscle.
    clipped : float
        Share of the samples at the limits of the channel.
    """

    amplitude: float
    unit: str
    band_hz: tuple[float, float] | None
    trial: str
    n: int = 1
    clipped: float = 0.0


def largest(
    envelope: FloatArray, size: FloatArray, rate_hz: float, pieces: Sequence[slice]
) -> float:
    """Return the largest mean of an envelope (N,) over 500 ms within a piece.

    Parameters
    ----------
    size : (N,) array
        Rectified signal behind it. Where it exceeds 15 times the mean of the half second around it
        is an artefact, and what lies within half a second of that does not count: noise reaches 5,
        trains of motor units 10 times the mean.

    Returns
    -------
    float
        0 where no half second is left.
    """
    width = int(round(WINDOW_S * rate_hz))
    best = 0.0
    for piece in pieces:
        part = envelope[piece]
        if len(part) >= width:
            sums = np.concatenate([[0.0], np.cumsum(part, dtype=float)])
            means = (sums[width:] - sums[:-width]) / width
            start = width // 2
            around = ndimage.uniform_filter1d(part, width, mode="nearest")
            artefact = (size[piece] > MOST_CREST * around).astype(np.uint8)
            near = ndimage.maximum_filter1d(artefact, 3 * width)[start : start + len(means)]
            best = max(best, float(means[near == 0].max(initial=0.0)))
    return best


def contractions(
    trials: Sequence[Trial], settings: Mapping[str, FunctionSettings]
) -> tuple[dict[int, Contraction], list[str]]:
    """Return the largest contraction of each muscle, and what a reader must know.

    `settings` are those of each recording, by its name. Recordings whose units or bands differ
    cannot be compared: the muscle then has none.
    """
    found: dict[int, list[Contraction]] = {}
    for trial in trials:
        if trial.kind == "mvc":
            for label, one in _of_trial(trial, settings[trial.name]).items():
                found.setdefault(label, []).append(one)
    best, said = {}, []
    for label, several in sorted(found.items()):
        if len({(c.unit, c.band_hz) for c in several}) > 1:
            said.append(
                f"No MVC of {side_and_key(label)}: its recordings differ in unit or sampling."
            )
            continue
        top = max(several, key=lambda c: c.amplitude)
        if top.amplitude > 0:
            best[label] = replace(top, n=len(several))
        else:
            said.append(
                f"No MVC of {side_and_key(label)}: flat, shorter than 0.5 s or full of artefacts."
            )
        if best.get(label) and top.clipped:
            said.append(
                f"{100 * top.clipped:.1f} % of {side_and_key(label)} lie at the limits of its "
                f"channel in {top.trial}: its MVC is too low."
            )
    return best, said


def _of_trial(trial: Trial, settings: FunctionSettings) -> dict[int, Contraction]:
    read: Recording = trial.recording
    channels = map_channels(read.labels, read.targets, settings.channels, settings.side)
    band = None if read.enveloped else emg.usable_band(settings.band_hz, read.rate_hz)
    found = {}
    for name, label in channels.labels.items():
        row = size = read.signals[read.labels.index(name)]
        limited = 0.0
        if not read.enveloped:
            limited = clipped(row)
            size = np.abs(emg.by_piece(lambda x: _filtered(x, read, settings), row, read.pieces))
            row = emg.by_piece(lambda x: _smooth(x, read, settings), size, read.pieces)
        top = largest(row, size, read.rate_hz, read.pieces)
        unit = read.units.get(name, "")
        found[label] = Contraction(top, unit, band, trial.name, clipped=limited)
    return found


def _filtered(raw: FloatArray, read: Recording, settings: FunctionSettings) -> FloatArray:
    return emg.band_pass(raw, read.rate_hz, settings.band_hz)


def _smooth(size: FloatArray, read: Recording, settings: FunctionSettings) -> FloatArray:
    return emg.envelope(size, read.rate_hz, settings.envelope_hz)


def why_not(m: MuscleActivity, band_hz: tuple[float, float] | None, mvc: Contraction) -> str:
    """Return why a muscle cannot be scaled by a contraction; empty where it can."""
    if not m.signal_unit or not mvc.unit:
        where = "this recording" if not m.signal_unit else mvc.trial
        return f"the unit of its channel in {where} is not known: give units in a table of channels"
    if m.signal_unit != mvc.unit:
        return f"recorded in {m.signal_unit}, its MVC in {mvc.unit}"
    if band_hz != mvc.band_hz:
        return "the MVC was sampled or filtered in another way"
    return ""


def relative(m: MuscleActivity, scale: float, unit: str) -> MuscleActivity:
    """Return a muscle with amplitudes relative to `scale`, in the unit of the signal."""
    if m.mean is None:
        return m
    factor = m.mean.peak / scale
    mean = replace(m.mean, mean=m.mean.mean * factor, sd=m.mean.sd * factor, peak=scale)
    no_mvc = "" if unit == MVC else m.no_mvc
    return replace(m, mean=mean, per_stride=m.per_stride * factor, unit=unit, no_mvc=no_mvc)


def believed(
    found: Mapping[int, Contraction], analyses: Mapping[str, Analysis]
) -> tuple[dict[int, Contraction], dict[int, str]]:
    """Return the contractions that were of their muscle, and why the others are not used.

    One that the mean cycle of a movement exceeds three times was of another muscle or of a sensor
    that was off: figures relative to it would be wrong by as much.
    """
    why: dict[int, str] = {}
    for name, analysis in analyses.items():
        for m in analysis.muscles:
            one = found.get(m.label)
            if one is None or m.mean is None or why_not(m, analysis.band_hz, one):
                continue
            ratio = m.mean.peak / one.amplitude
            if ratio > MOST_OF_MVC:
                why.setdefault(
                    m.label,
                    f"{name} reaches {100 * ratio:.0f} % of the contraction in {one.trial}, which "
                    "was not maximal, or not of this muscle",
                )
    return {label: c for label, c in found.items() if label not in why}, dict(sorted(why.items()))


def unlike_amplitudes(scaled: Mapping[str, Analysis]) -> list[str]:
    """Return sentences on muscles ten times as strong in one recording as in another.

    Parameters
    ----------
    scaled
        As from :func:`on_one_scale`.
    """
    peaks: dict[tuple[int, str], dict[str, float]] = {}
    for name, analysis in scaled.items():
        for m in analysis.muscles:
            if m.mean is not None and m.unit != ALONE:
                peaks.setdefault((m.label, m.unit), {})[name] = float(m.mean.mean.max())
    said = []
    for (label, _), own in sorted(peaks.items()):
        low, high = min(own, key=own.__getitem__), max(own, key=own.__getitem__)
        if own[high] > MOST_UNLIKE * own[low]:
            said.append(
                f"{side_and_key(label)} is {own[high] / own[low]:.0f} times as strong in {high} as "
                f"in {low}: its sensor may be off, or its unit or gain another."
            )
    return said


def on_one_scale(
    analyses: Mapping[str, Analysis],
    mvc: Mapping[int, Contraction],
    refused: Mapping[int, str] | None = None,
) -> tuple[dict[str, Analysis], list[str]]:
    """Return the analyses with amplitudes of each muscle relative to one thing in all of them.

    Parameters
    ----------
    analyses
        Name to analysis, the reference recording first.
    mvc
        Label to the largest contraction.
    refused
        Label to why a contraction is not used.

    Returns
    -------
    analyses
        Relative to MVC where units allow it, else to the peak of the mean cycle in the first
        recording that has one and tells the same unit.
    said : list of str
        What could not be compared.
    """
    first: dict[int, tuple[MuscleActivity, tuple[float, float] | None]] = {}
    scaled: dict[str, Analysis] = {}
    without: dict[str, list[str]] = {}
    for name, analysis in analyses.items():
        muscles: list[MuscleActivity] = []
        for m in analysis.muscles:
            if m.mean is None:
                muscles.append(m)
                continue
            why = (refused or {}).get(m.label, m.no_mvc)
            if m.label in mvc:
                why = why_not(m, analysis.band_hz, mvc[m.label])
                if not why:
                    muscles.append(relative(m, mvc[m.label].amplitude, MVC))
                    continue
                without.setdefault(f"Not relative to MVC in {name} ({why})", []).append(_called(m))
            head, band = first.setdefault(m.label, (m, analysis.band_hz))
            own = (m.signal_unit, analysis.band_hz)
            if head.mean and (head is m or (m.signal_unit and own == (head.signal_unit, band))):
                m = relative(m, head.mean.peak, OWN_PEAK)
            else:
                m = replace(m, unit=ALONE)
                text = (
                    f"Amplitudes in {name} that do not compare with the other recordings, as "
                    "unit or sampling is not known or another"
                )
                without.setdefault(text, []).append(_called(m))
            muscles.append(replace(m, no_mvc=why))
        scaled[name] = replace(analysis, muscles=tuple(muscles))
    return scaled, [f"{start}: {', '.join(names)}." for start, names in without.items()]


def _called(m: MuscleActivity) -> str:
    return side_and_key(m.label)
