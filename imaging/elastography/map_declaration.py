"""What the JSON beside a ready stiffness map has to declare, checked item by item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging.elastography.numbers import DENSITY_RANGE, number_in
from imaging.errors import UnitError
from imaging.stiffness import QUANTITIES, to_pascal


@dataclass(frozen=True)
class MapDeclaration:
    """What the JSON of a ready stiffness map says."""

    quantity: str
    unit: str
    frequency_hz: float
    density: float
    method: str


def map_declaration(content: Mapping[str, Any], path: Path) -> MapDeclaration:
    """Check the JSON of a ready stiffness map.

    Raises
    ------
    UnitError
        The first of Quantity, Units, Frequency, Density and Method that is missing or cannot be.
    """
    for key in ("Quantity", "Units", "Method"):
        if not isinstance(content.get(key), str) or not content[key].strip():
            wanted = f" ({', '.join(QUANTITIES)})" if key == "Quantity" else ""
            raise UnitError(
                f"{key} is not declared, and a stiffness without it means nothing",
                path,
                f"Declare {key}{wanted}",
            )
    frequency = number_in(content, "Frequency", "Hz", (1.0, 5000.0), path)
    density = number_in(content, "Density", "kg/m3", DENSITY_RANGE, path)
    try:
        to_pascal(np.zeros(1), content["Quantity"], content["Units"], density)
    except UnitError as error:
        raise UnitError(error.what, path, error.fix) from error
    return MapDeclaration(
        content["Quantity"], content["Units"], frequency, density, content["Method"]
    )
