"""Forces and joint angles in tables of OpenSim.

The frame of OpenSim has its second axis upwards, lengths in m, forces on the body in N.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import RecordingError
from imaging.function.plates import LEAST_LOAD_N
from imaging.function.recording import Foot, Plate
from imaging.function.side_names import side_words, split_name
from imaging.io.clock import even_clock
from imaging.io.markers import rotation_to
from imaging.io.motion import Motion
from imaging.io.storage import EXPORT_AGAIN, Storage, read_storage

_FORCE = re.compile(r"(?P<id>.*v)(?P<axis>[xyz])", re.IGNORECASE)
_AXES = "xyz"
_UP = 1
# Beyond these a place is in mm, an angle in degrees: no laboratory and no joint is so large.
_FARTHEST_M = 50.0
_WIDEST_RAD = 4 * np.pi
_ANGLE = re.compile(
    r"(pelvis|hip|knee|ankle|subtalar|mtp)_(?!t[xyz]$)\w*(?<!_beta)(?<!_speed)(?<!_u)"
)


def read_opensim_motion(path: Path) -> Motion:
    """Read ground reaction forces and joint angles from an STO or MOT file.

    Columns ``…vx …vy …vz`` are a force, those with ``p`` instead of ``v`` its point; the foot is
    that of the body which an external loads file (``.xml``) of the same name applies it to, else
    the one named in the columns, else not known. In a table without forces the angles of pelvis,
    hip, knee and foot are read; not those that depend on others (``knee_angle_r_beta``), which
    files have in another unit.

    Raises
    ------
    MissingFileError, RecordingError
        See :func:`imaging.io.storage.read_storage`; and a force without all three components,
        double columns, or angles that are no radians though the header says so.
    """
    table = read_storage(path)
    if double := sorted({n for n in table.names if table.names.count(n) > 1}):
        raise RecordingError(f"holds the column {double[0]!r} twice", path, EXPORT_AGAIN)
    clock = even_clock(table.time_s, path)
    values = clock.spread(table.values)
    columns = dict(zip(table.names, values, strict=True))
    warnings: list[str] = []
    plates = _plates(columns, path, warnings)
    angles = {} if plates else _angles(columns, table, path, warnings)
    return Motion(
        clock.rate_hz,
        clock.start_s,
        clock.n,
        plates=plates,
        angles=angles,
        warnings=tuple(warnings),
    )


def _plates(columns: dict[str, FloatArray], path: Path, warnings: list[str]) -> tuple[Plate, ...]:
    """Return one plate per force, third axis up, in N and mm."""
    found: dict[str, set[str]] = {}
    for name in columns:
        if match := _FORCE.fullmatch(name):
            found.setdefault(match["id"], set()).add(match["axis"].lower())
    plates = []
    for name, axes in found.items():
        if axes != set(_AXES):
            raise RecordingError(f"lacks a component of the force {name!r}", path, EXPORT_AGAIN)
        force = np.stack([_column(columns, name, axis) for axis in _AXES])
        places = [name[:-1] + ("p" if name.endswith("v") else "P") + axis for axis in _AXES]
        known = all(p in columns for p in places)
        centre = np.stack([columns[p] for p in places]) if known else np.full_like(force, np.nan)
        plates.append((name, np.nan_to_num(force), centre))
    if not plates:
        return ()
    turn, sign = _vertical([force for _, force, _ in plates], warnings)
    bodies = _bodies(path)
    made = []
    for name, force, centre in plates:
        side = bodies.get(name) or _side(name)
        if side is None:
            warnings.append("A force of the file grf names no foot; it is told by other events.")
        made.append(
            Plate(sign * turn @ force, turn @ _in_mm(force, centre), np.full((4, 3), np.nan), side)
        )
    sides = [p.side for p in made if p.side]
    if len(sides) != len(set(sides)):
        # Several plates under one foot, one after the other: each is a plate of its own.
        warnings.append("Several forces act on the same foot; each is taken as a plate.")
    return tuple(made)


def _column(columns: dict[str, FloatArray], name: str, axis: str) -> FloatArray:
    return columns[name + axis] if name + axis in columns else columns[name + axis.upper()]


def _in_mm(force: FloatArray, centre: FloatArray) -> FloatArray:
    """Return points of application in mm, 0 where nothing loads; their unit by their size.

    Only loaded samples tell: without load a point is noise over nothing.
    """
    loaded = np.linalg.norm(force, axis=0) > LEAST_LOAD_N
    seen = centre[:, loaded & np.isfinite(centre).all(axis=0)]
    if seen.size == 0:
        return np.full_like(centre, np.nan)
    scale = 1.0 if float(np.abs(seen).max()) > _FARTHEST_M else 1000.0
    return np.where(loaded, scale * centre, 0.0)


def _vertical(forces: list[FloatArray], warnings: list[str]) -> tuple[FloatArray, float]:
    """Return the rotation after which the third axis points up, along which forces are largest.

    With it −1 where the forces are those on the plate instead of on the body.
    """
    total = np.sum([f.sum(axis=1) for f in forces], axis=0)
    axis = int(np.argmax(np.abs(total)))
    if axis != _UP and abs(total[axis]) > 0:
        warnings.append(
            f"Forces are largest along {_AXES[axis]}, which is taken as vertical, not y as in "
            "OpenSim."
        )
    else:
        axis = _UP
    up = np.zeros(3)
    up[axis] = 1.0
    return rotation_to(up), 1.0 if total[axis] >= 0 else -1.0


def _side(name: str) -> Foot | None:
    """Return the foot that a column names, such as ``ground_force_r_v``; None for no or both."""
    words = split_name(re.sub(r"v$", "", name, flags=re.IGNORECASE).replace("_", " "))
    sides = {side_words()[w] for w in words if w in side_words()}
    found = sides.pop() if len(sides) == 1 else None
    return "left" if found == "left" else "right" if found == "right" else None


def _bodies(path: Path) -> dict[str, Foot]:
    """Return force → foot as an external loads file of the same name says."""
    loads = path.with_suffix(".xml")
    if not loads.is_file():
        return {}
    try:
        root = ET.fromstring(loads.read_bytes())
    except ET.ParseError as error:
        raise RecordingError("is not an external loads file", loads, EXPORT_AGAIN) from error
    found: dict[str, Foot] = {}
    for force in root.iter("ExternalForce"):
        body = (force.findtext("applied_to_body") or "").strip().lower()
        name = (force.findtext("force_identifier") or "").strip()
        if name and body.endswith(("_l", "_r")):
            found[name] = "left" if body.endswith("_l") else "right"
    return found


def _angles(
    columns: dict[str, FloatArray], table: Storage, path: Path, warnings: list[str]
) -> dict[str, FloatArray]:
    """Return angles, deg, by their plain name."""
    found = {}
    for name, row in columns.items():
        plain = name.removesuffix("/value").rsplit("/", 1)[-1]
        if (name.endswith("/value") or "/" not in name) and _ANGLE.fullmatch(plain):
            found[plain] = row
    if not found:
        return {}
    if table.in_degrees is None:
        warnings.append("Joint angles left out: the header does not say whether they are degrees.")
        return {}
    largest = max(float(np.nanmax(np.abs(row), initial=0.0)) for row in found.values())
    if not table.in_degrees and largest > _WIDEST_RAD:
        raise RecordingError(
            f"says inDegrees=no and holds angles of {largest:.0f}", path, "Correct its header"
        )
    return found if table.in_degrees else {k: np.degrees(v) for k, v in found.items()}
