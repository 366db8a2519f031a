"""Registration of several channels at once: affine by Gauss-Newton, then demons.

Both minimise the weighted squared difference of channels that mean the same in image and atlas.
Coordinates are grid mm (voxel index times voxel size). The transform takes points of the image to
points of the atlas: ``p -> matrix @ (p + field(p))``.

Sources: Thirion, Med Image Anal 2, 1998 (demons); Vercauteren et al., NeuroImage 45, 2009
(composition of updates, smoothing of the field).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.arrays import Float32, FloatArray
from imaging.segmentation.features import Features

CHANNEL_WEIGHTS = np.array([1.0, 1.0, 1.0, 0.15], np.float32)
_OUTSIDE = 0.15


def grid_points(shape: tuple[int, ...], spacing: FloatArray) -> Float32:
    """Return the grid mm of every voxel, shape (3, I, J, K)."""
    axes = [
        np.arange(n, dtype=np.float32) * np.float32(s) for n, s in zip(shape, spacing, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def apply_matrix(matrix: FloatArray, points: Float32) -> Float32:
    """Apply a (4, 4) affine to points (3, ...)."""
    m = matrix.astype(np.float32)
    return np.tensordot(m[:3, :3], points, 1) + m[:3, 3].reshape(3, *[1] * (points.ndim - 1))


def sample(values: Float32, points: Float32, spacing: FloatArray) -> Float32:
    """Read channels (C, I, J, K) linearly at points (3, ...) in grid mm, border values outside."""
    index = points / np.asarray(spacing, np.float32).reshape(3, *[1] * (points.ndim - 1))
    return np.stack(
        [
            ndimage.map_coordinates(v, index, order=1, mode="nearest", output=np.float32)
            for v in values
        ]
    )


def smooth_channels(features: Features, sigma_mm: float) -> Float32:
    """Smooth the channels; septa (thin lines) are scaled back up to their height."""
    sigma = sigma_mm / features.spacing
    out = np.stack([ndimage.gaussian_filter(c, sigma) for c in features.channels])
    if sigma_mm > 0:
        out[3] *= 1.0 + sigma_mm / 2.0
    return out


def affine(
    image: Features, atlas: Features, start: FloatArray, *, step: tuple[int, int, int],
    iterations: int = 25, sigma_mm: float = 3.0,
) -> tuple[FloatArray, float]:  # fmt: skip
    """Refine an affine by Gauss-Newton on the channels.

    Parameters
    ----------
    image, atlas
        Features of the two legs.
    start
        (4, 4) first guess, image to atlas, grid mm.
    step
        Every n-th voxel of the image is used along each axis.

    Returns
    -------
    (4, 4) affine and the mean weighted squared residual (no unit).
    """
    cut = tuple(slice(None, None, s) for s in step)
    fixed = smooth_channels(image, sigma_mm)[(slice(None), *cut)]
    weights = image.weights[(slice(None), *cut)] * CHANNEL_WEIGHTS[:, None, None, None]
    points = grid_points(image.envelope.shape, image.spacing)[(slice(None), *cut)].reshape(3, -1)
    fixed, weights = fixed.reshape(len(fixed), -1), weights.reshape(len(fixed), -1)
    near = (np.abs(fixed[0]) < 1) & (weights.sum(0) > 0)
    points, fixed, weights = points[:, near], fixed[:, near], weights[:, near]
    moving = smooth_channels(atlas, sigma_mm)
    slopes = np.stack([np.stack(np.gradient(m, *atlas.spacing)) for m in moving]).astype(np.float32)
    middle = points.mean(1, keepdims=True)
    local = np.concatenate([(points - middle) / 50.0, np.ones((1, points.shape[1]), np.float32)])
    best, lowest, damping, matrix = start, np.inf, 1e-3, start.copy()
    for _ in range(iterations):
        where = apply_matrix(matrix, points)
        inside = _inside(atlas, where)
        w = weights * _known(atlas, where)
        residual = fixed - sample(moving, where, atlas.spacing)
        total = float(weights.sum())
        missed = float((weights * (1 - inside)).sum()) / total
        cost = float((w * residual**2).sum()) / max(float(w.sum()), 1e-6) + _OUTSIDE * missed**2
        if cost < lowest:
            best, lowest, damping = matrix, cost, damping * 0.5
        else:
            matrix, damping = best, damping * 8.0
            if damping > 1e3:
                break
            where = apply_matrix(matrix, points)
            w = weights * _known(atlas, where)
            residual = fixed - sample(moving, where, atlas.spacing)
        hessian, right = np.zeros((12, 12)), np.zeros(12)
        for c in range(len(fixed)):
            slope = sample(slopes[c], where, atlas.spacing)
            jacobian = (slope[:, None, :] * local[None]).reshape(12, -1)
            weighted = jacobian * w[c]
            hessian += weighted @ jacobian.T
            right += weighted @ residual[c]
        hessian += damping * np.diag(np.diag(hessian)) + 1e-8 * np.trace(hessian) * np.eye(12)
        update = np.linalg.solve(hessian, right).reshape(3, 4)
        change = np.eye(4)
        change[:3, :3] = update[:, :3] / 50.0
        change[:3, 3] = update[:, 3] - change[:3, :3] @ middle[:, 0]
        matrix = best.copy()
        matrix[:3] += np.concatenate([change[:3, :3], change[:3, 3:]], axis=1)
        if np.abs(update).max() < 0.02:
            break
    return best, lowest


def _known(atlas: Features, where: Float32) -> Float32:
    """Return how far each channel is known at points, (C, ...); weights differ by slice only."""
    heights = np.arange(atlas.weights.shape[3]) * atlas.spacing[2]
    profiles = atlas.weights.max((1, 2))
    known = np.stack([np.interp(where[2], heights, p) for p in profiles])
    return (known * _inside(atlas, where)).astype(np.float32)


def coarser(features: Features) -> Features:
    """Return the same features on a grid twice as coarse."""
    grid = 2.0 * features.spacing
    shape = tuple(int(np.ceil(n / 2)) for n in features.envelope.shape)
    points = grid_points(shape, grid)
    sigma = 0.5
    channels = np.stack([ndimage.gaussian_filter(c, sigma) for c in features.channels])
    masks = np.stack([features.envelope, features.tibia, features.fibula]).astype(np.float32)
    envelope, tibia, fibula = sample(masks, points, features.spacing) > 0.5
    return Features(
        sample(channels, points, features.spacing),
        sample(features.weights, points, features.spacing),
        envelope,
        tibia,
        fibula,
        grid,
    )


def _inside(atlas: Features, where: Float32) -> Float32:
    """Return 1 where points lie within the length of the atlas, else 0."""
    slices = np.flatnonzero(atlas.envelope.any((0, 1))) * atlas.spacing[2]
    return ((where[2] >= slices[0]) & (where[2] <= slices[-1])).astype(np.float32)


def demons(
    image: Features, atlas: Features, matrix: FloatArray, field: Float32, *,
    iterations: int, sigma_mm: float, elastic_mm: float, fluid_mm: float, max_step_mm: float = 2.0,
) -> Float32:  # fmt: skip
    """Refine a displacement field by demons on the channels.

    Parameters
    ----------
    image, atlas
        Features of the two legs.
    matrix
        (4, 4) affine, image to atlas, grid mm.
    field : (3, I, J, K)
        Displacement of the image's points in grid mm, on the image's grid.
    iterations
        Number of updates.
    sigma_mm, elastic_mm, fluid_mm
        Smoothing of the channels, of the field, and of each update.
    max_step_mm
        Longest step of an update.

    Returns
    -------
    (3, I, J, K) float32
    """
    fixed = smooth_channels(image, sigma_mm)
    moving = smooth_channels(atlas, sigma_mm)
    weights = image.weights * CHANNEL_WEIGHTS[:, None, None, None]
    # Far from the leg there is nothing to match.
    weights = weights * (np.abs(fixed[0]) < 0.999)
    points = grid_points(image.envelope.shape, image.spacing)
    elastic, fluid = elastic_mm / image.spacing, fluid_mm / image.spacing
    scale = np.float32(1.0 / max_step_mm**2)
    for _ in range(iterations):
        where = apply_matrix(matrix, points + field)
        w = weights * _known(atlas, where)
        warped = sample(moving, where, atlas.spacing)
        force = np.zeros_like(field)
        norm = np.zeros(field.shape[1:], np.float32)
        for c in range(len(fixed)):
            difference = np.clip(fixed[c] - warped[c], -0.5, 0.5)
            slope = np.stack(np.gradient(warped[c], *image.spacing)).astype(np.float32)
            force += w[c] * difference * slope
            norm += w[c] * ((slope**2).sum(0) + difference**2 * scale)
        update = force / np.maximum(norm, 1e-4)
        update = np.stack([ndimage.gaussian_filter(u, fluid) for u in update])
        # Composition: the update moves points first, then the old field applies there.
        moved = (points + update).astype(np.float32)
        field = (update + sample(field, moved, image.spacing)).astype(np.float32)
        for axis in range(3):
            field[axis] = ndimage.gaussian_filter(field[axis], elastic, mode="nearest")
    return field
