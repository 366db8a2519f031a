"""Muscle synergies: the weights of each muscle, and when each synergy is active."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from imaging.palette import muscle_hex
from imaging.report.picture import svg


def synergy_pictures(table: pd.DataFrame | None) -> str | None:
    """Draw one row per synergy, weights with their 95 % interval beside the activation.

    Parameters
    ----------
    table
        Of one recording; both sides stand beside each other.
    """
    if table is None or not (table["part"] == "weight").any():
        return None
    weights = table[table["part"] == "weight"]
    sides = sorted(weights["side"].unique())
    most = int(weights["synergy"].max())
    figure = Figure(figsize=(5.2 * len(sides), 1.35 * most + 0.5), layout="constrained")
    panels = figure.subplots(most, 2 * len(sides), squeeze=False)
    for column, side in enumerate(sides):
        for k in range(most):
            bars, curve = panels[k, 2 * column], panels[k, 2 * column + 1]
            own = weights[(weights["side"] == side) & (weights["synergy"] == k + 1)]
            if own.empty:
                bars.axis("off")
                curve.axis("off")
                continue
            place = range(len(own))
            value = own["value"].to_numpy(float)
            colours = [muscle_hex(int(v)) for v in own["label"]]
            bars.bar(place, value, color=colours, edgecolor="#333333", lw=0.5)
            away = [value - own["ci_low"].to_numpy(float), own["ci_high"].to_numpy(float) - value]
            bars.errorbar(place, value, yerr=[a.clip(0) for a in away], fmt="none",
                          ecolor="#333333", elinewidth=0.8)  # fmt: skip
            bars.set_xticks(list(place), list(own["muscle"]), fontsize=6, rotation=60)
            bars.set_title(f"{side}, synergy {k + 1}", fontsize=8, loc="left")
            rows = table[(table["part"] == "activation") & (table["side"] == side)
                         & (table["synergy"] == k + 1)].sort_values("percent")  # fmt: skip
            curve.plot(rows["percent"].to_numpy(float), rows["value"].to_numpy(float),
                       color="black", lw=1)  # fmt: skip
            curve.set_xlim(0, 100)
            for axes in (bars, curve):
                axes.set_ylim(bottom=0)
                axes.tick_params(labelsize=6)
                axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[-1, 1::2]:
        axes.set_xlabel("gait cycle (%), own foot", fontsize=7)
    return svg(figure)
