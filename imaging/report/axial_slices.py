"""Axial slices of the map's layers, in radiological convention (the right side on the left)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from skimage.measure import find_contours

from imaging.image import Image
from imaging.muscles import NO_NAMES, Names, muscle_labels, structure_of
from imaging.palette import muscle_hex
from imaging.report.limits import window
from imaging.report.picture import raster

_COUNT = 5
_WIDTH = 10.0
_WIDE = 1.7  # two legs side by side: fewer slices, in rows


def chosen_slices(labels: Image, count: int = _COUNT) -> list[int]:
    """Return slice numbers spread over what is not zero, proximal first."""
    used = np.flatnonzero(labels.data.any(axis=(0, 1)))
    places = np.linspace(0.1, 0.9, count) * (used[-1] - used[0]) + used[0]
    return [int(k) for k in np.unique(np.rint(places))[::-1]]


def label_slices(arrays: dict[str, Image], names: Names = NO_NAMES) -> str:
    """Draw labels on the anatomical image, with the key of each muscle written on it.

    `names` are those of muscles that the catalogue does not know.
    """
    anatomy, labels = arrays["anatomy"], arrays["label"]
    figure, panels = _panels(labels)
    limits = _grey(anatomy)
    for k, panel in panels:
        _show(panel, anatomy.data[..., k], labels, cmap="gray", vmin=limits[0], vmax=limits[1])
        plane = labels.data[..., k]
        overlay = np.zeros((*plane.shape, 4), np.float32)
        for label in np.unique(plane[plane > 0]):
            overlay[plane == label] = (*to_rgb(muscle_hex(int(label))), 0.55)
        _show(panel, overlay, labels)
        _write_keys(panel, plane, names)
    return raster(figure, dpi=150)


def contour_slices(arrays: dict[str, Image], layers: dict[str, str]) -> str | None:
    """Draw layers in grey with the outlines of the anatomical labels on them, rows for each.

    Parameters
    ----------
    arrays
        Layers of the map.
    layers
        Name of a layer to the word written on its slices; those that are not there are left out,
        and the last one sets the limits of grey.
    """
    shown = [name for name in layers if name in arrays]
    if not shown:
        return None
    labels = arrays["label"]
    figure, panels = _panels(labels, repeat=len(shown))
    limits = 0.0, 1.3 * window(arrays[shown[-1]].data[_muscles(labels)])[1]
    for number, (k, panel) in enumerate(panels):
        name = shown[number * len(shown) // len(panels)]
        plane = arrays[name].data[..., k]
        _show(panel, plane, labels, cmap="gray", vmin=limits[0], vmax=limits[1])
        _outline(panel, labels.data[..., k], "#FFB000")
        if len(shown) > 1:
            panel.set_title(f"{layers[name]}, {panel.get_title()}", fontsize=8, color="white",
                            pad=2, y=1.0)  # fmt: skip
    return raster(figure)


def scalar_slices(
    arrays: dict[str, Image], name: str, unit: str, *, scale: float = 1.0,
    limits: tuple[float, float] | None = None,
) -> str | None:  # fmt: skip
    """Draw a layer in colour on the anatomical image; what was not measured stays grey."""
    if name not in arrays or not np.isfinite(arrays[name].data).any():
        return None
    labels, values = arrays["label"], arrays[name].data * scale
    inside = np.where(_muscles(labels), values, np.nan)
    low, high = limits or window(inside, 2, 98)
    # A layer may cover a part of the leg only, as elastography does: show that part.
    figure, panels = _panels(labels, bar=True, extent=labels.with_data(np.isfinite(inside)))
    grey = _grey(arrays["anatomy"])
    shown: Any = None
    for k, panel in panels:
        plane = arrays["anatomy"].data[..., k]
        _show(panel, plane, labels, cmap="gray", vmin=grey[0], vmax=grey[1])
        layer = np.ma.masked_invalid(inside[..., k])
        shown = _show(panel, layer, labels, cmap="viridis", vmin=low, vmax=high)
        _outline(panel, labels.data[..., k], "white")
    axes = figure.add_axes((0.945, 0.18, 0.012, 0.64))
    figure.colorbar(shown, cax=axes, extend="both").set_label(unit, fontsize=9)
    axes.tick_params(labelsize=8)
    return raster(figure)


@dataclass(frozen=True)
class Row:
    """A layer among several in one picture: its name, title, unit, factor to it, and limits."""

    name: str
    title: str
    unit: str
    scale: float = 1.0
    limits: tuple[float, float] | None = None


def stacked_slices(arrays: dict[str, Image], rows: list[Row]) -> str | None:
    """Draw layers below each other at the same slices, each with a bar of its own."""
    labels = arrays["label"]
    muscles = _muscles(labels)
    inside = {
        row.name: np.where(muscles, arrays[row.name].data * row.scale, np.nan)
        for row in rows
        if row.name in arrays
    }
    rows = [row for row in rows if row.name in inside and np.isfinite(inside[row.name]).any()]
    if not rows:
        return None
    known = np.any([np.isfinite(inside[row.name]) for row in rows], axis=0)
    figure, panels = _panels(labels, bar=True, extent=labels.with_data(known), repeat=len(rows))
    grey = _grey(arrays["anatomy"])
    per_row = len(panels) // len(rows)
    for number, row in enumerate(rows):
        low, high = row.limits or window(inside[row.name], 2, 98)
        shown: Any = None
        for k, panel in panels[number * per_row : (number + 1) * per_row]:
            plane = arrays["anatomy"].data[..., k]
            _show(panel, plane, labels, cmap="gray", vmin=grey[0], vmax=grey[1])
            layer = np.ma.masked_invalid(inside[row.name][..., k])
            shown = _show(panel, layer, labels, cmap="viridis", vmin=low, vmax=high)
            _outline(panel, labels.data[..., k], "white")
        first = panels[number * per_row][1]
        title = f"{row.title}, {first.get_title()}"
        first.set_title("", y=1.0)
        first.set_title(title, fontsize=8, color="black", pad=2, loc="left", y=1.0)
        place = 1 - (number + 1) / len(rows)
        axes = figure.add_axes((0.938, place + 0.16 / len(rows), 0.012, 0.6 / len(rows)))
        figure.colorbar(shown, cax=axes, extend="both")
        axes.set_title(row.unit, fontsize=8)
        axes.tick_params(labelsize=7)
    return raster(figure, dpi=80)  # many rows, on a page that is sent around


def direction_slices(arrays: dict[str, Image], name: str) -> str | None:
    """Draw directions as colours: red left-right, green front-back, blue up-down."""
    if name not in arrays:
        return None
    labels = arrays["label"]
    figure, panels = _panels(labels)
    grey = _grey(arrays["anatomy"])
    muscles = _muscles(labels)
    for k, panel in panels:
        plane = arrays["anatomy"].data[..., k]
        _show(panel, plane, labels, cmap="gray", vmin=grey[0], vmax=grey[1])
        vectors = arrays[name].data[..., k, :]
        known = np.isfinite(vectors[..., 0]) & muscles[..., k]
        colours = np.zeros((*known.shape, 4), np.float32)
        colours[known, :3] = np.abs(vectors[known]).clip(0, 1)
        colours[known, 3] = 1
        _show(panel, colours, labels)
        _outline(panel, labels.data[..., k], "white")
    return raster(figure)


def _grey(anatomy: Image) -> tuple[float, float]:
    """Return display limits over what is not background, so that fat is not blown out."""
    some = anatomy.data[::2, ::2, ::2]  # an eighth of the voxels has the same percentiles
    values = some[np.isfinite(some)]
    return 0.0, window(values[values > 0.05 * window(values)[1]], 1, 99.5)[1]


def _muscles(labels: Image) -> NDArray[np.bool_]:
    return np.isin(labels.data, muscle_labels(labels.data))


def _panels(
    labels: Image, bar: bool = False, extent: Image | None = None, repeat: int = 1
) -> tuple[Figure, list[tuple[int, Axes]]]:
    """Return a figure and, as often as asked for, an axes per slice with the slice's number."""
    width_mm, height_mm = (np.array(labels.shape) * labels.spacing)[:2]
    wide = width_mm > _WIDE * height_mm
    slices = chosen_slices(extent or labels, 4 if wide else _COUNT)
    columns = min(2, len(slices)) if wide else len(slices)
    rows = -(-len(slices) // columns)
    places = [
        (k, *divmod(number + turn * rows * columns, columns))
        for turn in range(repeat)
        for number, k in enumerate(slices)
    ]
    rows *= repeat
    across = 0.93 if bar else 1.0
    panel = _WIDTH * across / columns
    height = min(panel * height_mm / width_mm, 4.5) + 0.25
    figure = Figure(figsize=(_WIDTH, rows * height), facecolor="black")
    out = []
    for number, (k, row, column) in enumerate(places):
        place = (column * across / columns, 1 - (row + 1) / rows)
        axes = figure.add_axes((*place, across / columns, (1 - 0.22 / height) / rows))
        z = labels.to_world([(n - 1) / 2 for n in labels.shape[:2]] + [k])[2]
        # Neither ticks nor a search for a place of the title, which matplotlib does anew each time.
        axes.set_xticks([])
        axes.set_yticks([])
        title = f"S {z:+.0f} mm".replace("-", "−")
        axes.set_title(title, fontsize=8, color="white", pad=2, y=1.0)
        axes.set_xlim(labels.shape[0] - 0.5, -0.5)  # radiological: the right side on the left
        axes.set_ylim(-0.5, labels.shape[1] - 0.5)
        axes.set_aspect(labels.spacing[1] / labels.spacing[0])
        axes.set_facecolor("black")
        axes.axis("off")
        if number == 0:
            rim = [withStroke(linewidth=2, foreground="black")]
            for x, y, letter in ((0.04, 0.5, "R"), (0.5, 0.96, "A")):
                axes.text(x, y, letter, transform=axes.transAxes, fontsize=9, color="white",
                          ha="center", va="center", path_effects=rim, zorder=5)  # fmt: skip
        out.append((k, axes))
    if bar:
        figure.patch.set_facecolor("white")
        for _, axes in out:
            axes.title.set_color("black")
    return figure, out


def _show(panel: Axes, plane: NDArray[Any], grid: Image, **style: Any) -> Any:
    limits = panel.get_xlim(), panel.get_ylim()
    swapped = np.moveaxis(plane, 0, 1)
    if isinstance(plane, np.ma.MaskedArray):
        swapped = plane.T
    shown = panel.imshow(
        swapped, origin="lower", interpolation="nearest",
        aspect=float(grid.spacing[1] / grid.spacing[0]), **style,
    )  # fmt: skip
    panel.set_xlim(*limits[0])
    panel.set_ylim(*limits[1])
    return shown


def _outline(panel: Axes, plane: NDArray[Any], colour: str) -> None:
    lines = _outlines(plane.tobytes(), plane.shape, plane.dtype.str)
    panel.add_collection(LineCollection(lines, colors=colour, linewidths=0.5), autolim=False)


@lru_cache(maxsize=64)
def _outlines(content: bytes, shape: tuple[int, int], kind: str) -> list[NDArray[np.float64]]:
    """Return the outlines of the muscles of a plane of labels, voxel indices (P, 2) each.

    Several pictures show the same planes.
    """
    plane = np.frombuffer(content, kind).reshape(shape)
    return [line for label in muscle_labels(plane) for line in find_contours(plane == label, 0.5)]


def _write_keys(panel: Axes, plane: NDArray[Any], names: Names) -> None:
    for label in np.unique(plane[plane > 0]):
        s = structure_of(int(label), names)
        where = np.argwhere(plane == label)
        if s.tissue in ("fat", "skin") or len(where) < 12:
            continue
        # The voxel nearest to the centre of the part, so that the key lies inside it.
        place = where[np.argmin(((where - where.mean(axis=0)) ** 2).sum(axis=1))]
        box = {"facecolor": "white", "alpha": 0.6, "pad": 0.4, "lw": 0}
        panel.text(float(place[0]), float(place[1]), s.key, fontsize=5, ha="center",
                   va="center", color="black", bbox=box)  # fmt: skip
