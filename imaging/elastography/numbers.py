"""Numbers that a JSON declares, within the limits of what they can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imaging.errors import UnitError

#: Of tissue, kg/m3.
DENSITY_RANGE = (800.0, 1300.0)


def number_in(
    content: Mapping[str, Any], key: str, unit: str, limits: tuple[float, float], path: Path
) -> float:
    """Return a declared number within limits.

    Raises
    ------
    UnitError
        Missing, no number, or beyond them.
    """
    value = content.get(key)
    if value is None:
        raise UnitError(f"{key} ({unit}) is not declared", path, f"Add {key} in {unit}")
    number = finite(value)
    if number is None:
        raise UnitError(f"{key} is {value!r}, not a number", path, f"Give {key} in {unit}")
    if not limits[0] <= number <= limits[1]:
        raise UnitError(
            f"{key} is {number:g}, outside {limits[0]:g} to {limits[1]:g} {unit}",
            path,
            f"Give {key} in {unit}",
        )
    return number


def finite(value: Any) -> float | None:
    """Return a number that is one, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None
