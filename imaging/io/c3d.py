"""C3D: analog channels, force plates, events and heel markers.

Event times may be stored flat or as two rows (minutes, seconds); the clock of the file starts at
``first_frame / rate``, not at 0.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import MissingFileError, RecordingError
from imaging.function.events import parse_event
from imaging.function.recording import Event, Foot, Plate, Recording
from imaging.isolation import run_apart

_PROCESSORS = {84: "Intel", 85: "DEC", 86: "SGI/MIPS"}
_READABLE = "Export it again as C3D with Intel byte order"
_HEELS: dict[Foot, tuple[str, ...]] = {
    "left": ("LHEE", "L_HEE", "LCAL", "LANK"),
    "right": ("RHEE", "R_HEE", "RCAL", "RANK"),
}
_TO_NEWTON = {"N": 1.0, "KN": 1000.0, "LBF": 4.448222}


def read_c3d(path: Path) -> Recording:
    """Read a C3D file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Recording
        All analog channels that no force plate owns, in the unit of the file.

    Raises
    ------
    MissingFileError
        No such file.
    RecordingError
        Not C3D, SGI/MIPS, damaged, or without analog channels.
    """
    if not path.is_file():
        raise MissingFileError("no such recording", path, "Check the path")
    _check_header(path)
    content, warnings = _open(path)
    frames, analog = content["header"]["points"], content["header"]["analogs"]
    samples = content["data"]["analogs"]
    signals = np.asarray(samples, dtype=float).reshape(-1, *samples.shape[-1:])
    rate = float(analog["frame_rate"])
    frame_rate = float(frames["frame_rate"])
    if signals.size == 0 or rate <= 0:
        raise RecordingError("holds no analog channels", path, "Give a file with EMG")
    parameters = content["parameters"]
    labels = _labels(parameters["ANALOG"])
    labels += [f"channel {i + 1}" for i in range(len(labels), len(signals))]
    owned = _plate_channels(parameters)
    keep = [i for i in range(len(signals)) if i not in owned]
    finite = np.isfinite(signals[keep]).all(axis=1) if keep else np.zeros(0, dtype=bool)
    dropped = [labels[i] for i, good in zip(keep, finite, strict=True) if not good]
    if dropped:
        warnings.append(f"Channels with values that are not finite left out: {', '.join(dropped)}.")
    keep = [i for i, good in zip(keep, finite, strict=True) if good]
    return Recording(
        labels=tuple(labels[i] for i in keep),
        signals=signals[keep],
        rate_hz=rate,
        start_s=float(frames["first_frame"]) / frame_rate if frame_rate > 0 else 0.0,
        plates=_plates(content["data"].get("platform", []), signals.shape[1], warnings),
        events=_events(parameters, path),
        event_frame_s=1 / frame_rate if frame_rate > 0 else 0.0,
        heels=_heels(parameters, content["data"]["points"]),
        heel_rate_hz=frame_rate,
        warnings=tuple(warnings),
    )


def _check_header(path: Path) -> None:
    """Refuse what the reader would misread: another format, or a processor it does not know."""
    with path.open("rb") as file:
        start = file.read(512)
        if len(start) < 512 or start[1] != 0x50:
            raise RecordingError("is not a C3D file", path, "Give a C3D or EDF file")
        file.seek(512 * (start[0] - 1))
        section = file.read(4)
    if len(section) < 4:
        raise RecordingError("has no parameter section", path, "The file is cut short")
    processor = section[3]
    if processor != 84:
        name = _PROCESSORS.get(processor, f"unknown ({processor})")
        raise RecordingError(f"has the byte order {name}, which is not read", path, _READABLE)
    _check_size(start, path)


def _check_size(header: bytes, path: Path) -> None:
    """Refuse a file that is cut short; the reader would fill the rest with zeros."""
    points, analog, first, last = struct.unpack_from("<4H", header, 2)
    (scale,) = struct.unpack_from("<f", header, 12)
    (block,) = struct.unpack_from("<H", header, 16)
    if last == 0xFFFF:  # more frames than the header can count
        return
    width = 4 if scale < 0 else 2
    expected = 512 * (block - 1) + (last - first + 1) * (4 * points + analog) * width
    size = path.stat().st_size
    if size < expected:
        raise RecordingError(
            f"holds {size} bytes where its header announces {expected}",
            path,
            "The file is cut short; export it again",
        )


def _load(path: str, plates: bool) -> Any:
    import ezc3d  # in a process of its own: see imaging.isolation

    content = ezc3d.c3d(path, extract_forceplat_data=plates)
    return {part: _plain(content[part]) for part in ("header", "parameters", "data")}


def _plain(value: Any) -> Any:
    """Return nested dictionaries, lists and arrays that another process can take."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | str | int | float | bool) or value is None:
        return value
    return [_plain(item) for item in value]


def _open(path: Path) -> tuple[Any, list[str]]:
    """Open with force plates, or without them when their description is damaged."""
    try:
        return run_apart(_load, str(path), True), []
    except Exception as with_plates:  # the reader raises whatever its C++ core raises
        try:
            content = run_apart(_load, str(path), False)
        except Exception as error:
            raise RecordingError(f"cannot be read as C3D ({error})", path, _READABLE) from error
        return content, [f"Force plates cannot be read ({with_plates})."]


def _labels(group: Any) -> list[str]:
    """Return labels that may be spread over LABELS, LABELS2, ..."""
    labels, i = [], 1
    while (name := "LABELS" if i == 1 else f"LABELS{i}") in group:
        labels += [str(v).strip() for v in group[name]["value"]]
        i += 1
    return labels


def _plate_channels(parameters: Any) -> set[int]:
    """Return the zero-based analog channels that belong to force plates."""
    if "FORCE_PLATFORM" not in parameters or "CHANNEL" not in parameters["FORCE_PLATFORM"]:
        return set()
    values = np.asarray(parameters["FORCE_PLATFORM"]["CHANNEL"]["value"], dtype=int).ravel()
    return {int(v) - 1 for v in values if v > 0}


def _plates(platforms: Any, n: int, warnings: list[str]) -> tuple[Plate, ...]:
    plates = []
    for number, platform in enumerate(platforms, start=1):
        force = np.nan_to_num(np.asarray(platform["force"], dtype=float))
        unit = str(platform["unit_force"]).strip().upper() or "N"
        if unit not in _TO_NEWTON or force.shape[1] != n:
            warnings.append(
                f"Force plate {number} left out: unit {unit}, {force.shape[1]} samples."
            )
            continue
        force = force * _TO_NEWTON[unit]
        # Some systems store the force on the plate instead of that on the body.
        if -force[2].min() > force[2].max():
            force = -force
        centre = np.nan_to_num(np.asarray(platform["center_of_pressure"], dtype=float))
        plates.append(Plate(force, centre))
    return tuple(plates)


def _events(parameters: Any, path: Path) -> tuple[Event, ...]:
    group = parameters.get("EVENT", {})
    if "TIMES" not in group or "LABELS" not in group:
        return ()
    times = np.asarray(group["TIMES"]["value"], dtype=float)
    pairs = times.T if times.ndim == 2 and times.shape[0] == 2 else times.reshape(-1, 2)
    labels = _labels(group)
    sides = [str(v).strip() for v in group["CONTEXTS"]["value"]] if "CONTEXTS" in group else []
    sides += [""] * (len(labels) - len(sides))
    if len(pairs) != len(labels):
        raise RecordingError(
            f"holds {len(labels)} event labels and {len(pairs)} event times", path, _READABLE
        )
    events = []
    for (minutes, seconds), label, side in zip(pairs, labels, sides, strict=False):
        event = parse_event(f"{side} {label}", 60.0 * minutes + seconds)
        if event is not None:
            events.append(event)
    return tuple(sorted(events, key=lambda e: e.time_s))


def _heels(parameters: Any, points: Any) -> dict[Foot, FloatArray]:
    labels = [label.split(":")[-1].upper() for label in _labels(parameters["POINT"])]
    unit = parameters["POINT"]["UNITS"]["value"] if "UNITS" in parameters["POINT"] else []
    scale = 1000.0 if list(unit)[:1] == ["m"] else 1.0
    heels: dict[Foot, FloatArray] = {}
    for side, names in _HEELS.items():
        name = next((n for n in names if n in labels), None)
        if name is not None:
            heels[side] = scale * np.asarray(points[:3, labels.index(name)], dtype=float)
    return heels
