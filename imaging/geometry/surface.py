"""Closed, smooth triangle surfaces of masks, in world RAS+ mm.

A voxel mask is a staircase: its faces point along the voxel axes, and an angle measured against
them is worthless. The surface is therefore the staircase under a low-pass along the surface itself
(a windowed sinc). A low-pass through space, as of a distance field, wears away rims and edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy import ndimage, sparse
from skimage.measure import marching_cubes

from imaging.arrays import FloatArray, IntArray
from imaging.errors import LabelError
from imaging.image import apply_affine, voxel_size

_FINEST_MM = 1.0  # finer voxels are joined into blocks up to this edge
_MASK_SINC, _SHARE_SINC = (30, 0.05), (15, 0.2)  # passes, band; shares have no stairs
_LEAST_KEPT = 0.7  # of the volume of a mask; smoothing leaves a muscle all but a few per cent
_HALF = 0.49999  # one half, passed beside the values that are exactly that


def depth_inside(mask: NDArray[np.bool_], spacing: FloatArray) -> FloatArray:
    """Return how deep voxel centres lie inside a mask: the distance to its border.

    Parameters
    ----------
    mask : (I, J, K) bool array
        Inside where true.
    spacing : (3,) array
        mm along the voxel axes.

    Returns
    -------
    (I, J, K) float32 array
        mm to the nearest centre on the other side: positive inside, negative outside.

    Examples
    --------
    >>> mask = np.array([0, 0, 1, 1, 1, 0], bool)[:, None, None]
    >>> depth_inside(mask, np.array([2.0, 1.0, 1.0])).ravel().tolist()
    [-4.0, -2.0, 2.0, 4.0, 2.0, -2.0]
    """
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return (inside - outside).astype(np.float32)


def mask_surface(mask: NDArray[Any], affine: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the closed surface of a mask.

    Marching cubes, a windowed sinc along the surface, and a small shift along the normals to the
    volume of the voxels. How far it lies from the true border is measured by
    ``benchmarks.surfaces`` and stated by :func:`imaging.geometry.border_error_mm`.

    Parameters
    ----------
    mask : (I, J, K) array
        Inside where true.
    affine : (4, 4) array
        Voxels to world mm; mirrored or oblique ones are fine.

    Returns
    -------
    points : (N, 3) float array
        World mm.
    faces : (M, 3) int array
        Corners in the order that makes normals point outwards.

    Raises
    ------
    LabelError
        The mask is empty.

    References
    ----------
    Taubin G, Zhang T, Golub G. Optimal surface smoothing as filter design. ECCV 1996:283-292.

    Examples
    --------
    A box of 8 x 6 x 10 mm keeps its volume and lies where the affine puts it.

    >>> affine = np.diag([-1.0, 1.0, 2.0, 1.0])
    >>> affine[:3, 3] = 100, 0, 0
    >>> points, faces = mask_surface(np.ones((8, 6, 5), bool), affine)
    >>> round(mesh_volume(points, faces))
    480
    >>> points.mean(axis=0).round(1).tolist()
    [96.5, 2.5, 4.0]
    """
    mask = np.asarray(mask, dtype=bool)
    if not mask.any():
        raise LabelError("a mask is empty", None, "Draw it or leave the muscle out")
    points, faces = _half_level(mask.astype(np.float32), affine)
    target = mask.sum() * float(abs(np.linalg.det(affine[:3, :3])))
    smooth = _smooth(points, faces, _MASK_SINC)
    # Smoothing shrinks a few voxels to a point, from which no shift along normals leads back.
    if mesh_volume(smooth, faces) > _LEAST_KEPT * target:
        points = smooth
    most = max(float(voxel_size(affine).min()), _FINEST_MM)
    return _keep_volume(points, faces, target, most), faces


def share_surface(shares: NDArray[Any], affine: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the closed surface where a share or probability is one half.

    Parameters
    ----------
    shares : (I, J, K) array
        0 to 1: the share of each voxel within the muscle (partial volume), or the probability
        that it belongs to it.
    affine : (4, 4) array
        Voxels to world mm; mirrored or oblique ones are fine.

    Returns
    -------
    points : (N, 3) float array
        World mm.
    faces : (M, 3) int array
        Corners in the order that makes normals point outwards.

    Raises
    ------
    LabelError
        Values outside 0 to 1 or not finite, or none of one half or more.

    Examples
    --------
    A slab 6.5 mm thick: the last of its voxels is half full.

    >>> shares = np.zeros((20, 20, 12))
    >>> shares[:, :, 2:8], shares[:, :, 8] = 1.0, 0.5
    >>> points, _ = share_surface(shares, np.eye(4))
    >>> middle = np.abs(points[:, :2] - 9.5).max(axis=1) < 5
    >>> round(float(points[middle, 2].max()), 1), round(float(points[middle, 2].min()), 1)
    (8.0, 1.5)
    """
    shares = np.asarray(shares, dtype=np.float32)
    if not ((shares >= 0.0) & (shares <= 1.0)).all():
        raise LabelError("shares of a muscle lie outside 0 to 1", None, "Give shares, not labels")
    if not (shares > _HALF).any():
        raise LabelError("no share of a muscle reaches one half", None, "Leave the muscle out")
    points, faces = _half_level(shares, affine)
    smooth = _smooth(points, faces, _SHARE_SINC)
    kept = mesh_volume(smooth, faces) / mesh_volume(points, faces)
    return (smooth if kept > _LEAST_KEPT else points), faces


def _half_level(shares: FloatArray, affine: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the triangles where shares are one half, in blocks of at least half a millimetre."""
    box = ndimage.find_objects((shares > _HALF).astype(np.uint8))[0]
    block = np.maximum(np.floor(_FINEST_MM / voxel_size(affine) + 1e-6).astype(int), 1)
    start = np.array([s.start for s in box])
    size = np.array([s.stop for s in box]) - start
    count = -(-size // block) + 2  # one block of nothing on each side closes the surface
    held = _cut(shares, start - block, count * block)
    i, j, k = block
    blocks = held.reshape(count[0], i, count[1], j, count[2], k).mean(axis=(1, 3, 5))
    if not (blocks > _HALF).any():  # a few voxels are less than half of a block
        blocks, block = _cut(shares, start - 1, size + 2), np.ones(3, int)
        first = start - 1.0
    else:
        first = start - block + (block - 1) / 2.0
    corners, faces, _, _ = marching_cubes(blocks, level=_HALF)
    points = apply_affine(affine, corners * block + first)
    faces = np.ascontiguousarray(faces.astype(np.int64))
    if mesh_volume(points, faces) < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
    return points, faces


def _cut(values: FloatArray, start: IntArray, size: IntArray) -> FloatArray:
    """Return the values of a box that may reach beyond the array: 0 there."""
    stop = start + size
    low, high = np.maximum(start, 0), np.minimum(stop, values.shape)
    held = values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return np.pad(held, np.stack([low - start, stop - high], axis=1))


def _smooth(points: FloatArray, faces: IntArray, sinc: tuple[int, float]) -> FloatArray:
    passes, band = sinc
    smooth = polydata(points, faces).smooth_taubin(
        n_iter=passes, pass_band=band, normalize_coordinates=True
    )
    return np.asarray(smooth.points, dtype=float)


def polydata(points: FloatArray, faces: IntArray) -> pv.PolyData:
    """Return a triangle mesh as VTK data.

    Parameters
    ----------
    points : (N, 3) array
        World mm.
    faces : (M, 3) int array
        Triangles.

    Examples
    --------
    >>> polydata(np.eye(3), np.array([[0, 1, 2]])).n_cells
    1
    """
    corners: tuple[Any, Any] = points, faces.astype(np.int64)  # pyvista's stubs are narrower
    return pv.PolyData.from_regular_faces(*corners)


def _keep_volume(points: FloatArray, faces: IntArray, target: float, most: float) -> FloatArray:
    for _ in range(2):
        area = np.linalg.norm(_area_vectors(points, faces), axis=1).sum()
        shift = (target - mesh_volume(points, faces)) / area
        points = points + float(np.clip(shift, -most, most)) * vertex_normals(points, faces)
    return points


def _area_vectors(points: FloatArray, faces: IntArray) -> FloatArray:
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a) / 2.0


def mesh_volume(points: FloatArray, faces: IntArray) -> float:
    """Return the volume that a closed mesh encloses.

    Parameters
    ----------
    points : (N, 3) array
        World mm.
    faces : (M, 3) int array
        Triangles.

    Returns
    -------
    float
        mm3; negative where the faces are inside out.

    Examples
    --------
    >>> corners = np.array([[0.0, 0, 0], [6, 0, 0], [0, 6, 0], [0, 0, 6]])
    >>> faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    >>> round(mesh_volume(corners, faces)), round(mesh_volume(corners, faces[:, ::-1]))
    (36, -36)
    """
    centred = points - points.mean(axis=0)
    a, b, c = (centred[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def face_normals(points: FloatArray, faces: IntArray) -> FloatArray:
    """Return the normal of each face, outward for a surface of :func:`mask_surface`.

    Parameters
    ----------
    points : (N, 3) array
        World mm.
    faces : (M, 3) int array
        Triangles.

    Returns
    -------
    (M, 3) array
        Unit vectors.

    Examples
    --------
    >>> square = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]])
    >>> face_normals(square, np.array([[0, 1, 2]])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    return _unit(_area_vectors(points, faces))


def vertex_normals(points: FloatArray, faces: IntArray, smoothing_mm: float = 0.0) -> FloatArray:
    """Return normals at the vertices: means of their faces, weighted by area.

    Parameters
    ----------
    points : (N, 3) array
        World mm.
    faces : (M, 3) int array
        Triangles.
    smoothing_mm
        Normals are averaged along the surface (never through the muscle to its other side) over
        about this standard deviation.

    Returns
    -------
    (N, 3) array
        Unit vectors.

    Examples
    --------
    Two faces that meet at a right angle along the x axis.

    >>> roof = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, -1], [0, -1, -1]])
    >>> vertex_normals(roof, np.array([[0, 1, 2], [1, 0, 3]]))[0].round(6).tolist()
    [0.0, 0.0, 1.0]
    """
    vectors = _area_vectors(points, faces)
    count = len(points)
    rows, columns = faces.ravel(), np.repeat(np.arange(len(faces)), 3)
    incidence = sparse.csr_matrix((np.ones(rows.size), (rows, columns)), (count, len(faces)))
    normals = _unit(incidence @ vectors)
    if smoothing_mm <= 0:
        return normals
    ring = (incidence @ incidence.T).tocsr()
    ring.data[:] = 1.0
    mean = sparse.diags(1.0 / np.asarray(ring.sum(axis=1)).ravel()) @ ring
    edges = points[faces] - points[np.roll(faces, 1, axis=1)]
    # One pass spreads by (6/7) of a squared edge over two dimensions.
    passes = round(smoothing_mm**2 / (3.0 / 7.0 * float((edges**2).sum(-1).mean())))
    for _ in range(max(passes, 1)):
        normals = mean @ normals
    return _unit(normals)


def _unit(vectors: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
