"""Picture of stiffness by ultrasound over the angle of a joint, or over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imaging.report.picture import svg_bytes

_ACROSS = 3
_COLOUR, _BOUND = "#0072B2", "#D55E00"  # told apart by everyone (Okabe and Ito)
_WORDS = {"angle_deg": "angle (°)", "time_s": "time (s)"}


def curves(frames: pd.DataFrame, lines: pd.DataFrame) -> bytes:
    """Draw the median of every frame with its quartiles, one panel per recording and muscle.

    Parameters
    ----------
    frames, lines
        See :mod:`imaging.ultrasound.series_tables`. Full discs are measured, hollow triangles only
        bounds; the line is drawn where it has a slope.

    Returns
    -------
    bytes
        SVG; empty without lines.
    """
    if lines.empty:
        return b""
    down, across = -(-len(lines) // _ACROSS), min(len(lines), _ACROSS)
    figure = Figure(figsize=(3.4 * across, 2.6 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (_, one) in zip(panels, lines.iterrows(), strict=False):
        own = frames[(frames["series"] == one["series"]) & (frames["label"] == one["label"])]
        _panel(axes, own[own["median_pa"].notna() & own[str(one["against"])].notna()], one)
    for axes in panels[len(lines) :]:
        axes.axis("off")
    figure.supylabel("ρc² (kPa), median and quartiles", fontsize=8)
    return svg_bytes(figure)


def _panel(axes: Axes, own: pd.DataFrame, one: pd.Series) -> None:
    x, y = own[str(one["against"])].to_numpy(float), own["median_pa"].to_numpy(float) / 1e3
    low, high = (own[name].to_numpy(float) / 1e3 for name in ("q1_pa", "q3_pa"))
    axes.vlines(x, low, high, color=_COLOUR, lw=0.8, alpha=0.4)
    measured = (own["status"] == "measured").to_numpy()
    axes.plot(x[measured], y[measured], "o", color=_COLOUR, ms=3)
    axes.plot(x[~measured], y[~measured], "^", color=_BOUND, mfc="white", ms=5)
    if np.isfinite(one["slope"]):
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, y.mean() + (ends - x.mean()) * one["slope"] / 1e3, "k-", lw=1)
    axes.set_title(f"{one['muscle']}, {one['series']}", fontsize=7, loc="left")
    axes.set_xlabel(_WORDS[str(one["against"])], fontsize=8)
    axes.tick_params(labelsize=7)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
