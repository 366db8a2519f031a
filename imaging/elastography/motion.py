"""Rigid motion between the volumes of a wave recording, found in the magnitude.

The phase is moved as a phasor, so that wraps do no harm. Waves themselves move tissue by microns
and leave the magnitude alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.waves import WaveImages
from imaging.image import voxel_size
from imaging.threads import in_threads

_SMOOTHING_VOXELS = 1.0
_POINTS = 8000
_ROUNDS, _STEPS = 2, 6
_MIN_SLICES = 5  # fewer hold no motion across slices
_MIN_SHARE_OF_VOXEL = 0.15  # interpolation blurs more than so small a motion
_MIN_STANDARD_ERRORS = 4.0


@dataclass(frozen=True)
class WaveMotion:
    """Rigid motion of every volume against their mean.

    Attributes
    ----------
    trace : (D, n, R, 6) array
        Translation of the mask's centre (mm, world RAS+) and rotation vector (degrees) by which a
        volume is displaced.
    displacement_mm : (D, n, R) array
        Root mean square displacement inside the mask.
    corrected : (D, n, R) bool array
        Volumes that were moved back: their motion is above noise and matters.
    """

    trace: FloatArray
    displacement_mm: FloatArray
    corrected: BoolArray


@dataclass(frozen=True)
class _Samples:
    """Voxels that show motion, and how signal there changes with it."""

    voxels: FloatArray  # (3, N)
    arms: FloatArray  # (N, 3) mm from the centre, array axes
    signal: FloatArray  # (N,)
    jacobian: FloatArray  # (N, P)
    free: NDArray[np.integer[Any]]  # which of the six parameters


def correct_motion(
    images: WaveImages, magnitude: FloatArray, mask: BoolArray
) -> tuple[WaveImages, WaveMotion]:
    """Find the motion of every volume in the magnitude and move its phase back.

    Parameters
    ----------
    images
        As acquired.
    magnitude : (I, J, K, D, n, R) array
        Of every volume.
    mask : (I, J, K) bool array
        Tissue.

    Returns
    -------
    images : WaveImages
        With the phase, radians in (-pi, pi], of the volumes that had moved resampled.
    motion : WaveMotion

    Notes
    -----
    Gauss-Newton steps on squared differences to the mean of all volumes, and once more where
    there is motion; in the plane only where there are fewer than five slices.
    """
    spacing = voxel_size(images.affine)
    frames = list(np.ndindex(magnitude.shape[3:]))
    count = len(frames)
    smooth = list(in_threads(lambda f: _smooth(magnitude[(..., *f)]), frames))
    moves, errors = np.zeros((count, 6)), np.zeros((count, 6))
    rms: FloatArray = np.zeros(count)
    least = _MIN_SHARE_OF_VOXEL * float(spacing.min())
    for _ in range(_ROUNDS):
        mean = np.zeros(mask.shape, np.float32)
        for v, volume in enumerate(smooth):
            moved = rms[v] > least
            mean += _moved(volume, moves[v], mask, spacing) / count if moved else volume / count
        samples = _samples(mean, mask, spacing)
        for v, volume in enumerate(smooth):
            moves[v], errors[v] = _register(volume, samples, moves[v], spacing)
        moves -= moves.mean(axis=0)
        rms = _displacement(moves, mask, spacing)
        if not (rms > least).any():
            break
    corrected = (rms > least) & (rms > _MIN_STANDARD_ERRORS * _displacement(errors, mask, spacing))
    phase = images.phase
    if corrected.any():
        phase = phase.copy(order="K")
        for v in (int(w) for w in np.flatnonzero(corrected)):
            here = (..., *frames[v])
            phasor = magnitude[here] * np.exp(1j * phase[here])
            phase[here] = np.angle(_moved(phasor, moves[v], mask, spacing, order=3))
    found = WaveMotion(
        _to_world(moves, images.affine[:3, :3] / spacing).reshape(*magnitude.shape[3:], 6),
        rms.reshape(magnitude.shape[3:]),
        corrected.reshape(magnitude.shape[3:]),
    )
    return replace(images, phase=phase), found


def _smooth(volume: FloatArray) -> FloatArray:
    sigma = [_SMOOTHING_VOXELS if n > 1 else 0 for n in volume.shape]
    return ndimage.gaussian_filter(volume.astype(np.float32), sigma, mode="nearest")


def _centre(mask: BoolArray) -> FloatArray:
    return np.array([np.mean(c) for c in np.nonzero(mask)])


def _samples(mean: FloatArray, mask: BoolArray, spacing: FloatArray) -> _Samples:
    """Return the voxels of steepest signal around the mask."""
    slopes = np.stack(
        [np.gradient(mean, h, axis=a) if mean.shape[a] > 1 else np.zeros_like(mean)
         for a, h in enumerate(spacing)], axis=-1,
    )  # fmt: skip
    near = ndimage.binary_dilation(mask, iterations=2)
    steep = np.where(near, np.linalg.norm(slopes, axis=-1), 0).ravel()
    chosen = np.argsort(-steep, kind="stable")[: min(_POINTS, int(near.sum()))]
    voxels = np.stack(np.unravel_index(chosen, mask.shape)).astype(float)
    arms = (voxels.T - _centre(mask)) * spacing
    slope = slopes.reshape(-1, 3)[chosen]
    jacobian = np.concatenate([slope, np.cross(arms, slope)], axis=1)
    flat = min(mask.shape) < _MIN_SLICES
    thin = int(np.argmin(mask.shape))
    free = [a for a in range(3) if a != thin] + [3 + thin] if flat else list(range(6))
    return _Samples(voxels, arms, mean.ravel()[chosen], jacobian[:, free], np.array(free))


def _register(
    volume: FloatArray, samples: _Samples, start: FloatArray, spacing: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the move (6,) of a volume, mm and rad in array axes, and its standard error."""
    move = start.copy()
    normal = samples.jacobian.T @ samples.jacobian
    normal += 1e-9 * np.trace(normal) * np.eye(len(normal)) + 1e-12 * np.eye(len(normal))
    inverse = np.linalg.inv(normal)
    rest = np.zeros_like(samples.signal)
    for _ in range(_STEPS):
        shift = move[:3] + np.cross(move[3:], samples.arms)
        found = ndimage.map_coordinates(
            volume, samples.voxels + (shift / spacing).T, order=1, mode="nearest"
        )
        gain = found @ samples.signal / max(float(found @ found), 1e-12)
        rest = gain * found - samples.signal
        move[samples.free] -= inverse @ (samples.jacobian.T @ rest)
    error = np.zeros(6)
    error[samples.free] = np.sqrt(np.diag(inverse) * rest.var())
    return move, error


def _moved(
    volume: NDArray[Any], move: FloatArray, mask: BoolArray, spacing: FloatArray, order: int = 1
) -> NDArray[Any]:
    """Return a volume moved back by a move (6,)."""
    turn = Rotation.from_rotvec(move[3:]).as_matrix()
    matrix = turn * spacing / spacing[:, None]
    centre = _centre(mask)
    offset = centre + move[:3] / spacing - matrix @ centre
    run = {"order": order, "mode": "nearest", "output": np.float32}
    if np.iscomplexobj(volume):
        real = ndimage.affine_transform(volume.real, matrix, offset, **run)
        return real + 1j * ndimage.affine_transform(volume.imag, matrix, offset, **run)
    return ndimage.affine_transform(volume, matrix, offset, **run)


def _displacement(moves: FloatArray, mask: BoolArray, spacing: FloatArray) -> FloatArray:
    """Return the root mean square displacement (N,) of moves (N, 6) inside the mask, mm."""
    arms = (np.argwhere(mask) - _centre(mask)) * spacing
    spread = arms.T @ arms / len(arms)
    turned = np.trace(spread) * np.eye(3) - spread  # mean of |w x r|^2 is w' this w
    return np.sqrt(
        (moves[:, :3] ** 2).sum(1) + np.einsum("ni,ij,nj->n", moves[:, 3:], turned, moves[:, 3:])
    )


def _to_world(moves: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return moves (N, 6) in world axes, mm and degrees."""
    turns = np.sign(np.linalg.det(rotation)) * moves[:, 3:] @ rotation.T
    return np.concatenate([moves[:, :3] @ rotation.T, np.degrees(turns)], axis=1)
