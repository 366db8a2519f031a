"""C3D: analog channels, force plates, events, markers of the legs and joint angles.

The clock of the file starts at ``first_frame / rate``, not at 0. Event times may be stored flat or
as two rows (minutes, seconds), and go on in LABELS2, TIMES2 ... beyond 255.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.disk import full_disk
from imaging.errors import MissingFileError, RecordingError
from imaging.function.event_names import read_names
from imaging.function.recording import Event, Recording, Tracks
from imaging.function.side_names import without_persons
from imaging.io.c3d_content import load
from imaging.io.c3d_layout import EXPORT_AGAIN, Layout, read_layout, write_whole
from imaging.io.c3d_plates import (
    geometries,
    plate_channels,
    read_plates,
    rotation_to_z_up,
    texts,
    to_mm,
)
from imaging.io.emg_signals import in_microvolts
from imaging.io.markers import pick, z_up
from imaging.isolation import run_apart

LIMIT_S = 300.0
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
        All analog channels that no force plate in use owns, in microvolts where ANALOG:UNITS is a
        voltage; plates and markers in mm, third axis up; joint angles of a model.

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
    labels = texts(parameters.get("POINT", {}), "LABELS")[: points.shape[1]]
    markers = pick(labels, scale * points[:, : len(labels)])
    geometry = geometries(parameters, scale, warnings)
    turn = rotation_to_z_up(parameters, geometry, markers.feet, warnings)
    if not any(geometry) and (up := z_up(markers)) is not None:
        turn = up
    markers = markers.turned(turn)
    plates = read_plates(parameters, analog, geometry, turn, layout.per_frame, warnings)
    events = _events(content, layout, (start, layout.n_frames / frame_rate), path, warnings)
    names, units, signals = _emg(parameters, analog, warnings)
    signals, known = in_microvolts(names, signals, units)
    return Recording(
        labels=names,
        signals=signals,
        rate_hz=rate,
        start_s=start,
        plates=plates,
        events=events,
        event_frame_s=1 / frame_rate,
        heels=markers.heels,
        toes=markers.toes,
        marker_rate_hz=frame_rate,
        landmarks=markers.tracks(frame_rate, start),
        angles=_angles(parameters, points, frame_rate, start),
        units=known,
        warnings=tuple(warnings),
    )


def _open(path: Path, layout: Layout) -> Any:
    """Read the file in a process of its own, by way of a copy where the reader needs one."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            source = path
            if layout.needs_copy:
                source = Path(folder, "whole.c3d")
                write_whole(layout, path, source)
            analogs = Path(folder, "analogs.npy")
            content = run_apart(load, str(source), str(analogs), limit_s=LIMIT_S)
            content["data"]["analogs"] = np.load(analogs)
            return content
        except Exception as error:  # the reader raises whatever its C++ core raises
            if full := full_disk([folder]):
                raise full from error
            raise RecordingError(f"cannot be read as C3D ({error})", path, EXPORT_AGAIN) from error


def _data(content: Any, layout: Layout, path: Path) -> tuple[FloatArray, FloatArray]:
    """Return analog channels (C, N) and markers (3, P, F) without what pads the file."""
    analog = np.asarray(content["data"].pop("analogs"), dtype=float)
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


def _persons(parameters: Any) -> list[str]:
    """Return the texts of a file that name persons."""
    pairs = (p.split(":") for p in _PERSONS)
    return [text for group, name in pairs for text in texts(parameters.get(group, {}), name)]


def _emg(
    parameters: Any, analog: FloatArray, warnings: list[str]
) -> tuple[tuple[str, ...], list[str], FloatArray]:
    """Return names, units and samples of the channels that no force plate owns."""
    group = parameters.get("ANALOG", {})
    labels = texts(group, "LABELS")[: len(analog)]
    labels += [f"channel {i + 1}" for i in range(len(labels), len(analog))]
    labels = without_persons(labels, _persons(parameters))
    units = (texts(group, "UNITS") + [""] * len(analog))[: len(analog)]
    owned = {channel for plate in plate_channels(parameters) for channel in plate}
    own = [i for i in range(len(analog)) if i not in owned]
    dropped = [labels[i] for i in own if not np.isfinite(analog[i]).all()]
    if dropped:
        warnings.append(f"Channels with values that are not finite left out: {', '.join(dropped)}.")
    keep = [i for i in own if np.isfinite(analog[i]).all()]
    signals = analog if len(keep) == len(analog) else analog[keep]
    return tuple(labels[i] for i in keep), [units[i] for i in keep], signals


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
    events, unknown = read_names(named, _persons(parameters))
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


def _angles(parameters: Any, points: FloatArray, rate_hz: float, start_s: float) -> Tracks | None:
    """Return the joint angles of a model, deg: points that POINT:ANGLES names; None without."""
    group = parameters.get("POINT", {})
    labels = texts(group, "LABELS")[: points.shape[1]]
    unit = next(iter(texts(group, "ANGLE_UNITS")), "deg").lower()
    wanted = set(texts(group, "ANGLES"))
    scale = {"deg": 1.0, "degrees": 1.0, "rad": 180 / np.pi}.get(unit)
    if scale is None or not wanted:
        return None
    found = {
        label.split(":")[-1]: scale * points[:, i]
        for i, label in enumerate(labels)
        if label in wanted and np.isfinite(points[:, i]).any()
    }
    return Tracks(rate_hz, start_s, found) if found else None
