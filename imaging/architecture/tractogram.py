"""Fascicles and surfaces in the form of files: TRX bytes, VTK meshes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from imaging.architecture.fascicles import Fascicles
from imaging.geometry import polydata
from imaging.image import Image

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def trx_bytes(fascicles: Fascicles, grid: Image) -> bytes:
    """Return a TRX archive: world mm, figures per fascicle, one group per muscle and side.

    Parameters
    ----------
    fascicles
        World RAS+ mm.
    grid
        Image whose grid the header names.

    References
    ----------
    TRX 0.1, github.com/tee-ar-ex/trx-spec.
    """
    table = fascicles.table
    header = {
        "DIMENSIONS": list(grid.shape),
        "NB_STREAMLINES": len(fascicles),
        "NB_VERTICES": len(fascicles.points),
        "VOXEL_TO_RASMM": grid.affine.tolist(),
    }
    members = {
        "header.json": json.dumps(header, indent=2).encode(),
        "positions.3.float32": fascicles.points.astype("<f4").tobytes(),
        "offsets.uint32": fascicles.offsets.astype("<u4").tobytes(),
    }
    for name in table.select_dtypes("number").columns:
        if name != "fascicle":
            members[f"dps/{name}.float32"] = table[name].to_numpy("<f4").tobytes()
    names = (table["side"] + "_" + table["muscle"]).to_numpy(str)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        members[f"groups/{name}.uint32"] = rows.astype("<u4").tobytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), members[name])
    return buffer.getvalue()


def fascicle_lines(fascicles: Fascicles) -> pv.PolyData:
    """Return VTK polylines with the numbers of the table as cell data."""
    mesh = pv.PolyData()
    counts = np.diff(fascicles.offsets)
    if not len(counts):
        return mesh
    mesh.points = fascicles.points
    cells = np.empty(len(fascicles.points) + len(counts), np.int64)
    heads = fascicles.offsets[:-1] + np.arange(len(counts))
    body = np.ones(len(cells), bool)
    body[heads] = False
    cells[heads], cells[body] = counts, np.arange(len(fascicles.points))
    mesh.lines = cells
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
