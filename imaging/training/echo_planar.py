"""What an echo-planar readout does to an image: ghosts, distortion along phase, lost signal.

Sources: Jezzard & Balaban, Magn Reson Med 34, 1995 (distortion and pile-up along phase encoding);
Buonocore & Gao, Magn Reson Med 38, 1997 (ghosts at half the field of view).
"""

from __future__ import annotations

import numpy as np

from imaging.arrays import Float32
from imaging.segmentation.inputs import PIXEL_MM
from imaging.training.shape import SIZE, smooth_noise


def phase_distortion(rng: np.random.Generator, most_mm: float) -> tuple[Float32, Float32]:
    """Draw a distortion along one axis across the leg.

    Parameters
    ----------
    rng
        Random numbers.
    most_mm
        Standard deviation of the displacement.

    Returns
    -------
    Displacement (2, SIZE, SIZE), mm, of one axis only, and how signal piles up (SIZE, SIZE).
    """
    axis = int(rng.random() < 0.75)  # anterior-posterior is the common choice
    field = smooth_noise(rng, 3, 1)[0] + 0.4 * smooth_noise(rng, 6, 1)[0]
    out = np.zeros((2, SIZE, SIZE), np.float32)
    out[axis] = most_mm * field
    slope = np.gradient(out[axis], PIXEL_MM, axis=axis)
    return out, np.clip(1.0 + slope, 0.3, 2.5).astype(np.float32)


def nyquist_ghost(rng: np.random.Generator, image: Float32, share: float) -> Float32:
    """Add a ghost of the slices, half the field of view away along one axis.

    Parameters
    ----------
    rng
        Random numbers.
    image : (S, N, M)
        Magnitudes.
    share
        Strength of the ghost against the image.
    """
    axis = 1 + int(rng.random() < 0.75)
    far = int(rng.integers(30, SIZE))
    ghost = np.zeros_like(image)
    for way in (-far, far):
        ghost += _shifted(image, way, axis)
    turn = np.exp(1j * (rng.uniform(0, 2 * np.pi) + 1.5 * smooth_noise(rng, 3, 1)[0]))
    return np.abs(image + share * turn.astype(np.complex64) * ghost).astype(np.float32)


def signal_voids(rng: np.random.Generator, depth: Float32, count: int) -> Float32:
    """Return a factor (N, M) with holes where the field is disturbed, most of them near the rim.

    Parameters
    ----------
    rng
        Random numbers.
    depth : (N, M)
        Depth under the skin, mm, negative outside.
    count
        Number of holes.
    """
    out = np.ones(depth.shape, np.float32)
    grid = np.indices(depth.shape, dtype=np.float32)
    for n in range(count):
        places = np.argwhere((depth > 0) & (depth < (12.0 if n % 2 == 0 else 60.0)))
        if not len(places):
            break
        apart = (grid - places[rng.integers(len(places))][:, None, None]) * PIXEL_MM
        reach = rng.uniform(3.0, 11.0, 2)[:, None, None]
        hole = np.exp(-0.5 * ((apart / reach) ** 2).sum(0))
        out *= (1.0 - rng.uniform(0.3, 1.0) * hole).astype(np.float32)
    return out


def _shifted(image: Float32, by: int, axis: int) -> Float32:
    """Move slices by pixels along an axis; nothing comes in."""
    out = np.zeros_like(image)
    take, put = [slice(None)] * 3, [slice(None)] * 3
    take[axis] = slice(max(-by, 0), SIZE - max(by, 0))
    put[axis] = slice(max(by, 0), SIZE - max(-by, 0))
    out[tuple(put)] = image[tuple(take)]
    return out
