"""Diffusion-weighted images of digital legs, with motion and distortion of known size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dipy.core.sphere import HemiSphere, disperse_charges

from imaging.arrays import FloatArray
from imaging.image import Image, voxel_size
from imaging.phantom.images import Split, leg_matrix, rician, smooth_field
from imaging.phantom.leg import Leg, rotation_matrix
from imaging.phantom.render import render_diffusion

# Eigenvalues of muscle at 3 T in mm2/s: within the ranges reported for the calf.
EIGENVALUES = np.array([1.95e-3, 1.43e-3, 1.15e-3])
# Per class of tissue: air, muscle, filler, cortex, marrow, fat, skin, sheet, tendon.
SIGNAL = np.array([0.0, 1.0, 0.25, 0.02, 0.06, 0.08, 0.35, 0.20, 0.10])
DIFFUSIVITY = np.array([0.0, 0.0, 1.0e-3, 0.5e-3, 0.1e-3, 0.05e-3, 1.0e-3, 1.0e-3, 0.6e-3])


@dataclass(frozen=True)
class Weighting:
    """Diffusion weighting of every volume.

    Attributes
    ----------
    bvals : (V,) array
        s/mm2.
    directions : (V, 3) array
        Unit gradient directions in world RAS+; 0 where b is 0.
    """

    bvals: FloatArray
    directions: FloatArray


def weighting(n_directions: int, b: float, n_b0: int, rng: np.random.Generator) -> Weighting:
    """Return evenly spread directions, with the volumes without weighting spread among them."""
    angles = np.arccos(rng.uniform(-1, 1, n_directions)), rng.uniform(0, 2 * np.pi, n_directions)
    sphere, _ = disperse_charges(HemiSphere(theta=angles[0], phi=angles[1]), 2000)
    n = n_directions + n_b0
    rest = np.setdiff1d(np.arange(n), np.round(np.linspace(0, n - 1, n_b0)).astype(int))
    bvals, directions = np.zeros(n), np.zeros((n, 3))
    bvals[rest], directions[rest] = b, sphere.vertices
    return Weighting(bvals, directions)


def fsl_bvecs(directions: FloatArray, affine: FloatArray) -> FloatArray:
    """Return b-vectors (V, 3) as BIDS and FSL want them, from world directions (V, 3).

    They are relative to the image axes, with the first axis flipped where the affine's determinant
    is positive.
    """
    axes = affine[:3, :3] / voxel_size(affine)
    vectors = directions @ axes
    if np.linalg.det(axes) > 0:
        vectors[:, 0] *= -1.0
    return vectors


def draw_motion(n_volumes: int, size_mm: float, rng: np.random.Generator) -> FloatArray:
    """Return a wandering rigid motion (V, 6): tx ty tz in mm, rx ry rz in degrees; first is 0."""
    steps = rng.standard_normal((n_volumes, 6))
    steps[0] = 0.0
    walk = np.cumsum(steps, axis=0)
    walk[:, 3:] *= 0.5
    return size_mm * walk / max(float(np.abs(walk[:, :3]).max()), 1e-9)


def motion_matrix(motion: FloatArray, about: FloatArray) -> FloatArray:
    """Return the rigid (4, 4) world matrix of one row of motion, rotating about a world point."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(np.deg2rad(motion[3:]))
    matrix[:3, 3] = about - matrix[:3, :3] @ about + motion[:3]
    return matrix


def diffusion_weighted(
    legs: Sequence[Leg],
    grid: Image,
    weights: Weighting,
    *,
    split: Split,
    snr: float,
    rng: np.random.Generator,
    motion: FloatArray | None = None,
    distortion_mm: float = 0.0,
) -> tuple[Image, Image]:
    """Return diffusion-weighted magnitudes and the displacement field that distorts them.

    Parameters
    ----------
    legs
        Legs in the field of view.
    grid
        Any grid; the second voxel axis is the phase-encoding axis.
    weights
        Weighting in the scanner's (world) frame, in which gradients stay when the leg moves.
    split
        Samples per voxel along each axis.
    snr
        Of muscle in a volume without weighting; noise is Rician.
    motion
        (V, 6) rigid motion of the legs from :func:`draw_motion`.
    distortion_mm
        Largest displacement along the phase-encoding axis.

    Returns
    -------
    dwi : Image
        (I, J, K, V) float32; muscle without weighting is about 300.
    field : Image
        (I, J, K) mm: a voxel shows what lies so far along the second axis.
    """
    field = smooth_field(grid, rng)
    field *= distortion_mm / max(float(np.abs(field).max()), 1e-9)
    signal = diffusion_signal(legs, grid, weights, split=split, field=field, motion=motion)
    return noisy_magnitude(grid, signal, snr, rng), grid.with_data(field)


def diffusion_signal(
    legs: Sequence[Leg],
    grid: Image,
    weights: Weighting,
    *,
    split: Split,
    field: FloatArray,
    motion: FloatArray | None = None,
) -> FloatArray:
    """Return signals (I, J, K, V) without noise; muscle without weighting is about 1.

    `field` (I, J, K) in mm: a voxel shows what lies so far along the second axis. See
    :func:`diffusion_weighted` for the others.
    """
    shift = (field / grid.spacing[1]).astype(np.float32)
    n = len(weights.bvals)
    about = grid.to_world((np.array(grid.shape) - 1) / 2)
    groups = [np.arange(n)] if motion is None else [np.array([v]) for v in range(n)]
    signal = np.zeros((*grid.shape, n), np.float32)
    for volumes in groups:
        moved = np.eye(4) if motion is None else motion_matrix(motion[volumes[0]], about)
        for leg in legs:
            to_leg = leg_matrix(leg, np.linalg.inv(moved) @ grid.affine)
            gradients = weights.directions[volumes] @ moved[:3, :3] @ leg.pose[:3, :3]
            signal[..., volumes] += render_diffusion(
                leg.tables, to_leg, grid.shape, split, SIGNAL, DIFFUSIVITY, EIGENVALUES,
                weights.bvals[volumes], np.ascontiguousarray(gradients), shift,
            )  # fmt: skip
    return signal


def noisy_magnitude(grid: Image, signal: FloatArray, snr: float, rng: np.random.Generator) -> Image:
    """Return magnitudes (I, J, K, V) float32 of a signal; muscle without weighting is about 300."""
    volumes = range(signal.shape[3])
    noisy = np.stack([rician(signal[..., v], 1 / snr, rng) for v in volumes], axis=-1)
    return grid.with_data(300.0 * noisy)


def reversed_field(field: Image) -> Image:
    """Return the field (I, J, K) in mm of the same scan with reversed phase encoding.

    Both fields say what a voxel shows; off-resonance moves a piece of tissue as far one way in one
    scan as the other way in the other.
    """
    step = float(field.spacing[1])
    at = step * np.arange(field.shape[1])
    columns = np.moveaxis(field.data, 1, -1).reshape(-1, len(at)).astype(float)
    out = np.empty_like(columns)
    for column, shown in enumerate(columns):
        # The tissue at `at + shown` was moved to `at`, and will be moved to `at + 2 shown`.
        out[column] = np.interp(at, at + 2 * shown, -shown)
    swapped = out.reshape(field.shape[0], field.shape[2], -1)
    return field.with_data(np.moveaxis(swapped, -1, 1).astype(np.float32))
