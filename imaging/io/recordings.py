"""Reading a recording of any kind, apart from what is computed from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imaging.config import FunctionSettings
from imaging.dataset.names import entities, stem
from imaging.errors import RecordingError
from imaging.function.recording import Recording
from imaging.function.strides import SHORTEST_S
from imaging.function.trials import Trial, kind_of
from imaging.io.c3d import read_c3d
from imaging.io.edf import read_bids_emg, read_events, table_beside


def read_recording(path: Path, channels: Path | None, events: Path | None) -> Recording:
    """Read a recording by its suffix.

    Raises
    ------
    RecordingError
        Not a kind of file that is read, damaged, or shorter than any stride.
    """
    suffix = path.suffix.lower()
    if suffix in (".edf", ".bdf"):
        read = read_bids_emg(path, channels, events)
    elif suffix != ".c3d":
        raise RecordingError(
            f"files {suffix or 'without suffix'} are not supported", path, "Give .c3d, .edf or .bdf"
        )
    elif channels is not None:
        raise RecordingError(
            "a channels table can be given with EDF only", path, "Use settings: channels"
        )
    else:
        read = read_c3d(path)
        if events is not None:
            gait, unknown = read_events(events)
            warnings = (*read.warnings, *unknown)
            read = replace(read, events=gait, event_frame_s=0.0, warnings=warnings)
    length = read.end_s - read.start_s
    if length < SHORTEST_S:
        raise RecordingError(
            f"lasts {length:.2g} s, too short for one stride", path, "Give a recording of walking"
        )
    return read


def read_trial(
    path: Path, channels: Path | None, events: Path | None, settings: FunctionSettings
) -> Trial:
    """Read a recording with what it is of, as its name and the settings say."""
    named = {k: v for k, v in entities(path).items() if k not in ("sub", "ses")}
    name = "_".join(f"{k}-{v}" for k, v in named.items()) or stem(path)
    kind = kind_of(named.get("task", stem(path)), settings.tasks)
    return Trial(name, kind, read_recording(path, channels, events))


def files_of(path: Path, channels: Path | None, events: Path | None) -> list[Path]:
    """Return every file that :func:`read_recording` reads."""
    if path.suffix.lower() != ".c3d":
        channels = channels or table_beside(path, "channels")
        events = events or table_beside(path, "events")
    return [p for p in (path, channels, events) if p is not None and p.is_file()]
