"""How fascicle length and pennation are spread within each muscle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imaging.arrays import FloatArray
from imaging.measures import Measure
from imaging.muscles import NO_NAMES, Names, side_and_key
from imaging.report.picture import svg

_ACROSS = 5
_BINS = 20
# Column of a fascicle to its measure and what the legend calls it.
LENGTH = {"length_mm": ("fascicle_length", "length")}
PENNATION = {
    "pennation_start_deg": ("pennation_start", "distal end"),
    "pennation_end_deg": ("pennation_end", "proximal end"),
}
_COLOURS = ("#4477AA", "#CC6677")


def distributions(
    fascicles: pd.DataFrame | None,
    measures: Sequence[Measure],
    columns: Mapping[str, tuple[str, str]],
    axis: str,
    names: Names = NO_NAMES,
) -> str | None:
    """Draw histograms over the volume of each muscle, with mean and 95 % interval above them.

    Parameters
    ----------
    fascicles
        One row per fascicle: label, weight (mm3 of muscle that it stands for), and the columns.
    measures
        Of the map; the mean and its interval are those of the tables.
    columns
        See `LENGTH` and `PENNATION`.
    axis
        Words below, with the unit.
    names
        Of muscles that the catalogue does not know.
    """
    if fascicles is None:
        return None
    shown = fascicles[fascicles[list(columns)].notna().any(axis=1)]
    if shown.empty:
        return None
    labels = sorted(int(v) for v in shown["label"].unique())
    values = shown[list(columns)].to_numpy(float)
    edges = np.linspace(0, _upper(values[np.isfinite(values)]), _BINS + 1)
    figure, panels = _panels(len(labels))
    found = {(m.label, m.measure): m for m in measures}
    for axes, label in zip(panels, labels, strict=False):
        rows = shown[shown["label"] == label]
        for number, (column, (measure, _)) in enumerate(columns.items()):
            _histogram(axes, rows, column, edges, _COLOURS[number])
            _mean(axes, found.get((label, measure)), 1.06 + 0.08 * number, _COLOURS[number])
        above = 3 + 7 * len(columns)  # points: the marks of means stand between panel and title
        axes.set_title(side_and_key(label, names=names), fontsize=8, loc="left", pad=above)
    figure.supxlabel(axis, fontsize=8)
    figure.supylabel("share of the volume (%)", fontsize=8)
    if len(columns) > 1:
        handles = [
            Line2D([], [], color=colour, lw=1.5, label=word)
            for (_, word), colour in zip(columns.values(), _COLOURS, strict=False)
        ]
        figure.legend(
            handles=handles, fontsize=8, frameon=False, loc="outside upper right", ncols=2
        )
    return svg(figure)


def _upper(values: FloatArray) -> float:
    """Return a round limit above nearly all values; the few beyond it are counted at the end."""
    step = 5.0
    return max(step, float(np.ceil(np.quantile(values, 0.995) / step) * step))


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    across = min(count, _ACROSS)
    down = -(-count // across)
    wide = 2.0 * across if across > 2 else 1.0 + 3.0 * across
    high = 1.7 * down + 0.5 if across > 2 else 2.6
    figure = Figure(figsize=(wide, high), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False, sharex=True)
    panels = list(grid.ravel())
    for axes in panels:
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[count:]:
        axes.axis("off")
    for axes in panels[max(0, count - across) : count]:
        axes.tick_params(labelbottom=True)
    return figure, panels


def shares(values: FloatArray, weights: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the share of all weight in each bin, percent; NaN weighs nothing.

    Parameters
    ----------
    values, weights : (N,) arrays
        Not negative.
    edges : (B + 1,) array
        Ascending from 0; what lies beyond the last one counts in the last bin.

    Examples
    --------
    >>> shares(np.array([1.0, 9, 30, np.nan]), np.array([2.0, 1, 1, 5]), np.array([0.0, 5, 10]))
    array([50., 50.])
    """
    known = np.isfinite(values)
    inside = np.clip(values[known], edges[0], np.nextafter(edges[-1], 0))
    total = float(weights[known].sum())
    found, _ = np.histogram(inside, edges, weights=100 * weights[known] / (total or 1.0))
    return found


def _histogram(axes: Axes, rows: pd.DataFrame, column: str, edges: FloatArray, colour: str) -> None:
    if rows[column].notna().any():
        high = shares(rows[column].to_numpy(float), rows["weight"].to_numpy(float), edges)
        axes.stairs(high, edges, fill=True, color=colour, alpha=0.25)
        axes.stairs(high, edges, color=colour, lw=1)


def _mean(axes: Axes, measure: Measure | None, height: float, colour: str) -> None:
    """Mark mean and interval above the panel; hollow where it is not measured."""
    if measure is None or measure.value is None:
        return
    place = axes.get_xaxis_transform()
    face = colour if measure.status == "measured" else "white"
    axes.plot([measure.value], [height], "o", color=colour, mfc=face, ms=3.5, transform=place,
              clip_on=False, zorder=4)  # fmt: skip
    if measure.ci_low is not None and measure.ci_high is not None:
        axes.plot([measure.ci_low, measure.ci_high], [height] * 2, color=colour, lw=1.5,
                  transform=place, clip_on=False)  # fmt: skip
