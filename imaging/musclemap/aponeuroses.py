"""Internal aponeuroses of the map: surfaces with the cell arrays ``label`` and ``found``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvista as pv

from imaging.errors import InputError
from imaging.image import Image
from imaging.musclemap.meshes import read_triangles, triangles

# A sheet may stick out of the labels by so much, as tendons do.
_MARGIN_MM = 20.0
_REMAKE = "Run `pennate fibres` again"


def read_aponeuroses(path: Path, labels: Image) -> pv.PolyData | None:
    """Read the internal aponeuroses of the fibre stage, None where there are none.

    Parameters
    ----------
    path
        ``_aponeuroses.vtp``, world RAS+ mm.
    labels : Image
        Label map of the same leg.

    Returns
    -------
    PolyData or None
        Triangles with the cell arrays `label` and `found` (1: found from the data, 0: given).

    Raises
    ------
    InputError
        The arrays are missing, a point is not a number, a label is not in the label map, or a
        sheet lies away from its muscle, as after a flip of axes.
    """
    mesh = read_triangles(path, ("label", "found"), _REMAKE)
    if mesh.n_cells == 0:
        return None
    points, faces = np.asarray(mesh.points, float), np.asarray(mesh.regular_faces)
    owner = np.asarray(mesh.cell_data["label"]).astype(int)
    for label in np.unique(owner):
        where = np.argwhere(labels.data == label)
        if not len(where):
            why = f"belongs to label {label}, which is not in the label map"
            raise InputError(why, path, _REMAKE)
        low, high = _corners(labels, where)
        sheet = points[faces[owner == label]].reshape(-1, 3)
        if (sheet < low - _MARGIN_MM).any() or (sheet > high + _MARGIN_MM).any():
            why = f"lies away from label {label}: it is not in the world of the label map"
            raise InputError(why, path, _REMAKE)
    out = triangles(points, faces)
    out.cell_data["label"] = owner.astype(np.int32)
    out.cell_data["found"] = (np.asarray(mesh.cell_data["found"]) > 0).astype(np.uint8)
    return out


def _corners(labels: Image, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest world coordinates (3,) of voxels (N, 3)."""
    world = labels.to_world(where)
    return world.min(axis=0), world.max(axis=0)
