"""BIDS EMG: an EDF or BDF file with its channels and events tables."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from edfio import read_bdf, read_edf

from imaging.errors import MissingFileError, RecordingError
from imaging.function.event_names import read_names
from imaging.function.recording import Event, Recording
from imaging.io.edf_clock import place, record_clock

_CUT_SHORT = ".*(Incomplete data record|header indicates)"


def read_bids_emg(
    path: Path, channels: Path | None = None, events: Path | None = None
) -> Recording:
    """Read an EDF or BDF file and the tables beside it.

    Samples of a discontinuous file (EDF+D, BDF+D) are placed at the time of their record. Without
    an events table the annotations of the file are its events.

    Parameters
    ----------
    path
        ``*_emg.edf`` or ``*_emg.bdf``.
    channels, events
        The tables; without them ``*_channels.tsv`` and ``*_events.tsv`` of the same name.

    Raises
    ------
    MissingFileError
        A file that was named does not exist.
    RecordingError
        Damaged files, mixed sampling rates, or tables that do not fit the signals.
    """
    if not path.is_file():
        raise MissingFileError("no such recording", path, "Check the path")
    try:
        with warnings.catch_warnings():
            # Of a file that is cut short the reader warns only.
            warnings.filterwarnings("error", message=_CUT_SHORT, category=UserWarning)
            file = read_bdf(path) if path.suffix.lower() == ".bdf" else read_edf(path)
        table = None
        if channels is not None or table_beside(path, "channels").is_file():
            table = _table(channels or table_beside(path, "channels"), {"name"})
        names = [s.label for s in file.signals]
        keep = _emg_rows(names, table, path)
        rates = {file.signals[i].sampling_frequency for i in keep}
        if len(rates) != 1:
            raise RecordingError(
                f"EMG channels are sampled at {sorted(rates)} Hz",
                path,
                "Record or export them at one rate",
            )
        signals = np.stack([np.asarray(file.signals[i].data, dtype=float) for i in keep])
        annotations = [(note.text, note.onset) for note in file.annotations]
        persons = [file.local_patient_identification, file.local_recording_identification]
        clock = record_clock(path)
    except RecordingError:
        raise
    except Exception as error:  # the reader raises whatever a damaged header leads to
        raise RecordingError(
            f"cannot be read as EDF or BDF ({error})", path, "Export it again"
        ) from error
    targets = {}
    if table is not None and "target_muscle" in table:
        targets = dict(zip(table["name"], table["target_muscle"], strict=True))
    labels, rate = tuple(names[i] for i in keep), float(rates.pop())
    gaps: tuple[tuple[float, float], ...] = ()
    if clock is not None:
        signals, gaps = place(signals, rate, clock, path)
    table_path = events or table_beside(path, "events")
    if events is not None or table_path.is_file():
        gait, unknown = read_events(table_path)
    else:
        gait, unknown = read_names(annotations, persons)
    said = [f"Not recorded: {', '.join(f'{a:.3f}-{b:.3f} s' for a, b in gaps)}."] if gaps else []
    return Recording(
        labels, signals, rate, targets=targets, events=gait, gaps=gaps, warnings=(*said, *unknown)
    )


def read_events(path: Path) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """Read gait events from a table with the columns ``onset`` (s) and ``trial_type``.

    Returns
    -------
    events : tuple of Event
        In the order of time.
    warnings : tuple of str
        Names that were not understood.

    Raises
    ------
    MissingFileError, RecordingError
        No such table, or one that lacks these columns or holds onsets that are no numbers.
    """
    table = _table(path, {"onset", "trial_type"})
    times = pd.to_numeric(table["onset"], errors="coerce")
    if not np.isfinite(times).all():
        raise RecordingError(
            "column onset has entries that are not numbers", path, "Correct the table"
        )
    return read_names(zip(table["trial_type"].astype(str), times.astype(float), strict=True))


def table_beside(path: Path, kind: str) -> Path:
    """Return where the table ``channels`` or ``events`` of a recording lies."""
    return path.with_name(f"{path.stem.removesuffix('_emg')}_{kind}.tsv")


def _table(path: Path, needed: set[str]) -> pd.DataFrame:
    if not path.is_file():
        raise MissingFileError("no such table", path, "Check the path")
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise RecordingError(
            f"is not a table ({error})", path, "Give tab-separated text"
        ) from error
    if missing := needed - set(table.columns):
        raise RecordingError(f"lacks the columns {sorted(missing)}", path, "Add them")
    return table


def _emg_rows(names: list[str], table: pd.DataFrame | None, path: Path) -> list[int]:
    """Return which signals are EMG and good."""
    if table is None:
        return list(range(len(names)))
    if unknown := sorted(set(table["name"]) - set(names)):
        raise RecordingError(
            f"lacks the channels {unknown} that its channels table names", path, "Correct it"
        )
    rows = {str(row["name"]): row for row in table.to_dict("records")}
    keep = [
        i
        for i, name in enumerate(names)
        if name in rows
        and rows[name].get("type", "EMG") == "EMG"
        and rows[name].get("status") != "bad"
    ]
    if not keep:
        raise RecordingError("has no EMG channel", path, "Check the channels table")
    return keep
