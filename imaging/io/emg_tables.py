"""The tables beside a recording: channels and events, as BIDS names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.dataset.recording_names import table_of
from imaging.errors import MissingFileError, RecordingError
from imaging.function.event_names import read_names
from imaging.function.recording import Event

NEAREST_S = 0.2


def read_table(path: Path, needed: set[str]) -> pd.DataFrame:
    """Read a table of texts.

    Raises
    ------
    MissingFileError, RecordingError
        No such table, none at all, or without the columns that are needed.
    """
    if not path.is_file():
        raise MissingFileError("no such table", path, "Check the path")
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise RecordingError(
            f"is not a table ({error})", path, "Give tab-separated text"
        ) from error
    if missing := needed - set(table.columns):
        raise RecordingError(f"lacks the columns {sorted(missing)}", path, "Add them")
    return table


@dataclass(frozen=True)
class EmgChannels:
    """The EMG channels of a recording.

    Attributes
    ----------
    rows : list of int
        Their places among the signals of the file.
    targets : dict of name to str
        Muscles that the table names.
    units : dict of name to str
        Units that the table gives.
    has_table : bool
        There is a channels table.
    warnings : list of str
        How many signals the table leaves out without naming them, or as bad.
    """

    rows: list[int]
    targets: dict[str, str]
    units: dict[str, str]
    has_table: bool = True
    warnings: list[str] = field(default_factory=list)


def emg_channels(names: Sequence[str], path: Path, given: Path | None = None) -> EmgChannels:
    """Return which signals of a file are EMG and good, by its channels table if there is one.

    Parameters
    ----------
    names
        Of the signals.
    path
        The recording.
    given
        The table; without it ``*_channels.tsv`` of the same name.

    Raises
    ------
    MissingFileError, RecordingError
        A table that cannot be read, names signals that are not there, or leaves no EMG.
    """
    beside = table_of(path, "channels")
    if given is None and not beside.is_file():
        return EmgChannels(list(range(len(names))), {}, {}, has_table=False)
    table = read_table(given or beside, {"name"})
    if unknown := sorted(set(table["name"]) - set(names)):
        raise RecordingError(
            f"lacks the channels {unknown} that its channels table names", path, "Correct it"
        )
    rows = {str(row["name"]): row for row in table.to_dict("records")}
    keep = [
        i
        for i, name in enumerate(names)
        if name in rows
        and str(rows[name].get("type", "EMG")).upper() == "EMG"
        and rows[name].get("status") != "bad"
    ]
    if not keep:
        raise RecordingError("has no EMG channel", path, "Check the channels table")

    def column(key: str) -> dict[str, str]:
        said = {name: str(row.get(key, "")) for name, row in rows.items()}
        return {name: text for name, text in said.items() if text.lower() not in ("", "n/a")}

    # Counted, not named: a name that the table does not repeat may be that of a person.
    absent = sum(name not in rows for name in names)
    bad = sum(row.get("status") == "bad" for row in rows.values())
    said = [f"{absent} signals of the file are not in its channels table: left out."] * (absent > 0)
    said += [f"{bad} channels are bad by their channels table: left out."] * (bad > 0)
    return EmgChannels(keep, column("target_muscle"), column("units"), warnings=said)


def read_events(path: Path, source: str = "file") -> tuple[tuple[Event, ...], tuple[str, ...]]:
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
    table = read_table(path, {"onset", "trial_type"})
    times = pd.to_numeric(table["onset"], errors="coerce")
    if not np.isfinite(times).all():
        raise RecordingError(
            "column onset has entries that are not numbers", path, "Correct the table"
        )
    named = zip(table["trial_type"].astype(str), times.astype(float), strict=True)
    return read_names(named, source=source)


def read_corrected(path: Path, start_s: float, end_s: float, trial: str = "") -> tuple[Event, ...]:
    """Read the list of events that a person corrected, which rules over all others.

    Parameters
    ----------
    start_s, end_s
        Of the recording.
    trial
        Its name; a column ``trial``, as in the events that the stage wrote, must hold it alone.

    Raises
    ------
    MissingFileError, RecordingError
        Not a table of events, empty, of other recordings as well, with a name that is no foot
        strike or lift of one foot, an event outside the recording, or the same event twice.
    """
    named = set(read_table(path, set()).get("trial", ()))
    if trial and (others := sorted(named - {trial})):
        raise RecordingError(
            f"has rows of another recording, {others[0]}", path, f"Keep those of {trial}"
        )
    events, unknown = read_events(path, source="manual")
    if unknown:
        raise RecordingError(
            "has events that are no strike or lift of a foot", path,
            "Write left_foot_strike, left_foot_off, right_foot_strike or right_foot_off",
        )  # fmt: skip
    if not events:
        raise RecordingError("holds no event", path, "Fill it, or remove it")
    if far := [e.time_s for e in events if not start_s <= e.time_s <= end_s]:
        raise RecordingError(
            f"has an event at {far[0]:.3f} s, outside the recording of {start_s:.3f}-{end_s:.3f} s",
            path,
            "Give times on the clock of the recording",
        )
    last: dict[str, float] = {}
    for e in events:
        if e.time_s - last.get(e.trial_type, -np.inf) < NEAREST_S:
            raise RecordingError(
                f"has {e.trial_type} at {last[e.trial_type]:.3f} and {e.time_s:.3f} s",
                path,
                "Keep one of them",
            )
        last[e.trial_type] = e.time_s
    return events
