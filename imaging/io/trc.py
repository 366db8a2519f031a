"""Markers in TRC files (Motion Analysis, OpenSim)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import MissingFileError, RecordingError
from imaging.io.clock import even_clock
from imaging.io.markers import pick, rotation_to, z_up
from imaging.io.motion import Motion

EXPORT_AGAIN = "Export it again as TRC"
_TO_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
_HEADER_LINES = 5


def read_trc(path: Path) -> Motion:
    """Read the markers of the legs.

    The vertical axis is the one along which knees and pelvis stand above the feet, else the second.

    Raises
    ------
    MissingFileError
        No such file.
    RecordingError
        Not a TRC file, of an unknown unit, cut short, or with uneven times.
    """
    if not path.is_file():
        raise MissingFileError("no such file", path, "Check the path")
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise RecordingError("cannot be read", path, EXPORT_AGAIN) from error
    if len(lines) <= _HEADER_LINES or not lines[0].startswith("PathFileType"):
        raise RecordingError("is not a TRC file", path, EXPORT_AGAIN)
    said = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    unit = said.get("Units", "").strip().lower()
    if unit not in _TO_MM:
        raise RecordingError(f"gives markers in {unit[:8]!r}", path, "Export them in mm")
    names = [n.strip() for n in lines[3].split("\t")[2::3]]
    names = names[: max((i + 1 for i, n in enumerate(names) if n), default=0)]
    rows = [line.split("\t") for line in lines[_HEADER_LINES:] if line.strip()]
    announced = said.get("NumFrames", "").strip()
    if announced.isdigit() and int(announced) != len(rows):
        raise RecordingError(
            f"announces {announced} frames and holds {len(rows)}", path, "The file is cut short"
        )
    times, places = _places(rows, len(names), path)
    clock = even_clock(times, path)
    markers = pick(names, _TO_MM[unit] * clock.spread(places))
    turn = z_up(markers)
    markers = markers.turned(rotation_to(np.array([0.0, 1, 0])) if turn is None else turn)
    return Motion(clock.rate_hz, clock.start_s, clock.n, markers=markers)


def _places(rows: list[list[str]], n: int, path: Path) -> tuple[FloatArray, FloatArray]:
    """Return times (F,) and places (3, n, F); NaN for cells without content."""
    width = 2 + 3 * n
    try:
        cells = [[float(c) if c.strip() else np.nan for c in row[:width]] for row in rows]
    except ValueError as error:
        raise RecordingError("holds cells that are not numbers", path, EXPORT_AGAIN) from error
    table = np.full((len(rows), width), np.nan)
    for i, cell in enumerate(cells):
        table[i, : len(cell)] = cell
    return table[:, 1], np.moveaxis(table[:, 2:].reshape(len(rows), n, 3), 0, -1).transpose(1, 0, 2)
