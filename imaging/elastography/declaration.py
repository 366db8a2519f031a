"""What the JSON beside wave images and ready maps has to declare, checked item by item."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.elastography.numbers import DENSITY_RANGE, finite, number_in
from imaging.errors import ImageError, UnitError

#: What follows the three axes of space, in this order.
AXES = ("direction", "offset", "driver")

#: Fewer tell no harmonic from a still background.
MIN_OFFSETS = 3
# What no header says by itself: key, what it is, an example.
_NEEDED = {
    "MechanicalFrequency": ("Hz", "60"),
    "PhaseUnits": (
        "rad, mrad, or scanner with PhaseRange, the stored values of -pi and pi", '"rad"',
    ),
    "EncodingDirections": (
        "one unit vector per direction", "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]",
    ),
    "EncodingDirectionsFrame": ("world RAS+ or image", '"image"'),
    "OffsetsPerPeriod": ("time steps per period", "8"),
    "Drivers": ("how many, or their names", "1"),
    "VolumeOrder": (
        "direction, offset and driver, slowest first", '["driver", "direction", "offset"]',
    ),
}  # fmt: skip
#: Where none is declared, as papers on elastography of muscle take it, kg/m3.
ASSUMED_DENSITY = 1000.0
_FREQUENCY_RANGE_HZ = (10.0, 1000.0)


@dataclass(frozen=True)
class WaveDeclaration:
    """What the JSON of wave images says.

    Attributes
    ----------
    frequency_hz, density
        Of the vibration (Hz) and of tissue (kg/m3).
    directions : (D, 3) array
        Unit encoding directions.
    frame : str
        ``world RAS+`` or ``image``: axes of `directions`.
    offsets, drivers
        How many.
    driver_names : tuple of str
        In their order; empty where only their count is declared.
    assumed : tuple of str
        What was taken for granted, in sentences.
    scale, shift
        Phase in radians = scale * (stored value - shift).
    order : tuple of str
        Of volumes along a single fourth axis, the slowest first.
    gain : float or None
        Radians per metre of displacement, where known.
    """

    frequency_hz: float
    density: float
    directions: FloatArray
    frame: str
    offsets: int
    drivers: int
    scale: float = 1.0
    shift: float = 0.0
    order: tuple[str, ...] = AXES
    gain: float | None = None
    driver_names: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    def radians(self, values: FloatArray) -> FloatArray:
        """Return phase in radians, float32, of stored values."""
        if (self.scale, self.shift) == (1.0, 0.0):
            return np.asarray(values, np.float32)
        return np.float32(self.scale) * (np.asarray(values, np.float32) - np.float32(self.shift))

    def world_directions(self, rotation: FloatArray) -> FloatArray:
        """Return the encoding directions (D, 3) in world axes.

        Parameters
        ----------
        rotation : (3, 3) array
            Image axes to world axes.
        """
        return self.directions @ rotation.T if self.frame == "image" else self.directions


def wave_declaration(
    content: Mapping[str, Any],
    path: Path,
    *,
    ordered: bool = True,
    reasons: Mapping[str, str] | None = None,
) -> WaveDeclaration:
    """Check the JSON of wave images.

    Parameters
    ----------
    content, path
        What is declared, and where.
    ordered
        Whether the images tell their own order; else VolumeOrder must.
    reasons
        Why the images do not tell a key, in place of what it is.

    Raises
    ------
    UnitError
        Something is missing: all of it is named at once, with an example; or a frequency, density
        or phase unit cannot be.
    ImageError
        Directions, offsets or drivers cannot be.
    """
    _check_complete(content, path, ordered, reasons or {})
    frequency = number_in(content, "MechanicalFrequency", "Hz", _FREQUENCY_RANGE_HZ, path)
    density = ASSUMED_DENSITY
    assumed: tuple[str, ...] = ()
    if content.get("Density") is not None:
        density = number_in(content, "Density", "kg/m3", DENSITY_RANGE, path)
    else:
        assumed = (
            f"Density is not declared: {density:g} kg/m3 was assumed, to which every modulus is "
            "proportional.",
        )
    scale, shift = _phase_scale(content, path)
    frame = content.get("EncodingDirectionsFrame")
    if frame not in ("world RAS+", "image"):
        raise ImageError(
            f"EncodingDirectionsFrame is {frame!r}", path, "Declare 'world RAS+' or 'image'"
        )
    drivers, names = _drivers(content, path)
    return WaveDeclaration(
        frequency, density, _directions(content, path), frame,
        _count(content, "OffsetsPerPeriod", MIN_OFFSETS, path), drivers,
        scale, shift, _order(content, path), _gain(content, path), names, assumed,
    )  # fmt: skip


def _check_complete(
    content: Mapping[str, Any], path: Path, ordered: bool, reasons: Mapping[str, str]
) -> None:
    """Name every key that is missing in one message, with lines that can be pasted."""
    missing = [
        key for key in _NEEDED
        if content.get(key) is None and not (ordered and key == "VolumeOrder")
    ]  # fmt: skip
    if not missing:
        return
    named = ", ".join(f"{key} ({reasons.get(key, _NEEDED[key][0])})" for key in missing)
    lines = ", ".join(f'"{key}": {_NEEDED[key][1]}' for key in missing)
    raise UnitError(
        f"does not declare {named}", path,
        f"Add what is true of your scan, such as {{{lines}}}",
    )  # fmt: skip


def _phase_scale(content: Mapping[str, Any], path: Path) -> tuple[float, float]:
    """Return scale and shift that make radians of stored values."""
    units = content.get("PhaseUnits")
    if units == "rad":
        return 1.0, 0.0
    if units == "mrad":
        return 1e-3, 0.0
    if units != "scanner":
        raise UnitError(
            f"PhaseUnits is {'missing' if units is None else repr(units)}; read are 'rad', 'mrad' "
            "and 'scanner'",
            path,
            "Declare 'rad', or 'scanner' with PhaseRange, the stored values of -pi and pi",
        )
    limits = content.get("PhaseRange")
    fix = "Give the stored values of -pi and pi, such as [-4096, 4096] or [0, 4095]"
    if not isinstance(limits, list) or len(limits) != 2:
        raise UnitError("PhaseUnits is 'scanner' but PhaseRange is not two numbers", path, fix)
    low, high = (finite(v) for v in limits)
    if low is None or high is None or not 0 < high - low < math.inf:
        raise UnitError(f"PhaseRange {limits} is not a lower and a higher number", path, fix)
    return 2 * np.pi / (high - low), (low + high) / 2


def _order(content: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    order = content.get("VolumeOrder", list(AXES))
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(AXES):
        raise ImageError(
            f"VolumeOrder is {order!r}", path, f"Name {', '.join(AXES)} once each, slowest first"
        )
    return tuple(order)


def _gain(content: Mapping[str, Any], path: Path) -> float | None:
    if content.get("MotionEncodingGain") is None:
        return None
    gain = finite(content["MotionEncodingGain"])
    if gain is None or gain <= 0 or content.get("MotionEncodingGainUnits") != "rad/m":
        raise UnitError(
            "MotionEncodingGain is not a positive number with MotionEncodingGainUnits 'rad/m'",
            path,
            "Correct it or leave it out: no modulus depends on it",
        )
    return gain


def arrange(volumes: FloatArray, declared: WaveDeclaration, path: Path) -> FloatArray:
    """Bring volumes (x, y, z, volume) into x, y, z, direction, offset, driver, as declared.

    Raises
    ------
    ImageError
        Another number of volumes than directions, offsets and drivers ask for.
    """
    sizes = dict(zip(AXES, (len(declared.directions), declared.offsets, declared.drivers),
                     strict=True))  # fmt: skip
    wanted = math.prod(sizes.values())
    if volumes.shape[3] != wanted:
        text = " x ".join(f"{n} {name}s" for name, n in sizes.items())
        raise ImageError(
            f"holds {volumes.shape[3]} volumes, but its JSON says {text} = {wanted}", path,
            "Correct the JSON or give the whole series",
        )  # fmt: skip
    parted = volumes.reshape(*volumes.shape[:3], *(sizes[name] for name in declared.order))
    return np.moveaxis(parted, [3 + declared.order.index(name) for name in AXES], [3, 4, 5])


def check_shape(declared: WaveDeclaration, shape: Sequence[int], path: Path) -> None:
    """Compare an image x, y, z, direction, offset[, driver] with its JSON.

    Raises
    ------
    ImageError
        The first axis that disagrees, by name.
    """
    found = (*shape[3:], 1)[:3]
    wanted = (len(declared.directions), declared.offsets, declared.drivers)
    keys = ("EncodingDirections", "OffsetsPerPeriod", "Drivers")
    for axis, (key, a, b) in enumerate(zip(keys, found, wanted, strict=True), start=4):
        if a != b:
            raise ImageError(
                f"axis {axis} has {a} entries but {key} in its JSON says {b}",
                path,
                "Order the axes x, y, z, direction, offset, driver, or correct the JSON",
            )


def _drivers(content: Mapping[str, Any], path: Path) -> tuple[int, tuple[str, ...]]:
    """Return how many drivers there are, and their names where these are declared."""
    names = content.get("Drivers")
    if not isinstance(names, list):
        return _count(content, "Drivers", 1, path), ()
    texts = [n.strip() if isinstance(n, str) else "" for n in names]
    if not texts or not all(texts) or len(set(texts)) < len(texts):
        raise ImageError(
            "Drivers is neither a count nor a list of names, each another", path,
            'Give 3, or such as ["calf", "ankle", "thigh"]',
        )  # fmt: skip
    return len(texts), tuple(texts)


def _count(content: Mapping[str, Any], key: str, least: int, path: Path) -> int:
    value = content.get(key)
    if isinstance(value, float) and value.is_integer():  # as some programs write it
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        found = "missing" if value is None else repr(value)
        raise ImageError(
            f"{key} is {found}, a whole number of at least {least} is needed", path, "Correct it"
        )
    return value


def _directions(content: Mapping[str, Any], path: Path) -> FloatArray:
    key = "EncodingDirections"
    fix = "Give one unit vector [x, y, z] per direction"
    if content.get(key) is None:
        raise ImageError(f"{key} is missing", path, fix)
    try:
        directions = np.asarray(content[key], dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ImageError(f"{key} is not a list of vectors", path, fix) from error
    if directions.ndim != 2 or directions.shape[1] != 3 or not np.isfinite(directions).all():
        raise ImageError(f"{key} is not a list of vectors of three numbers", path, fix)
    lengths = np.linalg.norm(directions, axis=1)
    if np.abs(lengths - 1).max() > 0.01:
        worst = int(np.argmax(np.abs(lengths - 1)))
        raise ImageError(f"{key}: vector {worst + 1} has length {lengths[worst]:.3g}", path, fix)
    if np.linalg.matrix_rank(directions, tol=0.1) < min(len(directions), 3):
        raise ImageError(
            f"{key}: the {len(directions)} vectors lie on one line or in one plane", path,
            "Correct them: each direction has its own, and three or more span all of space",
        )  # fmt: skip
    return directions
