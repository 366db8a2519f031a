"""The internal aponeurosis of a bipennate muscle, found where the fibre direction jumps.

The sheet is a smooth height over the plane along the muscle. It is placed so that every voxel's
tensor agrees with the smooth field of its own side rather than with that of the other side; the
fields of both sides and the sheet are found in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from imaging.architecture.direction import principal_direction
from imaging.architecture.sheetness import onto_line
from imaging.architecture.smoothing import Kernel, coarsen, local_polynomial
from imaging.arrays import FloatArray
from imaging.geometry import AponeurosisSurface, fold_angle_deg, sheet_from_mesh
from imaging.image import Image, apply_affine, voxel_size

_DEGREES = (3, 6)  # of the sheet's height, across and along the muscle
_STIFFNESS = 1e-5  # against bends, per mm2 and power of the degree
_WIDTHS_MM = (4.0, 3.0, 2.0, 1.5, 1.5)  # of the step between both sides, one per round
_START_WIDTHS_MM = (8.0, 4.0, 2.0)
_KERNEL = Kernel(14.0, 1)  # wide: a field that follows misplaced voxels cannot tell them
_BLOCK_MM = 4.5  # of voxels joined before so wide a kernel
_RIDGE = 0.03
_MOST_EVIDENCE = 4.0  # of one voxel, in medians
_JUDGED_MM = 10.0  # from the sheet, within which it is judged
_LEAST_JUMP_DEG, _LEAST_T = 10.0, 5.0
_MESH_MM, _BEYOND_MM = 2.0, 3.0
_NEIGHBOURS = 30  # voxels at the sheet over which its jump is averaged


@dataclass(frozen=True)
class _Frame:
    """Axes (rows: across, along, height) about an origin, and half lengths of the footprint."""

    origin: FloatArray
    axes: FloatArray
    half: FloatArray

    def local(self, points: FloatArray) -> FloatArray:
        return (points - self.origin) @ self.axes.T

    def basis(self, local: FloatArray) -> FloatArray:
        """Return products of Legendre polynomials (P, terms) at places (P, 2+)."""
        u = np.clip(local[:, :2] / self.half, -1.2, 1.2)
        return legendre.legvander2d(u[:, 0], u[:, 1], _DEGREES)


@dataclass(frozen=True)
class FoundSheet:
    """An aponeurosis found from the data.

    Attributes
    ----------
    sheet : AponeurosisSurface
        World mm; it reaches as far as the direction jumps.
    jump_deg : float
        Median angle between the directions of both sides where they meet.
    evidence : float
        By how many standard errors two fields foretell the voxels better than one.
    seen : bool
        Whether the anatomical image shows it too.
    """

    sheet: AponeurosisSurface
    jump_deg: float
    evidence: float
    seen: bool = False


def find_sheet(
    tensor: FloatArray,
    share: FloatArray,
    affine: FloatArray,
    axis: FloatArray,
    line: Image | None = None,
) -> FoundSheet | None:
    """Find the internal aponeurosis of a muscle.

    Parameters
    ----------
    tensor : (I, J, K, 6) array
        Diffusion tensors in the world frame; zero where there is no data.
    share : (I, J, K) array
        Share of each voxel in the muscle.
    affine : (4, 4) array
        Voxels to world mm.
    axis : (3,) array
        Long axis of the muscle.
    line : Image or None
        Sheetness of an anatomical image; the sheet is moved onto a line that it shows.

    Returns
    -------
    FoundSheet or None
        None where two smooth fields describe the muscle no better than one, or where they do not
        differ where they meet.
    """
    spacing = voxel_size(affine)
    inside = (share > 0.5) & np.any(tensor != 0, axis=-1)
    tensor = tensor / (float(np.abs(tensor[inside]).max()) or 1.0)
    own = tensor[inside].astype(float)
    points = apply_affine(affine, np.argwhere(inside))
    frame, contrast = _start(points, own, axis)
    local = frame.local(points)
    basis = frame.basis(local)
    coefficients: FloatArray = np.zeros(basis.shape[1])
    for width in _START_WIDTHS_MM:
        coefficients = _place(coefficients, basis, local[:, 2], contrast, width)
    for width in _WIDTHS_MM:
        above = local[:, 2] > basis @ coefficients
        fields, known = _fields(tensor, share * inside, inside, above, spacing)
        squared = [np.square(own - f).sum(axis=1) for f in fields]
        evidence = np.where(known, squared[0] - squared[1], 0.0)
        coefficients = _place(coefficients, basis, local[:, 2], evidence, width)
    height = local[:, 2] - basis @ coefficients
    fields, known = _fields(tensor, share * inside, inside, height > 0, spacing)
    near = known & (np.abs(height) < _JUDGED_MM)
    if near.sum() < basis.shape[1]:
        return None
    value = _evidence(own, tensor, share * inside, inside, height, fields, near, spacing)
    jump = fold_angle_deg(*(principal_direction(f) for f in fields))
    at_sheet = known & (np.abs(height) < 1.5 * spacing.max())
    if not at_sheet.any() or value < _LEAST_T:
        return None
    median = float(np.median(jump[at_sheet]))
    if median < _LEAST_JUMP_DEG:
        return None
    seen = False
    if line is not None:
        coefficients, seen = _onto_line(line, frame, coefficients, local[at_sheet])
    sheet = _mesh(frame, coefficients, local[at_sheet], jump[at_sheet], inside, affine)
    return None if sheet is None else FoundSheet(sheet, median, value, seen)


def _start(points: FloatArray, own: FloatArray, axis: FloatArray) -> tuple[_Frame, FloatArray]:
    """Return a frame, and on which side the direction of each voxel (P,) says that it lies.

    Fascicles of both sides lean away from each other: the lean that goes most with the place
    points across the sheet.
    """
    centre = points.mean(axis=0)
    lean = principal_direction(own)
    lean = lean * np.sign(lean @ axis)[:, None]
    lean -= (lean @ axis)[:, None] * axis
    place = points - centre
    place = place - (place @ axis)[:, None] * axis
    left, _, _ = np.linalg.svd(lean.T @ place)
    normal = left[:, 0] - (left[:, 0] @ axis) * axis
    normal /= np.linalg.norm(normal)
    across = np.cross(axis, normal)
    axes = np.stack([across, axis, normal])
    local = (points - centre) @ axes.T
    half = np.abs(local[:, :2]).max(axis=0)
    contrast = lean @ normal
    contrast = contrast - np.median(contrast)
    sign = np.sign(np.sum(contrast * local[:, 2]))
    return _Frame(centre, axes, half), sign * contrast


def _place(
    start: FloatArray, basis: FloatArray, height: FloatArray, evidence: FloatArray, width: float
) -> FloatArray:
    """Return the coefficients of the sheet that has voxels on the side their evidence tells."""
    typical = float(np.median(np.abs(evidence[evidence != 0]))) if (evidence != 0).any() else 1.0
    pull = np.clip(evidence / typical, -_MOST_EVIDENCE, _MOST_EVIDENCE)
    degree = np.add.outer(np.arange(_DEGREES[0] + 1), np.arange(_DEGREES[1] + 1)).ravel()
    stiff = _STIFFNESS * degree.astype(float) ** 2

    def cost(c: FloatArray) -> tuple[float, FloatArray]:
        step = np.tanh((height - basis @ c) / width)
        slope = basis.T @ (pull * (1 - step**2)) / (width * len(height))
        return float(-np.mean(pull * step) + stiff @ c**2), slope + 2 * stiff * c

    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return np.asarray(found.x)


def _onto_line(
    line: Image, frame: _Frame, coefficients: FloatArray, local: FloatArray
) -> tuple[FloatArray, bool]:
    """Return the coefficients of the sheet moved onto a line of the image, if there is one."""
    basis = frame.basis(local)
    flat = np.column_stack([local[:, :2], basis @ coefficients])
    places = flat @ frame.axes + frame.origin
    move = onto_line(line, places, frame.axes[2], basis)
    return (coefficients, False) if move is None else (coefficients + move, True)


def _fields(
    tensor: FloatArray,
    share: FloatArray,
    inside: NDArray[np.bool_],
    above: NDArray[np.bool_],
    spacing: FloatArray,
) -> tuple[list[FloatArray], NDArray[np.bool_]]:
    """Return the smooth tensors (P, 6) of the side below and above, and where both are known."""
    fields, known = [], np.ones(len(above), bool)
    for side in (~above, above):
        weight = np.zeros(share.shape, np.float32)
        weight[inside] = share[inside] * side
        smooth, there, _ = _smooth(tensor, weight, inside, spacing)
        fields.append(smooth)
        known &= there
    return fields, known


def _smooth(
    tensor: FloatArray, weight: FloatArray, inside: NDArray[np.bool_], spacing: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_], FloatArray]:
    """Return smooth tensors (P, 6) of the voxels inside, where known, and their leverage (P,)."""
    values, weights, coarse_mm = coarsen(tensor, weight[None], spacing, _BLOCK_MM)
    block = np.rint(coarse_mm / spacing)
    smooth, known, leverage = local_polynomial(values, weights[0], coarse_mm, _KERNEL, _RIDGE)
    at = ((np.argwhere(inside) - (block - 1) / 2) / block).T
    stack = np.concatenate([smooth, known[..., None], leverage[..., None]], axis=-1)
    found = [
        ndimage.map_coordinates(stack[..., n].astype(np.float32), at, order=1, mode="nearest")
        for n in range(stack.shape[-1])
    ]
    there = found[-2] > 0.5
    mean = np.stack(found[:-2], axis=1) / np.maximum(found[-2], 0.5)[:, None]
    return mean, there, found[-1] / np.prod(block)


def _evidence(
    own: FloatArray,
    tensor: FloatArray,
    share: FloatArray,
    inside: NDArray[np.bool_],
    height: FloatArray,
    fields: list[FloatArray],
    near: NDArray[np.bool_],
    spacing: FloatArray,
) -> float:
    """Return by how many standard errors two fields fit the voxels near the sheet better than one.

    The advantage that a voxel has in its own field, the more so in the smaller one, is taken off
    by its leverage.
    """
    one, _, leverage = _smooth(tensor, share.astype(np.float32), inside, spacing)
    two = np.where((height > 0)[:, None], fields[1], fields[0])
    single = np.square(own - one).sum(axis=1) / np.maximum(1.0 - leverage, 0.1) ** 2
    double = np.square(own - two).sum(axis=1) / np.maximum(1.0 - 2.0 * leverage, 0.1) ** 2
    gain = (single - double)[near]
    return float(gain.mean() / (gain.std() / np.sqrt(len(gain)) + 1e-12))


def _mesh(
    frame: _Frame,
    coefficients: FloatArray,
    places: FloatArray,
    jump: FloatArray,
    inside: NDArray[np.bool_],
    affine: FloatArray,
) -> AponeurosisSurface | None:
    """Return the sheet as a mesh that reaches a little beyond the muscle.

    It is left open where the directions of both sides agree on average over its neighbourhood.
    """
    low, high = -frame.half - _BEYOND_MM, frame.half + _BEYOND_MM
    u, v = (np.arange(low[a], high[a] + _MESH_MM, _MESH_MM) for a in range(2))
    grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
    flat = grid.reshape(-1, 2)
    height = frame.basis(flat) @ coefficients
    mesh = np.column_stack([flat, height]) @ frame.axes + frame.origin
    spacing = voxel_size(affine)
    outside = ndimage.distance_transform_edt(~inside, sampling=spacing)
    voxels = apply_affine(np.linalg.inv(affine), mesh).T
    distance = ndimage.map_coordinates(outside, voxels, order=1, mode="nearest")
    edge = 0.5 * spacing.min()
    _, nearest = cKDTree(places[:, :2]).query(flat, k=min(_NEIGHBOURS, len(places)))
    local_jump = jump[nearest].reshape(len(flat), -1).mean(axis=1)
    there = (distance < edge + _BEYOND_MM) & (local_jump > _LEAST_JUMP_DEG)
    there = there.reshape(grid.shape[:2])
    quads = there[:-1, :-1] & there[1:, :-1] & there[:-1, 1:] & there[1:, 1:]
    number = np.arange(there.size).reshape(there.shape)
    a, b = number[:-1, :-1][quads], number[1:, :-1][quads]
    c, d = number[1:, 1:][quads], number[:-1, 1:][quads]
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    if len(faces) < 8:
        return None
    used, faces = np.unique(faces, return_inverse=True)
    return sheet_from_mesh(mesh[used], faces.reshape(-1, 3))
