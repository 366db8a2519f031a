"""Samples of a frame: cells of its overlay with a value, a place in the scan, and a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.image import apply_affine
from imaging.ultrasound.colour_bar import Box
from imaging.ultrasound.overlay import Reading

#: Cells with less confidence, or less of their area readable, are left out.
CONFIDENT, FILLED = 0.5, 0.5
# At the ends of the colour scale a value stands for all beyond it; as near as compression tells.
_ENDS = (0.01, 0.99)


def bounds_of(position: FloatArray) -> NDArray[np.int8]:
    """Return 1 where places on the colour bar lie at its upper end, -1 at its lower one, else 0."""
    high = np.asarray(position >= _ENDS[1])
    return high.astype(np.int8) - np.asarray(position <= _ENDS[0]).astype(np.int8)


@dataclass(frozen=True)
class FramePlane:
    """Place of a frame in the scan.

    Attributes
    ----------
    matrix : (4, 4) array
        Pixel of the stored image (x, y, 0, 1) to world RAS+ mm.
    lateral, depth : (3,) array
        World unit vectors along the probe's face and along the beam.
    """

    matrix: FloatArray
    lateral: FloatArray
    depth: FloatArray

    @classmethod
    def of(cls, mf_to_world: FloatArray, stored_to_mf: FloatArray) -> FramePlane:
        """Join the place of the MF image with how the stored image lies to it."""
        lateral, depth = (mf_to_world[:3, k] / np.linalg.norm(mf_to_world[:3, k]) for k in (0, 1))
        return cls(mf_to_world @ stored_to_mf, lateral, depth)

    @property
    def normal(self) -> FloatArray:
        """World unit vector across the frame."""
        normal = np.cross(self.lateral, self.depth)
        return np.asarray(normal / np.linalg.norm(normal))

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Width and height of a stored pixel in mm."""
        across, down = np.linalg.norm(self.matrix[:3, :2], axis=0)
        return float(across), float(down)


@dataclass(frozen=True)
class Samples:
    """Samples of one or more frames.

    Attributes
    ----------
    frame : (N,) int array
        Number of the frame, from 0.
    pixel : (N, 2) array
        x, y of the cell's middle in the stored image.
    world : (N, 3) array
        World RAS+ mm.
    shear_pa : (N,) array
        rho c^2 in Pa, not corrected.
    confidence : (N,) array
        0 to 1.
    bound : (N,) int8 array
        1 at the upper end of the colour scale, -1 at the lower one: the value is a bound.
    cell_mm : (N, 2) array
        Width and height of the cell.
    """

    frame: NDArray[np.intp]
    pixel: FloatArray
    world: FloatArray
    shear_pa: FloatArray
    confidence: FloatArray
    bound: NDArray[np.int8]
    cell_mm: FloatArray

    def __len__(self) -> int:
        return len(self.frame)


def join(parts: Sequence[Samples]) -> Samples:
    """Return the samples of several frames as one."""
    return Samples(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Samples)))


def cell_size(plane: FramePlane, cell_mm: float) -> tuple[int, int]:
    """Return the width and height in pixels of a cell of a wanted edge in mm."""
    across, down = plane.pixel_mm
    return max(round(cell_mm / across), 1), max(round(cell_mm / down), 1)


def in_cells(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return the pixels of an image (H, W) cell by cell (cells, pixels); a rim may be cut."""
    width, height = size
    rows, columns = image.shape[0] // height, image.shape[1] // width
    cut = image[: rows * height, : columns * width]
    split = cut.reshape(rows, height, columns, width).swapaxes(1, 2)
    return split.reshape(rows * columns, height * width)


def cell_middles(shape: Sequence[int], overlay: Box, size: tuple[int, int]) -> FloatArray:
    """Return the middles (cells, 2) of the cells of an overlay, in pixels of the stored image."""
    width, height = size
    y, x = np.mgrid[: shape[0] // height, : shape[1] // width].reshape(2, -1)
    return np.stack(
        [overlay[0] + x * width + (width - 1) / 2, overlay[1] + y * height + (height - 1) / 2],
        axis=1,
    )


def cells(
    reading: Reading,
    shear_pa: FloatArray,
    overlay: Box,
    plane: FramePlane,
    frame: int,
    cell_mm: float,
) -> Samples:
    """Take the median of the readable pixels in every cell of an overlay.

    Parameters
    ----------
    reading
        Of the overlay's box.
    shear_pa : (H, W) array
        rho c^2 of its pixels.
    overlay
        Box in the stored image.
    plane
    frame
        Number of the frame.
    cell_mm
        Wanted edge of a cell; it becomes a whole number of pixels.
    """
    width, height = size = cell_size(plane, cell_mm)

    def blocks(image: NDArray[Any]) -> NDArray[Any]:
        return in_cells(image, size)

    used = blocks(reading.valid & (reading.confidence >= CONFIDENT))
    keep = used.mean(axis=1) >= FILLED
    used = used[keep]
    held = np.ma.masked_array(blocks(shear_pa)[keep], ~used)
    position = np.ma.masked_array(blocks(reading.position)[keep], ~used)
    middle = np.ma.median(position, axis=1).filled(np.nan)
    pixel = cell_middles(shear_pa.shape, overlay, size)[keep]
    index = np.flatnonzero(keep)
    edges = np.array([width, height]) * plane.pixel_mm
    return Samples(
        np.full(len(index), frame),
        pixel,
        apply_affine(plane.matrix, np.column_stack([pixel, np.zeros(len(index))])),
        np.ma.median(held, axis=1).filled(np.nan),
        np.ma.mean(np.ma.masked_array(blocks(reading.confidence)[keep], ~used), axis=1).filled(0),
        bounds_of(middle),
        np.broadcast_to(edges, (len(index), 2)).copy(),
    )
