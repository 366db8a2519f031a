"""Surface EMG, and force modelled from it, as one curve per muscle to be painted on anatomy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.musclemap.activation import unit_of

PAINTED = (
    "EMG painted on anatomy: surface EMG gives one value per muscle; it is not a measurement at a "
    "place inside the muscle. Grey muscles were not measured"
)

FORCE_PAINTED = (
    "Share of the force of the leg's muscles with EMG, modelled from EMG relative to MVC, PCSA and "
    "pennation and painted on anatomy; grey muscles have none and are no part of the sum"
)
EACH_LEG = "Each leg is shown at the same percent of its own foot's cycle, not at one instant"


@dataclass(frozen=True)
class Curves:
    """Mean gait cycle of each muscle that has a channel.

    Attributes
    ----------
    percent : (T,) array
        Place in the gait cycle, 0..100.
    values : dict
        Label to (T,) array, in `unit`.
    largest : float
        Largest value of all muscles: full colour.
    unit : str
        Unit of the values.
    """

    percent: NDArray[np.float64]
    values: dict[int, NDArray[np.float64]]
    largest: float
    unit: str

    def shares(self, label: int) -> NDArray[np.float64]:
        """Return a muscle's curve as share of the largest value, 0..1, shape (T,)."""
        return np.clip(self.values[label] / self.largest, 0.0, 1.0)


def curves(activation: pd.DataFrame | None, shown: Collection[int]) -> Curves | None:
    """Return the activation table as curves, or None where nothing was recorded.

    Muscles that are not in the picture, such as those of the thigh, set no scale of colours.

    Parameters
    ----------
    activation
        Columns label, percent, mean and perhaps unit; long form.
    shown
        Labels of the muscles in the picture.
    """
    if activation is None:
        return None
    activation = activation[activation["label"].isin(list(shown))]
    if not activation["mean"].notna().any():
        return None
    table = activation.pivot_table(index="percent", columns="label", values="mean")
    table = table.interpolate(limit_direction="both").dropna(axis="columns", how="all")
    largest = float(table.max().max())
    return Curves(
        percent=table.index.to_numpy(np.float64),
        values={int(k): table[k].to_numpy(np.float64) for k in table.columns},
        largest=largest if largest > 0 else 1.0,
        unit=unit_of(activation),
    )


def force_curves(load: pd.DataFrame | None, shown: Collection[int]) -> Curves | None:
    """Return the force share of each muscle that has one, or None where none has.

    Parameters
    ----------
    load
        Columns label, percent and share (percent); long form.
    shown
        Labels of the muscles in the picture.
    """
    if load is None:
        return None
    return curves(load[["label", "percent"]].assign(mean=load["share"], unit="% of force"), shown)


def both_sides(found: Curves) -> bool:
    """Tell whether muscles of both legs have curves."""
    return len({label // 100 for label in found.values}) > 1
