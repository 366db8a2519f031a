"""Meshes of the map: surfaces and aponeuroses by muscle, fascicles with their figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
from numpy.typing import NDArray

from imaging.musclemap.meshes import labels_of_cells, read_lines, read_triangles, triangles
from imaging.musclemap.read.files import REMAKE
from imaging.musclemap.vtk_files import fascicles_of

# Cell arrays of the fascicles that are names of things, not measures of them.
_NOT_MEASURES = ("label", "fascicle", "weight", "n_points")


@dataclass(frozen=True)
class MapFascicles:
    """Polylines one after another, and one row of figures for each.

    Attributes
    ----------
    points : (N, 3) float32 array
        World RAS+ mm.
    offsets : (F + 1,) int64 array
        Fascicle f is ``points[offsets[f]:offsets[f + 1]]``.
    data : DataFrame
        F rows; `label` and every numeric figure, NaN where not measured.
    """

    points: NDArray[np.float32]
    offsets: NDArray[np.int64]
    data: pd.DataFrame

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def labels(self) -> NDArray[np.int64]:
        """Muscle label of every fascicle, shape (F,)."""
        return self.data["label"].to_numpy(np.int64)

    @property
    def measures(self) -> list[str]:
        """Names of the figures that are measures, in the order of the table."""
        names = [str(c) for c in self.data.columns if not str(c).endswith(("_x", "_y", "_z"))]
        return [c for c in names if c not in _NOT_MEASURES and self.data[c].notna().any()]

    def take(self, rows: NDArray[np.integer[Any]]) -> MapFascicles:
        """Return the fascicles of some rows, in their order."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        index = np.repeat(self.offsets[:-1][rows], lengths) + within
        return MapFascicles(
            self.points[index], offsets, self.data.iloc[rows].reset_index(drop=True)
        )

    def by_label(self) -> Iterator[tuple[int, MapFascicles]]:
        """Yield the fascicles of each muscle, labels ascending."""
        for label in np.unique(self.labels):
            yield int(label), self.take(np.flatnonzero(self.labels == label))


@dataclass(frozen=True)
class MapSheet:
    """Internal aponeurosis of one muscle.

    Attributes
    ----------
    mesh : PolyData
        Triangles, world RAS+ mm.
    found : bool
        Found from the data, not given.
    """

    mesh: pv.PolyData
    found: bool


def read_surfaces(path: Path) -> dict[int, pv.PolyData]:
    """Read one triangle mesh per label, world RAS+ mm.

    Raises
    ------
    MissingFileError, InputError
        See :func:`imaging.musclemap.meshes.read_triangles`.
    """
    return _split(read_triangles(path, ["label"], REMAKE))


def read_sheets(path: Path) -> dict[int, MapSheet]:
    """Read the internal aponeurosis of each label; raises as :func:`read_surfaces`."""
    mesh = read_triangles(path, ["label", "found"], REMAKE)
    labels, found = labels_of_cells(mesh), np.asarray(mesh.cell_data["found"]) > 0
    return {
        label: MapSheet(part, bool(found[labels == label].any()))
        for label, part in _split(mesh).items()
    }


def _split(mesh: pv.PolyData) -> dict[int, pv.PolyData]:
    labels = labels_of_cells(mesh)
    faces = np.asarray(mesh.regular_faces) if mesh.n_cells else np.empty((0, 3), int)
    split = {}
    for label in np.unique(labels):
        used, local = np.unique(faces[labels == label], return_inverse=True)
        split[int(label)] = triangles(np.asarray(mesh.points)[used], local.reshape(-1, 3))
    return split


def read_fascicles(path: Path, rows: Path) -> MapFascicles | None:
    """Read the fascicles with every figure of them; None where there is not one.

    Raises
    ------
    MissingFileError, InputError
        See :func:`imaging.musclemap.meshes.read_lines`.
    """
    mesh = read_lines(path, rows, [], REMAKE)
    if mesh.n_lines == 0:
        return None
    points, offsets = fascicles_of(mesh)
    numeric = {
        str(name): np.asarray(values)
        for name, values in mesh.cell_data.items()
        if np.asarray(values).ndim == 1 and np.asarray(values).dtype.kind in "iuf"
    }
    return MapFascicles(points.astype(np.float32), offsets.astype(np.int64), pd.DataFrame(numeric))
