"""What is read of a movement from one file, apart from EMG, and how it joins a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.recording import Foot, Plate, Recording, Tracks
from imaging.io.markers import Feet

_NOTHING = Feet({}, {}, {})
# Files of one recording may differ by as much in their first and last sample.
_SAME_S = 0.1


@dataclass(frozen=True)
class Motion:
    """Series of one file on one clock.

    Attributes
    ----------
    rate_hz, start_s : float
        Sampling rate, and time of the first of the `n` samples.
    plates : tuple of Plate
        Forces, N, and places, mm, third axis up.
    markers : Feet
        mm, third axis up.
    angles : dict of name to (n,) or (3, n) array
        Joint angles, deg.
    shanks : dict of side to (n,) array
        Angular velocity in the sagittal plane, deg/s.
    warnings : tuple of str
        What was left out.
    """

    rate_hz: float
    start_s: float
    n: int
    plates: tuple[Plate, ...] = ()
    markers: Feet = _NOTHING
    angles: Mapping[str, FloatArray] = field(default_factory=dict)
    shanks: Mapping[Foot, FloatArray] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def times_s(self) -> FloatArray:
        """Times of the samples."""
        return self.start_s + np.arange(self.n) / self.rate_hz


def join(recording: Recording, motion: Motion, name: str) -> Recording:
    """Add what a recording lacks from another file on its clock.

    Forces are interpolated to the clock of the EMG; outside the time in which they were recorded
    they are held, so that no contact begins or ends there. Markers are put on a clock that begins
    with the EMG, NaN outside.

    Parameters
    ----------
    name
        What the file is, for warnings, such as ``grf``.
    """
    said = list(motion.warnings)
    end = motion.start_s + motion.n / motion.rate_hz
    if end <= recording.start_s or motion.start_s >= recording.end_s:
        return replace(
            recording,
            warnings=(
                *recording.warnings,
                f"The file {name} left out: it covers {motion.start_s:.2f}-{end:.2f} s, the EMG "
                f"{recording.start_s:.2f}-{recording.end_s:.2f} s.",
            ),
        )
    if motion.start_s > recording.start_s + _SAME_S or end < recording.end_s - _SAME_S:
        said.append(
            f"The file {name} covers {motion.start_s:.2f}-{end:.2f} s of the EMG's "
            f"{recording.start_s:.2f}-{recording.end_s:.2f} s."
        )
    joined = recording
    if motion.plates and recording.plates:
        said.append(f"Forces of the file {name} left out: the recording has its own.")
    elif motion.plates:
        joined = replace(joined, plates=_on_clock(motion, joined))
    markers = motion.markers
    if recording.heels and markers.heels:
        said.append(f"Markers of the file {name} left out: the recording has its own.")
    elif markers.feet or markers.landmarks:
        joined = _with_markers(joined, motion)
    if motion.angles and recording.angles is None:
        joined = replace(joined, angles=Tracks(motion.rate_hz, motion.start_s, motion.angles))
    if motion.shanks and recording.shanks is None:
        turning = {str(side): row for side, row in motion.shanks.items()}
        joined = replace(joined, shanks=Tracks(motion.rate_hz, motion.start_s, turning))
    return replace(joined, warnings=(*joined.warnings, *said))


def _on_clock(motion: Motion, recording: Recording) -> tuple[Plate, ...]:
    """Return plates sampled as the signals of a recording."""
    times = recording.start_s + np.arange(recording.signals.shape[1]) / recording.rate_hz
    own = motion.times_s

    def sampled(rows: FloatArray) -> FloatArray:
        return np.stack([np.interp(times, own, row) for row in rows])

    return tuple(
        replace(p, force=sampled(p.force), centre=sampled(p.centre)) for p in motion.plates
    )


def _with_markers(recording: Recording, motion: Motion) -> Recording:
    """Return a recording with markers whose first frame lies at its start."""
    n = int(np.floor((recording.end_s - recording.start_s) * motion.rate_hz)) + 1
    times = recording.start_s + np.arange(n) / motion.rate_hz
    own = motion.times_s

    def placed(path: FloatArray) -> FloatArray:
        # Beside a frame without the marker nothing is known either.
        return np.stack([np.interp(times, own, row, left=np.nan, right=np.nan) for row in path])

    markers = motion.markers
    landmarks = Feet({}, {}, {k: placed(v) for k, v in markers.landmarks.items()})
    return replace(
        recording,
        heels={side: placed(path) for side, path in markers.heels.items()},
        toes={side: placed(path) for side, path in markers.toes.items()},
        landmarks=landmarks.tracks(motion.rate_hz, recording.start_s),
        marker_rate_hz=motion.rate_hz,
    )
