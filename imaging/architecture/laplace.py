"""A modelled direction field where diffusion images say nothing: flow between attachments.

Fascicles are thought to be the stream lines of a flow without rotation and sources that enters a
muscle through one attachment and leaves it through the other. The attachments are the parts of
its surface that the expected direction meets; the flow through them is the one which that direction
has, nothing flows through the rest. The expected direction keeps its angle to the muscle's centre
line, so that it bends with the muscle.

Choi HF, Blemker SS. Skeletal muscle fascicle arrangements can be reconstructed using a Laplacian
vector field simulation. PLoS One 2013;8:e77576.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg

from imaging.arrays import BoolArray, FloatArray, IntArray
from imaging.image import voxel_size

_LEAST_PENNATION_DEG = 4.0  # below it the direction runs along the surface rather than meets it
_NORMAL_SMOOTHING_MM = 3.0
_TOLERANCE = 1e-9
_FEWEST_CELLS = 30


def laplacian_directions(
    inside: BoolArray, compartment: IntArray, affine: FloatArray, expected: FloatArray
) -> FloatArray:
    """Return the direction of the flow through a muscle.

    Parameters
    ----------
    inside : (I, J, K) bool array
        The muscle.
    compartment : (I, J, K) int array
        Side of internal aponeuroses on which each voxel lies: nothing flows across them but
        what ends there.
    affine : (4, 4) array
        Voxels to world mm; its axes are orthogonal.
    expected : (C, 3) array
        Expected mean direction of each compartment, unit, world RAS+, in the middle of the muscle.

    Returns
    -------
    (C, I, J, K, 3) float32 array
        Unit vectors, world RAS+, pointing as `expected` does. Beyond the compartment they are
        those of its nearest voxel; 0 for a compartment of fewer than 30 voxels.
    """
    spacing = voxel_size(affine)
    axes = affine[:3, :3] / spacing
    out = np.zeros((len(expected), *inside.shape, 3), np.float32)
    if int(inside.sum()) < _FEWEST_CELLS:
        return out
    turns = _bends(inside, spacing)
    for c, direction in enumerate(expected):
        body = _largest(inside & (compartment == c))
        if int(body.sum()) < _FEWEST_CELLS:
            continue
        local = np.einsum("pij,j->pi", turns[body[inside]], direction @ axes)
        flow = _flow(body, spacing, local)
        norm = np.linalg.norm(flow, axis=-1, keepdims=True)
        still = norm[:, 0] < 1e-3
        flow[still], norm[still] = local[still], 1.0
        field = np.zeros((*inside.shape, 3))
        field[body] = (flow / norm) @ axes.T
        nearest = ndimage.distance_transform_edt(
            ~body, sampling=spacing, return_distances=False, return_indices=True
        )
        # The solver's last bits are not worth keeping.
        out[c] = np.round(field[tuple(nearest)], 5)
    return out


def _largest(mask: BoolArray) -> BoolArray:
    """Return the largest connected piece of a mask."""
    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:]))


def _bends(inside: BoolArray, spacing: FloatArray) -> FloatArray:
    """Return how the centre line is turned at each voxel (P, 3, 3), against its middle.

    The centre line is a cubic through the centroids of slabs across the long axis.
    """
    points = np.argwhere(inside) * spacing
    points -= points.mean(axis=0)
    _, axes = np.linalg.eigh(points.T @ points)
    local = points @ axes[:, [0, 1, 2]]  # the last one is the long axis
    reach = max(float(np.abs(local[:, 2]).max()), 1e-6)
    height = local[:, 2] / reach
    tangent = np.ones((len(points), 3))
    for across in range(2):
        line = np.polynomial.Polynomial.fit(height, local[:, across], 3, domain=[-1, 1])
        slope = line.deriv()
        tangent[:, across] = (slope(height) - slope(0.0)) / reach
    tangent = (tangent / np.linalg.norm(tangent, axis=1, keepdims=True)) @ axes.T
    return _rotations(axes[:, 2], tangent)


def _rotations(start: FloatArray, ends: FloatArray) -> FloatArray:
    """Return the smallest rotations (P, 3, 3) of one unit vector (3,) to others (P, 3)."""
    turn = np.cross(start, ends)
    skew = np.zeros((len(ends), 3, 3))
    skew[:, [2, 0, 1], [1, 2, 0]] = turn
    skew[:, [1, 2, 0], [2, 0, 1]] = -turn
    return np.eye(3) + skew + skew @ skew / (1.0 + ends @ start)[:, None, None]


def _flow(body: BoolArray, spacing: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the flow (P, 3) in each voxel of a connected body; all along the voxel axes.

    It enters and leaves through the surface as `direction` (P, 3) does where that meets it.
    """
    number = np.full(body.shape, -1)
    count = int(body.sum())
    number[body] = np.arange(count)
    padded = np.pad(number, 1, constant_values=-1)
    attached = _attached(body, spacing, direction)
    through = np.zeros((count, 3, 2))  # along each axis, through the lower and the upper face
    beyond = np.empty((count, 3, 2), int)
    for axis in range(3):
        for upper in range(2):
            shifted = np.roll(padded, 1 - 2 * upper, axis)[1:-1, 1:-1, 1:-1][body]
            beyond[:, axis, upper] = shifted
            through[:, axis, upper] = np.where((shifted < 0) & attached, direction[:, axis], 0.0)
    area = np.prod(spacing) / spacing
    _balance(through, area)
    outflow = np.einsum("paf,a,f->p", through, area, [-1.0, 1.0])
    potential = _potential(beyond, area / spacing, outflow)
    for axis in range(3):
        for upper, sign in enumerate((-1.0, 1.0)):
            there = beyond[:, axis, upper]
            linked = there >= 0
            step = potential[there[linked]] - potential[linked]
            through[linked, axis, upper] = sign * step / spacing[axis]
    return through.mean(axis=2)


def _attached(body: BoolArray, spacing: FloatArray, direction: FloatArray) -> BoolArray:
    """Tell which voxels (P,) lie where the surface is met by the direction."""
    smooth = ndimage.gaussian_filter(body.astype(np.float32), _NORMAL_SMOOTHING_MM / spacing)
    normal = -np.stack(np.gradient(smooth, *spacing), axis=-1)[body]
    sine = np.sum(normal * direction, axis=1) / np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    return np.abs(sine) > np.sin(np.radians(_LEAST_PENNATION_DEG))


def _balance(through: FloatArray, area: FloatArray) -> None:
    """Scale what flows in and out so that both are equal, in place."""
    outwards = through * np.array([-1.0, 1.0]) * area[:, None]
    gained = float(-outwards[outwards < 0].sum())
    lost = float(outwards[outwards > 0].sum())
    if gained <= 0 or lost <= 0:
        through[:] = 0
        return
    mean = (gained + lost) / 2
    through *= np.where(outwards > 0, mean / lost, mean / gained)


def _potential(beyond: IntArray, conductance: FloatArray, outflow: FloatArray) -> FloatArray:
    """Return the potential (P,) whose flow between linked voxels makes up for the outflow (P,)."""
    count = len(outflow)
    rows, columns, values = [], [], []
    for axis in range(3):
        for face in range(2):
            linked = np.flatnonzero(beyond[:, axis, face] >= 0)
            rows += [linked, linked]
            columns += [beyond[linked, axis, face], linked]
            values += [np.full(len(linked), -conductance[axis])]
            values += [np.full(len(linked), conductance[axis])]
    matrix = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (count, count)
    )
    inverse = sparse.diags(1.0 / np.maximum(matrix.diagonal(), 1e-12))
    solution, _ = cg(matrix, outflow, rtol=_TOLERANCE, maxiter=20 * count, M=inverse)
    return np.asarray(solution)
