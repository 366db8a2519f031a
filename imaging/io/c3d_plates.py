"""Force plates of a C3D file, and which way is up in it.

The C3D File Format, User Guide (Motion Lab Systems): the group FORCE_PLATFORM, POINT:Y_SCREEN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.plates import (
    N_CHANNELS,
    PlateGeometry,
    is_unloaded,
    load,
    subtract_baseline,
    upright,
)
from imaging.function.recording import Plate

_TO_NEWTON = {"N": 1.0, "KN": 1000.0, "LBF": 4.448222, "LB": 4.448222}
_TO_MM = {"MM": 1.0, "CM": 10.0, "DM": 100.0, "M": 1000.0, "IN": 25.4, "FT": 304.8}
_TO_NEWTON_MM = {f + u: n * mm for f, n in _TO_NEWTON.items() for u, mm in _TO_MM.items()}
_AXES = "XYZ"
_LEVEL = 0.9
_SIDES_MM = (50.0, 20_000.0)  # of plates, and of walkways on plates


def values(group: Mapping[str, Any], name: str) -> list[Any]:
    """Return the values of a parameter that may go on in NAME2, NAME3, ..."""
    found: list[Any] = []
    number = 1
    while (part := name if number == 1 else f"{name}{number}") in group:
        found += list(np.asarray(group[part]["value"]).ravel(order="F"))
        number += 1
    return found


def texts(group: Mapping[str, Any], name: str) -> list[str]:
    """Return texts that may go on in NAME2, NAME3, ..., without blanks at their ends."""
    return [str(v).strip() for v in values(group, name)]


def to_mm(parameters: Mapping[str, Any], warnings: list[str]) -> float:
    """Return what places in the file are multiplied by to be mm."""
    unit = next(iter(texts(parameters.get("POINT", {}), "UNITS")), "").upper()
    if unit and unit not in _TO_MM:
        warnings.append(f"Markers are in {unit.lower()}, which is not known; taken as mm.")
    return _TO_MM.get(unit, 1.0)


def geometries(
    parameters: Mapping[str, Any], scale: float, warnings: list[str]
) -> list[PlateGeometry | None]:
    """Return the plates in use; None for one whose description cannot be used.

    Corners are in the unit of the markers; where no plate could be so small or large, in mm or m.

    Parameters
    ----------
    scale
        From the unit of places to mm.
    """
    group = parameters.get("FORCE_PLATFORM", {})
    kinds = [int(v) for v in values(group, "TYPE")]
    corners = np.asarray(values(group, "CORNERS"), dtype=float)
    origins = np.asarray(values(group, "ORIGIN"), dtype=float)
    plates: list[PlateGeometry | None] = []
    for i in range(_used(group)):
        if i >= len(kinds) or kinds[i] not in N_CHANNELS or len(corners) < 12 * (i + 1):
            plates.append(None)
            continue
        origin = origins[3 * i : 3 * i + 3] if len(origins) >= 3 * (i + 1) else np.zeros(3)
        written = corners[12 * i : 12 * i + 12].reshape(4, 3)
        own = next((f for f in (scale, 1.0, 1000.0) if _is_plate(f * written)), scale)
        if own != scale:
            warnings.append(
                f"Force plate {i + 1}: its corners are in {'m' if own > 1 else 'mm'}, other than "
                "the markers; read so, as its size tells."
            )
        plate = PlateGeometry(kinds[i], own * written, own * origin)
        plates.append(plate if plate.is_flat and np.isfinite(origin).all() else None)
    return plates


def _is_plate(corners: FloatArray) -> bool:
    """Tell whether corners (4, 3) in mm span something that a person could walk on."""
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    return bool(sides.min() >= _SIDES_MM[0] and sides.max() <= _SIDES_MM[1])


def plate_channels(parameters: Mapping[str, Any]) -> list[list[int]]:
    """Return the channels of every plate in use, counted from 0."""
    group = parameters.get("FORCE_PLATFORM", {})
    if "CHANNEL" not in group:
        return []
    table = np.asarray(group["CHANNEL"]["value"], dtype=int)
    table = table[:, None] if table.ndim == 1 else table.reshape(table.shape[0], -1)
    return [[int(v) - 1 for v in column if v > 0] for column in table.T[: _used(group)]]


def _used(group: Mapping[str, Any]) -> int:
    """Return how many plates are in use: FORCE_PLATFORM:USED, else all that are described."""
    used = values(group, "USED")
    return max(0, int(used[0])) if used else len(values(group, "TYPE"))


def rotation_to_z_up(
    parameters: Mapping[str, Any],
    plates: list[PlateGeometry | None],
    feet: list[FloatArray],
    warnings: list[str],
) -> FloatArray:
    """Return the rotation after which the third axis points up.

    The plates lie on the floor, so their normal is vertical, and the feet are above them; where
    that cannot be told, POINT:Y_SCREEN says which axis points up on a screen. Without plates
    nothing depends on it.

    Parameters
    ----------
    feet : list of (3, F) array
        Markers of the feet, mm.
    """
    screen = next(iter(texts(parameters.get("POINT", {}), "Y_SCREEN")), "").upper()
    named = _AXES.find(screen[-1:]) if screen else -1
    flat = [p for p in plates if p is not None]
    if not flat:
        return np.eye(3)
    normal = np.mean([np.abs(p.axes[:, 2]) for p in flat], axis=0)
    axis = int(np.argmax(normal))
    if normal[axis] < _LEVEL:
        axis = named if named >= 0 else 2
        warnings.append(f"Force plates do not lie level; {_AXES[axis]} is taken as vertical.")
    sign = -1.0 if axis == named and screen.startswith("-") else 1.0
    heights = np.concatenate([path[axis] for path in feet]) if feet else np.zeros(0)
    heights = heights[np.isfinite(heights)]
    if heights.size:
        floor = np.mean([p.corners[:, axis].mean() for p in flat])
        sign = 1.0 if np.median(heights) >= floor else -1.0
    # A cyclic change of axes, and half a turn where the axis points down.
    turn = np.roll(np.eye(3), 2 - axis, axis=0)
    return turn if sign > 0 else np.diag([1.0, -1.0, -1.0]) @ turn


def read_plates(
    parameters: Mapping[str, Any],
    analog: FloatArray,
    plates: list[PlateGeometry | None],
    turn: FloatArray,
    per_frame: int,
    warnings: list[str],
) -> tuple[Plate, ...]:
    """Return the plates that can be used; the others are named in `warnings`.

    Parameters
    ----------
    analog : (C, N) array
        All channels.
    turn : (3, 3) array
        To a frame whose third axis points up.
    per_frame
        Samples of the channels in one frame of the markers.
    """
    channels = plate_channels(parameters)
    quiet = _zero(parameters, per_frame, analog.shape[1])
    found = []
    for number, plate in enumerate(plates, start=1):
        own = channels[number - 1] if number <= len(channels) else []
        problem = _problem(parameters, plate, own, number, len(analog))
        if plate is None or problem:
            warnings.append(f"Force plate {number} left out: {problem}.")
            continue
        own = own[: N_CHANNELS[plate.kind]]
        rows = np.nan_to_num(analog[own])
        if plate.kind == 4:
            rows = _calibration(parameters, number) @ rows
        rows = rows * _factors(parameters, plate.kind, own, number, warnings)[:, None]
        if quiet is not None:
            if is_unloaded(turn[2] @ load(rows, plate)[0], quiet):
                rows = subtract_baseline(rows, quiet)
            else:
                warnings.append(
                    f"Force plate {number}: the frames of its zero (FORCE_PLATFORM:ZERO) are not "
                    "used, for something stood on it then."
                )
        found.append(upright(*load(rows, plate), plate.corners, turn))
    return tuple(found)


def _problem(
    parameters: Mapping[str, Any], plate: PlateGeometry | None, own: list[int], number: int, n: int
) -> str:
    """Return why a plate cannot be used; empty where it can."""
    if plate is None:
        return "its type is not 1 to 4, or its corners do not span a surface"
    needed = N_CHANNELS[plate.kind]
    if len(own) < needed or max(own[:needed]) >= n:
        return f"not all of its {needed} channels are in the file"
    if plate.kind == 4 and _calibration(parameters, number).size == 0:
        return "it has no calibration matrix"
    return ""


def _factors(
    parameters: Mapping[str, Any], kind: int, own: list[int], number: int, warnings: list[str]
) -> FloatArray:
    """Return the factors of a plate's channels to N, N·mm and, of places, mm."""
    length = _TO_MM.get(next(iter(texts(parameters.get("POINT", {}), "UNITS")), "").upper(), 1.0)
    group = parameters.get("FORCE_PLATFORM", {})
    newton = _TO_NEWTON.get(next(iter(texts(group, "UNITS")), "N").upper(), 1.0)
    if kind == 4:  # its channels are volts, of which the matrix made forces and moments
        return np.array([newton] * 3 + [newton * length] * 3)
    forces = len(own) if kind == 3 else 3
    default = [newton] * forces + [newton * length] * (len(own) - forces)
    if kind == 1:
        default[3:5] = [length, length]
    units = texts(parameters["ANALOG"], "UNITS")
    factors, unknown = [], set()
    for place, channel in enumerate(own):
        unit = re.sub("[^A-Z]", "", units[channel].upper()) if channel < len(units) else ""
        if kind == 1 and place in (3, 4):
            known = _TO_MM
        else:
            known = _TO_NEWTON if place < forces else _TO_NEWTON_MM
        if unit and unit not in known:
            unknown.add(units[channel])
        factors.append(known.get(unit, default[place]))
    if unknown:
        warnings.append(
            f"Force plate {number}: channels in {', '.join(sorted(unknown))} are taken as N and N "
            "times the unit of the markers."
        )
    return np.array(factors)


def _calibration(parameters: Mapping[str, Any], number: int) -> FloatArray:
    """Return the 6 × 6 calibration matrix of a plate; empty where there is none."""
    group = parameters.get("FORCE_PLATFORM", {})
    table = np.asarray(group["CAL_MATRIX"]["value"] if "CAL_MATRIX" in group else [], dtype=float)
    if table.ndim == 2:
        table = table[:, :, None]
    if table.ndim != 3 or table.shape[:2] != (6, 6) or table.shape[2] < number:
        return np.zeros((0, 0))
    return np.asarray(table[:, :, number - 1])


def _zero(parameters: Mapping[str, Any], per_frame: int, n: int) -> slice | None:
    """Return the samples in which the plates were empty; None where none are named.

    Frames are counted in the file, from 1; 0 as first frame means 1.
    """
    frames = [int(v) for v in values(parameters.get("FORCE_PLATFORM", {}), "ZERO")[:2]]
    if len(frames) < 2 or frames[1] < max(frames[0], 1):
        return None
    samples = slice((max(frames[0], 1) - 1) * per_frame, min(frames[1] * per_frame, n))
    return samples if samples.stop > samples.start else None
