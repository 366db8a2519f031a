"""How fascicles differ along a muscle: figures of parts of equal length, distal to proximal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from imaging.architecture.fascicles import name_of
from imaging.architecture.uncertainty import sampling_error
from imaging.arrays import FloatArray
from imaging.geometry import principal_axis
from imaging.muscles import side_of

PARTS = 5
_FEWEST = 5
_NORMAL_95 = 1.96
_FIGURES = (
    "length_mm", "pennation_start_deg", "pennation_end_deg", "pennation_line_deg",
    "curvature_per_m",
)  # fmt: skip
COLUMNS = (
    "label", "muscle", "side", "part", "from_mm", "to_mm", "n",
    *(f"{name}{tail}" for name in _FIGURES for tail in ("", "_sd", "_ci_low", "_ci_high")),
    "status",
)  # fmt: skip


def profile(
    label: int, surface: FloatArray, table: pd.DataFrame, places: FloatArray
) -> pd.DataFrame:
    """Return the figures of five parts of a muscle along its line of action.

    A part's mean is over its volume: every point of it counts once, with the fascicle that runs
    through it, wherever that fascicle ends. Intervals are those of a mean over the points drawn,
    95 %; noise of the scan is not in them.

    Parameters
    ----------
    label
        Label of the muscle.
    surface : (N, 3) array
        Vertices of its surface, world RAS+ mm.
    table
        Its fascicles (see ``fascicles.COLUMNS``).
    places : (F, 3) array
        The point of the muscle that each fascicle stands for, world mm.

    Returns
    -------
    DataFrame
        ``COLUMNS``; part 1 is the most distal one, `from_mm` and `to_mm` are distances from the
        distal end of the muscle along its line of action. Figures of parts with less than 5
        fascicles are NaN, with status ``not_measured``.
    """
    axis = principal_axis(surface)
    height = surface @ axis
    edges = np.linspace(0.0, float(np.ptp(height)), PARTS + 1)
    part = np.zeros(0, int)
    if len(table):
        along = places @ axis - height.min()
        part = np.clip(np.searchsorted(edges, along, side="right") - 1, 0, PARTS - 1)
    rows = []
    for number in range(PARTS):
        row = {"label": label, "muscle": name_of(label).split()[-1], "side": side_of(label)}
        own = part == number
        row |= {"part": number + 1, "from_mm": edges[number], "to_mm": edges[number + 1]}
        rows.append(row | _figures(table[own], places[own]))
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS))


def _figures(table: pd.DataFrame, places: FloatArray) -> dict[str, Any]:
    count = len(table)
    weight = table["weight"].to_numpy(float)
    if count < _FEWEST or weight.sum() <= 0 or (table["status"] == "not_measured").any():
        return {"n": count, "status": "not_measured"}
    shares = pd.Series(weight).groupby(table["status"].to_numpy(str)).sum()
    out: dict[str, Any] = {"n": count, "status": shares.idxmax()}
    for name in _FIGURES:
        values = table[name].to_numpy(float)
        mean = float(np.average(values, weights=weight))
        half = _NORMAL_95 * sampling_error(values, weight, places)
        out[name] = mean
        out[f"{name}_sd"] = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
        out[f"{name}_ci_low"], out[f"{name}_ci_high"] = max(mean - half, 0.0), mean + half
    return out
