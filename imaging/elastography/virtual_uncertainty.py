"""How sure the modulus of a whole muscle is that virtual fields give.

At the solution every muscle's modulus may still be scaled by one complex number. What the weak
equations would like that number to be, without any smoothness, is the pull of smoothness on the
muscle; how it scatters between parts of the muscle is its random error, from noise and from
whatever the equations leave out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from imaging.arrays import BoolArray, ComplexArray, FloatArray, LabelArray
from imaging.elastography.testfields import TestFields
from imaging.elastography.uncertainty import MuscleError
from imaging.elastography.virtual_systems import System

#: Parts of a muscle that err apart: edge in knots of the test fields, whose support is six.
PART_KNOTS = 4.0
# Standard error of the noise's power.
_NOISE_POWER_ERROR = 0.06
# What discretisation leaves, share of the modulus (95 %).
_METHOD_ERROR = 0.015


def one_each(modulus: ComplexArray, labels: LabelArray) -> ComplexArray:
    """Return a modulus (I, J, K) that is one in every muscle: the median of its voxels.

    Voxels may follow noise, so that nothing seems left of it; one modulus cannot.
    """
    out = modulus.copy()
    for value in np.unique(labels[labels > 0]):
        own = labels == value
        size, angle = np.median(np.abs(modulus[own])), np.median(np.angle(modulus[own]))
        out[own] = size * np.exp(1j * angle)
    return out


def muscle_errors(
    systems: Sequence[System],
    weights: Sequence[FloatArray],
    tests: TestFields,
    modulus: ComplexArray,
    centres: BoolArray,
    labels: LabelArray,
    part_voxels: FloatArray,
) -> dict[int, MuscleError]:
    """Return how far the modulus of every label may be off, 95 %.

    Parameters
    ----------
    systems, weights
        Equations of every driver and frequency, and the weights of their test fields.
    tests
        Test fields on the grid.
    modulus : (I, J, K) complex array
        Pa, as :func:`one_each` gives it.
    centres : (I, J, K) bool array
        Where test fields stand.
    labels : (I, J, K) int array
        0 is all other tissue; without any other it is all there is.
    part_voxels : (3,) array
        Edges of the parts of a muscle that err apart, voxels.

    Returns
    -------
    dict of int to MuscleError

    Notes
    -----
    Sandwich estimator with clusters (Liang and Zeger, Biometrika 73:13-22, 1986) of one step of
    Gauss-Newton.
    """
    values = [int(v) for v in np.unique(np.append(labels, 0))]
    spots = np.argwhere(centres)
    cells = np.floor(spots / np.maximum(part_voxels, 1.0)).astype(int)
    _, part = np.unique(cells, axis=0, return_inverse=True)
    part = part.ravel()
    count, parts = len(values), int(part.max()) + 1
    score = np.zeros((parts, count), complex)
    share = np.zeros((parts, count))
    normal = np.zeros((count, count), complex)
    of_noise = np.zeros(count, complex)
    for s, weight in zip(systems, weights, strict=True):
        w = weight[centres]
        rows, rest = _rows(s.strain, s.force, tests, modulus, centres, labels, values)
        score += _by_part(-w * (rows.conj() * rest).sum(1), part, parts)
        share += _by_part(w * (np.abs(rows) ** 2).sum(1), part, parts).real
        normal += _products(rows, w)
        for strain, force in s.still:
            rows, rest = _rows(strain, force, tests, modulus, centres, labels, values)
            pull = w * (rows.conj() * rest).sum(1) / len(s.still)
            score += _by_part(pull, part, parts)
            of_noise += pull.sum(1)
            normal -= _products(rows, w) / len(s.still)
    return _solve(values, score, share, normal, of_noise)


def _rows(
    strain: ComplexArray, force: ComplexArray, tests: TestFields, modulus: ComplexArray,
    centres: BoolArray, labels: LabelArray, values: Sequence[int],
) -> tuple[ComplexArray, ComplexArray]:  # fmt: skip
    """Return stiffness terms (M, 3, N) of every label at the centres, and their sum less force."""
    found = [
        tests.stiffness(strain, np.where(labels == v, modulus, 0).astype(np.complex64))[:, centres]
        for v in values
    ]
    rows = np.stack(found)
    return rows, rows.sum(0) - force[:, centres]


def _by_part(values: NDArray[np.generic], part: NDArray[np.intp], parts: int) -> ComplexArray:
    """Return sums (parts, M) of values (M, N)."""
    sums = [
        np.bincount(part, v.real, parts) + 1j * np.bincount(part, v.imag, parts) for v in values
    ]
    return np.stack(sums, axis=1)


def _products(rows: ComplexArray, weight: FloatArray) -> ComplexArray:
    flat = (rows * np.sqrt(weight)).reshape(len(rows), -1)
    return np.asarray(flat.conj() @ flat.T, complex)


def _solve(
    values: Sequence[int],
    score: ComplexArray,
    share: FloatArray,
    normal: ComplexArray,
    of_noise: ComplexArray,
) -> dict[int, MuscleError]:
    """Return the errors of every muscle from sums over parts (parts, M) and (M, M)."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(normal)), 1e-30))
    inverse = np.linalg.pinv(normal / np.outer(scale, scale), rcond=1e-6, hermitian=True)
    inverse = inverse / np.outer(scale, scale)
    step = inverse @ score.sum(0)
    centred = score - share / np.maximum(share.sum(0), 1e-30) * score.sum(0)
    apart = centred @ inverse.T
    shift = np.abs(inverse @ of_noise) * _NOISE_POWER_ERROR
    count, out = len(values), {}
    for m, value in enumerate(values):
        held = share[:, m]
        if value == 0 and count > 1:
            continue
        free = held.sum() ** 2 / max(float((held**2).sum()), 1e-30) - 1
        if free < 1 or normal[m, m].real <= 0:
            out[value] = MuscleError(np.inf, np.inf)
            continue
        quantile = float(special.stdtrit(free, 0.975))
        grow = (free + 1) / free
        halves = []
        for values_of in (np.real, np.imag):
            se2 = grow * float((values_of(apart[:, m]) ** 2).sum()) + float(shift[m]) ** 2
            random = np.sqrt(quantile**2 * se2 + _METHOD_ERROR**2)
            halves.append(abs(float(values_of(step[m]))) + float(random))
        out[value] = MuscleError(halves[0], halves[1])
    return out
