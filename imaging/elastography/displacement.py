"""Harmonic displacement from wrapped phase: unwrapped along time, and along space where need be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from imaging.arrays import BoolArray, ComplexArray, FloatArray

# A step between two offsets beyond this may be a wrapped one.
_SAFE_STEP_RAD = 2.6
# Nor does a step belong to the first harmonic that is this far from it.
_ODD_STEP_RAD = 1.5
# First derivative on 3, 5 and 7 points: weights of the differences at distance 1, 2 and 3.
_STENCILS = ((1 / 2,), (2 / 3, -1 / 12), (3 / 4, -3 / 20, 1 / 60))


def harmonics(phase: FloatArray, valid: BoolArray, bins: int) -> ComplexArray:
    """Return the first temporal harmonics of a phase that may be wrapped.

    The phase is unwrapped along the offsets, which leaves one unknown multiple of 2 pi per voxel
    that no harmonic sees. Where steps in time are too large for that, the harmonics are carried
    over from neighbours by the steps in space.

    Parameters
    ----------
    phase : (I, J, K, n) array
        Radians at n offsets evenly over one period.
    valid : (I, J, K) bool array
        Where there is a phase.
    bins
        Harmonics wanted: 1 to `bins`, at most n // 2.

    Returns
    -------
    (I, J, K, bins) complex64 array
        Amplitude X of Re(X exp(2 pi i b k / n)); 0 outside `valid`. Up to one constant per
        harmonic and connected part.
    """
    steps = _wrap(np.diff(phase, axis=3, append=phase[..., :1]))
    turn = np.exp(2j * np.pi * np.arange(steps.shape[3]) / steps.shape[3]).astype(np.complex64)
    odd = np.abs(steps - (_spectrum(steps, 1) * turn).real).max(3)
    worst = np.maximum(np.abs(steps).max(3), odd * (_SAFE_STEP_RAD / _ODD_STEP_RAD))
    known = valid & (worst < _SAFE_STEP_RAD)
    found = _spectrum(np.cumsum(steps, axis=3) - steps, bins)
    if not known.any():
        known = valid & (worst <= worst[valid].min()) if valid.any() else valid
    if (valid & ~known).any():
        _carry(found, phase, known, valid)
    return np.where(valid[..., None], found, 0).astype(np.complex64)


def _wrap(angle: FloatArray) -> FloatArray:
    turns = np.round(angle / np.float32(2 * np.pi))
    return angle - np.float32(2 * np.pi) * turns


def _spectrum(series: FloatArray, bins: int) -> ComplexArray:
    n = series.shape[3]
    return (fft.fft(series, axis=3)[..., 1 : bins + 1] * np.float32(2 / n)).astype(np.complex64)


def _carry(found: ComplexArray, phase: FloatArray, known: BoolArray, valid: BoolArray) -> None:
    """Fill harmonics of valid voxels layer by layer outward from known ones, in place."""
    bins = found.shape[3]
    known = known.copy()
    while True:
        total = np.zeros_like(found)
        count = np.zeros(known.shape, np.float32)
        for axis in range(3):
            if phase.shape[axis] < 2:
                continue
            for sign in (1, -1):
                here, there = [slice(None)] * 3, [slice(None)] * 3
                upper, lower = slice(1, None), slice(None, -1)
                here[axis], there[axis] = (upper, lower) if sign > 0 else (lower, upper)
                a, b = tuple(here), tuple(there)
                ask = known[b] & valid[a] & ~known[a]
                if not ask.any():
                    continue
                step = _spectrum(_wrap(phase[a][ask] - phase[b][ask])[:, None, None], bins)[:, 0, 0]
                part, tally = total[a], count[a]
                part[ask] += found[b][ask] + step
                tally[ask] += 1
        new = count > 0
        if not new.any():
            return
        found[new] = total[new] / count[new][:, None]
        known |= new


def derivative(values: NDArray[Any], valid: BoolArray, axis: int, spacing_m: float) -> NDArray[Any]:
    """Return the derivative of fields along an array axis, from inside a mask only.

    Central differences on seven points, on five or three where the mask is nearer, one-sided at
    its border, 0 where a voxel has no neighbour. Seven points are 1 % low on waves of six voxels.

    Parameters
    ----------
    values : (I, J, K, ...) array
    valid : (I, J, K) bool array
    axis
        0, 1 or 2.
    spacing_m
        Distance of voxels along it, metres.
    """
    v, ok = np.moveaxis(values, axis, 0), np.moveaxis(valid, axis, 0)
    n = v.shape[0]
    out = np.zeros_like(v)
    if n < 2:
        return np.moveaxis(out, 0, axis)
    extra = (None,) * (values.ndim - 3)
    both = ok[1:] & ok[:-1]
    step = np.where(both[(..., *extra)], v[1:] - v[:-1], 0)
    count = np.zeros(ok.shape, np.float32)
    out[:-1] += step
    out[1:] += step
    count[:-1] += both
    count[1:] += both
    out /= np.maximum(count, 1)[(..., *extra)]
    fits = np.ones(ok.shape, bool)
    for reach, weights in enumerate(_STENCILS, start=1):
        if n < 2 * reach + 1:
            break
        inner = slice(reach, n - reach)
        for d in (-reach, 0, reach):
            fits[inner] &= ok[reach + d : n - reach + d]
        fits[:reach], fits[n - reach :] = False, False
        if reach == 1:
            continue
        better = np.zeros_like(v[inner])
        for d, w in enumerate(weights, start=1):
            better += np.float32(w) * (v[reach + d : n - reach + d] - v[reach - d : n - reach - d])
        np.copyto(out[inner], better, where=fits[inner][(..., *extra)])
    return np.moveaxis(out / np.float32(spacing_m), 0, axis)
