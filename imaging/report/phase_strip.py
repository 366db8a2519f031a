"""Muscles in four phases of the gait cycle: strike, mid-stance, push-off, swing.

Each leg is drawn at the phases of its own foot, whose stance was measured in the same recording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from imaging.measures import Measure
from imaging.musclemap.activation import unit_of
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.muscles import side_of, structure_of
from imaging.report.depth_view import DepthView, depth_views
from imaging.report.picture import raster

PHASES = ("strike", "mid-stance", "push-off", "swing")
# Push-off: about where the vertical force has its second peak, in walking.
_PUSH_OFF = 0.8
_PIXEL_MM = 1.0
# Not measured: of no colour of the scales.
_GREY, _BONE = (0.62, 0.62, 0.62), (0.93, 0.90, 0.83)
_SCALES = {"activation": "plasma", "share": "viridis"}
_DARKEST, _TONES = 0.55, 12  # few tones make a small file
_DRAWN = ("muscle", "group", "bone")
_FEWEST_PIXELS = 450  # of a muscle that has room for its key
_CAPTION = (
    "Muscles seen from the front and from the back at the strike of the foot, half and "
    f"{100 * _PUSH_OFF:.0f} % of its stance and half of its swing; percent of that foot's cycle, "
    "toe-off from the recording (mean over strides). Grey: not measured."
)
_TWO_LEGS = (
    "Each leg is at its own phase: two legs in one column are not at one instant, but about half a "
    "cycle apart."
)


def phases(stance_percent: float) -> dict[str, float]:
    """Return the place of each phase in the cycle of one foot, percent.

    Parameters
    ----------
    stance_percent
        From strike to toe-off, percent of the cycle.

    Examples
    --------
    >>> phases(60.0)
    {'strike': 0.0, 'mid-stance': 30.0, 'push-off': 48.0, 'swing': 80.0}
    """
    swing = stance_percent + 0.5 * (100.0 - stance_percent)
    places = (0.0, 0.5 * stance_percent, _PUSH_OFF * stance_percent, swing)
    return dict(zip(PHASES, places, strict=True))


def stances(measures: Sequence[Measure]) -> dict[str, float]:
    """Return the stance of each foot that has one, percent of its cycle."""
    found = {m.measure.removeprefix("stance_"): m.value for m in measures if m.label == 0
             and m.measure in ("stance_left", "stance_right")}  # fmt: skip
    return {side: value for side, value in found.items() if value is not None and 0 < value < 100}


def caption(content: MuscleMap) -> str:
    """Return what is to be seen in the strip."""
    both = {"left", "right"} <= {side_of(v) for v in content.surfaces}
    return f"{_CAPTION} {_TWO_LEGS}" if both else _CAPTION


def why_none(content: MuscleMap) -> str:
    """Return why the phases are not known."""
    notes = [m.note for m in content.measures
             if m.measure in ("stance_left", "stance_right") and m.value is None]  # fmt: skip
    why = next((n for n in notes if n), "no stance, or no EMG, of a leg in view")
    return f"No phases of the gait cycle: {why}."


def front_and_back(content: MuscleMap, side: str) -> list[DepthView]:
    """Return both views of the muscles and bones of one leg."""
    own = {v: m for v, m in content.surfaces.items() if side_of(v) == side}
    drawn = {v: m for v, m in own.items() if structure_of(v).tissue in _DRAWN}
    return depth_views(drawn, _PIXEL_MM)


def phase_strip(
    content: MuscleMap, value: str, views_of: Callable[[str], Sequence[DepthView]]
) -> str | None:
    """Draw both sides of each leg in four phases, coloured by activation or by share of force.

    Parameters
    ----------
    content
        Surfaces, measures, and curves over the cycle.
    value
        ``activation`` or ``share``.
    views_of
        Returns the views of the leg of a side, see :func:`front_and_back`.

    Returns
    -------
    Data address of a PNG, or None where nothing is known of a leg in view.
    """
    curves = _curves(content, value)
    feet = stances(content.measures)
    views: dict[str, Sequence[DepthView]] = {}
    shown: set[int] = set()
    for side in ("right", "left"):
        own = {v for v in content.surfaces if side_of(v) == side and v in curves}
        if side in feet and own:
            views[side] = views_of(side)
            shown |= own
    if not shown:
        return None
    top = max(float(np.nanmax(curves[v][1])) for v in shown)
    return _draw(views, curves, feet, top or 1.0, value, _unit(content, value))


_Curves = Mapping[int, tuple[NDArray[Any], NDArray[Any]]]


def _curves(content: MuscleMap, value: str) -> _Curves:
    """Return percent and value of every muscle that has a curve."""
    table = content.activation if value == "activation" else content.load
    column = "mean" if value == "activation" else "share"
    if table is None:
        return {}
    out = {}
    for label in sorted(int(v) for v in table["label"].unique()):
        rows = table[table["label"] == label].dropna(subset=[column]).sort_values("percent")
        if len(rows):
            out[label] = (rows["percent"].to_numpy(float), rows[column].to_numpy(float))
    return out


def _unit(content: MuscleMap, value: str) -> str:
    if value == "share":
        return "% of the force of the leg's measured muscles"
    return f"EMG ({unit_of(content.activation)})"


def _draw(
    views: Mapping[str, Sequence[DepthView]],
    curves: _Curves,
    feet: Mapping[str, float],
    top: float,
    value: str,
    unit: str,
) -> str:
    scale = ScalarMappable(Normalize(0.0, top), matplotlib.colormaps[_SCALES[value]])
    heights = [max(v.labels.shape[0] for v in views[side]) for side in views]
    wide = 4 * sum(max(pair[k].labels.shape[1] for pair in views.values()) for k in (0, 1))
    inches = 9.2 / max(wide, 1)
    figure = Figure(figsize=(10, inches * sum(heights) + 0.55 * len(heights) + 0.1))
    grid = figure.add_gridspec(
        len(views), 8, left=0.04, right=0.92, top=0.95, bottom=0.01, wspace=0.02, hspace=0.1,
        height_ratios=heights,
    )  # fmt: skip
    for row, (side, pair) in enumerate(views.items()):
        for column, (phase, percent) in enumerate(phases(feet[side]).items()):
            for back, view in enumerate(pair):
                axes = figure.add_subplot(grid[row, 2 * column + back])
                axes.imshow(_coloured(view, curves, percent, scale), interpolation="nearest")
                axes.axis("off")
                if not back:
                    axes.set_title(f"{phase}, {percent:.0f} %", fontsize=8, loc="left")
                if column == 0:
                    _write_keys(axes, view)
        place = grid[row, 0].get_position(figure)
        figure.text(0.012, (place.y0 + place.y1) / 2, f"{side} leg", rotation=90, va="center",
                    fontsize=8)  # fmt: skip
    bar = figure.colorbar(scale, cax=figure.add_axes((0.935, 0.2, 0.012, 0.6)))
    bar.ax.tick_params(labelsize=7)
    bar.set_label(unit, fontsize=7)
    figure.legend(
        handles=[Patch(color=_GREY, label="not measured")], loc="lower right", fontsize=7,
        frameon=False, borderaxespad=0.1, handlelength=1.0,
    )  # fmt: skip
    return raster(figure)


def _coloured(
    view: DepthView, curves: _Curves, percent: float, scale: ScalarMappable
) -> NDArray[np.float64]:
    """Return the picture of a view (H, W, 3) at one place in the cycle."""
    out = np.ones((*view.labels.shape, 3))
    for label in (int(v) for v in np.unique(view.labels) if v):
        colour: Any = _GREY if structure_of(label).is_muscle else _BONE
        if label in curves:
            colour = scale.to_rgba(np.interp([percent], *curves[label]))[0, :3]
        inside = view.labels == label
        light = _DARKEST + (1 - _DARKEST) * np.rint(_TONES * view.shade[inside]) / _TONES
        out[inside] = light[:, None] * np.asarray(colour)
    return out


def _write_keys(axes: Axes, view: DepthView) -> None:
    """Write the key of each muscle where most of it is seen."""
    for label in (int(v) for v in np.unique(view.labels) if v):
        places = np.argwhere(view.labels == label)
        if len(places) < _FEWEST_PIXELS or not structure_of(label).is_muscle:
            continue
        y, x = places[np.argmin(((places - np.median(places, axis=0)) ** 2).sum(axis=1))]
        box = {"facecolor": "white", "alpha": 0.7, "pad": 0.4, "lw": 0}
        axes.text(float(x), float(y), structure_of(label).key, fontsize=5, ha="center",
                  va="center", bbox=box)  # fmt: skip
