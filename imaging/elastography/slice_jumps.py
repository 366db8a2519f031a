"""Slices taken at other moments of the vibration: their jumps of phase, found and put right.

The harmonic of a whole slice turns evenly from one slice to the next: its second difference is some
thousandths of a radian on waves in a leg. Slices that were not triggered alike (interleaved ones
most of all) jump by tenths.
"""

from __future__ import annotations

import numpy as np

from imaging.arrays import BoolArray, ComplexArray, FloatArray

#: Fewest slices among which a jump can be told.
MIN_SLICES = 4
# Second difference of the phase of whole slices: of waves, and from which it is a jump, rad.
_SMOOTH_RAD, _JUMP_RAD = 0.02, 0.1


def slice_jumps(field: ComplexArray, valid: BoolArray, across: int) -> FloatArray:
    """Return by how much the phase of each slice jumps out of line.

    Parameters
    ----------
    field : (I, J, K) complex array
        First harmonic of one encoding direction and driver.
    valid : (I, J, K) bool array
        Where there is a phase.
    across
        Array axis across slices.

    Returns
    -------
    (S,) array
        Radians per slice; zeros where slices follow each other as waves do.

    Notes
    -----
    Whittaker's smoother: the even part of the phase is what has second differences like those of
    waves. An even turn from slice to slice cannot be told from a wave that runs across; of S slices
    with random jumps of size j some j / S of it is left.
    """
    z, ok = np.moveaxis(field, across, 0), np.moveaxis(valid, across, 0)
    slices = len(z)
    none = np.zeros(slices)
    if slices < MIN_SLICES:
        return none
    turns = np.array([
        np.sum(z[s].conj() * z[s + 1], where=ok[s] & ok[s + 1]) for s in range(slices - 1)
    ])  # fmt: skip
    if not np.abs(turns).all():
        return none
    second = np.angle(turns[1:] * turns[:-1].conj())
    if np.median(np.abs(second)) < _JUMP_RAD:
        return none
    # Second differences of random jumps are the root of six times as large.
    size = float(np.sqrt((second**2).mean() / 6))
    phase = np.concatenate([[0.0], np.cumsum(np.unwrap(np.angle(turns)))])
    bend = np.diff(np.eye(slices), 2, axis=0)
    even = np.linalg.solve(np.eye(slices) + (size / _SMOOTH_RAD) ** 2 * bend.T @ bend, phase)
    return np.asarray(phase - even)


def without_jumps(field: ComplexArray, jumps: FloatArray, across: int) -> ComplexArray:
    """Return a field (I, J, K) with the jumps (S,) of its slices taken out."""
    view = [-1 if a == across else 1 for a in range(3)]
    return np.asarray(field * np.exp(-1j * jumps).reshape(view), np.complex64)


def turn_error(jumps: FloatArray) -> float:
    """Return the standard error (rad per slice) of the even turn that jumps (..., S) leave."""
    slices = jumps.shape[-1]
    if slices < MIN_SLICES or not jumps.any():
        return 0.0
    size = float(np.sqrt((jumps**2).mean()))
    return size * float(np.sqrt(12 / (slices * (slices**2 - 1))))
