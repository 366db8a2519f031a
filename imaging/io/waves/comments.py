"""What the comment of a wave image tells: direction, time step or angle, driver, and period.

No maker publishes a format. What is understood is a key word with a number, such as
``MEG 2 timestep 5``, ``dir=x angle 90 deg period 16667 us``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from imaging.elastography.declaration import AXES

_KEYS: Mapping[str, re.Pattern[str]] = {
    "direction": re.compile(
        r"(?i)\b(?:meg|dir(?:ection)?|enc(?:oding)?)\s*[:=_#]?\s*(\d+|[xyz])\b"
    ),
    "offset": re.compile(
        r"(?i)\b(?:time(?:\s*step)?|t|offset|phase(?:\s*offset)?|ph|step)\s*[:=_#]?\s*(\d+)\b"
        r"(?!\.|\s*(?:deg|°))"
    ),
    "driver": re.compile(r"(?i)\b(?:driver|actuator|drv)\s*[:=_#]?\s*(\d+)\b"),
}
_NUMBER = r"\s*[:=_#]?\s*(\d+(?:\.\d+)?)"
_ANGLE = re.compile(
    rf"(?i)\b(?:angle{_NUMBER}|(?:phase(?:\s*offset)?|offset){_NUMBER}\s*(?:deg(?:rees?)?\b|°))"
)
_PERIOD = re.compile(rf"(?i)\b(?:period|t){_NUMBER}\s*(us|µs|μs|ms|s)\b")
_FREQUENCY = re.compile(rf"(?i)\b(?:freq(?:uency)?|f|vib(?:ration)?){_NUMBER}\s*hz\b")
_SECONDS = {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0}
# A period is rounded to its last digit: rounded more coarsely, it gives no frequency.
_FINE = 0.005
# Angles of time steps are even to so many degrees.
_EVEN_DEG = 1.0


def index(comment: str) -> tuple[float, ...] | None:
    """Return direction, offset and driver that a comment names; None without the first two.

    Examples
    --------
    >>> index("MEG 2 timestep 5"), index("dir=x angle 90"), index("MRE")
    ((2, 5, 0), (0, 90.0, 0), None)
    """
    found: list[float] = []
    for name in AXES:
        match = _KEYS[name].search(comment)
        if match is not None:
            text = match[1].lower()
            found.append("xyz".index(text) if text in ("x", "y", "z") else int(text))
        elif name == "offset" and (turned := angle_deg(comment)) is not None:
            found.append(turned)
        elif name == "driver":
            found.append(0)
        else:
            return None
    return tuple(found)


def angle_deg(comment: str) -> float | None:
    """Return the angle of the time step within the period, degrees; None where none is named."""
    match = _ANGLE.search(comment)
    return None if match is None else float(match[1] or match[2])


def are_even(angles: Iterable[float], offsets: int) -> bool:
    """Tell whether the angles of time steps are spread evenly over one whole period.

    Examples
    --------
    >>> are_even([0, 90, 180, 270], 4), are_even([0, 45, 90, 135], 4)
    (True, False)
    """
    ordered = sorted({angle % 360 for angle in angles})
    step = 360 / offsets
    return len(ordered) == offsets and all(
        abs(angle - ordered[0] - k * step) <= _EVEN_DEG for k, angle in enumerate(ordered)
    )


def frequency_hz(comment: str) -> tuple[float, float] | None:
    """Return the frequency of the vibration that a comment tells, and how exact it is, Hz.

    Examples
    --------
    >>> frequency, exact = frequency_hz("MEG 1 timestep 2 period 16667 us")
    >>> round(frequency, 2), round(exact, 3)
    (60.0, 0.002)
    """
    if match := _FREQUENCY.search(comment):
        return float(match[1]), _half_digit(match[1])
    if match := _PERIOD.search(comment):
        seconds = _SECONDS[match[2].lower()]
        period, half = float(match[1]) * seconds, _half_digit(match[1]) * seconds
        if period > 0:
            return 1 / period, half / period**2
    return None


def is_fine(frequency: float, exact: float) -> bool:
    """Tell whether a frequency is known well enough to compute with: stiffness has its square."""
    return exact <= _FINE * frequency


def _half_digit(text: str) -> float:
    """Return half of the last digit's place."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])
