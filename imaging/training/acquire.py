"""What a scanner does to the slices: vessels, coils, resolution, noise, and the leg's mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.arrays import Float32
from imaging.segmentation.inputs import PIXEL_MM
from imaging.training.appearance import Appearance
from imaging.training.echo_planar import nyquist_ghost, signal_voids
from imaging.training.shape import SIZE, smooth_noise


def acquire(
    rng: np.random.Generator,
    signal: Float32,
    depth: Float32,
    appearance: Appearance,
    difficulty: float,
) -> Float32:
    """Return magnitude slices (S, N, M) of water and fat signals (2, S, N, M).

    Parameters
    ----------
    rng
        Random numbers.
    signal
        Water and fat.
    depth : (N, M)
        Depth under the skin in the middle slice, mm, negative outside.
    appearance
        Contrast.
    difficulty
        0 to 1.
    """
    signal = _vessels(rng, signal, depth, difficulty)
    turn = np.complex64(np.exp(1j * appearance.phase))
    image = np.abs(signal[0] + turn * signal[1]).astype(np.float32)
    image *= _coils(rng, depth, difficulty)
    if appearance.echo_planar:
        image *= signal_voids(rng, depth, int(rng.integers(0, 1 + int(1 + 4 * difficulty))))
        if rng.random() < 0.6:
            image = nyquist_ghost(rng, image, float(rng.uniform(0.02, 0.05 + 0.15 * difficulty)))
    # Muscle is 1; where fat outshines it by far, noise comes with fat.
    noise = (0.01 + 0.08 * difficulty * rng.random()) * max(
        1.0, 0.25 * float(appearance.fats.max())
    )
    # At the edge of the coil next to nothing but noise is left.
    if rng.random() < 0.1 * difficulty:
        noise *= rng.uniform(2.0, 4.0)
    return _resolve(rng, image, noise, difficulty, appearance.echo_planar)


def _vessels(
    rng: np.random.Generator, signal: Float32, depth: Float32, difficulty: float
) -> Float32:
    """Put vessels, bright or dark, at random places under the skin."""
    places = np.argwhere(depth > 4.0)
    grid = np.indices((SIZE, SIZE), dtype=np.float32)
    for _ in range(int(rng.integers(0, 3 + int(5 * difficulty)))):
        if not len(places):
            break
        centre = places[rng.integers(len(places))]
        radius = rng.uniform(0.6, 2.2) / PIXEL_MM
        inside = (grid[0] - centre[0]) ** 2 + (grid[1] - centre[1]) ** 2 < radius**2
        signal[0][:, inside] = rng.choice([0.15, 0.6, 1.6, 3.0])
        signal[1][:, inside] = 0.0
    return signal


def _coils(rng: np.random.Generator, depth: Float32, difficulty: float) -> Float32:
    """Return a smooth gain, often with the fall-off of surface coils, which follows the rim."""
    gain = (0.1 + 0.3 * difficulty) * rng.random() * smooth_noise(rng, 2, 1)[0]
    if rng.random() < 0.15 + 0.35 * difficulty:
        slope = rng.uniform(0.3, 0.3 + 1.2 * difficulty)
        reach = rng.uniform(6.0, 30.0)
        side = np.clip(0.6 + 0.7 * smooth_noise(rng, 2, 1)[0], 0, 1.3)
        gain = gain + slope * side * np.exp(-np.maximum(depth, 0) / reach)
    return np.exp(gain).astype(np.float32)


def _resolve(
    rng: np.random.Generator, image: Float32, noise: float, difficulty: float, coarse: bool
) -> Float32:
    """Bring slices to a voxel size with noise (Rician) and back to the network's pixels."""
    voxel = rng.uniform(0.8, 1.6)
    if coarse:
        voxel = rng.uniform(1.7, 2.6 + 1.0 * difficulty)
    elif rng.random() < 0.35:
        voxel = rng.uniform(1.6, 1.8 + 1.4 * difficulty)
    size = SIZE
    if voxel > 1.65:
        size = int(SIZE * PIXEL_MM / voxel) // 2 * 2
        image = _truncate(image, size) if rng.random() < 0.4 else _average(image, size)
    elif rng.random() < 0.5:
        blur = rng.uniform(0.2, 0.7)
        image = ndimage.gaussian_filter(image, (0, blur, blur))
    scale = np.float32(noise * (PIXEL_MM / voxel) if size == SIZE else noise)
    real = image + scale * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.hypot(real, scale * rng.standard_normal(image.shape, dtype=np.float32))
    if size != SIZE:
        image = _resize(image, SIZE)
    elif rng.random() < 0.3:
        image = ndimage.gaussian_filter(image, (0, 0.5, 0.5))
    return image.astype(np.float32)


def _truncate(image: Float32, size: int) -> Float32:
    """Keep the middle of k-space: lower resolution with Gibbs ringing."""
    space = np.fft.fftshift(np.fft.fft2(image), axes=(1, 2))
    cut = (SIZE - size) // 2
    space = space[:, cut : cut + size, cut : cut + size]
    small = np.fft.ifft2(np.fft.ifftshift(space, axes=(1, 2))) * (size / SIZE) ** 2
    return np.abs(small).astype(np.float32)


def _average(image: Float32, size: int) -> Float32:
    blur = 0.42 * SIZE / size
    return _resize(ndimage.gaussian_filter(image, (0, blur, blur)), size)


def _resize(image: Float32, size: int) -> Float32:
    """Interpolate slices linearly to another number of pixels, by centres."""
    at = (np.arange(size) + 0.5) * image.shape[1] / size - 0.5
    low = np.clip(np.floor(at).astype(int), 0, image.shape[1] - 2)
    share = np.clip(at - low, 0, 1).astype(np.float32)
    rows = image[:, low] * (1 - share[:, None]) + image[:, low + 1] * share[:, None]
    return np.asarray(rows[:, :, low] * (1 - share) + rows[:, :, low + 1] * share)
