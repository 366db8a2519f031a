"""Box plots in SVG that a browser can read: each point has a name, a link and a place in the tab.

Matplotlib's SVG knows no names of points, hence these few shapes by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

from imaging.arrays import FloatArray
from imaging.report.muscle_tables import number

MIN_FOR_BOX = 5
WIDTH = 340.0
_RADIUS, _STRIP, _LINE, _FOOT = 3.0, 46.0, 15.0, 22.0
_LETTERS = 12  # of the name of a visit


@dataclass(frozen=True)
class Point:
    """One value of a strip.

    Attributes
    ----------
    value : float
        In the unit shown.
    name : str
        Told on hover and to screen readers.
    row : int
        Number of the session in the page's tables.
    link : str
        Address of its page, empty without one.
    far : bool
        Whether it is an outlier.
    """

    value: float
    name: str
    row: int
    link: str = ""
    far: bool = False


@dataclass(frozen=True)
class Strip:
    """Points on one line, with their box."""

    title: str
    points: list[Point]


def box_of(values: FloatArray) -> tuple[float, float, float, float, float] | None:
    """Return lower whisker, quartiles and upper whisker (Tukey); None for fewer than five values.

    A whisker ends at the last value within 1.5 interquartile ranges of the box.
    """
    if len(values) < MIN_FOR_BOX:
        return None
    low, middle, high = (float(q) for q in np.percentile(values, [25, 50, 75]))
    reach = 1.5 * (high - low)
    within = values[(values >= low - reach) & (values <= high + reach)]
    return float(within.min()), low, middle, high, float(within.max())


@dataclass(frozen=True)
class _Axis:
    """Values to places along the picture."""

    low: float
    high: float
    left: float

    def place(self, values: FloatArray | Sequence[float]) -> FloatArray:
        """Return places of values, SVG units."""
        share = (np.asarray(values, dtype=float) - self.low) / (self.high - self.low)
        return np.asarray(self.left + (WIDTH - self.left - 10) * share)

    def drawn(self, height: float, unit: str) -> str:
        """Return line, ticks and unit."""
        base = height - _FOOT
        ticks = np.asarray(MaxNLocator(4).tick_values(self.low, self.high), dtype=float)
        ticks = ticks[(ticks >= self.low) & (ticks <= self.high)]
        parts = [f'<path class="axis" d="M{self.left:g} {base:g}H{WIDTH - 10:g}"/>']
        for tick, x in zip(ticks, self.place(ticks), strict=True):
            parts.append(f'<path class="grid" d="M{x:.1f} 0V{base:g}"/>')
            parts.append(f'<text class="tick" x="{x:.1f}" y="{base + 13:g}">{number(tick)}</text>')
        parts.append(f'<text x="0" y="{base + 13:g}">{escape(unit)}</text>')
        return "".join(parts)


def box_plot(
    strips: Sequence[Strip], label: str, unit: str, joined: Iterable[tuple[int, int]] = ()
) -> Markup:
    """Return the SVG of one figure: all points, a strip per visit.

    Parameters
    ----------
    strips
        From top to bottom.
    label
        Name of the figure for screen readers.
    unit
        Written at the axis.
    joined
        Pairs of rows that a line joins: visits of one person.
    """
    axis = _axis(strips, 72.0 if any(s.title for s in strips) else 22.0)
    places: dict[int, tuple[float, float]] = {}
    boxes, points = [], []
    for k, strip in enumerate(strips):
        y = _STRIP * (k + 0.5)
        boxes.append(_box(strip, y, 14, axis))
        title = strip.title
        title = title if len(title) <= _LETTERS else f"{title[: _LETTERS - 1]}…"
        points.append(f'<text x="0" y="{y + 4:g}">{escape(title)}</text>')
        x = axis.place([p.value for p in strip.points])
        for p, px, py in zip(strip.points, x, y + _swarm(x), strict=True):
            places[p.row] = (float(px), float(py))
            points.append(_point(p, px, py))
    lines = [
        f'<path class="visits" d="M{places[a][0]:.1f} {places[a][1]:.1f}'
        f'L{places[b][0]:.1f} {places[b][1]:.1f}"/>'
        for a, b in joined
        if a in places and b in places
    ]
    return _svg(label, _STRIP * len(strips) + _FOOT, axis, unit, [*lines, *points, *boxes])


def muscle_plot(strips: Sequence[Strip], label: str, unit: str) -> Markup:
    """Return the SVG of one measure: a thin line for each muscle.

    Where there is a box only the outliers are drawn beside it, or the page would be too large.
    """
    axis = _axis(strips, 100.0)
    parts = []
    for k, strip in enumerate(strips):
        y = _LINE * (k + 0.5)
        box = _box(strip, y, 5, axis)
        shown = [p for p in strip.points if p.far or not box]
        x = axis.place([p.value for p in shown])
        parts += [box, *(_point(p, px, y) for p, px in zip(shown, x, strict=True))]
        parts.append(f'<text x="0" y="{y + 4:g}">{escape(strip.title)}</text>')
    return _svg(label, _LINE * len(strips) + _FOOT, axis, unit, parts)


def _axis(strips: Sequence[Strip], left: float) -> _Axis:
    """Return the axis that holds all points; a single value lies in the middle."""
    values = [p.value for s in strips for p in s.points]
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return _Axis(low - room, high + room, left)


def _svg(label: str, height: float, axis: _Axis, unit: str, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg class="boxes" viewBox="0 0 {WIDTH:g} {height:g}" role="group" '
        f'aria-label="{escape(label)}">{axis.drawn(height, unit)}{"".join(parts)}</svg>'
    )


def _swarm(x: FloatArray) -> FloatArray:
    """Return by how much each point is moved so that no two cover each other, if there is room."""
    steps = np.array([0, 1, -1, 2, -2, 3, -3]) * 2 * _RADIUS
    taken: list[float] = [-np.inf] * len(steps)
    out = np.zeros(len(x))
    for k in np.argsort(x, kind="stable"):
        free = [n for n, last in enumerate(taken) if x[k] - last >= 2 * _RADIUS]
        # Where every line is full the one that ended first is the least covered.
        n = free[0] if free else int(np.argmin(taken))
        taken[n] = float(x[k])
        out[k] = steps[n]
    return out


def _box(strip: Strip, y: float, half: float, axis: _Axis) -> str:
    found = box_of(np.array([p.value for p in strip.points]))
    if found is None:
        return ""
    a, b, m, c, d = axis.place(found)
    return (
        f'<path class="whisker" d="M{a:.1f} {y:g}H{b:.1f}M{c:.1f} {y:g}H{d:.1f}"/>'
        f'<rect class="box" x="{b:.1f}" y="{y - half:g}" width="{max(c - b, 0.5):.1f}" '
        f'height="{2 * half:g}"/><path class="median" d="M{m:.1f} {y - half:g}v{2 * half:g}"/>'
    )


def _point(p: Point, x: float, y: float) -> str:
    shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:g}"/>'
    if p.far:  # a shape of its own: colour must not be the only sign
        shape = f'<path d="M{x:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5 -4.5z"/>'
    inside = f"<title>{escape(p.name)}</title>{shape}"
    kind = "p far" if p.far else "p"
    if p.link:
        return f'<a class="{kind}" data-row="{p.row}" href="{escape(p.link)}">{inside}</a>'
    spoken = f'role="img" aria-label="{escape(p.name)}"'
    return f'<g class="{kind}" data-row="{p.row}" {spoken}>{inside}</g>'
