"""Measures that exist only once stages are joined."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imaging.image import Image, resample
from imaging.measures import Measure
from imaging.musclemap.activation import peaks
from imaging.musclemap.fusion import eroded_labels, muscle_statistics
from imaging.musclemap.inputs import Stages
from imaging.musclemap.layers import DIFFUSION
from imaging.musclemap.table import rank_correlation, rows_of_map


def diffusion_measures(stages: Stages, labels: Image, erode_mm: float) -> list[Measure]:
    """Return fa, md, ad, rd per muscle: median and SD over diffusion voxels, not resampled ones."""
    leg = stages.image("dwi", "desc-leg_mask.nii.gz")
    if leg is None:
        return []
    core = resample(eroded_labels(labels, erode_mm), leg, order=0).data
    out = []
    for name, suffix in DIFFUSION.items():
        image = stages.image("dwi", f"desc-wls_{suffix}.nii.gz")
        if image is None:
            continue
        unit = "1" if name == "fa" else "mm2/s"
        statistics = muscle_statistics(image.data, core, leg.data > 0)
        note = f"median and SD over diffusion voxels, {erode_mm:g} mm inside"
        for label, median, sd, n in statistics.itertuples(index=False, name=None):
            spread = None if np.isnan(sd) else float(sd)
            out.append(Measure(int(label), name, float(median), unit, int(n), spread, note=note))
    return out


def activation_measures(curves: pd.DataFrame | None, labels: Image) -> list[Measure]:
    """Return the peak of the mean EMG cycle of every muscle on a side in view."""
    if curves is None:
        return []
    rows, out = set(rows_of_map(labels.data)), []
    note = "peak of the mean cycle; n strides; " + ", ".join(sorted(set(curves["unit"])))
    for label, peak, _, sd, n in peaks(curves).itertuples(index=False, name=None):
        if int(label) in rows:
            strides = None if pd.isna(n) else int(n)
            spread = None if pd.isna(sd) else float(sd)
            out.append(Measure(int(label), "activation_peak", float(peak), "%", strides, spread,
                               note=note))  # fmt: skip
    return out


def fascicle_measures(table: pd.DataFrame) -> list[Measure]:
    """Return per muscle what its fascicles run through, and how stiffness goes with architecture.

    Parameters
    ----------
    table
        Fascicles with the columns of :func:`imaging.musclemap.fascicles.summarise`.
    """
    out = []
    names = [c.removesuffix("_middle") for c in table.columns if str(c).endswith("_middle")]
    for label in sorted(table["label"].unique()):
        rows = table[table["label"] == label]
        for name in (n for n in names if n != "md"):
            stiff = name.startswith("stiffness_")
            unit = "Pa" if stiff else "1"
            for part in ("mean", "middle", "ends") if stiff else ("middle", "ends"):
                out += _over_fascicles(
                    label, f"fascicle_{name}_{part}", rows[f"{name}_{part}"], unit
                )
            if stiff:
                ratio = rows[f"{name}_ends"] / rows[f"{name}_middle"]
                out += _over_fascicles(label, f"fascicle_{name}_end_ratio", ratio, "1")
                out += _correlations(int(label), name, rows)
    return out


def _over_fascicles(label: int, measure: str, column: pd.Series, unit: str) -> list[Measure]:
    """Return mean and SD of a column over fascicles; nothing where none has a value."""
    values = column.dropna().astype(float)
    if values.empty:
        return []
    sd = float(values.std()) if len(values) > 1 else None
    note = "mean and SD over fascicles"
    return [Measure(int(label), measure, float(values.mean()), unit, len(values), sd, note=note)]


def _correlations(label: int, name: str, rows: pd.DataFrame) -> list[Measure]:
    out = []
    stiffness = rows[f"{name}_mean"].to_numpy(float)
    for other, column in (("length", "length_mm"), ("pennation", "pennation_line_deg")):
        value = rank_correlation(stiffness, rows[column].to_numpy(float))
        if np.isfinite(value):
            n = int((np.isfinite(stiffness) & rows[column].notna()).sum())
            measure = f"stiffness_{other}_correlation_{name.removeprefix('stiffness_')}"
            out.append(Measure(label, measure, value, "1", n, note="Spearman, over fascicles"))
    return out
