"""How stiffness changes along a muscle, from its distal to its proximal end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from imaging.arrays import BoolArray, FloatArray

PART_MM = 10.0
_LEAST_PARTS = 4
_LEAST_VOXELS = 10


@dataclass(frozen=True)
class Gradient:
    """Slope of a quantity along a muscle, per cm, with its 95 % interval.

    `parts` are the parts of :data:`PART_MM` the line was fitted to.
    """

    slope: float
    low: float
    high: float
    parts: int


def lengthwise_place(region: BoolArray, affine: FloatArray) -> FloatArray:
    """Return the place in mm of every voxel along the line through a region's centres.

    The line is fitted to the centres of the region's levels of world S, so that a muscle of which
    the images hold a short piece is still measured along its length.

    Parameters
    ----------
    region : (I, J, K) bool array
    affine : (4, 4) array
        Voxel indices to world RAS+ mm.

    Returns
    -------
    (N,) array
        In the order of ``region[region]``; grows proximally (towards world S).
    """
    world = np.argwhere(region) @ affine[:3, :3].T + affine[:3, 3]
    height = world[:, 2] - world[:, 2].mean()
    variance = float(height @ height)
    tilt = height @ (world[:, :2] - world[:, :2].mean(axis=0)) / max(variance, 1e-9)
    line = np.append(tilt, 1.0) if variance > 0 else np.array([0.0, 0.0, 1.0])
    return np.asarray(world @ (line / np.linalg.norm(line)))


def lengthwise_gradient(values: FloatArray, place_mm: FloatArray) -> Gradient | None:
    """Fit a line to the medians of parts of 1 cm along a muscle.

    Neighbouring voxels of an inversion are not independent; parts of a centimetre nearly are, so
    that the interval comes from their scatter about the line.

    Parameters
    ----------
    values, place_mm : (N,) arrays

    Returns
    -------
    Gradient or None
        Per cm, in the unit of `values`; None with fewer than four parts of ten voxels.
    """
    part = np.floor((place_mm - place_mm.min()) / PART_MM).astype(int)
    counts = np.bincount(part)
    used = np.flatnonzero(counts >= _LEAST_VOXELS)
    if used.size < _LEAST_PARTS:
        return None
    medians = np.array([np.median(values[part == p]) for p in used])
    centres = np.array([place_mm[part == p].mean() for p in used]) / 10.0
    along, rise = centres - centres.mean(), medians - medians.mean()
    slope = float(along @ rise / (along @ along))
    left = float(((rise - slope * along) ** 2).sum())
    error = float(np.sqrt(left / (used.size - 2) / (along @ along)))
    reach = float(special.stdtrit(used.size - 2, 0.975)) * error
    return Gradient(slope, slope - reach, slope + reach, int(used.size))
