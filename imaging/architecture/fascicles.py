"""Fascicles: their curves and one row of measures each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imaging.architecture.curves import PLACES, choose_order, fit_curves
from imaging.architecture.definitions import chord_pennation_deg, cubic_figures
from imaging.architecture.ends import pennation_deg
from imaging.architecture.packed import even_places, lengths, mean_per_curve, resample
from imaging.architecture.tracking import MET_SURFACE, STOPS, Streamlines
from imaging.arrays import FloatArray, IntArray
from imaging.geometry import TriangleIndex, fold_angle_deg
from imaging.image import apply_affine
from imaging.muscles import is_known, side_and_key, side_of

_POINT_MM = 1.0
_MOSTLY_EXTRAPOLATED = 0.5
_NEAR_SPACINGS = 2.0

COLUMNS = (
    "fascicle", "label", "muscle", "side", "length_mm", "pennation_start_deg",
    "pennation_end_deg", "pennation_line_deg", "curvature_per_m", "extrapolated_fraction",
    "weight", "n_points", "start_x", "start_y", "start_z", "end_x", "end_y", "end_z", "status",
    "chord_pennation_start_deg", "chord_pennation_end_deg", "slope_pennation_start_deg",
    "slope_pennation_end_deg", "cubic_length_mm", "cubic_extended_fraction",
)  # fmt: skip


@dataclass(frozen=True)
class Fascicles:
    """Curves and their table, in the same order.

    Attributes
    ----------
    points : (P, 3) float32 array
        All points one fascicle after the other, world RAS+ mm; the first is the distal end.
    offsets : (F + 1,) int64 array
        Where each fascicle begins in `points`.
    table : DataFrame
        ``COLUMNS``; `weight` is the volume (mm3) of muscle that the fascicle stands for.
    order : int
        Of the smooth curves whose slopes and curvature the table holds; 0 for several muscles.
    """

    points: FloatArray
    offsets: IntArray
    table: pd.DataFrame
    order: int = 0

    def __len__(self) -> int:
        return len(self.table)

    def line(self, number: int) -> FloatArray:
        """Return the points (N, 3) of one fascicle."""
        return self.points[self.offsets[number] : self.offsets[number + 1]]


def no_fascicles() -> Fascicles:
    """Return an empty set."""
    words = ("muscle", "side", "status")
    kinds = {name: str if name in words else np.float32 for name in COLUMNS}
    whole = {"fascicle": np.int32, "label": np.int16, "n_points": np.int32}
    table = pd.DataFrame({n: pd.Series(dtype=whole.get(n, kinds[n])) for n in COLUMNS})
    return Fascicles(np.zeros((0, 3), np.float32), np.zeros(1, np.int64), table)


def join(parts: Sequence[Fascicles]) -> Fascicles:
    """Join the fascicles of several muscles and number them through."""
    parts = [p for p in parts if len(p)]
    if not parts:
        return no_fascicles()
    points = np.concatenate([p.points for p in parts])
    counts = np.concatenate([np.diff(p.offsets) for p in parts])
    table = pd.concat([p.table for p in parts], ignore_index=True)
    table["fascicle"] = np.arange(len(table), dtype=np.int32)
    return Fascicles(points, np.concatenate([[0], np.cumsum(counts)]), table)


def name_of(label: int) -> str:
    """Return a short name such as ``left TA``; ``unknown`` outside the catalogue."""
    return side_and_key(label) if is_known(label) else "unknown"


def choose(
    lines: Streamlines, open_faces: NDArray[np.bool_], shortest_mm: float, longest_mm: float
) -> tuple[IntArray, dict[str, int]]:
    """Return which streamlines are fascicles, and for how many which reason speaks against.

    Parameters
    ----------
    lines
        Streamlines.
    open_faces : (M + 1,) bool array
        Faces where the image ends rather than the muscle; the last one stands for no face.
    shortest_mm, longest_mm
        Limits of length.
    """
    length = lengths(lines.points, lines.offsets)
    reached = (lines.stop == MET_SURFACE).all(axis=1)
    cut = reached & open_faces[lines.face].any(axis=1)
    fits = (length >= shortest_mm) & (length <= longest_mm)
    dropped = {why: int((lines.stop == s).any(axis=1).sum()) for s, why in enumerate(STOPS) if s}
    dropped["cut by the image"] = int(cut.sum())
    dropped["length out of limits"] = int((reached & ~cut & ~fits).sum())
    return np.flatnonzero(reached & ~cut & fits), dropped


def describe(
    label: int,
    lines: Streamlines,
    kept: IntArray,
    walls: tuple[TriangleIndex, FloatArray],
    axis: FloatArray,
    support: tuple[NDArray[np.bool_], FloatArray],
    volume_mm3: float,
    order: int | None = None,
) -> Fascicles:
    """Return the chosen streamlines as fascicles with their measures.

    Slopes and curvature are those of a polynomial through the ends of each fascicle; length is
    that of the streamline itself, which the polynomial would not change.

    Parameters
    ----------
    label
        Label of the muscle.
    lines, kept
        Streamlines, and the numbers of those that are fascicles.
    walls
        All that a fascicle may end on, and the unit normal (M, 3) of every triangle.
    axis : (3,) array
        Line of action.
    support
        Voxels (I, J, K) with data in the muscle, and their affine.
    volume_mm3
        Volume of the muscle, through which the seeds are spread evenly.
    order
        Of the polynomials; none: chosen from the fascicles.
    """
    own = figures(label, lines, kept, walls[1], axis, support, volume_mm3, order)
    normals = walls[1][lines.face[kept]]
    columns = own.columns | _as_defined_elsewhere(
        own.points, own.offsets, own.places, walls[0], normals
    )
    made = {name: _single(columns[name]) for name in COLUMNS}
    table = pd.DataFrame(made, pd.RangeIndex(len(kept)))
    return Fascicles(own.points, own.offsets, table, own.order)


def _single(values: Any) -> Any:
    """Return float arrays as float32, all else as it is."""
    floats = isinstance(values, np.ndarray) and values.dtype.kind == "f"
    return values.astype(np.float32) if floats else values


@dataclass(frozen=True)
class Figures:
    """What is told of chosen streamlines, before it is a table.

    Attributes
    ----------
    points, offsets, order
        As of :class:`Fascicles`.
    places : (F, P, 3) array
        The streamlines at even steps of arc length, world mm.
    columns : dict
        ``COLUMNS`` but for the definitions of other tools.
    """

    points: FloatArray
    offsets: IntArray
    order: int
    places: FloatArray
    columns: dict[str, Any]


def figures(
    label: int,
    lines: Streamlines,
    kept: IntArray,
    wall_normals: FloatArray,
    axis: FloatArray,
    support: tuple[NDArray[np.bool_], FloatArray],
    volume_mm3: float,
    order: int | None = None,
) -> Figures:
    """Return the measures of chosen streamlines by this package's own definitions.

    Parameters are those of :func:`describe`; of the walls the normals only.
    """
    points, own = _only(lines, kept)
    length = lengths(points, own)
    fine, offsets = resample(points, own, length, _POINT_MM)
    places = even_places(points, own, length, PLACES)
    order = choose_order(places) if order is None else order
    curves = fit_curves(places, order)
    normals = wall_normals[lines.face[kept]]
    pennation = pennation_deg(curves.end_tangents(), normals)
    first, last = fine[offsets[:-1]], fine[offsets[1:] - 1]
    extrapolated = 1.0 - mean_per_curve(_supported(fine, *support), offsets)
    columns = {
        "fascicle": np.arange(len(kept), dtype=np.int32),
        "label": np.full(len(kept), label, np.int16),
        "muscle": name_of(label).split()[-1],
        "side": side_of(label),
        "length_mm": length,
        "pennation_start_deg": pennation[:, 0],
        "pennation_end_deg": pennation[:, 1],
        "pennation_line_deg": fold_angle_deg((last - first).astype(float), axis),
        "curvature_per_m": curves.curvature_per_m(),
        "extrapolated_fraction": extrapolated,
        "weight": volumes(lines.seed, kept, volume_mm3),
        "n_points": np.diff(offsets).astype(np.int32),
        **{f"start_{a}": first[:, k] for k, a in enumerate("xyz")},
        **{f"end_{a}": last[:, k] for k, a in enumerate("xyz")},
        "status": np.where(extrapolated > _MOSTLY_EXTRAPOLATED, "extrapolated", "measured"),
    }
    return Figures(fine, offsets, order, places, columns)


def chosen_places(lines: Streamlines, kept: IntArray) -> FloatArray:
    """Return chosen streamlines at even steps of arc length, (F, ``PLACES``, 3) world mm."""
    points, own = _only(lines, kept)
    return np.asarray(even_places(points, own, lengths(points, own), PLACES))


def _only(lines: Streamlines, kept: IntArray) -> tuple[FloatArray, IntArray]:
    """Return the points and offsets of some streamlines."""
    counts = np.diff(lines.offsets)
    chosen = np.zeros(len(lines), bool)
    chosen[kept] = True
    offsets = np.concatenate([[0], np.cumsum(counts[kept])])
    return lines.points[np.repeat(chosen, counts)], offsets


def _as_defined_elsewhere(
    fine: FloatArray,
    offsets: IntArray,
    places: FloatArray,
    walls: TriangleIndex,
    normals: FloatArray,
) -> dict[str, FloatArray]:
    """Return the columns that hold the definitions of other tools."""
    chord = chord_pennation_deg(fine, offsets, normals)
    cubic = cubic_figures(places, walls)
    return {
        "chord_pennation_start_deg": chord[0],
        "chord_pennation_end_deg": chord[1],
        "slope_pennation_start_deg": cubic.pennation_deg[:, 0],
        "slope_pennation_end_deg": cubic.pennation_deg[:, 1],
        "cubic_length_mm": cubic.length_mm,
        "cubic_extended_fraction": cubic.extended_fraction,
    }


def _supported(points: FloatArray, support: NDArray[np.bool_], affine: FloatArray) -> FloatArray:
    voxels = np.rint(apply_affine(np.linalg.inv(affine), points)).astype(int)
    known = np.all((voxels >= 0) & (voxels < support.shape), axis=1)
    voxels[~known] = 0
    return (support[tuple(voxels.T)] & known).astype(float)


def volumes(
    seeds: FloatArray, kept: IntArray, volume_mm3: float, spread: FloatArray | None = None
) -> FloatArray:
    """Return the volume (mm3) of muscle that each fascicle stands for.

    Points spread evenly through the muscle share its volume and give it to the nearest seed that
    has a fascicle, unless that is more than two spacings away: lost seeds leave their volume to
    their neighbours, and crowded seeds share what one would have had.

    Parameters
    ----------
    seeds : (F, 3) array
        World mm.
    kept
        Numbers of the seeds that have a fascicle.
    volume_mm3
        Volume of the muscle.
    spread : (S, 3) array or None
        Points spread evenly through the muscle; none: the seeds themselves.
    """
    spread = seeds if spread is None else spread
    if not len(kept) or not len(spread):
        return np.zeros(len(kept))
    each = volume_mm3 / len(spread)
    distance, nearest = cKDTree(seeds[kept]).query(spread)
    near = distance <= _NEAR_SPACINGS * each ** (1 / 3)
    return each * np.bincount(nearest[near], minlength=len(kept))
