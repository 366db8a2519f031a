"""Mean EMG over the gait cycle, muscle by muscle, with bursts stride by stride."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imaging.musclemap.activation import unit_of
from imaging.muscles import is_known, label_of, recorded_of, side_and_key, side_of, single_keys
from imaging.palette import muscle_hex
from imaging.report.picture import svg

_ACROSS = 4


def emg_cycles(curves: pd.DataFrame | None, onsets: Sequence[Mapping[str, Any]]) -> str | None:
    """Draw the mean cycle of each muscle with SD, and its bursts stride by stride as bars.

    A muscle recorded on both sides has left and right next to each other. What is painted on a
    merged label (PL+PB) is the curve of its part that was recorded, and not drawn again.
    """
    if curves is None or curves.empty:
        return None
    labels = {int(v) for v in curves["label"].unique()}
    places = _places({v for v in labels if not _parts(v) & labels})
    down = -(-len(places) // _ACROSS)
    figure = Figure(figsize=(10, 1.75 * down + 0.4), layout="constrained")
    panels = figure.subplots(down, _ACROSS, squeeze=False, sharex=True, sharey=True)
    for axes, label in zip(panels.ravel(), places, strict=False):
        if label is None:
            continue
        rows = curves[curves["label"] == label].sort_values("percent")
        percent, mean, sd = (rows[c].to_numpy(float) for c in ("percent", "mean", "sd"))
        colour = muscle_hex(label)
        axes.fill_between(percent, mean - sd, mean + sd, color=colour, alpha=0.35, lw=0)
        axes.plot(percent, mean, color="black", lw=1)
        n = rows["n"].max()
        strides = "" if pd.isna(n) else f" (n = {int(n)})"
        title = f"{side_and_key(label)}{strides}"
        axes.set_title(title, fontsize=8, loc="left")
        _bars(axes, [row for row in onsets if row["label"] == label and row["stride"] is not None])
        axes.set_xlim(0, 100)
        axes.set_yticks((0, 50, 100))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    filled = [label is not None for label in places]
    filled += [False] * (panels.size - len(filled))
    for k, axes in enumerate(panels.ravel()):
        if not filled[k]:
            axes.axis("off")
        elif not any(filled[k + _ACROSS :: _ACROSS]):
            axes.tick_params(labelbottom=True)  # the last panel of every column
    figure.supxlabel("gait cycle (%), from foot strike to foot strike", fontsize=8)
    figure.supylabel(f"amplitude ({unit_of(curves)})", fontsize=8)
    return svg(figure)


def _parts(label: int) -> set[int]:
    """Return the labels of the muscles that a merged label holds; none of a single muscle."""
    if not is_known(label):
        return set()
    key, side = recorded_of(label).key, side_of(label)
    return {label_of(part, side) for part in single_keys(key) if part != key}


def _places(labels: set[int]) -> list[int | None]:
    """Return labels in the order of their panels: of two sides, left and right in turn."""
    sides = sorted({label // 100 for label in labels})
    wanted = [100 * side + index for index in sorted({v % 100 for v in labels}) for side in sides]
    return [label if label in labels else None for label in wanted]


def _bars(axes: Axes, bursts: Sequence[Mapping[str, Any]]) -> None:
    """Draw each stride's bursts as bars below the curve; one over the strike is cut in two."""
    strides = sorted({int(row["stride"]) for row in bursts})
    bars: list[tuple[float, float, float]] = []
    for row in bursts:
        start, end = row.get("onset_percent"), row.get("offset_percent")
        if start is None or end is None:
            continue
        start, end = start % 100, end % 100
        pieces = [(start, end)] if end >= start else [(start, 100), (0, end)]
        height = -4.0 - 36.0 * (strides.index(int(row["stride"])) + 0.5) / len(strides)
        bars += [(height, a, b) for a, b in pieces]
    if bars:
        heights, starts, ends = zip(*bars, strict=True)
        axes.hlines(heights, starts, ends, colors="#444444", lw=1.2)
