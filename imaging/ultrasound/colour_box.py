"""What a colour box shows where no sample is taken: void and saturated pixels, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.image import apply_affine
from imaging.ultrasound.colour_bar import Box
from imaging.ultrasound.overlay import Reading
from imaging.ultrasound.samples import FramePlane, bounds_of, cell_middles, cell_size, in_cells


@dataclass(frozen=True)
class BoxCells:
    """Every cell of the colour boxes of one or more frames, with or without colour.

    Attributes
    ----------
    frame : (N,) int array
        Number of the frame, from 0.
    world : (N, 3) array
        Middle of the cell, world RAS+ mm.
    pixels, void, read, high, low : (N,) int arrays
        Pixels of the cell; those without colour; those whose value was read; and of these the ones
        at the upper and at the lower end of the scale.
    """

    frame: NDArray[np.intp]
    world: FloatArray
    pixels: NDArray[np.intp]
    void: NDArray[np.intp]
    read: NDArray[np.intp]
    high: NDArray[np.intp]
    low: NDArray[np.intp]


@dataclass(frozen=True)
class Shares:
    """Shares of pixels of a region; nan where there are none to count.

    Attributes
    ----------
    pixels : int
        Inside the colour box.
    read : int
        Of these, with a value.
    void : float
        Share without colour, of all.
    high, low : float
        Share at the upper and at the lower end of the scale, of those read.
    """

    pixels: int
    read: int
    void: float
    high: float
    low: float

    @property
    def saturated(self) -> float:
        """Share at either end of the scale."""
        return self.high + self.low


def box_cells(
    reading: Reading, overlay: Box, plane: FramePlane, frame: int, cell_mm: float
) -> BoxCells:
    """Count the pixels of every cell of a colour box.

    Parameters
    ----------
    reading
        Of the box.
    overlay
        The box in the stored image.
    plane
        Place of the frame.
    frame
        Its number.
    cell_mm
        Wanted edge of a cell.
    """
    size = cell_size(plane, cell_mm)
    middles = cell_middles(reading.void.shape, overlay, size)
    bound = np.where(reading.valid, bounds_of(reading.position), 0)
    counted = (reading.void, reading.valid, bound > 0, bound < 0)
    world = apply_affine(plane.matrix, np.column_stack([middles, np.zeros(len(middles))]))
    return BoxCells(
        np.full(len(middles), frame), world, np.full(len(middles), size[0] * size[1]),
        *(in_cells(image, size).sum(axis=1) for image in counted),
    )  # fmt: skip


def joined_cells(parts: Sequence[BoxCells]) -> BoxCells:
    """Return the cells of several frames as one."""
    return BoxCells(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(BoxCells))
    )


def shares_of(cells: BoxCells, chosen: NDArray[np.bool_]) -> Shares:
    """Return the shares of void and saturated pixels of some cells (N,)."""
    pixels, void, read, high, low = (
        int(a[chosen].sum()) for a in (cells.pixels, cells.void, cells.read, cells.high, cells.low)
    )
    nan = float("nan")
    return Shares(
        pixels, read, void / pixels if pixels else nan,
        high / read if read else nan, low / read if read else nan,
    )  # fmt: skip
