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

from imaging.arrays import FloatArray
from imaging.measures import Measure, not_measured

Table = pd.DataFrame | Mapping[str, Any]  # columns of fascicles

UNITS = {
    "fascicle_length": "mm",
    "fascicle_length_per_fascicle": "mm",
    "pennation_start": "deg",
    "pennation_end": "deg",
    "pennation_line": "deg",
    "curvature": "1/m",
    "pcsa_anatomical": "cm2",
    "pcsa_functional": "cm2",
    "chord_pennation_start": "deg",
    "chord_pennation_end": "deg",
    "slope_pennation_start": "deg",
    "slope_pennation_end": "deg",
    "fascicle_length_cubic": "mm",
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
    "chord_pennation_start": "chord_pennation_start_deg",
    "chord_pennation_end": "chord_pennation_end_deg",
    "slope_pennation_start": "slope_pennation_start_deg",
    "slope_pennation_end": "slope_pennation_end_deg",
    "fascicle_length_cubic": "cubic_length_mm",
}
OPTIMAL_SARCOMERE_UM = 2.7  # human muscle: Walker and Schrodt, Anat Rec 1974;178:63-81
_NO_SARCOMERE = (
    "fibre length cannot be normalised: MRI does not tell sarcomere length; give it as "
    "fibres.sarcomere_length_um"
)
_NOTE = "mean over the volume; n fascicles"
_MOSTLY_EXTRAPOLATED = 0.5
_WITHOUT_ENDS = ("fascicles", "extrapolated_fraction", "unfilled_fraction")


def samples(table: Table) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return values (F,) and weights (F,) of every figure that is a mean over fascicles.

    A figure whose column the table does not have is left out.
    """
    weight = np.asarray(table["weight"], float)
    there = {name: column for name, column in _AVERAGED.items() if column in table}
    out = {name: (np.asarray(table[column], float), weight) for name, column in there.items()}
    length = np.asarray(table["length_mm"], float)
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
    sarcomere_length_um: float | None = None,
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
    sarcomere_length_um
        At the muscle's length in the scan, as known from elsewhere.
    """
    count = len(table)
    out: dict[str, Measure] = {}
    weight = table["weight"].to_numpy(float)
    extrapolated = float(np.average(table["extrapolated_fraction"], weights=weight))
    status: Any = "extrapolated" if extrapolated > _MOSTLY_EXTRAPOLATED else "measured"
    for name, (values, weights) in samples(table).items():
        note = _NOTE if name in _AVERAGED else "every fascicle counts once"
        note = f"{note}; {meaning}" if meaning and name in limits else note
        out[name] = _mean(label, name, values, weights, limits.get(name), status, note)
    mean = out["fascicle_length"]
    area = [None if not v else 10.0 * volume_ml / v for v in (mean.ci_high, mean.ci_low)]
    out["pcsa_anatomical"] = Measure(
        label, "pcsa_anatomical", 10.0 * volume_ml / float(mean.value or np.nan), "cm2", n=count,
        ci_low=area[0], ci_high=area[1], status=status,
        note=f"volume {volume_ml:.1f} ml / volume-mean fascicle length",
    )  # fmt: skip
    out["pcsa_functional"] = _functional_area(out, sarcomere_length_um)
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
    known = np.isfinite(values)
    if not known.any():
        return not_measured(label, name, UNITS[name], "no fascicle has this figure")
    values, weights = values[known], weights[known]
    mean = float(np.average(values, weights=weights))
    sd = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    low, high = limits or (None, None)
    return Measure(label, name, mean, UNITS[name], len(values), sd, low, high, status, note)


def _functional_area(found: Mapping[str, Measure], sarcomere_um: float | None) -> Measure:
    """Return V cos(pennation to the line of action) / Lo, where Lo is the length at 2.7 um.

    References
    ----------
    Powell et al., J Appl Physiol 1984;57:1715-1721; Lieber and Friden, Muscle Nerve 2000.
    """
    area, line = found["pcsa_anatomical"], found["pennation_line"]
    name = "pcsa_functional"
    if sarcomere_um is None or area.value is None or line.value is None:
        return not_measured(area.label, name, UNITS[name], _NO_SARCOMERE)
    factor = float(np.cos(np.radians(line.value))) * sarcomere_um / OPTIMAL_SARCOMERE_UM
    low, high = (None if v is None else v * factor for v in (area.ci_low, area.ci_high))
    note = (
        f"sarcomere length {sarcomere_um:g} um was given, {OPTIMAL_SARCOMERE_UM:g} um taken as "
        f"optimal; pennation to the line of action {line.value:.1f} deg"
    )
    value = area.value * factor
    return Measure(area.label, name, value, UNITS[name], area.n, None, low, high, "assumed", note)


def nothing_measured(label: int, why: str) -> list[Measure]:
    """Return the rows of a muscle that could not be reconstructed."""
    return [not_measured(label, name, unit, why) for name, unit in UNITS.items()]
