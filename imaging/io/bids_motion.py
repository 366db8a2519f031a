"""BIDS motion: markers, joint angles and turning of the shanks from one tracking system.

BIDS 1.11, "Motion": ``*_motion.tsv`` without a row of names, ``*_channels.tsv`` with one row per
column, and SamplingFrequency in the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.dataset.recording_names import table_of
from imaging.errors import RecordingError
from imaging.formats.json import optional_sidecar
from imaging.function.recording import Foot
from imaging.function.side_names import side_named, side_words, split_name
from imaging.io.clock import FASTEST_HZ, SLOWEST_HZ
from imaging.io.emg_tables import read_table
from imaging.io.markers import pick, z_up
from imaging.io.motion import Motion

_TO_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
_TO_DEGREES = {"deg": 1.0, "°": 1.0, "rad": 180 / np.pi}
_SHANKS = {"shank", "tibia", "lowerleg", "calf", "unterschenkel", "jambe"}
_AXES = ("x", "y", "z")
_Rows = list[dict[str, str]]


def read_bids_motion(path: Path) -> Motion:
    """Read a BIDS motion file with the tables beside it.

    Of positions (POS) the markers of the legs are taken, of joint angles (JNTANG) all, of
    gyroscopes (GYRO) those of the shanks.

    Raises
    ------
    MissingFileError
        No channels table.
    RecordingError
        No sampling rate, or columns that do not fit the channels table.
    """
    channels = read_table(table_of(path, "channels"), {"name", "type"})
    values = _values(path, len(channels))
    sidecar = optional_sidecar(path)
    rate = _rate(sidecar, channels, path)
    table = channels.assign(row=[str(i) for i in range(len(channels))]).to_dict("records")
    rows = [{str(k): str(v) for k, v in r.items()} for r in table if r.get("status") != "bad"]
    warnings: list[str] = []
    start = _latency(rows, values)
    places, names = _markers(rows, values, warnings)
    markers = pick(names, places)
    turn = z_up(markers)
    if markers.feet and turn is None:
        warnings.append("Nothing tells which axis of the markers points up; taken as the third.")
    return Motion(
        rate,
        start,
        values.shape[1],
        markers=markers if turn is None else markers.turned(turn),
        angles=_angles(rows, values),
        shanks=_shanks(rows, values),
        warnings=tuple(warnings),
    )


def _values(path: Path, n: int) -> FloatArray:
    """Return the columns, (C, N); NaN for ``n/a``."""
    try:
        frame = pd.read_csv(path, sep="\t", header=None, dtype=float, na_values=["n/a"])
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise RecordingError(
            "holds cells that are not numbers", path, "BIDS motion has no row of names"
        ) from error
    if frame.shape[1] != n:
        raise RecordingError(
            f"holds {frame.shape[1]} columns, its channels table {n} rows", path, "Correct them"
        )
    return np.ascontiguousarray(frame.to_numpy(float).T)


def _rate(sidecar: Mapping[str, object], channels: pd.DataFrame, path: Path) -> float:
    said = sidecar.get("SamplingFrequency")
    if said is None and "sampling_frequency" in channels:
        rates = set(channels["sampling_frequency"])
        said = rates.pop() if len(rates) == 1 else None
    try:
        rate = float(str(said))
    except ValueError:
        rate = 0.0
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise RecordingError(
            "is said to have no sampling rate that can be used",
            path,
            "Give SamplingFrequency (Hz) in the JSON beside it",
        )
    return rate


def _latency(rows: _Rows, values: FloatArray) -> float:
    """Return the time of the first sample, s, where a channel tells it."""
    first = next((values[int(r["row"])][0] for r in rows if r["type"] == "LATENCY"), 0.0)
    return float(first) if np.isfinite(first) else 0.0


def _sets(rows: _Rows, kind: str) -> dict[str, dict[str, dict[str, str]]]:
    """Return point → axis → row of the channels of one kind that have three axes."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        if row["type"] == kind:
            point = str(row.get("tracked_point") or row["name"])
            found.setdefault(point, {})[str(row.get("component", "")).lower()] = row
    return {point: axes for point, axes in found.items() if set(_AXES) <= set(axes)}


def _block(axes: Mapping[str, Mapping[str, str]], values: FloatArray) -> FloatArray:
    return np.stack([values[int(axes[a]["row"])] for a in _AXES])


def _markers(rows: _Rows, values: FloatArray, warnings: list[str]) -> tuple[FloatArray, list[str]]:
    """Return markers in mm, (3, P, F), and their names; those of another unit are left out."""
    places, names = [], []
    for point, axes in _sets(rows, "POS").items():
        unit = str(axes["x"].get("units", "")).strip().lower()
        if unit not in _TO_MM:
            warnings.append("Positions whose unit is not m, cm or mm left out.")
            continue
        places.append(_TO_MM[unit] * _block(axes, values))
        names.append(point)
    block = np.stack(places, axis=1) if places else np.zeros((3, 0, values.shape[1]))
    return block, names


def _angles(rows: _Rows, values: FloatArray) -> dict[str, FloatArray]:
    angles = [(r, str(r.get("units", "")).strip().lower()) for r in rows if r["type"] == "JNTANG"]
    return {
        str(r["name"]): _TO_DEGREES[unit] * values[int(r["row"])]
        for r, unit in angles
        if unit in _TO_DEGREES
    }


def _shanks(rows: _Rows, values: FloatArray) -> dict[Foot, FloatArray]:
    """Return the turning of each shank about the axis of most of it, deg/s.

    In walking and running that is the one across the leg; the swing, the fastest turn of a stride,
    tells its sign.
    """
    found: dict[Foot, FloatArray] = {}
    for point, axes in _sets(rows, "GYRO").items():
        side = _shank_side(point)
        unit = str(axes["x"].get("units", "")).strip().lower().removesuffix("/s")
        if side is None or unit not in _TO_DEGREES or side in found:
            continue
        turning = _TO_DEGREES[unit] * _block(axes, values)
        seen = np.isfinite(turning).all(axis=0)
        if not seen.any():
            continue
        axis = np.linalg.svd(turning[:, seen] @ turning[:, seen].T)[0][:, 0]
        row = axis @ turning
        fast, back = np.quantile(row[seen], [0.99, 0.01])
        found[side] = row if fast >= -back else -row
    return found


def _shank_side(point: str) -> Foot | None:
    """Return the side of a sensor on a shank, None for any other place."""
    words = split_name(point)
    side = side_named(words)
    rest = "".join(w for w in words if w not in side_words())
    if side == "undecided" and rest[:1] in ("l", "r") and rest[1:] in _SHANKS:
        side, rest = side_words()[rest[0]], rest[1:]
    if rest not in _SHANKS or side == "undecided":
        return None
    return "left" if side == "left" else "right"
