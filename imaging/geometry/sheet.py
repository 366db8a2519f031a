"""Sheets inside a muscle, internal aponeuroses, in world mm: a mesh, its sides, its body.

A sheet drawn with thickness ends fascicles on its surface. One drawn as thin as its voxels allow
tells where it lies but not how thick it is, and ends them on its middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.arrays import BoolArray, FloatArray, IntArray
from imaging.errors import LabelError
from imaging.geometry.segments import TriangleIndex, inside
from imaging.geometry.sheet_columns import Columns, closed_surface, columns, grid_faces
from imaging.geometry.sheet_mesh import is_closed, is_two_sided, without_holes
from imaging.geometry.sheet_plane import Height, Plane, bin_means, height_over
from imaging.geometry.surface import mesh_volume
from imaging.image import apply_affine, voxel_size

_FEWEST_VOXELS = 12
# Thickness where it is thick, in those of the thinnest drawing: up to the first it is that of the
# pencil, from the second on that of the sheet.
_THIN, _THICK = 1.7, 1.9
_WHERE_THICK = 95.0  # percentile over the sheet
_AVERAGED_VOXELS, _JUDGED_VOXELS = 1.5, 5.0  # along voxels a thin line is one or two of them wide
_ASIDE_MM = np.array(
    [1.3e-5, 1.7e-5, 0.0]
)  # a ray through an edge may count it twice or not at all
_COLUMN_MM, _PROBE_MM = 0.75, 0.25  # through a closed mesh


@dataclass(frozen=True)
class AponeurosisSurface:
    """An internal aponeurosis as a height over its own principal plane.

    Attributes
    ----------
    points : (N, 3) float array
        World mm.
    faces : (M, 3) int array
        Triangles on which fascicles end: its closed surface where it has a thickness, else its
        middle.
    closed : bool
        Whether the triangles enclose a body.
    """

    points: FloatArray
    faces: IntArray
    closed: bool
    _frame: Plane
    _height: Height
    _footprint: cKDTree
    _reach_mm: float

    def side_mm(self, points: FloatArray) -> FloatArray:
        """Return the height of points above the sheet's middle; its sign is the side.

        Beyond the rim the sheet is thought to go on smoothly. Which side is the positive one is
        the same for all points of one sheet, and means nothing else.

        Parameters
        ----------
        points : (P, 3) array
            World mm.

        Returns
        -------
        (P,) array
            mm, along the normal of the sheet's principal plane.

        Examples
        --------
        >>> x, y = (a.ravel() for a in np.meshgrid(np.arange(9.0), np.arange(9.0)))
        >>> flat = np.stack([x, y, 5 + 0 * x], axis=1)
        >>> a = np.array([n for n in range(71) if n % 9 < 8])
        >>> sheet = sheet_from_mesh(flat, np.stack([a, a + 1, a + 9], axis=1))
        >>> above, below = sheet.side_mm(np.array([[4.0, 4, 7], [4, 4, 2]])).round(6).tolist()
        >>> abs(above), abs(below), above * below
        (2.0, 3.0, -6.0)
        """
        local = self._frame.local(points)
        return local[:, 2] - self._height(local[:, :2])

    def beyond_mm(self, points: FloatArray) -> FloatArray:
        """Return how far points lie beyond the rim, along the sheet's principal plane.

        Parameters
        ----------
        points : (P, 3) array
            World mm.

        Returns
        -------
        (P,) array
            mm; 0 over the sheet.
        """
        distance, _ = self._footprint.query(self._frame.local(points)[:, :2])
        return np.maximum(distance - self._reach_mm, 0.0)

    def holds(self, points: FloatArray) -> BoolArray:
        """Tell which points (P, 3), world mm, lie inside a sheet that has a thickness."""
        out = np.zeros(len(points), bool)
        if self.closed:
            low, high = self.points.min(axis=0), self.points.max(axis=0)
            near = np.all((points >= low) & (points <= high), axis=1)
            near[near] = np.abs(self.side_mm(points[near])) <= self._half_mm
            out[near] = inside(self._index, points[near] + _ASIDE_MM)
        return out

    @cached_property
    def _index(self) -> TriangleIndex:
        return TriangleIndex.build(self.points, self.faces)

    @cached_property
    def _half_mm(self) -> float:
        return float(np.abs(self.side_mm(self.points)).max())


def sheet_from_mask(mask: NDArray[Any], affine: FloatArray) -> AponeurosisSurface:
    """Return a mask as a sheet: its closed surface if it has a thickness, else its middle.

    The thinnest line that can be drawn is a voxel thick, however thin the aponeurosis is. A mask
    nowhere thicker than 1.7 of them has the thickness of the pencil, and fascicles end on its
    middle. A mask that is 1.9 voxels thick in some part (the upper twentieth of its area) was drawn
    with its thickness, and fascicles end on its surface everywhere; between the two, on a share
    of the thickness.

    Thickness is the mask's volume over its area, averaged over about three voxels: that holds for
    parts thinner than a voxel, too, which a mask shows as gaps.

    Parameters
    ----------
    mask : (I, J, K) array
        Above 0 in the aponeurosis.
    affine : (4, 4) array
        Voxels to world mm.

    Raises
    ------
    LabelError
        Too few voxels to span a surface, or two layers one over the other.

    Examples
    --------
    >>> mask = np.zeros((20, 7, 20))
    >>> mask[:, 2] = 1
    >>> thin = sheet_from_mask(mask, np.eye(4))
    >>> thin.closed, bool(np.allclose(thin.points[:, 1], 2, atol=1e-6))
    (False, True)
    >>> mask[:, 3:5] = 1
    >>> thick = sheet_from_mask(mask, np.eye(4))
    >>> low, high = thick.points[:, 1].min(), thick.points[:, 1].max()
    >>> thick.closed, round(float(low), 2), round(float(high), 2)
    (True, 1.5, 4.5)
    """
    filled = np.asarray(mask) > 0
    voxels = np.argwhere(filled)
    if len(voxels) < _FEWEST_VOXELS:
        raise LabelError(
            f"an aponeurosis has {len(voxels)} voxels", None, "Draw it in several slices"
        )
    spacing = voxel_size(affine)
    points = apply_affine(affine, voxels)
    plane = Plane.of(points)
    local, cell = plane.local(points), float(max(spacing.max(), 1.0))
    knots = bin_means(local, cell)
    height = height_over(knots)
    reach = 0.75 * cell + 0.5 * float(spacing.max())
    footprint = cKDTree(knots[:, :2])
    body = _mask_columns(filled, affine, plane, local, height)
    if body.folded(2.0 * float(spacing.max())):
        raise LabelError(
            "an aponeurosis lies in two layers one over the other",
            None,
            "Give each sheet in a file of its own",
        )
    drawn = _drawn_body(body, affine, plane, height)
    if drawn is not None:
        around, faces = plane.world(drawn[0]), drawn[1]
        if mesh_volume(around, faces) < 0:  # the plane's axes may be left-handed
            faces = faces[:, ::-1]
        return AponeurosisSurface(around, faces, True, plane, height, footprint, reach)
    low, high = knots[:, :2].min(axis=0) - reach, knots[:, :2].max(axis=0) + reach
    u, v = (np.arange(low[a], high[a] + min(cell, 1.5), min(cell, 1.5)) for a in range(2))
    grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
    used, faces = grid_faces(footprint.query(grid)[0] <= reach)
    flat = grid.reshape(-1, 2)[used]
    mesh = plane.world(np.column_stack([flat, height(flat)]))
    return AponeurosisSurface(mesh, faces, False, plane, height, footprint, reach)


def sheet_from_mesh(points: FloatArray, faces: IntArray) -> AponeurosisSurface:
    """Return a sheet that was drawn as a triangle mesh: one layer, or the surface of a body.

    A body that is open at its ends, as one cut off where it leaves the muscle, is closed.

    Parameters
    ----------
    points : (N, 3) array
        World mm.
    faces : (M, 3) int array
        Triangles.

    Raises
    ------
    LabelError
        Too few points to span a surface, or two layers that enclose no body.
    """
    points, faces = np.asarray(points, dtype=float), np.asarray(faces)
    if len(points) < 4 or len(faces) < 2:
        raise LabelError("an aponeurosis has too few triangles", None, "Draw it again")
    plane = Plane.of(points)
    closed = is_closed(faces)
    if not closed and is_two_sided(plane.local(points), faces):
        points, faces = without_holes(points, faces)
        closed = is_closed(faces)
        if not closed:
            raise LabelError(
                "an aponeurosis has two layers that enclose no body: its edges do not fit together",
                None,
                "Close its surface, or give its mask",
            )
    local = plane.local(points)
    edges = np.linalg.norm(points[faces] - points[np.roll(faces, 1, axis=1)], axis=-1)
    edge = float(np.median(edges))
    through = _middles(local, faces) if closed else local
    knots = bin_means(through if len(through) >= _FEWEST_VOXELS else local, max(edge, 1.0))
    footprint = cKDTree(local[:, :2])
    return AponeurosisSurface(points, faces, closed, plane, height_over(knots), footprint, edge)


def _middles(local: FloatArray, faces: IntArray) -> FloatArray:
    """Return points (P, 3) halfway through a closed mesh, evenly spread over its plane."""
    index = TriangleIndex.build(local, faces)
    near = height_over(bin_means(local, 2.0))
    body = columns(
        lambda p: inside(index, p + _ASIDE_MM), near, local, _COLUMN_MM, _PROBE_MM, _COLUMN_MM
    )
    there = body.thickness > 0
    return np.column_stack([body.places[there], body.middle[there]])


def _mask_columns(
    filled: BoolArray, affine: FloatArray, plane: Plane, local: FloatArray, height: Height
) -> Columns:
    spacing = voxel_size(affine)
    to_voxels = np.linalg.inv(affine)
    last = np.array(filled.shape) - 1

    def holds(places: FloatArray) -> BoolArray:
        voxels = np.rint(apply_affine(to_voxels, plane.world(places))).astype(int)
        known = np.all((voxels >= 0) & (voxels <= last), axis=1)
        voxels[~known] = 0
        return filled[tuple(voxels.T)] & known

    fine, coarse = float(spacing.min()), float(spacing.max())
    return columns(holds, height, local, 0.5 * fine, 0.2 * fine, coarse)


def _drawn_body(
    body: Columns, affine: FloatArray, plane: Plane, height: Height
) -> tuple[FloatArray, IntArray] | None:
    """Return the closed surface of a mask in its plane's frame; None where it is thin."""
    spacing = voxel_size(affine)
    base = height(body.places.reshape(-1, 2)).reshape(body.shape)
    voxel = float(np.sqrt(spacing.min() * spacing.max()))
    slopes = np.stack(np.gradient(base, body.step_mm), axis=-1)
    normal = np.concatenate([-slopes, np.ones((*body.shape, 1))], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    broadly, _ = body.smooth(_JUDGED_VOXELS * voxel, base)
    ratio = (broadly * normal[..., 2] / _pencil_mm(normal @ plane.axes, affine))[body.footprint]
    share = (np.percentile(ratio, _WHERE_THICK) - _THIN) / (_THICK - _THIN)
    if share <= 0:
        return None
    thickness, middle = body.smooth(_AVERAGED_VOXELS * voxel, base)
    thickness = min(float(share), 1.0) * thickness
    # As far as the outermost voxels' own edge, so that no fascicle slips by at the muscle's border.
    beyond = max(1, round(float(spacing.min()) / body.step_mm))
    there = ndimage.binary_dilation(body.footprint, iterations=beyond)
    return closed_surface(body.places, there, middle, thickness, body.step_mm)


def _pencil_mm(normal: FloatArray, affine: FloatArray) -> FloatArray:
    """Return how thick a sheet with normals (..., 3) is that was drawn as thin as voxels allow.

    It is drawn slice by slice: a pixel wide, however far it leans from slice to slice, unless it
    lies in the slices.
    """
    spacing = voxel_size(affine)
    slices = int(np.argmax(spacing))
    across = np.abs(normal @ (affine[:3, :3] / spacing))
    pixel = spacing.copy()
    pixel[slices] = spacing.min()
    return np.maximum(
        np.linalg.norm(across * pixel, axis=-1), across[..., slices] * spacing[slices]
    )
