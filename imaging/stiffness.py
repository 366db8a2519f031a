"""Stiffness quantities and units: what a number is, beside how large it is.

A stiffness is kept in Pa together with its quantity. For a lossy modulus G* the shear stiffness is
rho c^2 = 2 |G*|^2 / (G' + |G*|), so storage modulus, magnitude and shear stiffness differ: one is
turned into another only where the loss angle is known too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import UnitError

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

#: What an inversion gives beside these; nobody declares them of a ready map.
INVERTED = {
    "loss_modulus": "imaginary part G'' of the complex shear modulus",
    "mu_perp": "shear modulus across the fibres",
    "mu_par": "shear modulus along the fibres",
    "e_par": "tensile modulus along the fibres",
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

    Examples
    --------
    A wave of 3 m/s in tissue of 1000 kg/m3, and the Young's modulus that a scanner shows for it:

    >>> to_pascal(np.array([3.0]), "shear_wave_speed", "m/s", 1000.0)[:2]
    (array([9000.], dtype=float32), 'shear_stiffness')
    >>> to_pascal(np.array([27.0]), "youngs_3rhoc2", "kPa", 1000.0)[:2]
    (array([9000.], dtype=float32), 'shear_stiffness')
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


@dataclass(frozen=True)
class Stiffness:
    """Values of one quantity, from one method at one set of frequencies.

    Attributes
    ----------
    values : array of float
        In `unit`.
    quantity : str
        A key of :data:`QUANTITIES` or :data:`INVERTED`.
    frequency_hz : tuple of float
        Of the vibration; the centre of the band of an ultrasound push.
    density : float
        kg/m3.
    method : str
        ``mdev``, ``swe`` ...

    Raises
    ------
    UnitError
        Something is not declared, or cannot be.
    """

    values: FloatArray
    quantity: str
    frequency_hz: tuple[float, ...]
    density: float
    method: str

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES and self.quantity not in INVERTED:
            raise UnitError(f"Quantity {self.quantity!r} is not known", None, "Declare what it is")
        if not self.frequency_hz or not all(f > 0 for f in self.frequency_hz):
            raise UnitError("the frequency of a stiffness is not declared", None, "Declare it")
        if not self.density > 0 or not self.method.strip():
            raise UnitError("density and method must be declared", None, "Declare them")

    @classmethod
    def declared(
        cls,
        values: FloatArray,
        quantity: str,
        unit: str,
        *,
        frequency_hz: Sequence[float],
        density: float,
        method: str,
    ) -> Stiffness:
        """Return a stiffness in Pa from values as somebody declared them (:func:`to_pascal`)."""
        in_pa, kept, _ = to_pascal(values, quantity, unit, density)
        return cls(in_pa, kept, tuple(frequency_hz), density, method)

    @property
    def unit(self) -> str:
        """``m/s`` of a speed, else ``Pa``."""
        return "m/s" if self.quantity == "shear_wave_speed" else "Pa"

    def to(self, quantity: str, loss_angle: FloatArray | None = None) -> Stiffness:
        """Return another quantity of the same medium, where physics gives it.

        Parameters
        ----------
        quantity
            Wanted. Speed and rho c^2 follow from each other, and rho c^2 from E = 3 rho c^2. Of
            the complex modulus, magnitude, storage modulus, loss modulus and rho c^2 (and with it
            the speed) follow from any of the first three with the loss angle.
        loss_angle
            Angle of the complex shear modulus, rad, 0 to below pi/2.

        Raises
        ------
        UnitError
            It does not follow: the loss angle is not known, or the medium is not isotropic.
        """
        if quantity == self.quantity:
            return self
        if self.quantity == "shear_wave_speed":
            return self._as("shear_stiffness", self.density * self.values**2).to(quantity)
        if self.quantity == "youngs_3rhoc2":
            return self._as("shear_stiffness", self.values / 3).to(quantity)
        if quantity == "shear_wave_speed":
            shear = self.to("shear_stiffness", loss_angle)
            return self._as(quantity, np.sqrt(shear.values / self.density))
        factors = _of_magnitude(loss_angle)
        if self.quantity not in factors or quantity not in factors:
            why = (
                "the loss angle is not known"
                if loss_angle is None
                else "they are different quantities"
            )
            raise UnitError(
                f"{self.quantity} cannot be turned into {quantity}: {why}", None,
                "Keep the quantity as it is",
            )  # fmt: skip
        return self._as(quantity, self.values * (factors[quantity] / factors[self.quantity]))

    def same_kind(self, other: Stiffness) -> None:
        """Check that values of both may be averaged, subtracted or shown as one.

        Raises
        ------
        UnitError
            Quantity, method or frequency differ: they are different things.
        """
        for name in ("quantity", "method", "frequency_hz"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise UnitError(
                    f"stiffness of {name} {mine} and {theirs} cannot be joined", None,
                    "Keep them in separate columns",
                )  # fmt: skip

    def _as(self, quantity: str, values: FloatArray) -> Stiffness:
        return replace(self, quantity=quantity, values=values)


def joined(parts: Sequence[Stiffness]) -> Stiffness:
    """Put stiffness of one kind end to end.

    Raises
    ------
    UnitError
        They are not of one quantity, method and frequency.
    """
    for part in parts[1:]:
        parts[0].same_kind(part)
    return replace(parts[0], values=np.concatenate([np.ravel(p.values) for p in parts]))


def _of_magnitude(loss_angle: FloatArray | None) -> dict[str, Any]:
    """Return what each quantity of a complex modulus is, over its magnitude."""
    if loss_angle is None:
        return {}
    real = np.cos(loss_angle)
    return {
        "magnitude": 1.0,
        "storage_modulus": real,
        "loss_modulus": np.sin(loss_angle),
        "shear_stiffness": 2 / (1 + real),
    }
