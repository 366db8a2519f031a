"""Displacement along the phase-encoding axis, as a spline found by Gauss-Newton steps.

Echo-planar images are displaced along one axis by b, and their intensity is divided by the stretch
this causes. An image g is undone by f(x) = g(x + s b(x)) (1 + s b'(x)), where s is the sign (and
the relative readout time) of its phase encoding and b' the slope of b along the axis. The field is
a tensor product of cubic B-splines, fitted from wide to narrow so that residuals vanish; a prior on
its slope decides where the images say nothing.

Andersson JLR, Skare S, Ashburner J. How to correct susceptibility distortions in spin-echo
echo-planar images. NeuroImage 2003;20:870. Ruthotto L, et al. Diffeomorphic susceptibility artifact
correction of diffusion-weighted magnetic resonance images. Phys Med Biol 2012;57:5715.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.distortion_splines import Field, Splines, Thinning

MAX_SLOPE = 0.8
_SLOPE_SD = 0.1
_ROUNDS = 6
_CG_STEPS = 15
_HALVINGS = 5
_SETTLED_MM = 0.05
_NORMAL_MAD = 1.4826
_CUT = 3.0  # root mean squares


@dataclass(frozen=True)
class Linearised:
    """Residuals of voxels and how they change with the field; all (I, J, K), PE axis last.

    Attributes
    ----------
    residual : array
        Difference that a right field makes vanish.
    by_shift, by_slope : array
        Derivatives by b (mm) and by b'.
    """

    residual: FloatArray
    by_shift: FloatArray
    by_slope: FloatArray


Model = Callable[[Field], Linearised]


def undistort(
    image: FloatArray, field: Field, spacing_mm: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sample an image where its tissue was displaced to, and restore its intensity.

    Parameters
    ----------
    image : (I, J, K) array
        Phase-encoding axis last.
    field
        Displacement of the image.
    spacing_mm
        Voxel size along the last axis.

    Returns
    -------
    restored, sampled, sampled_slope : (I, J, K) arrays
        Corrected intensity, the value without restored intensity, and its derivative per mm.
    """
    coefficients = ndimage.spline_filter1d(image, order=3, axis=-1, mode="mirror")
    value, change = _sample(coefficients, field.shift / spacing_mm)
    return value * (1 + field.slope), value, change / spacing_mm


@njit(cache=True)
def _sample(
    coefficients: FloatArray, shift: FloatArray
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover (compiled)
    """Return values and derivatives per voxel of cubic splines at shifted places, last axis."""
    value, change = np.empty(shift.shape), np.empty(shift.shape)
    n = shift.shape[2]
    for i in range(shift.shape[0]):
        for j in range(shift.shape[1]):
            line = coefficients[i, j]
            for k in range(n):
                at = min(max(k + shift[i, j, k], 0.0), n - 1.0)
                base = min(int(at), n - 2)
                t = at - base
                u = 1 - t
                # The spline filter mirrors at both ends.
                before = line[abs(base - 1)]
                after = line[base + 2 if base + 2 < n else n - 2]
                left, right = line[base], line[base + 1]
                value[i, j, k] = (
                    u**3 / 6 * before
                    + (2 / 3 - t**2 * (2 - t) / 2) * left
                    + (2 / 3 - u**2 * (2 - u) / 2) * right
                    + t**3 / 6 * after
                )
                change[i, j, k] = (
                    -(u**2) / 2 * before
                    + t * (1.5 * t - 2) * left
                    - u * (1.5 * u - 2) * right
                    + t**2 / 2 * after
                )
    return value, change


def fit_field(
    model: Callable[[float, Thinning], Model],
    weight: FloatArray,
    spacing: FloatArray,
    levels: tuple[tuple[float, float], ...],
    start: Field | None = None,
    slope_sd: float = _SLOPE_SD,
) -> Field:
    """Find the displacement along the last axis that makes residuals vanish.

    Parameters
    ----------
    model
        Given the width (mm) by which images are smoothed and the lines that are looked at,
        returns the residuals of a field.
    weight : (I, J, K) array
        0 where voxels say nothing.
    spacing : (3,) array
        Voxel sizes in mm.
    levels
        Pairs of smoothing and knot distance in mm, wide to narrow.
    start
        Field to start from; none: no displacement.
    slope_sd
        How fast a field changes, mm per mm, before the images are seen.
    """
    start = start or Field(np.zeros(weight.shape), np.zeros(weight.shape))
    found: list[tuple[float, FloatArray]] = []

    def total(thin: Thinning) -> Field:
        field = Field(start.shift[thin], start.slope[thin])
        for knots, c in found:
            field = field.plus(Splines(weight.shape, spacing, knots, thin, slope_sd).field(c))
        return field

    for width, knots in levels:
        # What is smoothed can be seen from every other line.
        thin = tuple(slice(None, None, max(1, int(width / h))) for h in spacing[:2])
        # Smoothed noise is shared by many voxels: so many fewer independent residuals.
        shared = np.maximum(np.sqrt(4 * np.pi) * width / (spacing * _steps(thin)), 1).prod()
        splines = Splines(weight.shape, spacing, knots, thin, slope_sd)
        c = _level(model(width, thin), weight[thin] / shared, splines, total(thin))
        found.append((knots, c))
    return total((slice(None), slice(None)))


def _steps(thin: Thinning) -> FloatArray:
    return np.array([s.step or 1 for s in thin] + [1])


def _level(model: Model, weight: FloatArray, splines: Splines, start: Field) -> FloatArray:
    """Return the coefficients of what explains the rest of the residuals."""
    c = np.zeros(splines.shape)
    now = model(start)
    for _ in range(_ROUNDS):
        robust = weight * _robust(now.residual, weight)
        step = _solve(now, robust, splines, c)
        before = _cost(now.residual, robust, splines, c)
        for halving in range(_HALVINGS):
            new = c + step * 0.5**halving
            field = start.plus(splines.field(new))
            if np.abs(field.slope).max() > MAX_SLOPE:
                continue
            then = model(field)
            if _cost(then.residual, robust, splines, new) < before:
                break
        else:
            break
        moved = np.abs(new - c).max()
        c, now = new, then
        if moved < _SETTLED_MM:
            break
    return c


def _robust(residual: FloatArray, weight: FloatArray) -> FloatArray:
    """Return Geman-McClure weights over the variance of the residuals.

    Most voxels lie in flat tissue; what is displaced differs by far more than their noise and
    must not count as an outlier: hence the root mean square.
    """
    inside = np.abs(residual[weight > 0])
    floor = 1e-9 * float(inside.max()) + 1e-12
    scale = max(_NORMAL_MAD * float(np.median(inside)), floor)
    cut = _CUT * max(float(np.sqrt(np.square(inside).mean())), scale)
    return np.square(1 / (1 + np.square(residual / cut))) / scale**2


def _cost(residual: FloatArray, weight: FloatArray, splines: Splines, c: FloatArray) -> float:
    return float(np.sum(weight * np.square(residual)) + np.sum(c * splines.prior(c)))


def _solve(now: Linearised, weight: FloatArray, splines: Splines, c: FloatArray) -> FloatArray:
    """Return the Gauss-Newton step of the coefficients by preconditioned conjugate gradients."""
    a, s = now.by_shift, now.by_slope
    weighted = weight * now.residual
    r = -splines.back(a * weighted, s * weighted) - splines.prior(c)
    normal = splines.normal(a, s, weight)
    diagonal = normal.diagonal()
    x = np.zeros_like(c)
    z = r / diagonal
    p, rho = z, float(np.sum(r * z))
    for _ in range(_CG_STEPS):
        if rho <= 0:
            break
        q = normal.times(p)
        alpha = rho / float(np.sum(p * q))
        x = x + alpha * p
        r = r - alpha * q
        z = r / diagonal
        rho, old = float(np.sum(r * z)), rho
        p = z + (rho / old) * p
    return x
