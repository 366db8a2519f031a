"""A recording as arrays: EMG channels, force plates, gait events and heel markers on one clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from imaging.arrays import FloatArray

Foot = Literal["left", "right"]
EventSide = Literal["left", "right", "undecided"]
EventKind = Literal["foot_strike", "foot_off", "landing"]


@dataclass(frozen=True)
class Event:
    """Contact or lift of a foot, on the clock of the file.

    Attributes
    ----------
    time_s : float
        Seconds.
    side : str
        left, right or undecided.
    kind : str
        foot_strike, foot_off or landing.
    source : str
        ``file``, ``manual`` or ``force plate <n>``.
    """

    time_s: float
    side: EventSide
    kind: EventKind
    source: str

    @property
    def trial_type(self) -> str:
        """Name in an events table."""
        return f"{self.side}_{self.kind}"


@dataclass(frozen=True)
class Plate:
    """One force plate.

    Attributes
    ----------
    force : (3, N) array
        Force on the body, N; the third row is vertical, upwards positive.
    centre : (3, N) array
        Point of application, mm, in the frame of the markers.
    corners : (4, 3) array
        Corners of its surface in turn, mm, in the frame of the markers; NaN where `side` is told.
    side : str or None
        Foot whose force this is wholly, where the file says so (external loads of OpenSim).
    """

    force: FloatArray
    centre: FloatArray
    corners: FloatArray
    side: Foot | None = None


@dataclass(frozen=True)
class Tracks:
    """Series that share a clock and a rate: markers, joint angles, turning of the shanks.

    Attributes
    ----------
    rate_hz, start_s : float
        Sampling rate, and time of the first sample on the clock of the recording.
    values : dict of name to (F,) or (3, F) array
        NaN where nothing was seen.
    """

    rate_hz: float
    start_s: float
    values: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Recording:
    """What was read from one file.

    Attributes
    ----------
    labels : tuple of str
        Names of the channels in `signals`.
    signals : (C, N) array
        EMG, in microvolts where `units` says so, else in the unit of the file.
    rate_hz, start_s : float
        Sampling rate, and time of the first sample on the clock of the file.
    targets : dict
        Muscle that the file itself names for a channel (``target_muscle`` of BIDS).
    plates : tuple of Plate
        Sampled as `signals`.
    events : tuple of Event
        As stored in the file.
    event_frame_s : float
        Time step on which events of the file lie; 0 when not known.
    heels, toes : dict of side to (3, F) array
        Markers of the heel (or ankle) and of the forefoot, mm, third axis up, sampled at
        `marker_rate_hz`; NaN where not seen.
    gaps : tuple of (float, float)
        Start and end of what was not recorded, s; `signals` are 0 there.
    units : dict of channel name to str
        ``uV`` for the channels whose unit the file tells; others are missing.
    shanks : Tracks or None
        Angular velocity of the left and right shank in the sagittal plane, deg/s, positive where
        the foot swings forwards.
    angles : Tracks or None
        Joint angles, deg, by name, as the file has them.
    landmarks : Tracks or None
        Other markers, (3, F), mm, third axis up: ``left knee``, ``right knee``, ``left ankle``,
        ``right ankle``, ``pelvis``.
    events_are_final : bool
        `events` are a list that a person corrected: no other source of events counts.
    enveloped : bool
        The signals are envelopes already: no band-pass, no onsets.
    warnings : tuple of str
        What could not be read.
    """

    labels: tuple[str, ...]
    signals: FloatArray
    rate_hz: float
    start_s: float = 0.0
    targets: Mapping[str, str] = field(default_factory=dict)
    plates: tuple[Plate, ...] = ()
    events: tuple[Event, ...] = ()
    event_frame_s: float = 0.0
    heels: Mapping[Foot, FloatArray] = field(default_factory=dict)
    toes: Mapping[Foot, FloatArray] = field(default_factory=dict)
    marker_rate_hz: float = 0.0
    gaps: tuple[tuple[float, float], ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    shanks: Tracks | None = None
    angles: Tracks | None = None
    landmarks: Tracks | None = None
    events_are_final: bool = False
    enveloped: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def end_s(self) -> float:
        """Time after the last sample."""
        return self.start_s + self.signals.shape[1] / self.rate_hz

    @property
    def pieces(self) -> list[slice]:
        """Samples that were recorded without a gap, in the order of time."""
        n = self.signals.shape[1]
        edges = [int(round((t - self.start_s) * self.rate_hz)) for gap in self.gaps for t in gap]
        bounds = [0, *edges, n]
        return [slice(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True) if b > a]
