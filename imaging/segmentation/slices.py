"""Registration of one slice to another: affine from shapes, then demons on any channels.

Fields (2, I, J) are displacements in pixels: ``warp(moving, field)`` looks like the fixed slice.

Sources: Thirion, Med Image Anal 2, 1998 (demons); Vercauteren et al., NeuroImage 45, 2009
(composition of updates); Chen et al., Med Phys 35, 2008 (inversion by fixed points).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.image import FloatArray

Float32 = NDArray[np.float32]
_STEP_MM = 2.0


def pixels(shape: tuple[int, ...]) -> Float32:
    """Return the index of every pixel, (2, I, J)."""
    return np.indices(shape, np.float32)


def warp(channels: Float32, field: Float32) -> Float32:
    """Read channels (C, I, J) at every pixel moved by a field (2, I, J); border values outside."""
    where = pixels(field.shape[1:]) + field
    out = np.empty((len(channels), *field.shape[1:]), np.float32)
    for c, channel in enumerate(channels):
        ndimage.map_coordinates(channel, where, out[c], order=1, mode="nearest")
    return out


def compose(outer: Float32, inner: Float32) -> Float32:
    """Return the field that moves by `inner` first and from there by `outer`."""
    return inner + warp(outer, inner)


def invert(field: Float32, iterations: int = 8) -> Float32:
    """Return the inverse of a small smooth field."""
    out = -field
    for _ in range(iterations):
        out = -warp(field, out)
    return out


def affine_between(target: NDArray[np.bool_], source: NDArray[np.bool_]) -> Float32:
    """Return the field of the affine that takes target shapes (C, I, J) to source shapes best.

    From centroids weighted by area; a translation where there are fewer than four shapes.
    """
    shape = target.shape[1:]
    area = np.minimum(target.sum((1, 2)), source.sum((1, 2))).astype(float)
    use = area > 0
    if not use.any():
        return np.zeros((2, *shape), np.float32)
    there = np.array([ndimage.center_of_mass(m) for m in target[use]])
    here = np.array([ndimage.center_of_mass(m) for m in source[use]])
    weight = area[use] / area[use].sum()
    middle = weight @ there
    shift = weight @ (here - there)
    matrix = np.zeros((2, 2))
    if use.sum() >= 4:
        a = (there - middle) * np.sqrt(weight)[:, None]
        b = (here - there - shift) * np.sqrt(weight)[:, None]
        # A ridge keeps shapes in a row from shearing the rest.
        ridge = 0.02 * np.trace(a.T @ a) * np.eye(2)
        matrix = np.linalg.solve(a.T @ a + ridge, a.T @ b).T
    points = pixels(shape) - middle.reshape(2, 1, 1).astype(np.float32)
    field = np.tensordot(matrix, points, 1) + shift.reshape(2, 1, 1)
    return field.astype(np.float32)


def register_slice(
    fixed: Float32, moving: Float32, spacing: FloatArray, *, start: Float32 | None = None,
    sigmas_mm: tuple[float, ...] = (3.0, 1.0), elastic_mm: float = 4.0, fluid_mm: float = 3.0,
    iterations: tuple[int, ...] = (30, 20),
) -> Float32:  # fmt: skip
    """Register one slice to another by demons on all channels at once, coarse to fine.

    Parameters
    ----------
    fixed, moving : (C, I, J)
        Channels that mean the same in both.
    spacing : (2,)
        Pixel size, mm.
    start : (2, I, J)
        First guess; none: no displacement.
    sigmas_mm
        Smoothing of the channels at each level.
    elastic_mm, fluid_mm
        Smoothing of the field and of each update, mm.
    iterations
        Updates at each level.

    Returns
    -------
    (2, I, J) float32
        Pixels.
    """
    field = np.zeros((2, *fixed.shape[1:]), np.float32) if start is None else start
    size = np.asarray(spacing, np.float32).reshape(2, 1, 1)
    elastic, fluid = elastic_mm / np.asarray(spacing), fluid_mm / np.asarray(spacing)
    for sigma_mm, count in zip(sigmas_mm, iterations, strict=True):
        a, b = (_smooth(v, sigma_mm / np.asarray(spacing)) for v in (fixed, moving))
        b = warp(b, field)
        extra = np.zeros_like(field)
        for _ in range(count):
            update = _smooth(_update(a, warp(b, extra), size), fluid)
            extra = _smooth(compose(extra, update), elastic)
        field = compose(field, extra)
    return field


def _smooth(channels: Float32, sigma: FloatArray) -> Float32:
    return np.stack([ndimage.gaussian_filter(c, sigma) for c in channels])


def _update(fixed: Float32, warped: Float32, size: Float32) -> Float32:
    """Return the demons step (2, I, J) in pixels that makes the warped channels fit better."""
    difference = fixed - warped
    slope = np.stack([np.stack(np.gradient(w)) for w in warped]) / size
    norm = (slope**2).sum((0, 1)) + (difference**2).sum(0) / _STEP_MM**2
    step = (difference[:, None] * slope).sum(0) / np.maximum(norm, 1e-6)
    return np.asarray(step / size, np.float32)
