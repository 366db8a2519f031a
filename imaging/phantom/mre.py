"""Wave images of the digital leg, with the stiffness they were made from.

The waves are solved on one grid and acquired on another, tilted and of other spacing, so that no
inversion meets the grid its data were made on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from imaging.arrays import FloatArray, LabelArray
from imaging.image import Image
from imaging.phantom.moduli import ALONG, TENSILE, paint
from imaging.phantom.waves import solve_waves, sponge

FREQUENCY_HZ = 60.0
DENSITY = 1000.0
OFFSETS = 8
GAIN_RAD_PER_M = 1.0e5
_AMPLITUDE_M = 2.0e-5  # 95th percentile in the leg: 2 rad on a still background, so it wraps


class LegLike(Protocol):
    """What is asked of a digital leg."""

    @property
    def bounds_mm(self) -> Any:
        """Lower and upper corner, (2, 3) world mm."""

    def labels(self, points: FloatArray) -> LabelArray:
        """Return labels (N,) of world points (N, 3) mm: 0 air, -1 connective tissue."""

    def directions(self, points: FloatArray, labels: LabelArray) -> FloatArray:
        """Return unit fibre directions (N, 3), world axes, at world points (N, 3) mm."""


@dataclass(frozen=True)
class Preset:
    """Size of the simulation and of the acquisition."""

    solver_mm: float
    margin_mm: float
    slab_mm: float
    sponge_mm: float
    voxel_mm: tuple[float, float, float]
    slices: int
    snr: float


PRESETS = {
    "demo": Preset(2.5, 18.0, 140.0, 25.0, (2.2, 2.2, 2.6), 30, 30.0),
    # Several drivers and frequencies in the time of one on the fine grid.
    "coarse": Preset(3.0, 18.0, 140.0, 25.0, (2.2, 2.2, 2.6), 30, 30.0),
    "small": Preset(4.0, 12.0, 104.0, 20.0, (3.2, 3.2, 3.6), 14, 40.0),
}


def points_of(shape: tuple[int, ...], affine: FloatArray) -> FloatArray:
    """Return the world RAS+ mm (N, 3) of every voxel of a grid."""
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    return voxels @ affine[:3, :3].T + affine[:3, 3]


def turned_grid(
    centre: FloatArray, shape: tuple[int, ...], spacing: Any, turn: FloatArray
) -> FloatArray:
    """Return the affine of a grid turned about its centre."""
    affine = np.eye(4)
    affine[:3, :3] = turn * np.broadcast_to(spacing, 3)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def _soften(values: NDArray[Any], sigma: float) -> NDArray[Any]:
    """Blur a real or complex array, in voxels: partial volume at tissue borders."""
    if np.iscomplexobj(values):
        real, imag = (ndimage.gaussian_filter(v, sigma) for v in (values.real, values.imag))
        return (real + 1j * imag).astype(np.complex64)
    return ndimage.gaussian_filter(values, sigma)


def _drive(labels: LabelArray, spacing_mm: float, driver: int) -> FloatArray:
    """Return the body force (I, J, K, 3) of one driver: a shell at the skin, and the bones."""
    inside = labels != 0
    depth = ndimage.distance_transform_edt(inside, sampling=spacing_mm)
    shell = inside & (depth <= 6.0)
    bone = np.isin(np.abs(labels) % 100, [21, 22]) & inside & (labels > 0)
    place = ndimage.gaussian_filter((shell | bone).astype(np.float32), 1.0)
    turn = Rotation.from_euler("zyx", [35, 25, 15], degrees=True).as_matrix()
    return place[..., None] * turn[:, (2, 0, 1)[driver]].astype(np.float32)


def slab_box(leg: LegLike, height_mm: float) -> tuple[FloatArray, FloatArray]:
    """Return the corners (3,), (3,) of the box around a slab of the calf, world mm."""
    low, high = np.array(leg.bounds_mm, dtype=float)
    middle = low[2] + 0.6 * (high[2] - low[2])  # where the calf is thickest
    low[2], high[2] = middle - height_mm / 2, middle + height_mm / 2
    axes = [np.arange(a, b + 4, 4.0) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    inside = points[leg.labels(points) != 0]
    box = inside.min(axis=0) - 4, inside.max(axis=0) + 4
    return np.append(box[0][:2], low[2]), np.append(box[1][:2], high[2])


def displacement(
    leg: LegLike,
    *,
    preset: Preset,
    drivers: int = 1,
    anisotropic: bool = False,
    frequency_hz: float = FREQUENCY_HZ,
) -> Image:
    """Solve the waves of every driver in a slab of the calf.

    Returns
    -------
    Image
        Displacement in metres, (I, J, K, 3, drivers) complex64, components along world RAS+.
    """
    low, high = slab_box(leg, preset.slab_mm)
    centre = (low + high) / 2
    extent = high - low + [2 * preset.margin_mm, 2 * preset.margin_mm, 0]
    i, j, k = (int(fft.next_fast_len(int(np.ceil(e / preset.solver_mm)))) for e in extent)
    shape = (i, j, k)
    affine = turned_grid(centre, shape, preset.solver_mm, np.eye(3))
    points = points_of(shape, affine)
    flat = leg.labels(points)
    labels = flat.reshape(shape)
    modulus = _soften(paint(labels)[0], 0.7)
    along, tensile, directions = modulus, 3 * modulus, None
    if anisotropic:
        muscle = (flat > 0) & (flat % 100 <= 14)
        fibres = np.zeros((flat.size, 3), np.float32)
        fibres[:, 2] = 1
        fibres[muscle] = leg.directions(points[muscle], flat[muscle])
        share = _soften(muscle.reshape(shape).astype(np.float32), 0.7)
        along = modulus * (1 + (ALONG - 1) * share)
        tensile = modulus * (3 + (TENSILE - 3) * share)
        directions = fibres.reshape(*shape, 3)
    width = [int(round(w / preset.solver_mm)) for w in (5.0, 5.0, preset.sponge_mm)]
    waves = [
        solve_waves(
            modulus, along, tensile, _drive(labels, preset.solver_mm, driver),
            frequency_hz=frequency_hz, spacing_m=np.full(3, preset.solver_mm / 1000),
            directions=directions, density=DENSITY, damping=sponge(shape, width),
            tolerance=1e-3,
        )
        for driver in range(drivers)
    ]  # fmt: skip
    for wave in waves:
        wave *= _AMPLITUDE_M / np.quantile(np.linalg.norm(wave[labels != 0], axis=-1), 0.95)
    return Image(np.stack(waves, -1), affine)


def encode(
    waves: Image,
    like: Image,
    signal: FloatArray,
    directions: FloatArray,
    *,
    snr: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Return wrapped phase and magnitude as a motion-encoding sequence gives them.

    Parameters
    ----------
    waves : (..., 3, R) image
        Displacement in metres along world axes.
    like
        Image on the acquisition grid.
    signal : (I, J, K) array
        MR signal there, 1 in muscle.
    directions : (D, 3) array
        Encoding directions in world axes.
    snr
        Signal of muscle over the noise of one channel.
    rng
        Source of the noise.

    Returns
    -------
    phase : (I, J, K, D, n, R) float32 array
        Radians in (-pi, pi].
    magnitude : (I, J, K, D, n, R) float32 array
    """
    voxels = waves.to_voxels(points_of(like.shape, like.affine)).T
    steps = np.exp(2j * np.pi * np.arange(OFFSETS) / OFFSETS)
    position = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in like.shape], indexing="ij"))
    drivers = waves.data.shape[4]
    phase = np.empty((*like.shape, len(directions), OFFSETS, drivers), np.float32)
    magnitude = np.empty_like(phase)
    for r in range(drivers):
        u = np.empty((3, *like.shape), np.complex64)
        for c in range(3):
            for part, factor in ((waves.data[..., c, r].real, 1), (waves.data[..., c, r].imag, 1j)):
                found = ndimage.map_coordinates(part, voxels, order=3, mode="nearest")
                u[c] = (u[c] if factor == 1j else 0) + factor * found.reshape(like.shape)
        for d, axis in enumerate(directions):
            # A still background as field and coil phase leave it.
            still = np.tensordot(rng.uniform(-2, 2, 3), position, 1) + rng.uniform(-np.pi, np.pi)
            moving = GAIN_RAD_PER_M * np.tensordot(axis, u, 1)
            for n, step in enumerate(steps):
                image = signal * np.exp(1j * (still + (moving * step).real))
                noise = rng.standard_normal((2, *like.shape)) / snr
                image = image + noise[0] + 1j * noise[1]
                phase[..., d, n, r] = np.angle(image)
                magnitude[..., d, n, r] = np.abs(image)
    return phase, magnitude
