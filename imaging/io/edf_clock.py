"""When the data records of an EDF+ or BDF+ file begin.

Kemp B, Olivan J. European data format 'plus' (EDF+), an EDF alike standard format for the exchange
of physiological data. Clin Neurophysiol 2003;114:1755-1761. In each data record the first
annotation tells how long after the start of the file the record begins; where the file is
discontinuous (EDF+D, BDF+D) there are gaps between records, which readers may pass over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import RecordingError

_ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15[\d.]*)?\x14")
LONGEST_S = 6 * 3600.0
EXPORT_AGAIN = "Export it again"


@dataclass(frozen=True)
class RecordClock:
    """Onset of every data record, s after the first one, and how long each lasts."""

    onsets_s: FloatArray
    duration_s: float


def record_clock(path: Path) -> RecordClock | None:
    """Read when the data records begin.

    Returns
    -------
    RecordClock or None
        None where the file has no annotations, so that it is continuous by its format.

    Raises
    ------
    RecordingError
        A discontinuous file that does not say when its records begin.
    """
    width = 3 if path.suffix.lower() == ".bdf" else 2
    with path.open("rb") as file:
        header = file.read(256)
        n_signals = _number(header[252:256], path)
        fields = file.read(256 * n_signals)
        labels = [fields[16 * i : 16 * i + 16].strip() for i in range(n_signals)]
        counts = [
            _number(fields[216 * n_signals + 8 * i : 216 * n_signals + 8 * i + 8], path)
            for i in range(n_signals)
        ]
        discontinuous = header[192:197] in (b"EDF+D", b"BDF+D")
        names = (b"EDF Annotations", b"BDF Annotations")
        own = next((i for i, label in enumerate(labels) if label in names), None)
        if own is None:
            if discontinuous:
                raise RecordingError("has gaps and does not say where", path, EXPORT_AGAIN)
            return None
        first, length = width * sum(counts[:own]), width * counts[own]
        record = width * sum(counts)
        file.seek(256 * (n_signals + 1))
        content = file.read()
    n_records = len(content) // record if record else 0
    onsets = []
    for i in range(n_records):
        found = _ONSET.match(content[i * record + first : i * record + first + length])
        if found is None:
            raise RecordingError(f"does not say when record {i + 1} begins", path, EXPORT_AGAIN)
        onsets.append(float(found.group(1)))
    duration = float(header[244:252])
    return RecordClock(np.array(onsets) - onsets[0] if onsets else np.zeros(0), duration)


def _number(field: bytes, path: Path) -> int:
    try:
        return max(0, int(field))
    except ValueError as error:
        raise RecordingError(
            f"has {field!r} in its header instead of a number", path, EXPORT_AGAIN
        ) from error


def place(
    signals: FloatArray, rate_hz: float, clock: RecordClock, path: Path
) -> tuple[FloatArray, tuple[tuple[float, float], ...]]:
    """Place samples at the time of their record.

    Parameters
    ----------
    signals : (C, N) array
        Samples of all records, one after the other.
    rate_hz
        Sampling rate.
    clock
        When the records begin.

    Returns
    -------
    signals : (C, M) array
        On one clock, 0 where nothing was recorded.
    gaps : tuple of (float, float)
        Start and end of what was not recorded, s; whole samples.

    Raises
    ------
    RecordingError
        Records overlap, or lie hours apart.

    Examples
    --------
    Two records of 1 s at 2 Hz, the second 2 s after the first:

    >>> clock = RecordClock(np.array([0.0, 2.0]), 1.0)
    >>> placed, gaps = place(np.array([[1.0, 2, 3, 4]]), 2.0, clock, Path("walk.edf"))
    >>> placed.tolist(), gaps
    ([[1.0, 2.0, 0.0, 0.0, 3.0, 4.0]], ((1.0, 2.0),))
    """
    n = int(round(clock.duration_s * rate_hz))
    starts = [0]
    for onset in clock.onsets_s[1:]:
        expected = starts[-1] + n
        wanted = onset * rate_hz
        # Times are written to few digits: within a sample a record follows the one before.
        starts.append(expected if abs(wanted - expected) <= 1 else int(round(wanted)))
        if starts[-1] < expected:
            raise RecordingError(
                f"has records that overlap, the later one at {onset:g} s", path, EXPORT_AGAIN
            )
    length = starts[-1] + n
    if length == signals.shape[1]:
        return signals, ()
    if length > LONGEST_S * rate_hz:
        raise RecordingError(
            f"has records spread over {length / rate_hz / 3600:.1f} h",
            path,
            "Give the part with one walk",
        )
    placed = np.zeros((len(signals), length))
    gaps = []
    for i, start in enumerate(starts):
        placed[:, start : start + n] = signals[:, i * n : (i + 1) * n]
        if i and start > starts[i - 1] + n:
            gaps.append(((starts[i - 1] + n) / rate_hz, start / rate_hz))
    return placed, tuple(gaps)
