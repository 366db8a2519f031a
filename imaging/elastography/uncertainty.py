"""How far the modulus of a whole muscle may be off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MuscleError:
    """Half-widths of the 95 % intervals of one muscle's complex shear modulus.

    Attributes
    ----------
    modulus
        Of |G*|, as share of it.
    angle_rad
        Of the loss angle.
    """

    modulus: float
    angle_rad: float

    def half_width(self, quantity: str, value: float, loss_angle: float) -> float:
        """Return the half-width of a quantity's interval, in its own unit.

        Parameters
        ----------
        quantity
            ``magnitude``, ``storage_modulus``, ``loss_modulus``, ``shear_stiffness`` or
            ``loss_angle``.
        value
            Its value, Pa or rad.
        loss_angle
            Of the muscle, rad; what it is worth for moduli along the two axes.
        """
        if quantity == "loss_angle":
            return self.angle_rad
        turn = {"storage_modulus": np.tan(loss_angle), "loss_modulus": 1 / np.tan(loss_angle)}
        by_angle = float(turn.get(quantity, 0.0)) * self.angle_rad
        # What makes a muscle look soft makes it look elastic, too: the two do not cancel.
        return abs(value) * (self.modulus + by_angle)
