"""Fascicles and surfaces in the form of files: TRX bytes, VTK meshes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from imaging.architecture.fascicles import Fascicles
from imaging.arrays import FloatArray, IntArray
from imaging.formats import trx
from imaging.formats.polydata import lines_mesh
from imaging.geometry import polydata
from imaging.image import Image
from imaging.muscles import ANONYMOUS


def trx_bytes(fascicles: Fascicles, grid: Image) -> bytes:
    """Return a TRX archive: world mm, figures per fascicle, one group per muscle and side.

    Parameters
    ----------
    fascicles
        World RAS+ mm.
    grid
        Image whose grid the header names.
    """
    table = fascicles.table
    figures = figures_per_fascicle(fascicles)
    known = table["label"] < ANONYMOUS
    sides = (table["side"] + "_").where(known, "")
    names = (sides + table["muscle"]).to_numpy(str)
    groups = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
    return trx.archive(fascicles.points, fascicles.offsets, figures, groups, grid)


def figures_per_fascicle(fascicles: Fascicles) -> dict[str, NDArray[Any]]:
    """Return the numbers (F,) of the table by their name."""
    table = fascicles.table
    names = [n for n in table.select_dtypes("number").columns if n != "fascicle"]
    return {str(name): table[name].to_numpy() for name in names}


def fascicle_lines(fascicles: Fascicles) -> pv.PolyData:
    """Return VTK polylines with the numbers of the table as cell data."""
    mesh = lines_mesh(fascicles.points, fascicles.offsets)
    if not len(fascicles):
        return mesh
    for name in fascicles.table.select_dtypes("number").columns:
        mesh.cell_data[name] = fascicles.table[name].to_numpy()
    return mesh


def labelled_surface(
    meshes: Sequence[tuple[int, FloatArray, IntArray]],
) -> pv.PolyData:
    """Return meshes (label, points, faces) as one VTK surface with the cell array ``label``."""
    points, faces, labels, count = [], [], [], 0
    for label, p, f in meshes:
        points.append(p)
        faces.append(f + count)
        labels.append(np.full(len(f), label, np.int16))
        count += len(p)
    surface = polydata(np.concatenate(points).astype(np.float32), np.concatenate(faces))
    surface.cell_data["label"] = np.concatenate(labels)
    return surface
