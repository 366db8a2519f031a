"""Stiffness quantities and units: what a number is, beside how large it is.

A stiffness is kept in Pa together with its quantity. For a lossy modulus G* the shear stiffness is
rho c^2 = 2 |G*|^2 / (G' + |G*|), so storage modulus, magnitude and shear stiffness differ, and none
is turned into another here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnitError

FloatArray = NDArray[np.floating[Any]]

_MODULUS_UNITS = {"Pa": 1.0, "kPa": 1e3, "MPa": 1e6}
_SPEED_UNITS = {"m/s": 1.0, "cm/s": 1e-2, "mm/s": 1e-3}

#: Declared quantity: what it is.
QUANTITIES = {
    "shear_wave_speed": "phase or group speed c of a shear wave",
    "storage_modulus": "real part G' of the complex shear modulus",
    "magnitude": "magnitude |G*| of the complex shear modulus",
    "shear_stiffness": "rho c^2",
    "youngs_3rhoc2": "Young's modulus computed as 3 rho c^2",
}

#: A muscle's median outside this range (Pa) is almost always a wrong unit.
PLAUSIBLE_PA = (100.0, 200e3)


def to_pascal(
    values: FloatArray, quantity: str, unit: str, density: float
) -> tuple[FloatArray, str, str]:
    """Bring a declared stiffness to Pa without changing what it is.

    Only the two that are mere functions of wave speed change their name: a speed c becomes the
    shear stiffness rho c^2, and a Young's modulus computed as 3 rho c^2 is divided by three, which
    gives back rho c^2. (That E = 3 mu does not hold in muscle is why such an E is not kept.)

    Parameters
    ----------
    values
        In `unit`.
    quantity
        A key of :data:`QUANTITIES`.
    unit
        Pa, kPa or MPa; m/s, cm/s or mm/s for a speed.
    density
        kg/m3.

    Returns
    -------
    values : array of float32
        Pa.
    quantity : str
        What is kept: storage_modulus, magnitude or shear_stiffness.
    conversion : str
        One sentence for the sidecar.

    Raises
    ------
    UnitError
        Unknown quantity, or a unit that the quantity cannot have.
    """
    if quantity not in QUANTITIES:
        raise UnitError(
            f"Quantity {quantity!r} is not known", None, f"Use one of {', '.join(QUANTITIES)}"
        )
    units = _SPEED_UNITS if quantity == "shear_wave_speed" else _MODULUS_UNITS
    if unit not in units:
        raise UnitError(
            f"Units {unit!r} cannot be those of {quantity}", None, f"Use one of {', '.join(units)}"
        )
    plain = np.asarray(values, dtype=np.float32) * np.float32(units[unit])
    if quantity == "shear_wave_speed":
        text = f"shear stiffness = rho c^2 with rho = {density:g} kg/m3"
        return np.float32(density) * plain**2, "shear_stiffness", text
    if quantity == "youngs_3rhoc2":
        return plain / 3, "shear_stiffness", "shear stiffness = E / 3, because E was 3 rho c^2"
    return plain, quantity, "as declared" if unit == "Pa" else f"{unit} to Pa"


def implausible(median_pa: float) -> bool:
    """Tell whether a muscle's median stiffness in Pa suggests a wrong unit or quantity."""
    low, high = PLAUSIBLE_PA
    return not low <= median_pa <= high
