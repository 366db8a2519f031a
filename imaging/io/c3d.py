"""C3D: analog channels, force plates, events and markers of the feet.

The clock of the file starts at ``first_frame / rate``, not at 0. Event times may be stored flat or
as two rows (minutes, seconds), and go on in LABELS2, TIMES2 ... beyond 255.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ComputationError, MissingFileError, RecordingError
from imaging.function.event_names import read_names
from imaging.function.recording import Event, Foot, Recording
from imaging.io.c3d_layout import EXPORT_AGAIN, Layout, read_layout, write_whole
from imaging.io.c3d_plates import (
    geometries,
    plate_channels,
    read_plates,
    rotation_to_z_up,
    texts,
    to_mm,
)
from imaging.isolation import run_apart

LIMIT_S = 300.0
_HEELS: dict[Foot, tuple[str, ...]] = {
    "left": ("LHEE", "L_HEE", "LCAL", "LANK"),
    "right": ("RHEE", "R_HEE", "RCAL", "RANK"),
}
_TOES: dict[Foot, tuple[str, ...]] = {
    "left": ("LTOE", "L_TOE", "LMT2", "LMT5", "LMT1"),
    "right": ("RTOE", "R_TOE", "RMT2", "RMT5", "RMT1"),
}
# Parameters that hold names of persons.
_PERSONS = ("SUBJECTS:NAMES", "EVENT:SUBJECTS", "ANALYSIS:SUBJECTS")


def read_c3d(path: Path) -> Recording:
    """Read a C3D file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Recording
        All analog channels that no force plate in use owns, in the unit of the file; plates and
        markers in mm, third axis up.

    Raises
    ------
    MissingFileError
        No such file.
    RecordingError
        Not C3D, SGI/MIPS, damaged, or without analog channels.
    """
    if not path.is_file():
        raise MissingFileError("no such recording", path, "Check the path")
    layout = read_layout(path)
    if layout.n_analog == 0:
        raise RecordingError("has no analog channels", path, "Give a file with EMG")
    content = _open(path, layout)
    warnings: list[str] = []
    parameters = content["parameters"]
    analog, points = _data(content, layout, path)
    frame_rate = float(content["header"]["points"]["frame_rate"])
    rate = _rate(parameters, frame_rate * layout.per_frame, path)
    frame_rate = rate / layout.per_frame
    start = layout.first_frame / frame_rate

    scale = to_mm(parameters, warnings)
    heels, toes = (_markers(parameters, points, names, scale) for names in (_HEELS, _TOES))
    geometry = geometries(parameters, scale, warnings)
    turn = rotation_to_z_up(parameters, geometry, [*heels.values(), *toes.values()], warnings)
    plates = read_plates(parameters, analog, geometry, turn, layout.per_frame, warnings)
    events = _events(content, layout, (start, layout.n_frames / frame_rate), path, warnings)
    labels, signals = _emg(parameters, analog, warnings)
    return Recording(
        labels=labels,
        signals=signals,
        rate_hz=rate,
        start_s=start,
        plates=plates,
        events=events,
        event_frame_s=1 / frame_rate,
        heels={side: turn @ path for side, path in heels.items()},
        toes={side: turn @ path for side, path in toes.items()},
        marker_rate_hz=frame_rate,
        warnings=tuple(warnings),
    )


def _open(path: Path, layout: Layout) -> Any:
    """Read the file in a process of its own, by way of a copy where the reader needs one."""
    try:
        if not layout.needs_copy:
            return run_apart(_load, str(path), limit_s=LIMIT_S)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "whole.c3d")
            write_whole(layout, path, copy)
            return run_apart(_load, str(copy), limit_s=LIMIT_S)
    except ComputationError as error:
        raise RecordingError(f"cannot be read as C3D ({error})", path, EXPORT_AGAIN) from error
    except Exception as error:  # the reader raises whatever its C++ core raises
        raise RecordingError(f"cannot be read as C3D ({error})", path, EXPORT_AGAIN) from error


def _load(path: str) -> Any:
    import ezc3d  # in a process of its own: see imaging.isolation

    content = ezc3d.c3d(path)
    return {part: _plain(content[part]) for part in ("header", "parameters", "data")}


def _plain(value: Any) -> Any:
    """Return nested dictionaries, lists and arrays that another process can take."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | str | int | float | bool) or value is None:
        return value
    return [_plain(item) for item in value]


def _data(content: Any, layout: Layout, path: Path) -> tuple[FloatArray, FloatArray]:
    """Return analog channels (C, N) and markers (3, P, F) without what pads the file."""
    analog = np.asarray(content["data"]["analogs"], dtype=float)
    points = np.asarray(content["data"]["points"], dtype=float)
    analog = analog.reshape(-1, analog.shape[-1])[:, : layout.n_frames * layout.per_frame]
    points = points[:3, :, : layout.n_frames]
    if analog.shape != (layout.n_analog, layout.n_frames * layout.per_frame):
        raise RecordingError(
            f"holds {layout.n_frames} frames of {layout.n_analog} analog channels, of which "
            f"{analog.shape[1] // layout.per_frame} frames of {len(analog)} could be read",
            path,
            EXPORT_AGAIN,
        )
    return analog, points


def _rate(parameters: Any, by_header: float, path: Path) -> float:
    """Return the sampling rate of the analog channels, Hz."""
    group = parameters.get("ANALOG", {})
    stated = np.asarray(group["RATE"]["value"] if "RATE" in group else [0.0], dtype=float).ravel()
    rate = by_header if by_header > 0 else float(stated[0])
    if not 0 < rate < np.inf:
        raise RecordingError("gives no sampling rate", path, EXPORT_AGAIN)
    return rate


def _emg(
    parameters: Any, analog: FloatArray, warnings: list[str]
) -> tuple[tuple[str, ...], FloatArray]:
    """Return names and samples of the channels that no force plate owns."""
    labels = texts(parameters.get("ANALOG", {}), "LABELS")[: len(analog)]
    labels += [f"channel {i + 1}" for i in range(len(labels), len(analog))]
    owned = {channel for plate in plate_channels(parameters) for channel in plate}
    own = [i for i in range(len(analog)) if i not in owned]
    dropped = [labels[i] for i in own if not np.isfinite(analog[i]).all()]
    if dropped:
        warnings.append(f"Channels with values that are not finite left out: {', '.join(dropped)}.")
    keep = [i for i in own if np.isfinite(analog[i]).all()]
    return tuple(labels[i] for i in keep), analog[keep]


def _events(
    content: Any, layout: Layout, span: tuple[float, float], path: Path, warnings: list[str]
) -> tuple[Event, ...]:
    """Return the events of the group EVENT and, where it has none, of the header.

    Parameters
    ----------
    span
        Start and length of the recording, s.
    """
    parameters = content["parameters"]
    named = _stored_events(parameters.get("EVENT", {}), path)
    if not named:
        named = _header_events(content["header"]["events"], layout.n_header_events, span)
    persons = [
        text
        for group, name in (p.split(":") for p in _PERSONS)
        for text in texts(parameters.get(group, {}), name)
    ]
    events, unknown = read_names(named, persons)
    warnings += unknown
    return events


def _stored_events(group: Any, path: Path) -> list[tuple[str, float]]:
    times: list[float] = []
    number = 1
    while (name := "TIMES" if number == 1 else f"TIMES{number}") in group:
        part = np.asarray(group[name]["value"], dtype=float)
        pairs = part.T if part.ndim == 2 and part.shape[0] == 2 else part.ravel(order="F")
        if pairs.size % 2:
            raise RecordingError("holds event times without minutes or seconds", path, EXPORT_AGAIN)
        times += [60.0 * minutes + seconds for minutes, seconds in pairs.reshape(-1, 2)]
        number += 1
    labels, sides = texts(group, "LABELS"), texts(group, "CONTEXTS")
    used = int(np.asarray(group["USED"]["value"]).ravel()[0]) if "USED" in group else len(times)
    if not 0 <= used <= min(len(labels), len(times)) or any(labels[used:]):
        used = len(times)
    if used > len(labels) or any(labels[used:]) or not np.isfinite(times[:used]).all():
        raise RecordingError(
            f"holds {len(labels)} event labels and {len(times)} event times", path, EXPORT_AGAIN
        )
    sides += [""] * (used - len(sides))
    return [(f"{sides[i]} {labels[i]}", times[i]) for i in range(used)]


def _header_events(header: Any, n: int, span: tuple[float, float]) -> list[tuple[str, float]]:
    """Return the events of the header on the clock of the file.

    They count from the first frame that is stored; times that fit the clock of the file only are
    taken so.
    """
    times = np.asarray(header["events_time"][:n], dtype=float)
    if not (times <= span[1]).all() and ((times >= span[0]) & (times <= sum(span))).all():
        span = (0.0, span[1])
    labels = [str(label).strip() for label in header["events_label"][:n]]
    named = zip(labels, times, strict=False)
    return [(label, float(time + span[0])) for label, time in named if np.isfinite(time)]


def _markers(
    parameters: Any, points: FloatArray, names: Mapping[Foot, tuple[str, ...]], scale: float
) -> dict[Foot, FloatArray]:
    """Return one marker of each foot, (3, F), mm; NaN where it was not seen."""
    labels = texts(parameters.get("POINT", {}), "LABELS")[: points.shape[1]]
    labels = [label.split(":")[-1].upper() for label in labels]
    found: dict[Foot, FloatArray] = {}
    for side, wanted in names.items():
        name = next((n for n in wanted if n in labels), None)
        if name is not None:
            found[side] = scale * points[:, labels.index(name)]
    return found
