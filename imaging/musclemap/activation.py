"""Paint one EMG curve per muscle on that muscle's voxels.

Surface EMG gives one value per muscle. What is painted is that value on anatomy, not a
measurement at each place. A muscle without a channel is ``NOT_MEASURED`` (-1), never 0. A group
that the labels do not part (PL+PB) is painted with the EMG of the part that was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.errors import UnitError
from imaging.image import Image, regrid, resample
from imaging.muscles import is_known, side_and_key, single_keys, structure_of

NOT_MEASURED = -1.0
PAINTED = "EMG painted on anatomy, not measured at each place"
# What amplitude is relative to, as the recording's table names it, with the factor to percent.
_TO_PERCENT = {"%": 1.0, "percent": 1.0, "1": 100.0, "peak of mean cycle": 100.0, "MVC": 100.0}


def in_percent(activation: pd.DataFrame) -> pd.DataFrame:
    """Return the mean cycles with amplitude in percent of the reference of the recording.

    Parameters
    ----------
    activation
        Columns label, percent (of the gait cycle, 0..100), mean, sd, n, unit. The unit names what
        amplitude is relative to; ``peak of mean cycle`` and ``MVC`` stand for 1.

    Raises
    ------
    UnitError
        Amplitudes that are not relative to anything.
    """
    units = [str(u) for u in activation["unit"]]
    factors = [1.0 if u.startswith("% ") else _TO_PERCENT.get(u, np.nan) for u in units]
    if np.isnan(factors).any():
        unknown = sorted({u for u, f in zip(units, factors, strict=True) if np.isnan(f)})
        raise UnitError(
            f"activation has the unit {', '.join(unknown)}, percent is needed",
            None,
            "Normalise amplitudes to MVC or to the peak of the mean cycle",
        )
    out = activation.copy()
    for column in ("mean", "sd"):
        out[column] = out[column].astype(float) * factors
    return out.assign(unit=[f"% of {u}" if "cycle" in u or u == "MVC" else "%" for u in units])


def with_groups(activation: pd.DataFrame, labels: Iterable[int]) -> tuple[pd.DataFrame, list[str]]:
    """Add curves for merged muscles in view of which only parts were recorded.

    The curve is that of the part, or the mean of the parts' curves.

    Parameters
    ----------
    activation
        Mean cycles with the columns label, percent, mean, sd, n.
    labels
        Labels of the muscles in view.

    Returns
    -------
    The curves with those added, and a sentence about each that a reader must know.
    """
    rows, sentences = [activation], []
    for label, parts in recorded_parts(activation, labels).items():
        rows.append(_mean_of(activation, parts, label))
        names = " and ".join([side_and_key(parts[0]), *(structure_of(p).key for p in parts[1:])])
        sentences.append(
            f"EMG of {names} is painted on the whole of "
            f"{structure_of(label).key}, which the labels do not divide."
        )
    return pd.concat(rows, ignore_index=True), sentences


def of_two_scales(activation: pd.DataFrame) -> list[str]:
    """Return a sentence where some muscles are relative to MVC and others to their own peak.

    Parameters
    ----------
    activation
        Mean cycles from :func:`in_percent`.
    """
    to_mvc = activation["unit"].astype(str).str.contains("MVC")
    own = sorted({int(v) for v in activation.loc[~to_mvc, "label"]})
    if not own or not to_mvc.any():
        return []
    return [
        "EMG is painted in percent of MVC, but in percent of its own peak, which does not compare, "
        f"for {', '.join(side_and_key(v) for v in own)}."
    ]


def recorded_parts(activation: pd.DataFrame, labels: Iterable[int]) -> dict[int, list[int]]:
    """Return the recorded labels that lie in each merged muscle in view without EMG of its own."""
    view, recorded = set(labels), sorted({int(label) for label in activation["label"]})
    out = {}
    for label in sorted(view - set(recorded)):
        keys = single_keys(structure_of(label).key)
        hidden = [r for r in recorded if r not in view and r // 100 == label // 100]
        hidden = [r for r in hidden if is_known(r)]
        parts = [r for r in hidden if single_keys(structure_of(r).key) < keys]
        if parts:
            out[label] = parts
    return out


def _mean_of(activation: pd.DataFrame, parts: Sequence[int], label: int) -> pd.DataFrame:
    """Return the mean curve of some labels as that of another; fewest strides, greatest SD.

    Amplitudes of two references have no mean: of such parts those relative to MVC are taken.
    """
    own = [activation[activation["label"] == part].sort_values("percent") for part in parts]
    to_mvc = [_is_to_mvc(rows) for rows in own]
    if any(to_mvc):
        own = [rows for rows, mvc in zip(own, to_mvc, strict=True) if mvc]
    out = own[0].assign(label=label)
    if "muscle" in out:
        out = out.assign(muscle=structure_of(label).key)
    at = out["percent"]
    for name, joined in (("mean", np.mean), ("sd", np.max), ("n", np.min)):
        out[name] = joined([np.interp(at, rows["percent"], rows[name]) for rows in own], axis=0)
    return out


def _is_to_mvc(rows: pd.DataFrame) -> bool:
    return "unit" in rows and bool(rows["unit"].astype(str).str.contains("MVC").all())


def unit_of(activation: pd.DataFrame | None) -> str:
    """Return the unit of all curves: what they are relative to, each of them where that differs."""
    if activation is None or "unit" not in activation:
        return "%"
    return " or ".join(sorted(set(activation["unit"].dropna().astype(str))))


def peaks(activation: pd.DataFrame) -> pd.DataFrame:
    """Return label, peak (%), peak_percent (place in the cycle), sd and n at the peak."""
    rows = activation.loc[activation.groupby("label")["mean"].idxmax()]
    rows = rows.rename(columns={"mean": "peak", "percent": "peak_percent"})
    return rows[["label", "peak", "peak_percent", "sd", "n"]].reset_index(drop=True)


def peak_per_label(activation: pd.DataFrame) -> dict[int, float]:
    """Return the peak of the mean cycle in percent for each label with a channel."""
    rows = peaks(activation)
    return {int(k): float(v) for k, v in zip(rows["label"], rows["peak"], strict=True)}


def peak_time_per_label(activation: pd.DataFrame) -> dict[int, float]:
    """Return the place of the peak in percent of the gait cycle for each label with a channel."""
    rows = peaks(activation)
    return {int(k): float(v) for k, v in zip(rows["label"], rows["peak_percent"], strict=True)}


def painted_values(activation: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Return the muscle values that are painted, by the name of their layer."""
    return {
        "activation_peak": peak_per_label(activation),
        "activation_peak_time": peak_time_per_label(activation),
    }


def paint(labels: NDArray[np.integer], values: dict[int, float]) -> NDArray[np.float32]:
    """Return an array of the shape of `labels` with each muscle's value, -1 elsewhere."""
    lookup = np.full(max(int(labels.max()), max(values, default=0)) + 1, NOT_MEASURED, np.float32)
    for label, value in values.items():
        lookup[label] = value
    return lookup[labels]


def painted_cycle(
    labels: Image, activation: pd.DataFrame, frames: int = 21, spacing_mm: float = 2.0
) -> Image:
    """Return activation over the gait cycle, painted on the muscles.

    Parameters
    ----------
    labels
        Label map (I, J, K).
    activation
        Mean cycles in percent (see :func:`in_percent`).
    frames
        Number of equidistant points from 0 to 100 % of the cycle.
    spacing_mm
        Finest spacing kept: one value per muscle needs no finer voxels.

    Returns
    -------
    Image
        (I', J', K', frames) float32, percent, -1 where nothing was measured.
    """
    if labels.spacing.min() < spacing_mm:
        grid = regrid(labels, np.maximum(labels.spacing, spacing_mm))
        labels = resample(labels, grid, order=0)
    places = np.linspace(0, 100, frames)
    curves = {}
    for label in activation["label"].unique():
        rows = activation[activation["label"] == label].sort_values("percent")
        curves[int(label)] = np.interp(places, rows["percent"], rows["mean"])
    out = np.empty((*labels.shape, frames), np.float32)
    for frame in range(frames):
        out[..., frame] = paint(labels.data, {k: float(c[frame]) for k, c in curves.items()})
    return labels.with_data(out)
