"""From a recording to events, mean cycles and bursts of every muscle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from imaging.arrays import FloatArray
from imaging.config import FunctionSettings
from imaging.function import cycles, emg, onsets
from imaging.function.agreement import GaitEvents
from imaging.function.channels import ChannelMap, map_channels
from imaging.function.dropouts import clipped, dropped_out, outlying, without_silence
from imaging.function.events import Agreement, compare, offs
from imaging.function.recording import Event, Foot, Recording
from imaging.function.sources import find_events
from imaging.function.stride_bursts import StrideBurst, place
from imaging.function.stride_values import OWN_PEAK
from imaging.function.strides import SIDES, LeftOut, doubts, find_strides
from imaging.function.trials import Kind
from imaging.muscles import side_of


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
    no_mvc : str
        Why amplitudes are not relative to MVC; empty where they are.
    peak_percent : (K,) array
        Time of the envelope's maximum in each stride.
    bursts : tuple of StrideBurst
        Of the strides; empty where `no_onsets` says why.
    no_onsets : str
        Why onsets could not be told; empty where they could.
    contrast : float or None
        Energy of the active over that of the quiet part.
    outside : tuple of Burst
        Bursts that belong to no stride.
    found_by_one : int
        Bursts that were left out, as one of both detectors found them and the other did not.
    signal_unit : str
        uV; empty where the file does not tell.
    clipped : float
        Share of the samples at the limits of the channel.
    outlying_s : tuple of float
        Times of peaks far larger than those of the other strides, as of an artefact.
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
    outside: tuple[onsets.Burst, ...] = ()
    found_by_one: int = 0
    signal_unit: str = ""
    clipped: float = 0.0
    outlying_s: tuple[float, ...] = ()
    no_mvc: str = "no MVC recording of this muscle"


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


NOTHING = Analysis((), (), (), {s: np.zeros((0, 2)) for s in SIDES}, (), (), ChannelMap({}, {}))
"""What is found where nothing was recorded."""


def analyse(recording: Recording, settings: FunctionSettings, kind: Kind = "walking") -> Analysis:
    """Find events, strides, mean cycles and bursts.

    Raises
    ------
    ConfigError, RecordingError
        Channels that contradict each other, or a signal sampled too slowly.
    """
    channels = map_channels(recording.labels, recording.targets, settings.channels, settings.side)
    recording = without_silence(recording, list(channels.labels))
    gait = find_events(recording, kind, settings.force_threshold_n)
    of_force = sorted([*gait.by_source["plates"], *gait.partly], key=lambda e: e.time_s)
    agreement = compare(recording.events, of_force, recording.event_frame_s)
    used = gait.events
    strides, left_out = find_strides(used, recording.start_s, recording.end_s, recording.gaps, kind)
    said = (*gait.said, *doubts(strides, used, kind))
    band = None
    if channels.labels and not recording.enveloped:
        band = emg.usable_band(settings.band_hz, recording.rate_hz)
    muscles = [
        _activity(name, label, recording, strides, settings)
        for name, label in channels.labels.items()
    ]
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


def lift_percent(analysis: Analysis, side: Foot) -> FloatArray:
    """Return the lift of a foot in percent of each of its strides, (K,); NaN without one."""
    times = offs(analysis.events, side)
    share = np.full(len(analysis.strides[side]), np.nan)
    for k, (start, end) in enumerate(analysis.strides[side]):
        inside = times[(times > start) & (times < end)]
        if len(inside) == 1:
            share[k] = 100 * (inside[0] - start) / (end - start)
    return share


def _activity(
    name: str,
    label: int,
    recording: Recording,
    strides: Mapping[Foot, FloatArray],
    settings: FunctionSettings,
) -> MuscleActivity:
    rate, start, pieces = recording.rate_hz, recording.start_s, recording.pieces
    own: FloatArray = strides[foot_of(label)]
    unit = recording.units.get(name, "")
    row = smooth = recording.signals[recording.labels.index(name)]
    limited = 0.0
    far: tuple[float, ...] = ()
    if not recording.enveloped:
        if why := dropped_out(row, rate, _windows(own, recording), pieces):
            return MuscleActivity(label, name, None, np.zeros(0), no_onsets=why, signal_unit=unit)
        limited = clipped(row)
        row = emg.by_piece(lambda x: emg.band_pass(x, rate, settings.band_hz), row, pieces)
        far = tuple(start + p / rate for p in outlying(row, _windows(own, recording)))
        smooth = emg.by_piece(lambda x: emg.envelope(x, rate, settings.envelope_hz), row, pieces)
    per_stride = cycles.normalise(smooth, rate, start, own)
    mean = cycles.mean_cycle(per_stride)
    if mean is None:
        why = "no stride of this foot" if len(own) == 0 else "flat channel"
        return MuscleActivity(label, name, None, np.zeros(0), no_onsets=why, signal_unit=unit)
    found = MuscleActivity(
        label,
        name,
        mean,
        per_stride[:, :-1].argmax(axis=1).astype(float),
        per_stride=per_stride / mean.peak,
        signal_unit=unit,
        clipped=limited,
        outlying_s=far,
    )
    if recording.enveloped:
        return replace(
            found, no_onsets="the recording holds envelopes, on which onsets are smeared"
        )
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
    placed, outside = place(told.bursts, own, int(mean.mean.argmax()))
    why = told.why_none
    if not why and not any(b.main for b in placed):
        why = "no burst at the peak of the mean cycle"
    return replace(
        found,
        bursts=placed,
        outside=outside,
        no_onsets=why,
        contrast=told.contrast,
        found_by_one=told.alone,
    )


def foot_of(label: int) -> Foot:
    """Return the foot whose strides a muscle is measured in."""
    return "left" if side_of(label) == "left" else "right"


def _windows(strides_s: FloatArray, recording: Recording) -> np.ndarray:
    """Return the strides in samples."""
    samples = np.round((strides_s - recording.start_s) * recording.rate_hz).astype(np.intp)
    return np.clip(samples, 0, recording.signals.shape[1])
