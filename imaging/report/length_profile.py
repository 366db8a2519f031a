"""How fascicle length changes along each muscle, distal to proximal."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imaging.muscles import is_known, structure_of
from imaging.report.picture import svg

_ACROSS = 5
# Side, marker and colour as on the page of a group.
_SIDES = {
    "left": ("<", "#4477AA", -1.0),
    "right": (">", "#CC6677", 1.0),
    "undecided": ("o", "#555555", 0.0),
}


def length_profile(profile: pd.DataFrame | None) -> str | None:
    """Draw mean and SD of fascicle length in parts of each muscle, one panel per muscle.

    Parameters
    ----------
    profile
        One row per part: label, muscle, side, from_mm, to_mm (distances from the distal end),
        length_mm, length_mm_sd, status.
    """
    if profile is None:
        return None
    known = profile[profile["length_mm"].notna()]
    if known.empty:
        return None
    # Both sides of a muscle share a panel; labels outside the catalogue have one of their own.
    panel_of = {label: structure_of(label).index if is_known(label) else label
                for label in sorted(known["label"].unique())}  # fmt: skip
    names = {
        panel_of[label]: name for label, name in zip(known["label"], known["muscle"], strict=True)
    }
    down = -(-len(names) // _ACROSS)
    across = min(len(names), _ACROSS)
    # One or two panels would be too small for the words beside them.
    wide = 10 if across > 2 else 2.5 + 2 * across
    figure = Figure(figsize=(wide, 1.6 * down + (0.5 if across > 2 else 1.1)), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, key in zip(panels, sorted(names), strict=False):
        rows = known[known["label"].map(panel_of) == key]
        for side, part in rows.groupby("side"):
            _side(axes, part, str(side), profile)
        axes.set_title(names[key], fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.axis("off")
    for axes in panels[max(0, len(names) - across) : len(names)]:
        axes.tick_params(labelbottom=True)
    panels[0].set(xlim=(0, 100), ylim=(0, None), xticks=(0, 50, 100))
    figure.supxlabel("place along the muscle (%), from its distal to its proximal end", fontsize=8)
    figure.supylabel("fascicle length (mm)", fontsize=8)
    _legend(figure, sorted(known["side"].unique()))
    return svg(figure)


def _side(axes: Axes, part: pd.DataFrame, side: str, profile: pd.DataFrame) -> None:
    """Draw the parts of one side; hollow marks are not measured throughout."""
    marker, colour, aside = _SIDES.get(side, _SIDES["undecided"])
    length = profile.loc[profile["label"].isin(part["label"]), "to_mm"].max()
    place = 50.0 * (part["from_mm"] + part["to_mm"]) / length + aside
    axes.errorbar(
        place, part["length_mm"], part["length_mm_sd"], color=colour, lw=1, elinewidth=0.8
    )
    for status, face in ((True, colour), (False, "white")):
        own = (part["status"] == "measured") == status
        axes.plot(place[own], part["length_mm"][own], marker, color=colour, mfc=face, ms=4)


def _legend(figure: Figure, sides: list[str]) -> None:
    styles = [_SIDES.get(side, _SIDES["undecided"]) for side in sides]
    handles = [
        Line2D([], [], marker=marker, color=colour, ms=4, lw=1, label=side)
        for side, (marker, colour, _) in zip(sides, styles, strict=True)
    ]
    figure.legend(handles=handles, fontsize=8, frameon=False, loc="outside upper right", ncols=3)
