"""A network run over an image in overlapping tiles, weighted by a Gaussian.

Pure numpy, so that any runtime can stand behind it. Slices are handed out in order as soon as no
further tile reaches them: memory holds one row of tiles, not the whole volume. Source: Gaussian
importance weights, Isensee et al., Nat Methods 18, 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from imaging.arrays import Float32

Predict = Callable[[Float32], Float32]
"""A network: (1, C, \\*patch) in, (1, channels, \\*patch) out."""


def starts(length: int, size: int, overlap: float) -> list[int]:
    """Return where tiles of `size` voxels start so that they cover `length` voxels."""
    if length <= size:
        return [0]
    step = max(int(size * (1.0 - overlap)), 1)
    count = int(np.ceil((length - size) / step)) + 1
    return [round(n * (length - size) / (count - 1)) for n in range(count)]


def gaussian(size: Sequence[int]) -> Float32:
    """Return the weights of one tile: standard deviation an eighth of its size, never 0."""
    weights = np.ones((), np.float32)
    for n in size:
        x = (np.arange(n) - (n - 1) / 2) / (n / 8)
        weights = np.multiply.outer(weights, np.exp(-0.5 * x * x).astype(np.float32))
    return np.maximum(weights, np.float32(1e-3))


def over_slices(
    predict: Predict, volume: Float32, patch: Sequence[int], overlap: float = 0.5, context: int = 1
) -> Iterator[Float32]:
    """Yield what a 2-D network says of each slice along the third axis.

    Parameters
    ----------
    predict
        The network.
    volume : (I, J, K) float32
        Prepared image.
    patch : (2,)
        Size of a tile, voxels.
    overlap
        Share by which tiles overlap.
    context
        Odd number of neighbouring slices that are its channels; the end slices are repeated.

    Yields
    ------
    (C, I, J) float32
    """
    around = np.arange(context) - context // 2
    for k in range(volume.shape[2]):
        near = np.clip(k + around, 0, volume.shape[2] - 1)
        channels = np.moveaxis(volume[:, :, near], 2, 0)
        slabs = _tiled(predict, channels[..., None], (*patch, 1), overlap, squeeze=True)
        yield next(slabs)


def over_volume(
    predict: Predict, volume: Float32, patch: Sequence[int], overlap: float = 0.5
) -> Iterator[Float32]:
    """Yield what a 3-D network says of each slice along the third axis, (C, I, J) float32."""
    yield from _tiled(predict, volume[None], tuple(patch), overlap, squeeze=False)


def _tiled(
    predict: Predict, volume: Float32, patch: tuple[int, ...], overlap: float, squeeze: bool
) -> Iterator[Float32]:
    """Yield slices (C, I, J) of a tiled prediction of channels (C, I, J, K)."""
    padded, before = _padded(volume, patch)
    shape = padded.shape[1:]
    inside = tuple(slice(b, b + n) for b, n in zip(before, volume.shape[1:], strict=True))
    weights = gaussian(patch)
    rows = starts(shape[2], patch[2], overlap)
    total: Float32 | None = None
    for row, start in enumerate(rows):
        if total is not None:
            total = _moved_on(total, start - rows[row - 1])
        for i in starts(shape[0], patch[0], overlap):
            for j in starts(shape[1], patch[1], overlap):
                box = (slice(i, i + patch[0]), slice(j, j + patch[1]))
                tile = np.ascontiguousarray(padded[:, *box, start : start + patch[2]])
                out = predict(tile[None, ..., 0] if squeeze else tile[None])[0]
                out = out[..., None] if squeeze else out
                if total is None:
                    total = np.zeros((out.shape[0] + 1, *shape[:2], patch[2]), np.float32)
                total[:-1, *box] += out * weights
                total[-1, *box] += weights
        assert total is not None  # every row has a tile
        done = rows[row + 1] - start if row + 1 < len(rows) else patch[2]
        for k in range(done):
            if inside[2].start <= start + k < inside[2].stop:
                slab = total[:, inside[0], inside[1], k]
                yield slab[:-1] / slab[-1]


def _moved_on(total: Float32, by: int) -> Float32:
    """Drop the first slices of a sum, which are done, and start as many new ones."""
    out = np.zeros_like(total)
    if by < total.shape[3]:
        out[..., : total.shape[3] - by] = total[..., by:]
    return out


def _padded(volume: Float32, patch: tuple[int, ...]) -> tuple[Float32, list[int]]:
    """Pad an image smaller than a tile with zeros on both sides; tell by how much in front."""
    lack = [max(p - n, 0) for p, n in zip(patch, volume.shape[1:], strict=True)]
    before = [n // 2 for n in lack]
    pads = [(0, 0)] + [(b, n - b) for b, n in zip(before, lack, strict=True)]
    return np.pad(volume, pads), before
