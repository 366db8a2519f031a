"""Delimited text of vendors: EMG with a time column, several of them, or a rate."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.errors import MissingFileError, RecordingError
from imaging.function.side_names import hidden_words, split_name
from imaging.io.clock import FASTEST_HZ, SLOWEST_HZ, Clock, even_clock
from imaging.io.delimited_layout import EXPORT_AGAIN, Layout, decoded, find_layout

_TIME = re.compile(r"(.*\W)?(time( series)?|zeit|temps|tiempo|tempo|x|t)(\s?\d+)?", re.IGNORECASE)
_COUNTS = {"frame", "frames", "sample", "samples", "index", "item", "nseq", "nr", "no", "id", "#"}
# Signals of the same sensors, and switches, that are no EMG.
_OTHERS = {
    "acc", "accx", "accy", "accz", "accel", "accelerometer", "acceleration", "gyro", "gyrox",
    "gyroy", "gyroz", "gyroscope", "mag", "magx", "magy", "magz", "magnetometer", "imu", "trigger",
    "trig", "sync", "footswitch", "switch", "marker", "activity", "event", "quaternion",
    "orientation", "goniometer", "force", "heart", "ecg", "ekg",
}  # fmt: skip
_OTHER_UNITS = {"g", "n", "nm", "kg", "m", "mm", "cm", "deg", "deg/s", "rad", "rad/s", "°", "°/s",
                "ut", "µt", "m/s2", "m/s^2", "m/s²", "hz"}  # fmt: skip
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
# What programs add around the name that a person gave to a sensor.
_DECORATION = re.compile(
    r"^(?:noraxon|ultium|telemyo|myomotion|mr\d)[^.]*\."
    r"|\s*(\(\d+\))?[: .]\s*EMG[ .]*[A-Z]?\s*\d*$",
    re.IGNORECASE,
)
_SAME_RATE = 1e-3


@dataclass(frozen=True)
class TextSignals:
    """EMG columns of a text file.

    Attributes
    ----------
    names, units : tuple of str
        One per column; units are empty where the file tells none.
    signals : (C, N) array
        On `clock`; NaN where a cell is empty.
    clock : Clock
    warnings : tuple of str
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    signals: FloatArray
    clock: Clock
    warnings: tuple[str, ...]


def read_delimited(path: Path, rate_hz: float | None = None) -> TextSignals:
    """Read EMG from CSV, TSV or TXT.

    Delimiter, decimal sign, names and units are told from the first lines; units may stand in the
    names (``TA [mV]``) or in a row of their own. The time column may come once or before every
    signal; without one the rate is that of `rate_hz` or of a line before the samples.

    Parameters
    ----------
    rate_hz
        Sampling rate where the file tells none.

    Raises
    ------
    MissingFileError
        No such file.
    RecordingError
        No samples, no time and no rate, uneven times, or EMG at several rates.
    """
    if not path.is_file():
        raise MissingFileError("no such recording", path, "Check the path")
    text = decoded(path)
    layout = find_layout(text[:400_000].splitlines(), path)
    table = _numbers(text, layout, path)
    warnings: list[str] = []
    seconds = {i: f for i in range(len(layout.names)) if (f := _seconds(layout, i)) is not None}
    groups: dict[int | None, list[int]] = {}
    for i, name in enumerate(layout.names):
        if i in seconds or name.strip().lower() in _COUNTS or np.isnan(table[i]).all():
            continue
        before = [t for t in seconds if t < i]
        groups.setdefault(max(before) if before else min(seconds, default=None), []).append(i)
    clocks: dict[int | None, tuple[Clock, int]] = {}
    for time, columns in groups.items():
        if emg := [i for i in columns if not _is_other(layout, i)]:
            groups[time] = emg
            clocks[time] = _clock(table, time, seconds, layout, rate_hz, path)
    chosen, clock, length = _one_rate(clocks, warnings, path)
    columns = [i for time in chosen for i in groups[time]]
    signals = clock.spread(table[columns][:, :length])
    names = _names([layout.names[i] for i in columns], layout.private, warnings)
    units = tuple(layout.units[i] or layout.unit for i in columns)
    return TextSignals(names, units, signals, clock, tuple(warnings))


def _numbers(text: str, layout: Layout, path: Path) -> FloatArray:
    """Return the columns, (C, N); NaN for cells that are no numbers."""
    n = len(layout.names)
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=r"\s+" if layout.delimiter == " " else layout.delimiter,
            decimal=layout.decimal,
            header=None,
            names=list(range(n)),
            index_col=False,
            skiprows=layout.start,
            skip_blank_lines=True,
            low_memory=False,
            na_values=["n/a", "-", "None"],
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise RecordingError("has rows of different lengths", path, EXPORT_AGAIN) from error
    columns = []
    for i in range(n):
        column = frame[i]
        if column.dtype == object or not pd.api.types.is_numeric_dtype(column):
            told = column.notna()
            column = pd.to_numeric(column, errors="coerce")
            lost = int((told & column.isna()).sum())
            if 0 < lost < 0.5 * int(told.sum()):
                raise RecordingError(
                    f"has {lost} cells that are no numbers in column {i + 1}", path, EXPORT_AGAIN
                )
        columns.append(column.to_numpy(float))
    return np.stack(columns)


def _seconds(layout: Layout, i: int) -> float | None:
    """Return the unit of a time column in s; None for a column that is none."""
    unit = layout.units[i].lower()
    if unit in _SECONDS and _TIME.fullmatch(layout.names[i].strip()):
        return _SECONDS[unit]
    return None


def _is_other(layout: Layout, i: int) -> bool:
    return layout.units[i].lower() in _OTHER_UNITS or bool(
        _OTHERS & set(split_name(layout.names[i]))
    )


def _clock(
    table: FloatArray,
    time: int | None,
    seconds: Mapping[int, float],
    layout: Layout,
    told_hz: float | None,
    path: Path,
) -> tuple[Clock, int]:
    """Return the clock of a group of columns, and how many rows it has."""
    rate = layout.rate_hz if told_hz is None else told_hz
    if time is None:
        if rate is None:
            raise RecordingError(
                "gives neither a time column nor a sampling rate",
                path,
                "Add a column time in s, or SamplingFrequency in the JSON beside it",
            )
        if not SLOWEST_HZ <= rate <= FASTEST_HZ:
            raise RecordingError(
                f"is said to be sampled at {rate:g} Hz, which no EMG is", path, "Correct the rate"
            )
        n = table.shape[1]
        return Clock(rate, 0.0, np.arange(n)), n
    times = seconds[time] * table[time]
    rows = np.flatnonzero(np.isfinite(times))
    n = int(rows[-1]) + 1 if len(rows) else 0
    while n > 2 and times[n - 1] == 0.0 and times[: n - 1].max() > 0:  # padded with zeros
        n -= 1
    if layout.units[time] == "" and rate and _is_in_ms(times[:n], rate):
        times = times / 1000
    return even_clock(times[:n], path), n


def _is_in_ms(times: FloatArray, rate_hz: float) -> bool:
    """Whether times are in ms, as the rate that the file names tells."""
    step = float(times[-1] - times[0]) / max(len(times) - 1, 1)
    return abs(step * rate_hz / 1000 - 1) < 0.01


def _one_rate(
    clocks: Mapping[int | None, tuple[Clock, int]], warnings: list[str], path: Path
) -> tuple[list[int | None], Clock, int]:
    """Return the groups of the highest rate, and their clock; those far slower are no raw EMG."""
    if not clocks:
        raise RecordingError("holds no EMG column", path, EXPORT_AGAIN)
    fastest = max(clock.rate_hz for clock, _ in clocks.values())
    slow = [t for t, (c, _) in clocks.items() if c.rate_hz < fastest / 2]
    rest = {t: c for t, c in clocks.items() if t not in slow}
    if slow:
        warnings.append(f"Columns of {len(slow)} signals sampled under half as fast left out.")
    rates = sorted({round(c.rate_hz, 1) for c, _ in rest.values()})
    if rates[-1] - rates[0] > _SAME_RATE * rates[-1]:
        raise RecordingError(
            f"holds EMG sampled at {rates} Hz", path, "Record or export it at one rate"
        )
    first = next(iter(rest.values()))[0]
    if any(
        abs(c.start_s - first.start_s) * first.rate_hz > 1
        or not np.array_equal(c.places[:8], first.places[:8])
        for c, _ in rest.values()
    ):
        raise RecordingError(
            "holds EMG that begins at different times", path, "Export all channels from one start"
        )
    shortest = min(n for _, n in rest.values())
    clock = Clock(first.rate_hz, first.start_s, first.places[:shortest])
    return list(rest), clock, shortest


def _names(names: Sequence[str], private: Sequence[str], warnings: list[str]) -> tuple[str, ...]:
    """Return the names of sensors without what a program added, and without names of persons."""
    hidden = hidden_words(private)
    found = []
    for i, name in enumerate(names):
        plain = _DECORATION.sub("", name).strip(" :_-") or name
        if hidden & set(split_name(plain)):
            warnings.append(f"The name of channel {i + 1} holds words of the header; not repeated.")
            plain = f"channel {i + 1}"
        found.append(plain)
    return tuple(found)
