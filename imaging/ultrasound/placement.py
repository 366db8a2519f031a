"""Rigid placement by landmarks, with what it can be trusted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ImageError

LEAST = 3
# Landmarks on one line, or within this of each other, leave a rotation free.
_SPREAD_MM = 3.0
_SCALE = (0.9, 1.1)
_MIRROR = 0.5


@dataclass(frozen=True)
class Placement:
    """A rigid motion found from landmarks.

    Attributes
    ----------
    matrix : (4, 4) array
        Source mm to world RAS+ mm.
    fiducial_mm : float
        Root mean square distance of the landmarks after the motion (FRE).
    left_out_mm : (N,) array
        Distance of each landmark when it took no part in the fit: the error of a target as far out
        as the landmarks; nan with three landmarks.
    source : (N, 3) array
    """

    matrix: FloatArray
    fiducial_mm: float
    left_out_mm: FloatArray
    source: FloatArray

    @property
    def left_out_rms_mm(self) -> float:
        """Root mean square of the distances left out; nan where there is none."""
        return float(np.sqrt(np.mean(self.left_out_mm**2)))

    @property
    def _locating_mm(self) -> float:
        """Error of locating one landmark, from what the fit leaves."""
        return self.fiducial_mm / float(np.sqrt(1 - 2 / len(self.source)))

    @property
    def turn_deg(self) -> float:
        """Standard error of the rotation about one axis, degrees."""
        values = np.linalg.eigvalsh(np.cov(self.source.T, bias=True))
        least = (values.sum() - values).min()
        one_axis = self._locating_mm / np.sqrt(3 * len(self.source))
        return float(np.degrees(one_axis / np.sqrt(max(least, 1e-6))))

    def target_mm(self, points: FloatArray) -> FloatArray:
        """Return the error expected at source points (M, 3), from the fit's own residual.

        Fitzpatrick, West and Maurer 1998, IEEE Trans Med Imaging 17:694-702.
        """
        middle = self.source.mean(axis=0)
        values, axes = np.linalg.eigh(np.cov((self.source - middle).T, bias=True))
        along = (np.asarray(points) - middle) @ axes
        squared = (along**2).sum(axis=1, keepdims=True) - along**2
        around = np.maximum(values.sum() - values, 1e-6)
        ratio = (squared / around).mean(axis=1)
        return np.asarray(self._locating_mm * np.sqrt((1 + ratio) / len(self.source)))


def place(source: FloatArray, target: FloatArray) -> Placement:
    """Fit the rigid motion that brings landmarks onto their places in the scan.

    Parameters
    ----------
    source : (N, 3) array
        mm, in a right-handed frame.
    target : (N, 3) array
        World RAS+ mm.

    Raises
    ------
    ImageError
        Fewer than three landmarks, nearly on one line, of another scale, or mirrored.

    Notes
    -----
    Least squares by singular values (Arun, Huang and Blostein 1987, IEEE PAMI 9:698-700), without
    reflection.
    """
    n = len(source)
    if n < LEAST:
        raise ImageError(
            f"{n} landmarks, at least {LEAST} are needed", None, "Add landmarks seen in both"
        )
    scale = float(np.sqrt(_scatter(target) / max(_scatter(source), 1e-12)))
    if not _SCALE[0] <= scale <= _SCALE[1]:
        raise ImageError(
            f"the landmarks are {scale:.3g} times as far apart in the scan as in the ultrasound",
            None,
            "Check pixel size, units (mm) and the landmarks",
        )
    spreads = [np.linalg.svd(p - p.mean(axis=0))[1][1] / np.sqrt(n) for p in (source, target)]
    if min(spreads) < _SPREAD_MM:
        raise ImageError(
            f"the landmarks lie on one line (within {min(spreads):.1f} mm), so a rotation is free",
            None,
            "Add a landmark beside the line",
        )
    matrix = _fit(source, target)
    left = _distances(matrix, source, target)
    mirror = _fit(source, target, mirrored=True)
    if n > LEAST and _rms(_distances(mirror, source, target)) < _MIRROR * _rms(left) - 0.1:
        raise ImageError(
            f"the landmarks fit only as a mirror image ({_rms(left):.1f} mm as they are, "
            f"{_rms(_distances(mirror, source, target)):.1f} mm mirrored)",
            None,
            "Check left and right, and whether mri is in world RAS+ (LandmarksFrame)",
        )
    out = np.full(n, np.nan)
    if n > LEAST:
        for k in range(n):
            rest = np.arange(n) != k
            out[k] = _distances(_fit(source[rest], target[rest]), source, target)[k]
    return Placement(matrix, _rms(left), out, np.asarray(source, dtype=float))


def _fit(source: FloatArray, target: FloatArray, mirrored: bool = False) -> FloatArray:
    a, b = source.mean(axis=0), target.mean(axis=0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    sign = np.sign(np.linalg.det(vt.T @ u.T)) * (-1 if mirrored else 1)
    matrix = np.eye(4)
    matrix[:3, :3] = vt.T @ np.diag([1, 1, sign]) @ u.T
    matrix[:3, 3] = b - matrix[:3, :3] @ a
    return matrix


def _distances(matrix: FloatArray, source: FloatArray, target: FloatArray) -> FloatArray:
    return np.linalg.norm(source @ matrix[:3, :3].T + matrix[:3, 3] - target, axis=1)


def _scatter(points: FloatArray) -> float:
    return float(((points - points.mean(axis=0)) ** 2).sum())


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
