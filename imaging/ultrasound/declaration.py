"""What the JSON beside shear-wave frames has to declare, checked item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ImageError, InputError, UnitError
from imaging.stiffness import to_pascal
from imaging.ultrasound.colour_bar import DIRECTIONS, Box
from imaging.ultrasound.pose import matrix_of

#: What a shear-wave scanner may show.
QUANTITIES = ("youngs_3rhoc2", "shear_wave_speed", "shear_stiffness")

#: In place of the bar of maps of values.
NO_BAR: Box = (0, 0, 1, 1)
_FRAMES = {"world RAS+": np.ones(3), "LPS": np.array([-1.0, -1.0, 1.0])}
_DENSITY = (800.0, 1300.0)
# No pixel, millimetre or stiffness of a frame is as large.
_LARGEST = 1e7


@dataclass(frozen=True)
class Landmarks:
    """Points seen in the ultrasound, or touched with a tracked pointer, and in the scan.

    Attributes
    ----------
    names : tuple of str
    source : (N, 2) array of pixels or (N, 3) array of mm in the reference's frame
    world : (N, 3) array
        World RAS+ mm.
    """

    names: tuple[str, ...]
    source: FloatArray
    world: FloatArray

    @property
    def in_pixels(self) -> bool:
        """Whether they are points of a still frame."""
        return self.source.shape[1] == 2


@dataclass(frozen=True)
class FrameDeclaration:
    """What the JSON says.

    Attributes
    ----------
    quantity, unit, density
        Of what the scanner shows.
    low, high : float
        Ends of the colour bar, in `unit`.
    opacity : float
    bar, overlay : tuple of int
        ColorBarBox and ColorBox: x0, y0, x1, y1 in pixels, ends exclusive.
    rises : str
        Where the bar's values rise to.
    landmarks : Landmarks
    calibration : (4, 4) array or None
        ImageToProbe.
    pixel_mm : tuple of float or None
        Across and down.
    orientation : str or None
        UltrasoundImageOrientation, such as MF.
    slab_mm : float or None
        Thickness of the sound beam across the frame.
    frame_rate_hz, start_s : float or None
        FrameRate, and StartTime of the first frame on a clock that the files share.
    """

    quantity: str
    unit: str
    density: float
    low: float
    high: float
    opacity: float
    bar: Box
    overlay: Box
    rises: str
    landmarks: Landmarks
    calibration: FloatArray | None
    pixel_mm: tuple[float, float] | None
    orientation: str | None
    slab_mm: float | None
    frame_rate_hz: float | None = None
    start_s: float | None = None

    @property
    def holds_values(self) -> bool:
        """Whether it is of maps of values, which have no bar."""
        return self.bar == NO_BAR

    def values(self, position: FloatArray) -> FloatArray:
        """Return rho c^2 in Pa of places on the colour bar, 0 to 1."""
        shown = self.low + np.asarray(position, dtype=float) * (self.high - self.low)
        return to_pascal(shown, self.quantity, self.unit, self.density)[0]


def frame_declaration(
    content: Mapping[str, Any], path: Path, size: tuple[int, int] | None = None
) -> FrameDeclaration:
    """Check the JSON of shear-wave frames.

    Parameters
    ----------
    content, path
        What it holds, and where it lies.
    size
        Width and height of maps of values, which have neither bar nor box nor opacity, and a Range
        only where the export ends somewhere; None for pictures.

    Raises
    ------
    UnitError
        Quantity, Units, Density, Range or Opacity is missing or cannot be.
    ImageError
        A box, a landmark or the calibration is missing or cannot be.
    """
    try:
        quantity, unit, density = _quantity(content)
        if size is not None:
            content = {**content, "Opacity": 1.0, "ColorBarBox": list(NO_BAR),
                       "ColorBox": [0, 0, *size]}  # fmt: skip
        endless = size is not None and "Range" not in content
        low, high = (0.0, float("inf")) if endless else _range(content)
        return FrameDeclaration(
            quantity, unit, density, low, high,
            _number(content, "Opacity", (0.05, 1.0), "the overlay's opacity as a share"),
            _box(content, "ColorBarBox"), _box(content, "ColorBox"),
            _choice(content, "ColorBarDirection", DIRECTIONS, "up"),
            _landmarks(content),
            matrix_of(content["ImageToProbe"], "ImageToProbe")
            if "ImageToProbe" in content else None,
            _pixel(content), _orientation(content),
            _optional(content, "SlabThickness", (0.1, 20.0), "mm"),
            _optional(content, "FrameRate", (0.01, 1000.0), "frames per second"),
            _optional(content, "StartTime", (0.0, _LARGEST), "s since one moment for all files"),
        )  # fmt: skip
    except InputError as error:
        raise type(error)(error.what, error.path or path, error.fix) from error


def check_boxes(declared: FrameDeclaration, shape: Sequence[int], path: Path) -> None:
    """Compare the boxes with the size of the frames.

    Raises
    ------
    ImageError
        A box leaves the frame, or the two overlap.
    """
    height, width = shape[:2]
    for name, box in (("ColorBarBox", declared.bar), ("ColorBox", declared.overlay)):
        if box[2] > width or box[3] > height:
            raise ImageError(
                f"{name} {list(box)} leaves the frame of {width} x {height} pixels",
                path,
                "Give x0, y0, x1, y1 in pixels of the exported frame",
            )
    a, b = declared.bar, declared.overlay
    if max(a[0], b[0]) < min(a[2], b[2]) and max(a[1], b[1]) < min(a[3], b[3]):
        raise ImageError("ColorBarBox and ColorBox overlap", path, "Correct them")


def _quantity(content: Mapping[str, Any]) -> tuple[str, str, float]:
    quantity, unit = content.get("Quantity"), content.get("Units")
    if quantity not in QUANTITIES:
        raise UnitError(
            f"Quantity is {'not declared' if quantity is None else repr(quantity)}", None,
            f"Declare what the scanner shows: {', '.join(QUANTITIES)}",
        )  # fmt: skip
    if not isinstance(unit, str):
        raise UnitError("Units are not declared", None, "Declare kPa, Pa or m/s")
    density = _number(content, "Density", _DENSITY, "kg/m3")
    to_pascal(np.zeros(1), quantity, unit, density)
    return quantity, unit, density


def _range(content: Mapping[str, Any]) -> tuple[float, float]:
    found = content.get("Range")
    if found is None:
        raise UnitError(
            "Range of the colour bar is not declared", None,
            "Give [lowest, highest] in Units, as written beside the bar",
        )  # fmt: skip
    numbers = _numbers(found, "Range", 2, UnitError)
    if not 0 <= numbers[0] < numbers[1]:
        raise UnitError(f"Range {found} does not rise from 0 or more", None, "Correct it")
    return float(numbers[0]), float(numbers[1])


def _number(content: Mapping[str, Any], key: str, limits: tuple[float, float], what: str) -> float:
    value = content.get(key)
    if value is None:
        raise UnitError(f"{key} is not declared", None, f"Give {key} ({what})")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnitError(f"{key} is {value!r}, not a number", None, f"Give {key} ({what})")
    if not limits[0] <= value <= limits[1]:
        raise UnitError(
            f"{key} is {value}, outside {limits[0]:g} to {limits[1]:g}", None, f"Give {what}"
        )
    return float(value)


def _optional(
    content: Mapping[str, Any], key: str, limits: tuple[float, float], what: str
) -> float | None:
    return _number(content, key, limits, what) if key in content else None


def _numbers(found: Any, key: str, count: int, kind: type[InputError] = ImageError) -> FloatArray:
    try:
        numbers = np.asarray(found, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise kind(f"{key} is not {count} numbers", None, "Correct it") from error
    if numbers.shape != (count,) or not (np.abs(numbers) < _LARGEST).all():
        raise kind(f"{key} is not {count} numbers", None, "Correct it")
    return numbers


def _box(content: Mapping[str, Any], key: str) -> Box:
    if content.get(key) is None:
        raise ImageError(f"{key} is missing", None, "Give x0, y0, x1, y1 in pixels")
    x0, y0, x1, y1 = (int(v) for v in np.rint(_numbers(content[key], key, 4)))
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise ImageError(
            f"{key} {[x0, y0, x1, y1]} is empty or negative", None,
            "Give x0, y0, x1, y1: two corners, not width and height",
        )  # fmt: skip
    return x0, y0, x1, y1


def _choice(content: Mapping[str, Any], key: str, allowed: Sequence[str], default: str) -> str:
    found = content.get(key, default)
    if found not in allowed:
        raise ImageError(f"{key} is {found!r}", None, f"Use one of {', '.join(allowed)}")
    return str(found)


def _orientation(content: Mapping[str, Any]) -> str | None:
    letters = content.get("UltrasoundImageOrientation")
    if letters is not None and not isinstance(letters, str):
        raise ImageError(
            f"UltrasoundImageOrientation is {letters!r}", None, "Use two letters, such as MF or UN"
        )
    return letters


def _pixel(content: Mapping[str, Any]) -> tuple[float, float] | None:
    if content.get("PixelSpacing") is None:
        return None
    across, down = _numbers(content["PixelSpacing"], "PixelSpacing", 2)
    if not (0.01 <= across <= 2 and 0.01 <= down <= 2):
        raise ImageError(
            f"PixelSpacing is {across:g} x {down:g}", None, "Give mm across and mm down"
        )
    return float(across), float(down)


def _landmarks(content: Mapping[str, Any]) -> Landmarks:
    frame = _choice(content, "LandmarksFrame", tuple(_FRAMES), "world RAS+")
    items = content.get("Landmarks")
    if not isinstance(items, list) or not all(isinstance(i, Mapping) for i in items) or not items:
        raise ImageError(
            "Landmarks are missing, so the frames have no place in the scan", None,
            "Give at least three {name, pixel or reference, mri}",
        )  # fmt: skip
    kinds = {kind for kind in ("pixel", "reference") for i in items if kind in i}
    if len(kinds) != 1:
        raise ImageError(
            "Landmarks need either pixel or reference, the same in all", None, "Correct them"
        )
    kind, size = kinds.pop(), 0
    size = 2 if kind == "pixel" else 3
    names = tuple(str(i.get("name", k + 1)) for k, i in enumerate(items))
    points = []
    for name, item in zip(names, items, strict=True):
        for key, count in ((kind, size), ("mri", 3)):
            if key not in item:
                raise ImageError(f"landmark {name} has no {key}", None, "Add it")
            points.append(_numbers(item[key], f"{key} of landmark {name}", count))
    return Landmarks(names, np.array(points[::2]), np.array(points[1::2]) * _FRAMES[frame])
