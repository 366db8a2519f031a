"""A muscle's figures from its fascicles.

Means are over the volume of the muscle: seeds are spread evenly, so every point of the muscle
counts once, with the fascicle that runs through it. A mean per fascicle counts every fascicle
once; it is lower where lengths vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.measures import Measure, not_measured

FloatArray = NDArray[np.floating[Any]]

UNITS = {
    "fascicle_length": "mm",
    "fascicle_length_per_fascicle": "mm",
    "pennation_start": "deg",
    "pennation_end": "deg",
    "pennation_line": "deg",
    "curvature": "1/m",
    "pcsa_anatomical": "cm2",
    "fascicles": "1",
    "extrapolated_fraction": "1",
    "unfilled_fraction": "1",
}
_AVERAGED = {
    "fascicle_length": "length_mm",
    "pennation_start": "pennation_start_deg",
    "pennation_end": "pennation_end_deg",
    "pennation_line": "pennation_line_deg",
    "curvature": "curvature_per_m",
    "extrapolated_fraction": "extrapolated_fraction",
}
_NOTE = "mean over the volume; n fascicles"
_MOSTLY_EXTRAPOLATED = 0.5
_WITHOUT_ENDS = ("fascicles", "extrapolated_fraction", "unfilled_fraction")


def samples(table: pd.DataFrame) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return values (F,) and weights (F,) of every figure that is a mean over fascicles."""
    weight = table["weight"].to_numpy(float)
    out = {name: (table[column].to_numpy(float), weight) for name, column in _AVERAGED.items()}
    length = table["length_mm"].to_numpy(float)
    out["fascicle_length_per_fascicle"] = (length, weight / length)
    return out


def muscle_measures(
    label: int,
    table: pd.DataFrame,
    limits: Mapping[str, tuple[float, float]],
    meaning: str,
    volume_ml: float,
    unfilled: float,
    ends_unknown: str = "",
) -> list[Measure]:
    """Return the figures of one muscle.

    Parameters
    ----------
    label
        Label of the muscle.
    table
        Rows of its fascicles (see ``fascicles.COLUMNS``).
    limits
        Confidence interval of every figure that has one.
    meaning
        What the intervals contain.
    volume_ml
        Volume of the muscle.
    unfilled
        Share of the volume that has no fascicle within 3 mm.
    ends_unknown
        Why it is not known where fascicles end; figures that need their ends are then missing.
    """
    count = len(table)
    out: dict[str, Measure] = {}
    weight = table["weight"].to_numpy(float)
    extrapolated = float(np.average(table["extrapolated_fraction"], weights=weight))
    status: Any = "extrapolated" if extrapolated > _MOSTLY_EXTRAPOLATED else "measured"
    for name, (values, weights) in samples(table).items():
        note = _NOTE if name in _AVERAGED else "every fascicle counts once"
        note = f"{note}; {meaning}" if meaning else note
        out[name] = _mean(label, name, values, weights, limits.get(name), status, note)
    mean = out["fascicle_length"]
    area = [None if not v else 10.0 * volume_ml / v for v in (mean.ci_high, mean.ci_low)]
    out["pcsa_anatomical"] = Measure(
        label, "pcsa_anatomical", 10.0 * volume_ml / float(mean.value or np.nan), "cm2", n=count,
        ci_low=area[0], ci_high=area[1], status=status,
        note=f"volume {volume_ml:.1f} ml / volume-mean fascicle length",
    )  # fmt: skip
    out["fascicles"] = Measure(label, "fascicles", float(count), "1", n=count)
    note = "share of the volume without a fascicle within 3 mm"
    out["unfilled_fraction"] = Measure(label, "unfilled_fraction", unfilled, "1", note=note)
    if ends_unknown:
        for name in set(UNITS) - set(_WITHOUT_ENDS):
            out[name] = not_measured(label, name, UNITS[name], ends_unknown)
    return [out[name] for name in UNITS]


def _mean(
    label: int,
    name: str,
    values: FloatArray,
    weights: FloatArray,
    limits: tuple[float, float] | None,
    status: Any,
    note: str,
) -> Measure:
    mean = float(np.average(values, weights=weights))
    sd = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    low, high = limits or (None, None)
    return Measure(label, name, mean, UNITS[name], len(values), sd, low, high, status, note)


def nothing_measured(label: int, why: str) -> list[Measure]:
    """Return the rows of a muscle that could not be reconstructed."""
    return [not_measured(label, name, unit, why) for name, unit in UNITS.items()]
