"""From the grid of an image to the one a model wants, and back.

A model wants its own axis order and voxel size; what it says must come back to the place in world
space it was said of. Axes are turned and flipped without resampling; only the voxel size is
resampled: the image linearly, the model's probabilities linearly, never its labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32, FloatArray
from imaging.errors import ConfigError
from imaging.image import Image, regrid
from imaging.nib import nibabel as nib


def check_axis_codes(codes: str) -> str:
    """Return axis codes such as ``RAS`` in capitals.

    Raises
    ------
    ConfigError
        Not one letter of each of R/L, A/P and S/I.
    """
    codes = codes.upper()
    if sorted({"L": "R", "P": "A", "I": "S"}.get(c, c) for c in codes) != ["A", "R", "S"]:
        raise ConfigError(f"orientation {codes!r} is not one of 48 such as RAS", None, "Correct it")
    return codes


def oriented(image: Image, codes: str) -> Image:
    """Turn and flip axes so that they point as nearly as possible along `codes`."""
    turn = _turn(image.affine, codes)
    data = nib.orientations.apply_orientation(image.data, turn)
    affine = image.affine @ nib.orientations.inv_ornt_aff(turn, image.shape)
    return Image(np.ascontiguousarray(data), affine)


def turned_back(data: NDArray, like: Image, codes: str) -> NDArray:
    """Turn an array on the grid of ``oriented(like, codes)`` back to the axes of `like`."""
    start = nib.orientations.axcodes2ornt(tuple(codes))
    turn = nib.orientations.ornt_transform(start, nib.orientations.io_orientation(like.affine))
    return np.ascontiguousarray(nib.orientations.apply_orientation(data, turn))


def _turn(affine: FloatArray, codes: str) -> NDArray:
    start = nib.orientations.io_orientation(affine)
    return nib.orientations.ornt_transform(start, nib.orientations.axcodes2ornt(tuple(codes)))


def on_spacing(image: Image, spacing: Sequence[float | None]) -> Image:
    """Resample an image to voxel sizes in mm along its axes; None keeps one. Linear, edge kept."""
    wanted = [s if s else own for s, own in zip(spacing, image.spacing, strict=True)]
    grid = regrid(image, wanted)
    matrix = np.linalg.inv(image.affine) @ grid.affine
    data = ndimage.affine_transform(
        image.data.astype(np.float32), np.diag(matrix[:3, :3]), matrix[:3, 3], grid.shape,
        order=1, mode="nearest",
    )  # fmt: skip
    return grid.with_data(data)


def likeliest(
    slices: Iterable[Float32], labels: Sequence[int], grid: Image, like: Image
) -> tuple[NDArray[np.int16], Float32]:
    """Return the likeliest label of every voxel of `like`, and its probability.

    Channels with the same label are added first (two parts of one muscle are one muscle), then
    interpolated, then compared, so that borders stay smooth. Two slices are held at a time.

    Parameters
    ----------
    slices : iterable of (C, I, J) float32
        Probabilities of each slice along the third axis of `grid`, in order.
    labels : (C,)
        Label of each channel, 0 for none.
    grid, like
        Grids with parallel axes; their data are not used.

    Returns
    -------
    (I', J', K') int16, (I', J', K') float32
        On the grid of `like`.
    """
    values = np.unique(np.asarray(labels, np.int16))
    members = (values[:, None] == np.asarray(labels)[None]).astype(np.float32)
    matrix = np.linalg.inv(grid.affine) @ like.affine
    scale, shift = np.diag(matrix)[:3], matrix[:3, 3]
    flat = np.allclose(scale[:2], 1) and np.allclose(shift[:2], 0, atol=1e-6)
    winner = np.zeros(like.shape, np.int16)
    best = np.zeros(like.shape, np.float32)
    source, held = iter(slices), dict[int, Float32]()
    for k in range(like.shape[2]):
        z = float(np.clip(scale[2] * k + shift[2], 0, grid.shape[2] - 1))
        low = min(int(z), max(grid.shape[2] - 2, 0))
        high = min(low + 1, grid.shape[2] - 1)
        while max(held, default=-1) < high:
            held[max(held, default=-1) + 1] = np.tensordot(members, next(source), 1)
        held = {n: v for n, v in held.items() if n >= low}
        mixed = (1.0 - (z - low)) * held[low] + (z - low) * held[high]
        for label, channel in zip(values, mixed, strict=True):
            value = channel
            if not flat:
                value = ndimage.affine_transform(
                    channel, scale[:2], shift[:2], like.shape[:2], order=1, mode="nearest"
                )
            better = value > best[:, :, k]
            winner[better, k] = label
            best[better, k] = value[better]
    for _ in source:  # a generator is run to its end, so that it frees what it holds
        pass
    return winner, np.clip(best, 0, 1)
