"""Small analytic diffusion images whose truth is known."""

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.diffusion.gradients import GradientTable
from imaging.image import Image

EIGENVALUES = np.array([2.0e-3, 1.45e-3, 1.1e-3])


def directions(n):
    i = np.arange(n) + 0.5
    z = 1 - i / n
    phi = np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(phi), r * np.sin(phi), z], axis=1)


def gradient_table(n=12, b0=2, b=500.0):
    vectors = np.vstack([np.zeros((b0, 3)), directions(n)])
    return GradientTable(np.concatenate([np.zeros(b0), np.full(n, b)]), vectors)


def affine_of(shape, spacing, rotation=None):
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if rotation is None else rotation) @ np.diag(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def around(points):
    """Directions that circle an oblique axis: curved, mainly along z, no symmetry."""
    e = np.cross([0.5, 1.0, 0.0], points - np.array([-45.0, 10.0, 0.0]))
    return e / np.linalg.norm(e, axis=-1, keepdims=True)


def leg(points):
    """Signal at b = 0 and e1 at world points: a tapering cylinder with a bone."""
    x, y, z = np.moveaxis(points, -1, 0)
    radius = np.hypot(x, y) * (1 + 0.004 * z)
    s0 = 1000 * (1 + 0.15 * np.sin(x / 7 + y / 9) * np.cos(z / 9)) * (1 - y / 120)
    s0 = np.where(np.hypot(x - 8, y) < 6, 80.0, s0)
    return np.where(radius < 26, s0, 0.0), around(points)


def series(shape, spacing, table, *, rotation=None, motion=None, sigma=0.0, seed=0, field=leg):
    """Return the image and its true e1; motion (N, 6) is mm and degrees about the origin."""
    affine = affine_of(shape, spacing, rotation)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    world = grid @ affine[:3, :3].T + affine[:3, 3]
    rng = np.random.default_rng(seed)
    data = np.empty((*shape, len(table.bvals)), np.float32)
    for v, (b, g) in enumerate(zip(table.bvals, table.vectors, strict=True)):
        turn, shift = np.eye(3), np.zeros(3)
        if motion is not None:
            turn = Rotation.from_rotvec(motion[v][3:], degrees=True).as_matrix()
            shift = motion[v][:3]
        s0, e1 = field((world - shift) @ turn)
        adc = apparent(e1, turn.T @ g)
        signal = s0 * np.exp(-b * adc)
        noise = sigma * rng.standard_normal((2, *shape))
        data[..., v] = np.hypot(signal + noise[0], noise[1])
    return Image(data, affine), field(world)[1]


def apparent(e1, g):
    """Diffusivity along g of a tensor with second axis across e1 and world y."""
    e2 = np.cross(e1, [0.0, 1.0, 0.0])
    e2 /= np.linalg.norm(e2, axis=-1, keepdims=True)
    e3 = np.cross(e1, e2)
    axes = np.stack([e1, e2, e3], -2)
    return np.square(axes @ g) @ EIGENVALUES


def angle_deg(a, b):
    return np.degrees(np.arccos(np.clip(np.abs((a * b).sum(-1)), 0, 1)))
