"""Pure geometry: surfaces, segments that meet them, curves, sheets.

Points are world RAS+ in millimetres (x to the right, y to the front, z to the head), one a row.
Faces are rows of three point numbers; seen from outside they turn anticlockwise, so that normals
point outwards.
"""

from imaging.geometry.border import border_error_mm, border_wobble_mm
from imaging.geometry.curves import (
    arc_length,
    curvature,
    fold_angle_deg,
    principal_axis,
    resample_polyline,
)
from imaging.geometry.segments import TriangleIndex, first_hits, inside
from imaging.geometry.sheet import AponeurosisSurface, sheet_from_mask, sheet_from_mesh
from imaging.geometry.surface import (
    depth_inside,
    face_normals,
    mask_surface,
    mesh_volume,
    polydata,
    share_surface,
    vertex_normals,
)

__all__ = [
    "AponeurosisSurface",
    "TriangleIndex",
    "arc_length",
    "border_error_mm",
    "border_wobble_mm",
    "curvature",
    "depth_inside",
    "face_normals",
    "first_hits",
    "fold_angle_deg",
    "inside",
    "mask_surface",
    "mesh_volume",
    "polydata",
    "principal_axis",
    "resample_polyline",
    "share_surface",
    "sheet_from_mask",
    "sheet_from_mesh",
    "vertex_normals",
]
