"""From a recording to events, mean cycles and bursts of every muscle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from imaging.arrays import FloatArray
from imaging.config import FunctionSettings
from imaging.function import cycles, emg, onsets
from imaging.function.channels import ChannelMap, map_channels
from imaging.function.events import Agreement, compare, force_events, is_on_plate, merge
from imaging.function.recording import Event, Foot, Recording
from imaging.function.strides import LeftOut, find_strides
from imaging.muscles import side_of

MAIN_REACH = 0.15
OWN_PEAK = "peak of mean cycle"


@dataclass(frozen=True)
class StrideBurst:
    """A burst in percent of its stride: that of the peak it holds, else that it begins in.

    Percent is negative for what begins in the stride before, above 100 for what ends in the next.
    `phase` names the burst by where it lies in the gait cycle, the same in all strides; empty
    where it cannot be named.
    """

    burst: onsets.Burst
    stride: int
    onset_percent: float
    offset_percent: float
    peak_percent: float
    main: bool
    phase: str = ""


@dataclass(frozen=True)
class MuscleActivity:
    """What one channel says about its muscle.

    Attributes
    ----------
    label : int
        Of the catalogue.
    channel : str
        Name in the recording.
    mean : MeanCycle or None
        None without strides.
    per_stride : (K, 101) array
        Envelope of each stride in `unit`; empty without strides.
    unit : str
        What 1 stands for: ``peak of mean cycle`` (of the session's reference recording) or
        ``MVC``.
    peak_percent : (K,) array
        Time of the envelope's maximum in each stride.
    bursts : tuple of StrideBurst
        Of the strides; empty where `no_onsets` says why.
    no_onsets : str
        Why onsets could not be told; empty where they could.
    contrast : float or None
        Energy of the active over that of the quiet part.
    """

    label: int
    channel: str
    mean: cycles.MeanCycle | None
    peak_percent: FloatArray
    bursts: tuple[StrideBurst, ...] = ()
    no_onsets: str = ""
    contrast: float | None = None
    per_stride: FloatArray = field(default_factory=lambda: np.zeros((0, 101)))
    unit: str = OWN_PEAK


@dataclass(frozen=True)
class Analysis:
    """Everything that was found in a recording.

    Attributes
    ----------
    events : tuple of Event
        Those used: from the force where a foot was wholly on a plate, else from the file.
    agreement : tuple of Agreement
        Events of the file against the force.
    partly_on_plate : tuple of Event
        Those of the force that were not used, as the foot was only partly on the plate.
    strides : dict of side to (K, 2) array
        Start and end of every stride, s.
    left_out : tuple of LeftOut
        From one strike to the next, and why it is no stride.
    muscles : tuple of MuscleActivity
        One per mapped channel.
    channels : ChannelMap
        What became of every channel.
    undecided_stances : int
        Stances on a plate whose foot could not be told.
    """

    events: tuple[Event, ...]
    agreement: tuple[Agreement, ...]
    partly_on_plate: tuple[Event, ...]
    strides: Mapping[Foot, FloatArray]
    left_out: tuple[LeftOut, ...]
    muscles: tuple[MuscleActivity, ...]
    channels: ChannelMap
    undecided_stances: int = 0
    band_hz: tuple[float, float] | None = None


def analyse(recording: Recording, settings: FunctionSettings) -> Analysis:
    """Find events, strides, mean cycles and bursts.

    Raises
    ------
    ConfigError, RecordingError
        Channels that contradict each other, or a signal sampled too slowly.
    """
    channels = map_channels(recording.labels, recording.targets, settings.channels, settings.side)
    of_force = force_events(recording, settings.force_threshold_n)
    agreement = compare(recording.events, of_force, recording.event_frame_s)
    partly = [e for e in of_force if not is_on_plate(recording, e)]
    used = merge(recording.events, [e for e in of_force if e not in partly])
    strides, left_out = find_strides(used, recording.start_s, recording.end_s, recording.gaps)
    undecided = sum(e.side == "undecided" and e.kind == "foot_strike" for e in of_force)
    band = None
    muscles: list[MuscleActivity] = []
    names = [name for name in recording.labels if name in channels.labels]
    if names:
        rows = recording.signals[[recording.labels.index(name) for name in names]]
        if not recording.enveloped:
            band = emg.usable_band(settings.band_hz, recording.rate_hz)
            rows = emg.by_piece(
                lambda raw: emg.band_pass(raw, recording.rate_hz, settings.band_hz),
                rows,
                recording.pieces,
            )
        for name, row in zip(names, rows, strict=True):
            muscles.append(
                _activity(name, channels.labels[name], row, recording, strides, settings)
            )
    muscles.sort(key=lambda m: m.label)
    return Analysis(
        tuple(used),
        tuple(agreement),
        tuple(partly),
        strides,
        left_out,
        tuple(muscles),
        channels,
        undecided,
        band,
    )


def _activity(
    name: str,
    label: int,
    row: FloatArray,
    recording: Recording,
    strides: Mapping[Foot, FloatArray],
    settings: FunctionSettings,
) -> MuscleActivity:
    rate, start = recording.rate_hz, recording.start_s
    own: FloatArray = strides["left" if side_of(label) == "left" else "right"]
    pieces = recording.pieces
    smooth = row
    if not recording.enveloped:
        smooth = emg.by_piece(lambda x: emg.envelope(x, rate, settings.envelope_hz), row, pieces)
    per_stride = cycles.normalise(smooth, rate, start, own)
    mean = cycles.mean_cycle(per_stride)
    if mean is None:
        why = "no stride of this foot" if len(own) == 0 else "flat channel"
        return MuscleActivity(label, name, None, np.zeros(0), no_onsets=why)
    peaks = per_stride[:, :-1].argmax(axis=1).astype(float)
    found = MuscleActivity(label, name, mean, peaks, per_stride=per_stride / mean.peak)
    if recording.enveloped:
        why = "the recording holds envelopes, on which onsets are smeared"
        return replace(found, no_onsets=why)
    told = onsets.find(
        row,
        smooth,
        rate,
        start,
        _windows(own, recording),
        threshold_sd=settings.onset_sd,
        min_s=settings.onset_min_ms / 1000,
        pieces=pieces,
    )
    placed = tuple(_place(told.bursts, own, int(mean.mean.argmax())))
    why = told.why_none
    if not why and not any(b.main for b in placed):
        why = "no burst at the peak of the mean cycle"
    return replace(found, bursts=placed, no_onsets=why, contrast=told.contrast)


def _windows(strides_s: FloatArray, recording: Recording) -> np.ndarray:
    """Return the strides in samples."""
    samples = np.round((strides_s - recording.start_s) * recording.rate_hz).astype(np.intp)
    return np.clip(samples, 0, recording.signals.shape[1])


def _place(
    found: Sequence[onsets.Burst], strides_s: FloatArray, peak_percent: int
) -> list[StrideBurst]:
    """Give every burst its stride, and every stride its main burst.

    The main burst of a stride is the one that holds the peak of the mean cycle, or lies within
    15 % of the cycle of it; so the same burst is compared over strides, also where it begins
    before foot strike in one and after it in another.
    """
    main: dict[int, int] = {}
    for stride, (start, end) in enumerate(strides_s):
        time = start + peak_percent / 100 * (end - start)
        gaps = [max(b.onset_s - time, time - b.offset_s, 0.0) for b in found]
        nearest = int(np.argmin(gaps)) if gaps else -1
        if nearest >= 0 and gaps[nearest] <= MAIN_REACH * (end - start):
            main.setdefault(nearest, stride)
    placed = []
    for i, burst in enumerate(found):
        held = cycles.percent_of_cycle(burst.onset_s, strides_s)
        if i not in main and held is None:
            continue
        stride = main[i] if i in main else held[0] if held else 0
        start, end = strides_s[stride]
        onset, offset, peak = (
            float(100 * (t - start) / (end - start))
            for t in (burst.onset_s, burst.offset_s, burst.peak_s)
        )
        placed.append(StrideBurst(burst, stride, onset, offset, peak, i in main))
    return placed
