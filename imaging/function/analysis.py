"""From a recording to events, mean cycles and bursts of every muscle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from imaging.arrays import FloatArray
from imaging.config import FunctionSettings
from imaging.function import cycles, emg, onsets
from imaging.function.channels import ChannelMap, map_channels
from imaging.function.events import Agreement, compare
from imaging.function.recording import Event, Foot, Recording
from imaging.function.sources import GaitEvents, find_events
from imaging.function.strides import LeftOut, doubts, find_strides
from imaging.function.trials import Kind
from imaging.muscles import side_of

MAIN_REACH = 0.15


@dataclass(frozen=True)
class StrideBurst:
    """A burst in percent of its stride: that of the peak it holds, else that it begins in.

    Percent is negative for what begins in the stride before, above 100 for what ends in the next.
    """

    burst: onsets.Burst
    stride: int
    onset_percent: float
    offset_percent: float
    peak_percent: float
    main: bool


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
    gait : GaitEvents
        What each source saw, and how they agree.
    events_said : tuple of str
        What a reader must know of events and strides.
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
    gait: GaitEvents = field(default_factory=lambda: GaitEvents((), {}))
    events_said: tuple[str, ...] = ()


def analyse(recording: Recording, settings: FunctionSettings, kind: Kind = "walking") -> Analysis:
    """Find events, strides, mean cycles and bursts.

    Raises
    ------
    ConfigError, RecordingError
        Channels that contradict each other, or a signal sampled too slowly.
    """
    channels = map_channels(recording.labels, recording.targets, settings.channels, settings.side)
    gait = find_events(recording, kind, settings.force_threshold_n)
    agreement = compare(
        recording.events, [*gait.by_source["plates"], *gait.partly], recording.event_frame_s
    )
    used = gait.events
    strides, left_out = find_strides(used, recording.start_s, recording.end_s, recording.gaps, kind)
    said = (*gait.said, *doubts(strides, used, kind))
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
        used,
        tuple(agreement),
        gait.partly,
        strides,
        left_out,
        tuple(muscles),
        channels,
        gait.undecided,
        band,
        gait,
        said,
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
    if recording.enveloped:
        why = "the recording holds envelopes, on which onsets are smeared"
        return MuscleActivity(label, name, mean, peaks, no_onsets=why)
    power = emg.by_piece(lambda x: emg.energy(x, rate), row, pieces)
    quiet = onsets.baseline(power, rate, _windows(own, recording))
    if quiet is None:
        return MuscleActivity(label, name, mean, peaks, no_onsets="dead channel")
    if not quiet.is_quiet:
        why = (
            "no quiet baseline: the muscle never falls silent "
            f"(active to quiet energy {quiet.contrast:.1f}, {onsets.LEAST_CONTRAST:g} needed)"
        )
        return MuscleActivity(label, name, mean, peaks, no_onsets=why, contrast=quiet.contrast)
    found = onsets.bursts(
        power,
        smooth,
        rate,
        start,
        quiet,
        threshold_sd=settings.onset_sd,
        min_s=settings.onset_min_ms / 1000,
        pieces=pieces,
    )
    placed = tuple(_place(found, own, int(mean.mean.argmax())))
    why = (
        ""
        if any(b.main for b in placed)
        else "no burst above the threshold at the peak of the mean cycle"
    )
    return MuscleActivity(label, name, mean, peaks, placed, why, quiet.contrast)


def _windows(strides_s: FloatArray, recording: Recording) -> np.ndarray:
    """Return the strides in samples."""
    samples = np.round((strides_s - recording.start_s) * recording.rate_hz).astype(np.intp)
    return np.clip(samples, 0, recording.signals.shape[1])


def _place(
    found: list[onsets.Burst], strides_s: FloatArray, peak_percent: int
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
