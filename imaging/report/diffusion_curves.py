"""Curves and maps over the volumes of the diffusion series: motion, eddy currents, lost slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from imaging.report.picture import svg

_FAR = 8.0  # standard deviations at the ends of the colours
_LEAST = 0.25  # of mm, degrees or percent that an axis spans to each side


def motion_trace(motion: list[list[float]], marked: Sequence[int] = ()) -> str | None:
    """Draw translations (mm) and rotations (degrees) of each volume of the diffusion series.

    Parameters
    ----------
    motion : (N, 6)
        Translation in mm and rotation vector in degrees, world RAS+.
    marked
        Volumes with a tick at the bottom.
    """
    values = np.asarray(motion, dtype=float)
    if values.ndim != 2 or values.shape[1] != 6:
        return None
    figure = Figure(figsize=(10, 2.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _per_volume(left, values[:, :3], ("right", "front", "up"), "translation (mm)")
    _per_volume(right, values[:, 3:], ("about x", "about y", "about z"), "rotation (degrees)")
    # The bounds of an empty curve that is not clipped would leave the axes no room.
    for axes in (left, right) if len(marked) else ():
        axes.plot(marked, [0] * len(marked), "|", color="black", ms=8, clip_on=False,
                  transform=axes.get_xaxis_transform())  # fmt: skip
    return svg(figure)


def eddy_trace(slopes: list[list[float]]) -> str | None:
    """Draw the displacement per mm along each voxel axis (N, 3) of each volume, in percent."""
    values = 100 * np.asarray(slopes, dtype=float)
    if values.ndim != 2 or values.shape[1] != 3:
        return None
    figure = Figure(figsize=(10, 2.2), layout="constrained")
    _per_volume(figure.subplots(), values, ("along i", "along j", "along k"), "displacement (%)")
    return svg(figure)


def _per_volume(axes: Axes, values: NDArray[np.float64], names: Sequence[str], unit: str) -> None:
    """Draw three curves (N, 3) over the volumes, told apart by colour and by stroke."""
    strokes = (("-", "#4477AA"), ("--", "#CC6677"), (":", "#117733"))
    for c, (style, colour) in enumerate(strokes):
        axes.plot(values[:, c], style, color=colour, lw=1, label=names[c])
    # Movement too small to matter must not look large.
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -_LEAST), max(high, _LEAST))
    axes.set_xlabel("volume", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(unit, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, frameon=False, ncols=3)
    axes.spines[["top", "right"]].set_visible(False)


def judged(z: list[list[float]]) -> NDArray[np.bool_]:
    """Return which slices of which volumes (N, K) were judged; z is 0 where not, and by chance.

    Whole slices are left out where they hold too little of the leg, whole volumes where nothing
    else tells what they should be.
    """
    known = np.asarray(z, dtype=float) != 0
    return known.any(axis=0)[None, :] & known.any(axis=1)[:, None]


def lost_slices(z: list[list[float]], found: Sequence[Sequence[float]]) -> str:
    """Draw the misfit of every slice of every volume, those found framed.

    Parameters
    ----------
    z : (N, K)
        Standard deviations of N volumes and K slices, negative for lost signal; 0 not judged.
    found
        Volume, slice and misfit of each slice that got less than half the weight.
    """
    values = np.ma.masked_array(np.asarray(z, dtype=float), ~judged(z)).T
    figure = Figure(figsize=(10, min(1.2 + 0.06 * len(values), 4.5)), layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("#BBBBBB")
    shown = axes.imshow(values, cmap="PuOr", vmin=-_FAR, vmax=_FAR, origin="lower", aspect="auto",
                        interpolation="nearest")  # fmt: skip
    for volume, number, *_ in found:
        axes.add_patch(Rectangle((volume - 0.5, number - 0.5), 1, 1, fill=False, lw=1))
    axes.set_xlabel("volume", fontsize=8)
    axes.set_ylabel("slice", fontsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=7)
    bar = figure.colorbar(shown, ax=axes, extend="both", pad=0.01, aspect=12)
    bar.set_label("misfit (SD)", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return svg(figure)
