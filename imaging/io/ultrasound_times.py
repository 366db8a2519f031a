"""Times of frames, and angles of a joint from the table beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ImageError, InputError
from imaging.formats.tsv import read_tsv
from imaging.ultrasound.declaration import FrameDeclaration
from imaging.ultrasound.times import (
    angles_at,
    rising,
    same_rate,
    times_at_rate,
    times_from_increments,
)

_HOW = "Give the columns time_s or frame, and angle_deg, one row per line"
_VECTOR, _EVEN = 0x00181065, 0x00181063


@dataclass(frozen=True)
class Timing:
    """When the frames of a file were taken.

    Attributes
    ----------
    times_s : (F,) array or None
        The first at 0; None where it is not known.
    start_s : float or None
        Of the first frame, on a clock that all files of the examination share.
    """

    times_s: FloatArray | None = None
    start_s: float | None = None


def dicom_timing(dataset: Any, count: int) -> Timing:
    """Return what a DICOM file tells of times.

    FrameTimeVector goes before FrameTime, unless the Frame Increment Pointer (0028,0009) names the
    other one, and FrameTime before CineRate.

    Raises
    ------
    ImageError
        FrameTime and CineRate are of different rates, or a vector does not fit the frames.
    """
    start = _time_of_day(dataset)
    if count == 1:
        return Timing(np.zeros(1), start)
    pointer = dataset.get("FrameIncrementPointer")
    named = {int(tag) for tag in (pointer if isinstance(pointer, list | tuple) else [pointer])
             if tag is not None}  # fmt: skip
    vector, even = dataset.get("FrameTimeVector"), _positive(dataset.get("FrameTime"))
    cine = _positive(dataset.get("CineRate"))
    if vector is not None and not (even and named == {_EVEN}):
        listed = [float(v) for v in (vector if hasattr(vector, "__len__") else [vector])]
        return Timing(times_from_increments(listed, count), start)
    if even and cine and not same_rate(1e3 / even, cine) and named != {_EVEN}:
        raise ImageError(
            f"FrameTime says {1e3 / even:.4g} and CineRate {cine:.4g} frames per second", None,
            "Declare FrameRate (per second), as the scanner shows it",
        )  # fmt: skip
    rate = 1e3 / even if even else cine
    return Timing(times_at_rate(count, rate) if rate else None, start)


def sequence_timing(fields: Mapping[str, str], count: int) -> Timing:
    """Return the times of a tracked sequence (``Seq_Frame0000_Timestamp``, s).

    Raises
    ------
    ImageError
        A time is no number, or they do not rise.
    """
    texts = [fields.get(f"Seq_Frame{k:04d}_Timestamp") for k in range(count)]
    if None in texts:
        return Timing()
    try:
        times = np.array([float(t or "") for t in texts])
    except ValueError as error:
        raise ImageError("a Timestamp is no number", None, "Export the sequence again") from error
    return Timing(rising(times - times[0], "Timestamp"))


def settled(found: Timing, declared: FrameDeclaration, count: int) -> Timing:
    """Join what a file tells with what its JSON declares.

    Raises
    ------
    ImageError
        FrameRate is declared beside times that differ from it.
    """
    times, start = found.times_s, found.start_s
    if declared.start_s is not None:
        start = declared.start_s
    rate = declared.frame_rate_hz
    if rate is not None:
        if times is not None and count > 1:
            own = (count - 1) / float(times[-1])
            if not same_rate(own, rate):
                raise ImageError(
                    f"FrameRate is declared as {rate:g}, but the file tells {own:.4g} per second",
                    None, "Correct or leave out FrameRate",
                )  # fmt: skip
        else:
            times = times_at_rate(count, rate)
    if times is None and count == 1:
        times = np.zeros(1)
    return Timing(times, start)


def angle_table(json_path: Path) -> Path | None:
    """Return the table of angles beside frames: ``NAME.tsv``; None where there is none."""
    table = json_path.with_suffix(".tsv")
    return table if table.is_file() else None


def read_angles(table: Path, timing: Timing, count: int) -> FloatArray:
    """Return the angle of every frame (count,) in degrees, nan beyond the table.

    Raises
    ------
    InputError
        Not a table of ``time_s`` or ``frame`` with ``angle_deg``; times that do not rise; or times
        for frames whose own times are not known.
    """
    head = table.read_text(encoding="utf-8-sig", errors="replace").partition("\n")[0]
    names = head.rstrip("\r").split("\t")
    keys = [name for name in ("time_s", "frame") if name in names]
    if len(keys) != 1:
        raise InputError("needs either time_s or frame beside angle_deg", table, _HOW)
    frame = read_tsv(table, {keys[0]: "number", "angle_deg": "number"}, _HOW)
    held = frame[[keys[0], "angle_deg"]].to_numpy(float)
    if not len(held) or np.isnan(held).any():
        raise InputError("has no rows, or rows without a value", table, _HOW)
    if (np.abs(held[:, 1]) > 360).any():
        raise InputError("angle_deg is beyond 360", table, "Give degrees")
    wanted = np.arange(count, dtype=float)
    if keys == ["time_s"]:
        if timing.times_s is None:
            raise InputError(
                "tells angles by time, but the frames tell no times", table,
                "Declare FrameRate in the JSON of the frames, or give angles by frame",
            )  # fmt: skip
        wanted = timing.times_s
    try:
        found = angles_at(held[:, 0], held[:, 1], wanted)
    except InputError as error:
        raise InputError(error.what, table, error.fix) from error
    if np.isnan(found).all():
        raise InputError(
            f"covers {keys[0]} {held[0, 0]:g} to {held[-1, 0]:g}, where no frame was taken", table,
            "Give times in s from the first frame, or frames from 0",
        )  # fmt: skip
    return found


def _positive(value: Any) -> float | None:
    """Return a number above 0; scanners write 0 where they know none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def _time_of_day(dataset: Any) -> float | None:
    """Return seconds since midnight of the acquisition."""
    moment = str(dataset.get("AcquisitionDateTime") or "")[8:]
    for text in (moment, dataset.get("AcquisitionTime"), dataset.get("ContentTime")):
        match = re.match(r"(\d{2})(\d{2})(\d{2}(?:\.\d{1,6})?)", str(text or ""))
        if match:
            return 3600.0 * int(match[1]) + 60.0 * int(match[2]) + float(match[3])
    return None
