"""EMG in text: delimited files of vendors, and tables of OpenSim."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.dataset.recording_names import table_of
from imaging.errors import RecordingError
from imaging.formats.json import optional_sidecar
from imaging.function.recording import Event, Recording
from imaging.io.clock import Clock, even_clock
from imaging.io.delimited import read_delimited
from imaging.io.emg_signals import agreed_units, finite_channels, in_microvolts
from imaging.io.emg_tables import emg_channels, read_events
from imaging.io.storage import read_storage


def read_text_emg(
    path: Path, channels: Path | None = None, events: Path | None = None
) -> Recording:
    """Read EMG from CSV, TSV, TXT or STO, and the tables beside it.

    Samples that no channel holds are gaps; a channel that lacks others is left out.

    Parameters
    ----------
    path
        The file; ``SamplingFrequency`` of a JSON beside it counts where it has no times.
    channels, events
        The tables; without them ``*_channels.tsv`` and ``*_events.tsv`` of the same name.

    Raises
    ------
    MissingFileError, RecordingError
        See :mod:`imaging.io.delimited`, :mod:`imaging.io.storage` and
        :mod:`imaging.io.emg_tables`.
    """
    names: Sequence[str]
    said: tuple[str, ...] = ()
    if path.suffix.lower() == ".sto":
        table = read_storage(path)
        clock = even_clock(table.time_s, path)
        names, units = table.names, ("",) * len(table.names)
        signals = clock.spread(table.values)
    else:
        read = read_delimited(path, _told_rate(path))
        clock, names, units = read.clock, read.names, read.units
        signals, said = read.signals, read.warnings
    emg = emg_channels(names, path, channels)
    labels = [names[i] for i in emg.rows]
    told, odd = agreed_units(labels, [units[i] for i in emg.rows], emg.units)
    signals, known = in_microvolts(labels, signals[emg.rows], told)
    labels, signals, gaps, lost = _without_missing(labels, signals, clock, path)
    table_path = events or table_of(path, "events")
    gait: tuple[Event, ...] = ()
    unknown: tuple[str, ...] = ()
    if events is not None or table_path.is_file():
        gait, unknown = read_events(table_path)
    return Recording(
        tuple(labels),
        signals,
        clock.rate_hz,
        clock.start_s,
        targets=emg.targets,
        events=gait,
        gaps=gaps,
        units={name: unit for name, unit in known.items() if name in labels},
        warnings=(*said, *emg.warnings, *odd, *lost, *unknown),
    )


def _told_rate(path: Path) -> float | None:
    said = optional_sidecar(path).get("SamplingFrequency")
    if said is None:
        return None
    try:
        return float(said)
    except (TypeError, ValueError) as error:
        raise RecordingError(
            "has a SamplingFrequency in its JSON that is no number", path, "Give it in Hz"
        ) from error


def _without_missing(
    labels: Sequence[str], signals: FloatArray, clock: Clock, path: Path
) -> tuple[list[str], FloatArray, tuple[tuple[float, float], ...], list[str]]:
    """Return channels with 0 in gaps, the gaps, s, and what is said of them."""
    keep, left_out, missing = finite_channels(labels, signals)
    if not keep:
        raise RecordingError("has no channel without missing samples", path, "Export it again")
    warnings = []
    if left_out:
        warnings.append(f"Channels that lack samples left out: {', '.join(left_out)}.")
    n, rate, start = signals.shape[1], clock.rate_hz, clock.start_s
    gaps = tuple((start + a / rate, start + b / rate) for a, b in missing)
    if gaps:
        warnings.append(f"Not recorded: {', '.join(f'{a:.3f}-{b:.3f} s' for a, b in gaps)}.")
    if sum(b - a for a, b in missing) == n:
        raise RecordingError("holds no sample", path, "Export it again")
    return [labels[i] for i in keep], np.nan_to_num(signals[keep]), gaps, warnings
