"""The principal plane of a sheet, and a smooth height over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RBFInterpolator, RegularGridInterpolator

from imaging.arrays import FloatArray

_MOST_KNOTS = 600
_BEYOND_MM, _TABLE_MM = 40.0, 2.0

Height = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Plane:
    """The principal plane of points: two axes in it, then its normal, as rows."""

    origin: FloatArray
    axes: FloatArray

    @classmethod
    def of(cls, points: FloatArray) -> Plane:
        """Return the plane of points (P, 3), world mm."""
        origin = points.mean(axis=0)
        return cls(origin, np.linalg.svd(points - origin, full_matrices=False)[2])

    def local(self, points: FloatArray) -> FloatArray:
        """Return points (P, 3) of the world in the plane's frame."""
        return (points - self.origin) @ self.axes.T

    def world(self, local: FloatArray) -> FloatArray:
        """Return points (P, 3) of the plane's frame in the world."""
        return local @ self.axes + self.origin


def bin_means(local: FloatArray, cell: float) -> FloatArray:
    """Return mean positions (B, 3) of points in square columns over the plane."""
    keys = np.floor(local[:, :2] / cell).astype(int)
    _, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), 3))
    np.add.at(sums, inverse.ravel(), local)
    filled = counts >= 0.35 * np.median(counts)  # the rim's last columns hold stray voxels
    return (sums / counts[:, None])[filled]


def height_over(knots: FloatArray) -> Height:
    """Return the height over the plane as a function of places (P, 2): a smooth thin plate."""
    # A stride keeps the choice of knots the same in every run.
    some = knots[:: max(1, -(-len(knots) // _MOST_KNOTS))]
    plate = RBFInterpolator(
        some[:, :2], some[:, 2], kernel="thin_plate_spline", smoothing=len(some) * 0.05, degree=1
    )
    low, high = knots[:, :2].min(axis=0) - _BEYOND_MM, knots[:, :2].max(axis=0) + _BEYOND_MM
    axes = [np.arange(a, b + _TABLE_MM, _TABLE_MM) for a, b in zip(low, high, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = plate(places.reshape(-1, 2)).reshape(places.shape[:2])
    return RegularGridInterpolator(axes, values, bounds_error=False, fill_value=None)
