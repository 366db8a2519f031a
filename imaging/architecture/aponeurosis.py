"""The internal aponeurosis of a bipennate muscle, found where the fibre direction jumps.

The sheet is a smooth height over the plane along the muscle. It is placed so that every voxel's
tensor agrees with the smooth field of its own side rather than with that of the other side; the
fields of both sides and the sheet are found in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from scipy.optimize import minimize

from imaging.architecture.direction import principal_direction
from imaging.architecture.found_sheet import FoundSheet, NoSheet
from imaging.architecture.sheet_extent import (
    LEAST_JUMP_DEG,
    LEAST_SHARE,
    AtSheet,
    extent,
    grid,
    in_muscle,
)
from imaging.architecture.sheet_fields import (
    FEWEST_VOXELS,
    SheetData,
    evidence_of,
    misfit,
    side_fields,
)
from imaging.architecture.sheetness import onto_line
from imaging.arrays import FloatArray
from imaging.geometry import fold_angle_deg, sheet_from_mesh
from imaging.image import Image

_DEGREES = (3, 6)  # of the sheet's height, across and along the muscle
_STIFFNESS = 1e-5  # against bends, per mm2 and power of the degree
_WIDTHS_MM = (4.0, 3.0, 2.0, 1.5, 1.5)  # of the step between both sides, one per round
_START_WIDTHS_MM = (8.0, 4.0, 2.0)
_MOST_EVIDENCE = 4.0  # of one voxel, in medians
_JUDGED_MM = 10.0  # from the sheet, within which it is judged
_LEAST_T = 5.0
_AT_SHEET_VOXELS = 1.5
_TURNS_DEG = (0.0, 45.0, 90.0, 135.0)  # about the muscle's axis, of where a sheet is sought
_ENOUGH = 0.5  # of the muscle: a sheet that reaches so far is not sought elsewhere


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

    def world(self, flat: FloatArray, coefficients: FloatArray) -> FloatArray:
        """Return the points (P, 3) of a sheet over places (P, 2)."""
        local = np.column_stack([flat, self.basis(flat) @ coefficients])
        return local @ self.axes + self.origin

    def normals(self, local: FloatArray, coefficients: FloatArray) -> FloatArray:
        """Return the unit normals (P, 3), upwards, of a sheet at places (P, 2+)."""
        flat, h = local[:, :2], 0.5 * np.eye(2)
        slopes = [(self.basis(flat + e) - self.basis(flat - e)) @ coefficients for e in h]
        normal = np.column_stack([-slopes[0], -slopes[1], np.ones(len(flat))]) @ self.axes
        return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def find_sheet(
    tensor: FloatArray,
    share: FloatArray,
    affine: FloatArray,
    axis: FloatArray,
    line: Image | None = None,
) -> FoundSheet | NoSheet:
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
    FoundSheet or NoSheet
        The latter where two smooth fields describe the muscle no better than one, or where the
        directions of both sides do not jump, or do not lean away from each other, over enough
        of it.
    """
    data = SheetData.of(tensor, share, affine)
    if len(data.points) < FEWEST_VOXELS:
        return NoSheet(f"{len(data.points)} voxels < {FEWEST_VOXELS}")
    best: FoundSheet | NoSheet = NoSheet("no directions on both sides of any sheet")
    for turn in _TURNS_DEG:
        found = _search(data, axis, turn, line)
        if _rank(found) > _rank(best):
            best = found
        if isinstance(best, FoundSheet) and best.reach > _ENOUGH:
            break
    return best


def _rank(found: FoundSheet | NoSheet) -> tuple[bool, float, float]:
    evidence = -np.inf if found.evidence is None else found.evidence
    return isinstance(found, FoundSheet), found.reach * max(evidence, 0.0), evidence


def _search(
    data: SheetData, axis: FloatArray, turn: float, line: Image | None
) -> FoundSheet | NoSheet:
    """Return what is found from one start."""
    frame, contrast = _start(data.points, data.own, axis, turn)
    local = frame.local(data.points)
    basis = frame.basis(local)
    coefficients: FloatArray = np.zeros(basis.shape[1])
    for width in _START_WIDTHS_MM:
        coefficients = _place(coefficients, basis, local[:, 2], contrast, width)
    for width in _WIDTHS_MM:
        fields, known = side_fields(data, local[:, 2] > basis @ coefficients)
        below, above = (misfit(data.own - f) for f in fields)
        evidence = np.where(known, below - above, 0.0)
        coefficients = _place(coefficients, basis, local[:, 2], evidence, width)
    return _judge(data, frame, coefficients, axis, line)


def _judge(
    data: SheetData, frame: _Frame, coefficients: FloatArray, axis: FloatArray, line: Image | None
) -> FoundSheet | NoSheet:
    """Return a sheet as far as fascicles of both sides end on it, if that is beyond chance."""
    local = frame.local(data.points)
    height = local[:, 2] - frame.basis(local) @ coefficients
    fields, known = side_fields(data, height > 0)
    near = known & (np.abs(height) < _JUDGED_MM)
    at_sheet = known & (np.abs(height) < _AT_SHEET_VOXELS * data.spacing.max())
    if not at_sheet.any():
        return NoSheet("no directions on both sides of any sheet")
    jump = fold_angle_deg(*(principal_direction(f) for f in fields))
    normal = frame.normals(local[at_sheet], coefficients)
    lean = np.stack([_lean_deg(f[at_sheet], axis, normal) for f in fields])
    across, along, flat = grid(frame.half)
    muscle = in_muscle(frame.world(flat, coefficients), data.inside, data.affine)
    at = AtSheet(local[at_sheet, :2], jump[at_sheet], lean)
    footprint = extent(at, across, along, muscle)
    over = footprint.under(local) if footprint.sheet.any() else np.ones(len(local), bool)
    median = float(np.median(jump[at_sheet & over] if (at_sheet & over).any() else jump[at_sheet]))
    value = evidence_of(data, height, fields, near & over)
    used, faces = footprint.mesh()
    if why := _refused(median, value, footprint.share if len(faces) else 0.0):
        return NoSheet(why, median, value, footprint.share)
    seen = False
    if line is not None:
        coefficients, seen = _onto_line(line, frame, coefficients, local[at_sheet & over])
    sheet = sheet_from_mesh(frame.world(flat[used], coefficients), faces)
    return FoundSheet(sheet, median, value, footprint.share, seen)


def _refused(jump_deg: float, evidence: float, reach: float) -> str:
    """Return why a sheet is none, empty if it is one."""
    if evidence < _LEAST_T:
        return f"evidence {evidence:.1f} < {_LEAST_T:g} standard errors"
    if jump_deg < LEAST_JUMP_DEG:
        return f"jump {jump_deg:.1f} deg < {LEAST_JUMP_DEG:g}"
    if reach < LEAST_SHARE:
        return (
            f"directions jump by {jump_deg:.1f} deg, but fascicles of both sides lean onto it over "
            f"{100 * reach:.0f} % of the muscle < {100 * LEAST_SHARE:g}"
        )
    return ""


def _lean_deg(tensor: FloatArray, axis: FloatArray, normal: FloatArray) -> FloatArray:
    """Return the angle (V,) of directions, taken along the axis, to a sheet with normals (V, 3)."""
    direction = principal_direction(tensor)
    sine = np.sum(direction * normal, axis=1) * np.sign(direction @ axis)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))))


def _start(
    points: FloatArray, own: FloatArray, axis: FloatArray, turn_deg: float
) -> tuple[_Frame, FloatArray]:
    """Return a frame, and on which side the direction of each voxel (P,) says that it lies.

    Fascicles of both sides lean away from each other: the lean that goes most with the place
    points across the sheet, which is then turned about the axis.
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
    turn = np.radians(turn_deg)
    normal = np.cos(turn) * normal + np.sin(turn) * np.cross(axis, normal)
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
    places = frame.world(local[:, :2], coefficients)
    move = onto_line(line, places, frame.axes[2], basis)
    return (coefficients, False) if move is None else (coefficients + move, True)
