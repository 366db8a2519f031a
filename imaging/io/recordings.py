"""Reading a recording of any kind, apart from what is computed from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imaging.errors import RecordingError
from imaging.function.recording import Recording
from imaging.io.c3d import read_c3d
from imaging.io.edf import read_bids_emg, read_events, table_beside


def read_recording(path: Path, channels: Path | None, events: Path | None) -> Recording:
    """Read a recording by its suffix.

    Raises
    ------
    RecordingError
        Not a kind of file that is read.
    """
    suffix = path.suffix.lower()
    if suffix in (".edf", ".bdf"):
        return read_bids_emg(path, channels, events)
    if suffix != ".c3d":
        raise RecordingError(
            f"files {suffix or 'without suffix'} are not read", path, "Give .c3d, .edf or .bdf"
        )
    if channels is not None:
        raise RecordingError("a channels table goes with EDF", path, "Use settings: channels")
    read = read_c3d(path)
    if events is None:
        return read
    gait, unknown = read_events(events)
    return replace(read, events=gait, event_frame_s=0.0, warnings=(*read.warnings, *unknown))


def files_of(path: Path, channels: Path | None, events: Path | None) -> list[Path]:
    """Return every file that :func:`read_recording` reads."""
    if path.suffix.lower() != ".c3d":
        channels = channels or table_beside(path, "channels")
        events = events or table_beside(path, "events")
    return [p for p in (path, channels, events) if p is not None and p.is_file()]
