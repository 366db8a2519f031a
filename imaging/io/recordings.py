"""Reading the recordings of a session, apart from what is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imaging.config import FunctionSettings
from imaging.dataset.names import entities, stem, suffix_of
from imaging.dataset.recording_names import (
    companions,
    corrected_events,
    files_beside,
    scans_table,
    table_of,
    trial_name,
)
from imaging.errors import RecordingError
from imaging.function.channels import map_channels
from imaging.function.recording import Recording
from imaging.function.trials import Trial, kind_of
from imaging.io.bids_motion import read_bids_motion
from imaging.io.c3d import read_c3d
from imaging.io.edf import read_bids_emg
from imaging.io.emg_signals import is_envelope
from imaging.io.emg_tables import read_corrected, read_events
from imaging.io.motion import Motion, join
from imaging.io.opensim_motion import read_opensim_motion
from imaging.io.scans import levels, start_after
from imaging.io.text_emg import read_text_emg
from imaging.io.trc import read_trc

SHORTEST_S = 0.5
_TEXT = (".csv", ".txt", ".tsv", ".sto", ".gz")


def read_recording(path: Path, channels: Path | None, events: Path | None) -> Recording:
    """Read a recording by its suffix, with what belongs to it by its name.

    Motion and forces of the same task, run and acquisition are joined to it; events that a person
    corrected go before all others.

    Raises
    ------
    RecordingError
        Not a kind of file that is read, damaged, or shorter than any stride.
    """
    suffix = path.suffix.lower()
    if suffix in (".edf", ".bdf"):
        read = read_bids_emg(path, channels, events)
    elif suffix in _TEXT:
        read = read_text_emg(path, channels, events)
    elif suffix != ".c3d":
        raise RecordingError(
            f"files {suffix or 'without suffix'} are not supported",
            path,
            "Give .c3d, .edf, .bdf, .sto, .csv, .tsv or .txt",
        )
    elif channels is not None:
        raise RecordingError(
            "a channels table can be given with EDF and text only", path, "Use settings: channels"
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
    for companion in companions(path):
        read = join(read, _read_motion(companion, path), suffix_of(companion))
    ruling = corrected_events(path)
    if events is None and ruling is not None and ruling.is_file():
        rules = read_corrected(ruling, read.start_s, read.end_s, trial_name(path))
        read = replace(read, events=rules, events_are_final=True, event_frame_s=0.0)
    return read


def _read_motion(path: Path, recording: Path) -> Motion:
    """Read motion or forces, on the clock of the recording.

    A BIDS motion file begins by a clock of its own; where the table of scans tells how much later
    than the EMG it began, it is shifted by that.
    """
    if path.suffix.lower() == ".trc":
        return read_trc(path)
    if path.suffix.lower() != ".tsv":
        return read_opensim_motion(path)
    motion = read_bids_motion(path)
    later = start_after(path, recording, scans_table(recording))
    if later is None:
        said = "Motion is taken to begin with the EMG: the table of scans does not tell when."
        return replace(motion, warnings=(*motion.warnings, said))
    return replace(motion, start_s=motion.start_s + later)


def read_trial(
    path: Path, channels: Path | None, events: Path | None, settings: FunctionSettings
) -> Trial:
    """Read a recording with what it is of, as its name, the table of scans and the settings say.

    Raises
    ------
    ConfigError, RecordingError
        See :func:`read_recording` and :func:`imaging.io.scans.levels`; channels that contradict
        each other; rectified EMG.
    """
    name = trial_name(path)
    kind = kind_of(entities(path).get("task", stem(path)), settings.tasks)
    conditions, said = levels(path, name, scans_table(path), settings)
    read = read_recording(path, channels, events)
    read = replace(read, enveloped=_is_enveloped(read, path, settings))
    if kind != "mvc":
        read = replace(read, warnings=(*read.warnings, *said))
    return Trial(name, kind, read, conditions)


def _is_enveloped(read: Recording, path: Path, settings: FunctionSettings) -> bool:
    """Whether the channels of muscles are envelopes; others do not matter."""
    try:
        known = map_channels(read.labels, read.targets, settings.channels, settings.side).labels
        rows = [i for i, name in enumerate(read.labels) if name in known]
        return bool(rows) and is_envelope(read.signals[rows], read.rate_hz)
    except RecordingError as error:
        raise RecordingError(error.what, path, error.fix) from error


def files_of(path: Path, channels: Path | None, events: Path | None) -> list[Path]:
    """Return every file that :func:`read_trial` reads."""
    beside = files_beside(path)
    if path.suffix.lower() == ".c3d":
        beside = [p for p in beside if p not in _own_tables(path)]
    given = {"channels": channels, "events": events}
    for kind, told in given.items():
        if told is not None:
            beside = [told if p == table_of(path, kind) else p for p in beside]
            beside += [] if told in beside else [told]
    return [p for p in [path, *beside] if p.is_file()]


def _own_tables(path: Path) -> Sequence[Path]:
    return [table_of(path, "channels"), table_of(path, "events"), path.with_suffix(".json")]
