"""Surface meshes as STL, and lighter meshes for the screen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from imaging.export.thinning import coarser, thinned
from imaging.formats import surfaces
from imaging.musclemap.meshes import triangles
from imaging.musclemap.read.muscle_map import MuscleMap

# Between points of a fascicle drawn on a screen; its bends are wider by far.
_SPACING_MM = 2.5


def stl_bytes(mesh: pv.PolyData, name: str) -> bytes:
    """Return a triangle mesh in world RAS+ mm as binary STL, its normals turned outwards.

    See :func:`imaging.formats.surfaces.stl_bytes`.
    """
    return surfaces.stl_bytes(np.asarray(mesh.points), outward(mesh), name)


def outward(mesh: pv.PolyData) -> NDArray[np.int64]:
    """Return the triangles (T, 3) of a closed mesh in the order that makes its volume positive."""
    faces = np.asarray(mesh.regular_faces, np.int64)
    corners = np.asarray(mesh.points, np.float64)[faces]
    corners = corners - corners.reshape(-1, 3).mean(axis=0)
    volume = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    return faces[:, ::-1] if volume < 0 else faces


def lighter(mesh: pv.PolyData, most: int) -> pv.PolyData:
    """Return a mesh of about so many triangles at most (quadric decimation, Garland 1997)."""
    count = mesh.n_cells
    if count <= most:
        return triangles(np.asarray(mesh.points), outward(mesh))
    reduced = mesh.decimate(1.0 - most / count, volume_preservation=True)
    return triangles(np.asarray(reduced.points), outward(reduced))


def for_screen(muscle_map: MuscleMap, *, fascicles: int, most: int = 4000) -> MuscleMap:
    """Return a map light enough to be drawn: fewer triangles, fascicles and points.

    Parameters
    ----------
    muscle_map
        The whole map.
    fascicles
        At most so many in all, the same share of every muscle.
    most
        Triangles of each surface.
    """
    every = muscle_map.fascicles
    return replace(
        muscle_map,
        surfaces={label: lighter(mesh, most) for label, mesh in muscle_map.surfaces.items()},
        aponeuroses={
            label: replace(sheet, mesh=lighter(sheet.mesh, most))
            for label, sheet in muscle_map.aponeuroses.items()
        },
        fascicles=None if every is None else coarser(thinned(every, fascicles), _SPACING_MM),
    )
