"""Pure geometry in world millimetres: surfaces, segments that meet them, curves, sheets."""

from imaging.geometry.curves import (
    arc_length,
    curvature,
    fold_angle_deg,
    principal_axis,
    resample_polyline,
)
from imaging.geometry.segments import TriangleIndex, first_hits, inside
from imaging.geometry.sheet import Sheet, sheet_from_mask, sheet_from_mesh
from imaging.geometry.surface import (
    face_normals,
    mask_surface,
    mesh_volume,
    polydata,
    signed_distance,
    vertex_normals,
)

__all__ = [
    "Sheet",
    "TriangleIndex",
    "arc_length",
    "curvature",
    "face_normals",
    "first_hits",
    "fold_angle_deg",
    "inside",
    "mask_surface",
    "mesh_volume",
    "polydata",
    "principal_axis",
    "resample_polyline",
    "sheet_from_mask",
    "sheet_from_mesh",
    "signed_distance",
    "vertex_normals",
]
