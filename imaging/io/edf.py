"""BIDS EMG: an EDF or BDF file with its channels and events tables."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from edfio import read_bdf, read_edf

from imaging.dataset.recording_names import table_of
from imaging.errors import MissingFileError, RecordingError
from imaging.function.event_names import read_names
from imaging.function.recording import Recording
from imaging.function.side_names import without_persons
from imaging.io.edf_clock import place, record_clock
from imaging.io.emg_signals import agreed_units, in_microvolts
from imaging.io.emg_tables import emg_channels, read_events

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
        names = [s.label for s in file.signals]
        emg = emg_channels(names, path, channels)
        keep = emg.rows
        rates = {file.signals[i].sampling_frequency for i in keep}
        if len(rates) != 1:
            raise RecordingError(
                f"EMG channels are sampled at {sorted(rates)} Hz",
                path,
                "Record or export them at one rate",
            )
        signals = np.stack([np.asarray(file.signals[i].data, dtype=float) for i in keep])
        dimensions = [str(file.signals[i].physical_dimension) for i in keep]
        annotations = [(note.text, note.onset) for note in file.annotations]
        persons = [file.local_patient_identification, file.local_recording_identification]
        clock = record_clock(path)
    except RecordingError:
        raise
    except Exception as error:  # the reader raises whatever a damaged header leads to
        raise RecordingError(
            f"cannot be read as EDF or BDF ({error})", path, "Export it again"
        ) from error
    rate = float(rates.pop())
    # A table gives channels names of its own choice; those of the file alone may name a person.
    own = names if emg.has_table else without_persons(names, persons)
    labels = tuple(own[i] for i in keep)
    gaps: tuple[tuple[float, float], ...] = ()
    if clock is not None:
        signals, gaps = place(signals, rate, clock, path)
    units, said = agreed_units(labels, dimensions, emg.units)
    signals, known = in_microvolts(labels, signals, units)
    table_path = events or table_of(path, "events")
    if events is not None or table_path.is_file():
        gait, unknown = read_events(table_path)
    else:
        gait, unknown = read_names(annotations, persons)
    if gaps:
        said.insert(0, f"Not recorded: {', '.join(f'{a:.3f}-{b:.3f} s' for a, b in gaps)}.")
    return Recording(
        labels,
        signals,
        rate,
        targets=emg.targets,
        events=gait,
        gaps=gaps,
        units=known,
        warnings=(*emg.warnings, *said, *unknown),
    )
