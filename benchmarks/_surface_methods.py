"""Ways from a mask to a surface that ``benchmarks.surfaces`` compares; all keep the volume."""

from __future__ import annotations

import numpy as np
import pyvista as pv
import SimpleITK as sitk
import vtk
from scipy import ndimage
from skimage.measure import marching_cubes

from imaging.geometry import depth_inside, mask_surface, mesh_volume, polydata, share_surface
from imaging.geometry.surface import _keep_volume
from imaging.image import apply_affine, voxel_size

Array = np.ndarray
_MARGIN = 4


def _cropped(mask: Array) -> tuple[Array, Array]:
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    return np.pad(mask[box], _MARGIN), np.array([s.start for s in box]) - _MARGIN


def _closed(corners: Array, faces: Array, mask: Array, affine: Array) -> tuple[Array, Array]:
    """Return points of voxel corners in world mm, with the mask's volume and outward faces."""
    points, faces = apply_affine(affine, corners), faces.astype(np.int64)
    if mesh_volume(points, faces) < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
    target = mask.sum() * abs(np.linalg.det(affine[:3, :3]))
    return _keep_volume(points, faces, target, float(voxel_size(affine).min())), faces


def _of_field(
    field: Array, level: float | None, mask: Array, origin: Array, affine: Array
) -> tuple[Array, Array]:
    """Return a level of a field on voxels, by splines on a grid of 1 to 2 mm."""
    spacing = voxel_size(affine)
    edge = float(np.clip(spacing.min(), 1.0, 2.0))
    zoom = edge / spacing
    shape = np.floor((np.array(field.shape) - 1) / zoom).astype(int) + 1
    fine = ndimage.affine_transform(
        field.astype(np.float32), zoom, output_shape=tuple(shape), order=3, mode="nearest"
    )
    if level is None:  # the one that keeps the volume
        kept = round(mask.sum() * float(np.prod(spacing)) / edge**3)
        level = float(np.partition(fine.ravel(), fine.size - kept)[fine.size - kept])
    corners, faces, _, _ = marching_cubes(fine, level)
    return _closed(corners * zoom + origin, faces, mask, affine)


def distance(mask: Array, affine: Array) -> tuple[Array, Array]:
    """Smoothed signed distance at the level of the volume, then Taubin: ours before."""
    spacing = voxel_size(affine)
    part, origin = _cropped(mask)
    sigma = 0.8 * np.maximum(spacing, np.clip(spacing.min(), 1.0, 2.0)) / spacing
    field = ndimage.gaussian_filter(depth_inside(part, spacing), sigma, mode="nearest")
    points, faces = _of_field(field, None, part, origin, affine)
    smooth = polydata(points, faces).smooth_taubin(
        n_iter=60, pass_band=0.015, normalize_coordinates=True
    )
    back = apply_affine(np.linalg.inv(affine), np.asarray(smooth.points, float))
    return _closed(back, faces, part, affine)


def gaussian(mask: Array, affine: Array) -> tuple[Array, Array]:
    """Half of the mask smoothed by .8 voxel (scipy)."""
    part, origin = _cropped(mask)
    field = ndimage.gaussian_filter(part.astype(np.float32), 0.8)
    return _of_field(field, 0.5, part, origin, affine)


def antialias(mask: Array, affine: Array) -> tuple[Array, Array]:
    """Whitaker's constrained level set (ITK, AntiAliasBinary)."""
    part, origin = _cropped(mask)
    image = sitk.GetImageFromArray(part.astype(np.uint8))
    image.SetSpacing(tuple(float(s) for s in voxel_size(affine)[::-1]))
    field = sitk.AntiAliasBinary(image, maximumRMSError=0.01, numberOfIterations=100)
    return _of_field(sitk.GetArrayFromImage(field), 0.0, part, origin, affine)


def surface_nets(mask: Array, affine: Array) -> tuple[Array, Array]:
    """Constrained surface nets (VTK, SurfaceNets3D, 16 passes)."""
    part, origin = _cropped(mask)
    spacing = voxel_size(affine)
    image = pv.ImageData(dimensions=part.shape, spacing=tuple(spacing))
    image.point_data["label"] = part.astype(np.uint8).ravel(order="F")
    nets = vtk.vtkSurfaceNets3D()
    nets.SetInputData(image)
    nets.SetInputArrayToProcess(0, 0, 0, 0, "label")
    nets.SetValue(0, 1)
    nets.SetOutputMeshTypeToTriangles()
    nets.SetNumberOfIterations(16)
    nets.Update()
    mesh = pv.wrap(nets.GetOutput())
    corners = np.asarray(mesh.points, float) / spacing + origin
    return _closed(corners, mesh.regular_faces, part, affine)


METHODS = {
    "mask": mask_surface,
    "shares": share_surface,
    "distance": distance,
    "gaussian": gaussian,
    "antialias": antialias,
    "nets": surface_nets,
}
