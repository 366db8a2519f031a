"""Picture of the ratios between contexts, and between left and right."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imaging.musclemap.table import title_of
from imaging.report.picture import svg_bytes

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # told apart by everyone (Okabe and Ito)
_ACROSS = 3


def ratios(table: pd.DataFrame) -> bytes:
    """Draw the ratios with their intervals, one panel per measure and kind of comparison.

    Hollow marks have no interval.

    Returns
    -------
    bytes
        SVG; empty where no ratio is known.
    """
    known = table[table["ratio"].notna()]
    panels = list(known.groupby(["compared", "measure"], sort=False))
    if not panels:
        return b""
    down, across = -(-len(panels) // _ACROSS), min(len(panels), _ACROSS)
    most = max(own["muscle"].nunique() for _, own in panels)
    figure = Figure(figsize=(3.6 * across, (1.0 + 0.28 * most) * down), layout="constrained")
    places = figure.subplots(down, across, squeeze=False).ravel()
    for axes, ((kind, measure), own) in zip(places, panels, strict=False):
        _panel(axes, own, str(kind))
        axes.set_title(title_of(str(measure)), fontsize=8, loc="left")
    for axes in places[len(panels) :]:
        axes.axis("off")
    return svg_bytes(figure)


def _panel(axes: Axes, own: pd.DataFrame, kind: str) -> None:
    muscles = list(dict.fromkeys(own["muscle"]))
    column = "b" if kind == "contexts" else "context"
    names = list(dict.fromkeys(own[column]))
    for k, name in enumerate(names):
        part = own[own[column] == name]
        y = np.array([muscles.index(m) for m in part["muscle"]]) + 0.22 * (k - (len(names) - 1) / 2)
        colour = _COLOURS[k % len(_COLOURS)]
        sure = part["ratio_ci_low"].notna().to_numpy()
        axes.hlines(y, part["ratio_ci_low"], part["ratio_ci_high"], color=colour, lw=1.2)
        axes.plot(part["ratio"][sure], y[sure], "o", color=colour, ms=4)
        axes.plot(part["ratio"][~sure], y[~sure], "o", color=colour, mfc="white", ms=4)
        axes.plot([], [], "o-", color=colour, ms=4, label=name)
    axes.axvline(1, color="0.5", lw=0.8)
    axes.set_yticks(range(len(muscles)), muscles, fontsize=7)
    axes.invert_yaxis()
    first = str(own["a"].iloc[0])
    axes.set_xlabel(f"over {first}" if kind == "contexts" else "right over left", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
