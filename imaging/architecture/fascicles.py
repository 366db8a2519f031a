"""Fascicles: their curves and one row of measures each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imaging.architecture.ends import end_tangents, pennation_deg
from imaging.architecture.packed import lengths, mean_along, mean_curvature_per_m, resample
from imaging.architecture.tracking import MET_SURFACE, STOPS, Streamlines
from imaging.geometry import fold_angle_deg
from imaging.image import apply_affine
from imaging.muscles import is_known, side_of, structure_of

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

_POINT_MM, _CURVATURE_MM = 1.0, 3.0
_MOSTLY_EXTRAPOLATED = 0.5

COLUMNS = (
    "fascicle", "label", "muscle", "side", "length_mm", "pennation_start_deg",
    "pennation_end_deg", "pennation_line_deg", "curvature_per_m", "extrapolated_fraction",
    "weight", "n_points", "start_x", "start_y", "start_z", "end_x", "end_y", "end_z", "status",
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
    """

    points: FloatArray
    offsets: IntArray
    table: pd.DataFrame

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
    return f"{side_of(label)} {structure_of(label).key}" if is_known(label) else "unknown"


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
    normals: FloatArray,
    axis: FloatArray,
    support: tuple[NDArray[np.bool_], FloatArray],
    seed_spacing_mm: float,
) -> Fascicles:
    """Return the chosen streamlines as fascicles with their measures.

    Parameters
    ----------
    label
        Label of the muscle.
    lines, kept
        Streamlines, and the numbers of those that are fascicles.
    normals : (M, 3) array
        Unit normal of every face that a fascicle may end on.
    axis : (3,) array
        Line of action.
    support
        Voxels (I, J, K) with data in the muscle, and their affine.
    seed_spacing_mm
        Distance between seeds.
    """
    length = lengths(lines.points, lines.offsets)[kept]
    tangents = end_tangents(lines.points, lines.offsets)[kept]
    pennation = pennation_deg(tangents, normals[lines.face[kept]])
    fine, offsets = _take(lines, kept, length, _POINT_MM)
    coarse = _take(lines, kept, length, _CURVATURE_MM)
    first, last = fine[offsets[:-1]], fine[offsets[1:] - 1]
    extrapolated = 1.0 - mean_along(_supported(fine, *support), offsets)
    columns = {
        "fascicle": np.arange(len(kept), dtype=np.int32),
        "label": np.full(len(kept), label, np.int16),
        "muscle": name_of(label).split()[-1],
        "side": side_of(label),
        "length_mm": length,
        "pennation_start_deg": pennation[:, 0],
        "pennation_end_deg": pennation[:, 1],
        "pennation_line_deg": fold_angle_deg((last - first).astype(float), axis),
        "curvature_per_m": mean_curvature_per_m(*coarse),
        "extrapolated_fraction": extrapolated,
        "weight": _volumes(lines.seed, kept, seed_spacing_mm),
        "n_points": np.diff(offsets).astype(np.int32),
        **{f"start_{a}": first[:, k] for k, a in enumerate("xyz")},
        **{f"end_{a}": last[:, k] for k, a in enumerate("xyz")},
        "status": np.where(extrapolated > _MOSTLY_EXTRAPOLATED, "extrapolated", "measured"),
    }
    table = pd.DataFrame(columns)[list(COLUMNS)]
    floats = table.select_dtypes("float").columns
    table[floats] = table[floats].astype(np.float32)
    return Fascicles(fine, offsets, table)


def _take(
    lines: Streamlines, kept: IntArray, length: FloatArray, spacing: float
) -> tuple[FloatArray, IntArray]:
    counts = np.diff(lines.offsets)
    of_line = np.repeat(np.arange(len(lines)), counts)
    chosen = np.zeros(len(lines), bool)
    chosen[kept] = True
    offsets = np.concatenate([[0], np.cumsum(counts[kept])])
    return resample(lines.points[chosen[of_line]], offsets, length, spacing)


def _supported(points: FloatArray, support: NDArray[np.bool_], affine: FloatArray) -> FloatArray:
    voxels = np.rint(apply_affine(np.linalg.inv(affine), points)).astype(int)
    known = np.all((voxels >= 0) & (voxels < support.shape), axis=1)
    voxels[~known] = 0
    return (support[tuple(voxels.T)] & known).astype(float)


def _volumes(seeds: FloatArray, kept: IntArray, spacing_mm: float) -> FloatArray:
    """Return the volume (mm3) each fascicle stands for; lost seeds give theirs to the nearest."""
    volume = np.full(len(kept), spacing_mm**3)
    lost = np.setdiff1d(np.arange(len(seeds)), kept)
    if len(kept) and len(lost):
        distance, nearest = cKDTree(seeds[kept]).query(seeds[lost])
        near = distance <= 2.0 * spacing_mm
        np.add.at(volume, nearest[near], spacing_mm**3)
    return volume
