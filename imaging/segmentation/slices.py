"""Registration of one slice to another: affine from shapes, then demons on any channels.

Fields (2, I, J) are displacements in pixels: ``warp(moving, field)`` looks like the fixed slice.

Sources: Thirion, Med Image Anal 2, 1998 (demons); Vercauteren et al., NeuroImage 45, 2009
(composition of updates); Chen et al., Med Phys 35, 2008 (inversion by fixed points).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32, FloatArray

_STEP_MM = 2.0


def pixels(shape: tuple[int, ...]) -> Float32:
    """Return the index of every pixel, (2, I, J)."""
    return np.indices(shape, np.float32)


def warp(channels: Float32, field: Float32) -> Float32:
    """Read channels (C, I, J) at every pixel moved by a field (2, I, J); border values outside."""
    return _warp(np.asarray(channels, np.float32), np.asarray(field, np.float32))


@numba.njit(cache=True, nogil=True)
def _warp(channels: Float32, field: Float32) -> Float32:
    count, rows, columns = channels.shape
    out = np.empty((count, field.shape[1], field.shape[2]), np.float32)
    for i in range(field.shape[1]):
        for j in range(field.shape[2]):
            x = min(max(np.float32(i) + field[0, i, j], np.float32(0)), np.float32(rows - 1))
            y = min(max(np.float32(j) + field[1, i, j], np.float32(0)), np.float32(columns - 1))
            p, q = min(int(x), rows - 2), min(int(y), columns - 2)
            u, v = x - np.float32(p), y - np.float32(q)
            for c in range(count):
                low = channels[c, p, q] * (1 - v) + channels[c, p, q + 1] * v
                high = channels[c, p + 1, q] * (1 - v) + channels[c, p + 1, q + 1] * v
                out[c, i, j] = low * (1 - u) + high * u
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
    sigmas_mm: tuple[float, ...] = (2.0, 0.7), elastic_mm: float = 4.0, fluid_mm: float = 3.0,
    iterations: tuple[int, ...] = (30, 30),
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
    size = np.asarray(spacing, np.float32)
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


@numba.njit(cache=True, nogil=True)
def _update(fixed: Float32, warped: Float32, size: Float32) -> Float32:
    """Return the demons step (2, I, J) in pixels that makes the warped channels fit better."""
    count, rows, columns = fixed.shape
    out = np.zeros((2, rows, columns), np.float32)
    for i in range(rows):
        top, bottom = max(i - 1, 0), min(i + 1, rows - 1)
        for j in range(columns):
            left, right = max(j - 1, 0), min(j + 1, columns - 1)
            norm = np.float32(1e-6)
            for c in range(count):
                difference = fixed[c, i, j] - warped[c, i, j]
                x = (warped[c, bottom, j] - warped[c, top, j]) / ((bottom - top) * size[0])
                y = (warped[c, i, right] - warped[c, i, left]) / ((right - left) * size[1])
                out[0, i, j] += difference * x
                out[1, i, j] += difference * y
                norm += x * x + y * y + difference * difference / (_STEP_MM * _STEP_MM)
            out[0, i, j] /= norm * size[0]
            out[1, i, j] /= norm * size[1]
    return out
