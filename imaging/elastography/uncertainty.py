"""How far the figures of a whole muscle may be off, and which of them are then no figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imaging.measures import Measure, not_measured

#: A figure whose 95 % interval reaches further than this share of it either way is not measured.
MAX_HALF_WIDTH = 0.5


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
        return abs(value) * float(np.hypot(self.modulus, by_angle))


def with_intervals(
    rows: Sequence[Measure],
    errors: Mapping[int, MuscleError],
    quantities: Mapping[str, str],
    loss_angles: Mapping[int, float],
) -> tuple[list[Measure], list[int]]:
    """Return measures with the intervals that are known, and without figures too wide for one.

    Parameters
    ----------
    rows
        Of every muscle.
    errors
        By label.
    quantities
        Name of a median's measure to its quantity. Rows whose name goes on after it
        (``..._iqr``) are no figures either where the median is none.
    loss_angles
        By label, rad, where known.

    Returns
    -------
    rows : list of Measure
    lost : list of int
        Labels with a median that is no figure.
    """
    out, lost = [], []
    gone: dict[tuple[int, str], str] = {}
    for row in rows:
        error, quantity = errors.get(row.label), quantities.get(row.measure)
        if row.value is None or error is None:
            out.append(row)
            continue
        if quantity is None:
            why = next((w for (v, n), w in gone.items()
                        if v == row.label and row.measure.startswith(n + "_")), None)  # fmt: skip
            out.append(row if why is None else _lost(row, why))
            continue
        half = error.half_width(quantity, row.value, loss_angles.get(row.label, 0.3))
        if half <= MAX_HALF_WIDTH * abs(row.value) and row.value > 0:
            out.append(replace(row, ci_low=row.value - half, ci_high=row.value + half))
            continue
        span = f"{row.value - half:.3g} to {row.value + half:.3g} {row.unit}"
        why = "too unsure" if not np.isfinite(half) else f"too unsure (95 % interval {span})"
        gone[row.label, row.measure] = why
        lost.append(row.label)
        out.append(_lost(row, why))
    return out, lost


def _lost(row: Measure, why: str) -> Measure:
    return not_measured(row.label, row.measure, row.unit, f"{why}; {row.note}")
