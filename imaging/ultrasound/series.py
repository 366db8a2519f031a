"""Stiffness of every frame, and how it changes with time or with the angle of a joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from imaging.arrays import FloatArray, LabelArray
from imaging.measures import Status
from imaging.ultrasound.colour_box import BoxCells, shares_of
from imaging.ultrasound.figures import Figure, figure
from imaging.ultrasound.muscles import belongs
from imaging.ultrasound.samples import FramePlane, Samples

#: A line needs this many frames that count as independent.
LEAST_FRAMES = 6
#: Frames whose middles lie further apart, in mm, do not show one place.
SAME_PLACE_MM = 3.0
# Curvature is named where a parabola explains as clearly more.
_CURVED_P = 0.001
_EXACT = 1e-5


@dataclass(frozen=True)
class FrameFigure:
    """The figure of one region in one frame.

    Attributes
    ----------
    frame, label : int
    figure : Figure
        In Pa.
    void, saturated : float
        Shares of pixels; nan where there are none.
    """

    frame: int
    label: int
    figure: Figure
    void: float
    saturated: float


@dataclass(frozen=True)
class Line:
    """A straight line through figures of frames.

    Attributes
    ----------
    slope, low, high : float or None
        With its 95 % interval; None where it would not be honest.
    n : int
        Frames.
    independent : float
        What they count for, since neighbours are alike.
    status : str
    note : str
        Why there is none, or what it rests on.
    """

    slope: float | None
    low: float | None
    high: float | None
    n: int
    independent: float
    status: Status
    note: str


def frame_figures(
    samples: Samples,
    owner: LabelArray,
    boxes: BoxCells,
    box_owner: LabelArray,
    wanted: Sequence[int],
) -> list[FrameFigure]:
    """Return the figure of every region in every frame whose colour box crosses it.

    Parameters
    ----------
    samples, owner
        With the label of each.
    boxes, box_owner
        Every cell of the colour boxes, likewise.
    wanted
        Labels; 0 means all.
    """
    out = []
    for number in np.unique(boxes.frame):
        here, there = samples.frame == number, boxes.frame == number
        for label in wanted:
            shares = shares_of(boxes, there & belongs(box_owner, label))
            if shares.pixels:
                values = samples.shear_pa[here & belongs(owner, label)]
                found = figure(values, shares)
                out.append(FrameFigure(int(number), label, found, shares.void, shares.saturated))
    return out


def moved_mm(planes: Sequence[FramePlane], pixels: Sequence[tuple[float, float]]) -> float:
    """Return the largest distance between the places of a pixel of each of several frames, mm."""
    points = [np.array([x, y, 0.0, 1.0]) for x, y in pixels]
    places = np.array([(p.matrix @ x)[:3] for p, x in zip(planes, points, strict=True)])
    return max(float(np.linalg.norm(places - one, axis=1).max()) for one in places)


def line(x: FloatArray, figures: Sequence[Figure], moved: float) -> Line:
    """Fit a line to the figures of frames, in the order in which they were taken.

    Neighbouring frames are alike: residuals of a first-order autoregression count for
    ``n (1 - r) / (1 + r)`` independent ones, by which the error and the degrees of freedom are
    adjusted (Santer et al. 2000, J Geophys Res 105:7337-7356).

    Parameters
    ----------
    x : (N,) array
        Time in s or angle in degrees; nan where it is not known.
    figures
        Of the same frames.
    moved
        How far apart the frames lie, mm.

    Returns
    -------
    Line
        ``not_measured`` where frames show several places, medians are only bounds, or too few
        frames count as independent.
    """
    good = np.array([f.value is not None for f in figures], bool) & np.isfinite(x)
    bounds = sum(f.status == "extrapolated" for f in figures)
    n = int(good.sum())
    if moved > SAME_PLACE_MM:
        return _no_line(n, f"the frames lie up to {moved:.1f} mm apart, so they show other places")
    if bounds:
        return _no_line(n, f"the median of {bounds} frame(s) is only a bound: widen the scale")
    if n < LEAST_FRAMES:
        return _no_line(n, f"{n} frames have a figure, fewer than {LEAST_FRAMES}")
    at, y = x[good], np.array([f.value for f in figures], dtype=float)[good]
    if not np.ptp(at) > 0:
        return _no_line(n, "all frames were taken at one and the same value")
    fit = stats.linregress(at, y)
    rest = y - (fit.intercept + fit.slope * at)
    # A line that holds to the last digits leaves nothing to tell neighbours by.
    exact = float(np.abs(rest).max()) <= _EXACT * float(np.abs(y).max())
    independent = float(n) if exact else _independent(rest)
    if independent < LEAST_FRAMES:
        return _no_line(n, f"the {n} frames count for only {independent:.1f} independent ones: a "
                        "line does not describe them", independent)  # fmt: skip
    spread = float(np.sqrt((rest**2).sum() / (independent - 2) / ((at - at.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.975, independent - 2)) * spread
    slope = float(fit.slope)
    note = f"mean slope from {at.min():.4g} to {at.max():.4g}"
    if not exact and _is_curved(at, rest):
        note += "; the change is no straight line: see the table of frames"
    return Line(slope, slope - half, slope + half, n, independent, "measured", note)


def _no_line(n: int, why: str, independent: float = float("nan")) -> Line:
    return Line(None, None, None, n, independent, "not_measured", why)


def _independent(rest: FloatArray) -> float:
    """Return how many independent ones residuals (N,) of a line count for."""
    n, power = len(rest), float((rest**2).sum())
    r = float((rest[1:] * rest[:-1]).sum()) / power
    # Residuals of a fit are a little less alike than the errors.
    r = float(np.clip(r + (1 + 4 * r) / n, 0, 0.999))
    return n * (1 - r) / (1 + r)


def _is_curved(at: FloatArray, rest: FloatArray) -> bool:
    """Tell whether a parabola explains residuals of a line clearly better."""
    centred = (at - at.mean()) / np.ptp(at)
    base = np.column_stack([np.ones_like(at), centred, centred**2])
    after = rest - base @ np.linalg.lstsq(base, rest, rcond=None)[0]
    before, left = float((rest**2).sum()), float((after**2).sum())
    if left <= 1e-12 * before:
        return True
    free = max(_independent(after) - 3, 1)
    return float(stats.f.sf((before - left) / (left / free), 1, free)) < _CURVED_P
