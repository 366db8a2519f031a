"""Samples of a frame: cells of its overlay with a value, a place in the scan, and a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.image import apply_affine
from imaging.ultrasound.colour_bar import Box
from imaging.ultrasound.overlay import Reading

#: Cells with less confidence, or less of their area readable, are left out.
CONFIDENT, FILLED = 0.5, 0.5
# At the ends of the colour scale a value stands for all beyond it.
_ENDS = (0.005, 0.995)


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
    saturated : (N,) bool array
        At an end of the colour scale: the value is a bound.
    cell_mm : (N, 2) array
        Width and height of the cell.
    """

    frame: NDArray[np.intp]
    pixel: FloatArray
    world: FloatArray
    shear_pa: FloatArray
    confidence: FloatArray
    saturated: BoolArray
    cell_mm: FloatArray

    def __len__(self) -> int:
        return len(self.frame)


def join(parts: Sequence[Samples]) -> Samples:
    """Return the samples of several frames as one."""
    return Samples(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Samples)))


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
    width, height = (max(round(cell_mm / mm), 1) for mm in plane.pixel_mm)
    rows, columns = shear_pa.shape[0] // height, shear_pa.shape[1] // width

    def blocks(image: NDArray[Any]) -> NDArray[Any]:
        cut = image[: rows * height, : columns * width]
        split = cut.reshape(rows, height, columns, width).swapaxes(1, 2)
        return split.reshape(rows * columns, height * width)

    used = blocks(reading.valid & (reading.confidence >= CONFIDENT))
    keep = used.mean(axis=1) >= FILLED
    used = used[keep]
    held = np.ma.masked_array(blocks(shear_pa)[keep], ~used)
    position = np.ma.masked_array(blocks(reading.position)[keep], ~used)
    middle = np.ma.median(position, axis=1).filled(np.nan)
    index = np.flatnonzero(keep)
    x = overlay[0] + (index % columns) * width + (width - 1) / 2
    y = overlay[1] + (index // columns) * height + (height - 1) / 2
    pixel = np.stack([x, y], axis=1)
    size = np.array([width, height]) * plane.pixel_mm
    return Samples(
        np.full(len(index), frame),
        pixel,
        apply_affine(plane.matrix, np.column_stack([pixel, np.zeros(len(index))])),
        np.ma.median(held, axis=1).filled(np.nan),
        np.ma.mean(np.ma.masked_array(blocks(reading.confidence)[keep], ~used), axis=1).filled(0),
        (middle <= _ENDS[0]) | (middle >= _ENDS[1]),
        np.broadcast_to(size, (len(index), 2)).copy(),
    )
