"""Plane shear waves on any grid, with a known modulus."""

import numpy as np

from imaging.elastography.waves import WaveImages

DENSITY = 1000.0


def modulus(magnitude=1000.0, loss=0.3):
    return magnitude * np.exp(1j * loss)


def plane_waves(
    affine, shape, *, stiffness, frequency=60.0, offsets=8, directions=None, drivers=1, noise=0.0,
    amplitude=1.0, seed=0, still=True, ways=None,
):  # fmt: skip
    """Wave images of shear waves that run along world axes, several at once."""
    directions = np.eye(3) if directions is None else np.asarray(directions)
    rng = np.random.default_rng(seed)
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    world = (voxels @ affine[:3, :3].T + affine[:3, 3]) / 1000
    world = world - world.mean((0, 1, 2))
    k = 2 * np.pi * frequency * np.sqrt(DENSITY / stiffness)
    k = -k if k.imag > 0 else k  # exp(i(wt - kx)) dies along x
    phase = np.empty((*shape, len(directions), offsets, drivers), np.float32)
    for r in range(drivers):
        u = np.zeros((*shape, 3), complex)
        for way, polarisation in ways or (
            ((1, 0.4, 0.2), 2),
            ((-0.3, 1, 0.5), 0),
            ((0.2, 0.1, 1), 1),
        ):
            n = np.array(way) / np.linalg.norm(way)
            p = np.cross(n, np.eye(3)[polarisation])
            start = np.exp(1j * rng.uniform(0, 6))
            u += start * np.exp(-1j * k * (world @ n))[..., None] * p / np.linalg.norm(p)
        u *= amplitude / np.abs(u).max()
        for d, axis in enumerate(directions):
            background = 3 * rng.uniform(-1, 1) + (
                20 * world @ rng.uniform(-1, 1, 3) if still else 0
            )
            for n in range(offsets):
                moving = ((u @ axis) * np.exp(2j * np.pi * n / offsets)).real
                signal = np.exp(1j * (moving + background))
                signal = signal + noise * (rng.standard_normal((2, *shape)).T @ [1, 1j]).T
                phase[..., d, n, r] = np.angle(signal)
    return WaveImages(phase, np.ones(shape, np.float32), affine, directions, frequency, DENSITY)
