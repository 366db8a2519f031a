"""Pictures of a comparison: every muscle's difference beside the smallest detectable one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from imaging.musclemap.table import title_of
from imaging.musclemap.titles import capital, shown_unit
from imaging.report.comparison.verdict import LARGER
from imaging.report.picture import svg

_ACROSS = 3
_LARGER, _OTHER, _BAND = "#B03060", "#333333", "#C9D6E2"


def differences(table: pd.DataFrame, column: str, axis: str) -> str | None:
    """Draw one panel per measure, one line per muscle; None without a difference.

    Parameters
    ----------
    table
        Of :func:`changes` or :func:`asymmetry`.
    column
        Of the difference.
    axis
        What the axis shows, such as ``after minus before``.
    """
    rows = table[table[column].notna()].copy()
    if rows.empty:
        return None
    if "side" in rows:
        rows["muscle"] = rows["side"].replace("undecided", "") + " " + rows["muscle"]
    measures = list(dict.fromkeys(rows["measure"]))
    muscles = list(dict.fromkeys(rows["muscle"]))
    down = -(-len(measures) // _ACROSS)
    across = min(_ACROSS, len(measures))
    figure = Figure(
        figsize=(3.0 * across + 0.6, (0.19 * len(muscles) + 0.75) * down + 0.3),
        layout="constrained",
    )
    panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for panel, name in zip(panels, measures, strict=False):
        _panel(panel, rows[rows["measure"] == name], muscles, column)
        unit = shown_unit(rows.loc[rows["measure"] == name, "unit"].iloc[0])[0]
        panel.set_title(capital(title_of(name)) + (f" ({unit})" if unit else ""), fontsize=8)
    for panel in panels[len(measures) :]:
        panel.axis("off")
    panels[0].set_yticks(range(len(muscles)), muscles)
    panels[0].set_ylim(len(muscles) - 0.4, -0.6)
    figure.supxlabel(axis, fontsize=8)
    return svg(figure)


def _panel(panel: Axes, rows: pd.DataFrame, muscles: list[str], column: str) -> None:
    factor = shown_unit(rows["unit"].iloc[0])[1]
    place = np.array([muscles.index(m) for m in rows["muscle"]])
    sdc = rows["sdc"].to_numpy(float) * factor
    panel.barh(place, 2 * sdc, left=-sdc, height=0.62, color=_BAND, zorder=0)
    larger = (rows["verdict"] == LARGER).to_numpy()
    values = rows[column].to_numpy(float) * factor
    panel.axvline(0, color="#777777", lw=0.8, zorder=1)
    panel.plot(values[~larger], place[~larger], "o", color=_OTHER, ms=4)
    panel.plot(values[larger], place[larger], "D", color=_LARGER, ms=5)
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.tick_params(axis="both", labelsize=7)
    panel.spines[["top", "right", "left"]].set_visible(False)
