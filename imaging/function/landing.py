"""Landings: contact of both feet or one after a flight, peak force, and windows around contact.

Contact is where the vertical force first exceeds the threshold after 100 ms without load; without
plates, an event of the file, else where the fall of the foot's markers is stopped.
Pre-activation is read in the 200 ms before contact (Santello, Gait Posture 2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import signal

from imaging.arrays import FloatArray
from imaging.function.events import Limits, contacts
from imaging.function.plates import follow_zero
from imaging.function.recording import Event, Foot, Recording
from imaging.function.stances import whose

FLIGHT_S = 0.1
PEAK_WITHIN_S = 0.25
TOGETHER_S = 0.1
BEFORE_S = AFTER_S = 0.2
LEAST_FALL_MM_S = 800.0
LOW_PASS_HZ = 20.0
ON_PLATE = Limits(0.05, 60.0, 0.02, 0.4, 60.0, 60.0, (0.0, 100.0))
FEET: tuple[Foot, ...] = ("left", "right")


@dataclass(frozen=True)
class Landing:
    """Contact after a flight.

    Attributes
    ----------
    time_s : float
        Of contact.
    side : str
        left, right, both (on one plate) or undecided.
    source : str
        ``force plate <n>``, ``file``, ``manual`` or ``markers``.
    peak_n, peak_s : float
        Highest vertical force within 250 ms of contact, N, and its time after contact, s; NaN
        without a plate.
    """

    time_s: float
    side: Literal["left", "right", "both", "undecided"]
    source: str
    peak_n: float = float("nan")
    peak_s: float = float("nan")

    @property
    def feet(self) -> tuple[Foot, ...]:
        """Feet that landed, as far as known."""
        if self.side == "both":
            return FEET
        return () if self.side == "undecided" else (self.side,)


def landings(recording: Recording, threshold_n: float) -> list[Landing]:
    """Return every landing in the order of time, from the best source that saw one.

    Events of a list that a person corrected rule; then plates, events of the file, markers.
    """
    of_file = [
        Landing(float(e.time_s), e.side, e.source)
        for e in recording.events
        if e.kind in ("landing", "foot_strike")
    ]
    if recording.events_are_final:
        return of_file
    return _on_plates(recording, threshold_n) or of_file or _of_markers(recording)


def landing_events(found: Sequence[Landing]) -> list[Event]:
    """Return landings as events, one for each foot."""
    return [Event(f.time_s, side, "landing", f.source) for f in found for side in f.feet]


def landing_windows(recording: Recording, found: Sequence[Landing]) -> dict[Foot, FloatArray]:
    """Return for each foot start, contact and end of its windows, s, (K, 3).

    From 200 ms before contact (pre-activation) to 200 ms after it; what was not recorded whole
    has no window.
    """
    windows: dict[Foot, FloatArray] = {}
    for side in FEET:
        rows = [
            (f.time_s - BEFORE_S, f.time_s, f.time_s + AFTER_S) for f in found if side in f.feet
        ]
        whole = [
            row
            for row in rows
            if recording.start_s <= row[0]
            and row[2] <= recording.end_s
            and not any(row[0] < gap[1] and gap[0] < row[2] for gap in recording.gaps)
        ]
        windows[side] = np.array(whole).reshape(-1, 3)
    return windows


def _on_plates(recording: Recording, threshold_n: float) -> list[Landing]:
    found: list[Landing] = []
    rate = recording.rate_hz
    for number, plate in enumerate(recording.plates, start=1):
        vertical, _ = follow_zero(plate.force[2], rate)
        last = 0
        for first, after in contacts(vertical, rate, threshold_n, ON_PLATE).tolist():
            flight = first - last >= FLIGHT_S * rate and first > 0
            last = after
            if not flight:
                continue
            around = vertical[first : first + int(PEAK_WITHIN_S * rate)]
            feet = whose(recording, plate, first)
            side = plate.side or ("both" if len(feet) == 2 else feet[0] if feet else "undecided")
            found.append(
                Landing(
                    recording.start_s + first / rate,
                    side,
                    f"force plate {number}",
                    float(around.max()),
                    float(np.argmax(around)) / rate,
                )
            )
    return _together(sorted(found, key=lambda f: (f.time_s, f.source)))


def _together(found: Sequence[Landing]) -> list[Landing]:
    """Take two contacts at once on two plates, of feet not known, as one of both feet."""
    kept: list[Landing] = []
    for landing in found:
        last = kept[-1] if kept else None
        if (
            last is not None
            and landing.side == last.side == "undecided"
            and landing.source != last.source
            and landing.time_s - last.time_s <= TOGETHER_S
        ):
            kept[-1] = replace(last, side="both")
        else:
            kept.append(landing)
    return kept


def _of_markers(recording: Recording) -> list[Landing]:
    found: list[Landing] = []
    rate = recording.marker_rate_hz
    for side in FEET:
        times = []
        for path in (recording.heels.get(side), recording.toes.get(side)):
            if path is not None and rate > 0:
                times += _fall_ends(path[2], rate)
        for time in sorted(times):
            # The forefoot and then the heel, or the other way round: the first is the contact.
            if not any(
                f.side == side and abs(f.time_s - recording.start_s - time) < 0.3 for f in found
            ):
                found.append(Landing(recording.start_s + time, side, "markers"))
    return sorted(found, key=lambda f: (f.time_s, f.side))


def _fall_ends(height: FloatArray, rate_hz: float) -> list[float]:
    """Return when a marker that fell fast is at half that speed, s from the first frame.

    Smoothing moves the instant of the highest speed, but not the middle of the stop.
    """
    known = np.isfinite(height)
    if known.mean() < 0.5:
        return []
    frames = np.arange(len(height))
    whole = np.interp(frames, frames[known], height[known])
    sections = signal.butter(2, min(LOW_PASS_HZ, 0.4 * rate_hz), fs=rate_hz, output="sos")
    falling = -np.gradient(signal.sosfiltfilt(sections, whole)) * rate_hz
    peaks, _ = signal.find_peaks(
        falling, height=LEAST_FALL_MM_S, distance=max(int(0.3 * rate_hz), 1)
    )
    around = int(np.ceil(0.05 * rate_hz))
    ends = []
    for top in peaks.tolist():
        slow = falling[top:] < 0.5 * falling[top]
        seen = known[max(top - around, 0) : top + around].all()
        if not slow.any() or not seen:
            continue
        after = top + int(np.argmax(slow))
        over, under = falling[after - 1], falling[after]
        ends.append(float(after - 1 + (over - 0.5 * falling[top]) / (over - under)) / rate_hz)
    return ends
