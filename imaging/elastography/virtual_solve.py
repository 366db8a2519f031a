"""One step to the modulus that fits weighted weak equations with total variation, and its noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import local_mean
from imaging.elastography.smoothness import Smoothness
from imaging.elastography.testfields import TestFields
from imaging.elastography.virtual_systems import Round, System
from imaging.stiffness import PLAUSIBLE_PA

# Replicas of noise, and the reach of the mean of their squares, voxels.
_REPLICAS = 2
_REACH = 1.5


def solve(
    systems: Sequence[System],
    tests: TestFields,
    smooth: Smoothness,
    smoothness: float,
    now: Round,
    start: ComplexArray,
    region: BoolArray,
    steps: int,
) -> ComplexArray:
    """Return the modulus (I, J, K) after some steps of conjugate gradients from `start`.

    Parameters
    ----------
    systems, tests, smooth, smoothness
        Equations, their test fields, the total variation as last updated, and its weight.
    now
        Weights and rests at `start`.
    start : (I, J, K) complex array
        Pa.
    region : (I, J, K) bool array
        Where there is a modulus.
    steps
        How many.
    """
    rest = now.pull - smoothness * smooth.apply(start)
    diagonal = smoothness * smooth.diagonal()
    for s, w, left in zip(systems, now.weights, now.rests, strict=True):
        rest += tests.adjoint(s.strain, w * left)
        diagonal = diagonal + tests.diagonal(s.strain, w)

    def operator(g: ComplexArray) -> ComplexArray:
        out = smoothness * smooth.apply(g)
        for s, w in zip(systems, now.weights, strict=True):
            out += tests.adjoint(s.strain, w * tests.stiffness(s.strain, g))
        return np.where(region, out, 0)

    scale = np.where(region, 1 / np.maximum(diagonal, 1e-30), 0).astype(np.float32)
    found = _conjugate_gradient(operator, np.where(region, rest, 0), start, scale, steps)
    # Storage is positive; a wild voxel must not rule the weights of the next round.
    real = np.clip(found.real, *PLAUSIBLE_PA)
    imag = np.clip(found.imag, -real, 3 * real)
    return np.where(region, real + 1j * imag, 0).astype(np.complex64)


def _conjugate_gradient(
    operator: Callable[[ComplexArray], ComplexArray],
    rest: ComplexArray,
    start: ComplexArray,
    scale: FloatArray,
    steps: int,
) -> ComplexArray:
    """Return a start improved by some steps, from what it leaves of the right side."""
    x = start.copy()
    r = rest.astype(np.complex64)
    z = scale * r
    p = z.copy()
    rz = float(np.vdot(r, z).real)
    for _ in range(steps):
        if rz <= 0:
            break
        q = operator(p)
        alpha = np.float32(rz / float(np.vdot(p, q).real))
        x += alpha * p
        r -= alpha * q
        z = scale * r
        new = float(np.vdot(r, z).real)
        p = z + np.float32(new / rz) * p
        rz = new
    return x


def spread_by_noise(
    systems: Sequence[System],
    tests: TestFields,
    smooth: Smoothness,
    smoothness: float,
    now: Round,
    modulus: ComplexArray,
    region: BoolArray,
    steps: int,
) -> FloatArray:
    """Return the standard deviation (I, J, K) of |G*| by noise, share of it.

    What the frequency bins without motion hold is added once more to the waves, and the solution
    goes on from where it stands: by how much each voxel moves. Weights and total variation stay.

    Parameters
    ----------
    systems, tests, smooth, smoothness, now, modulus, region, steps
        As in :func:`solve`, at the solution.

    Notes
    -----
    A parametric bootstrap whose noise was measured, not drawn: the same input gives the same map.
    """
    bins = min(len(s.still) for s in systems)
    if bins == 0:
        return np.full(modulus.shape, np.inf, np.float32)
    as_it_is = solve(systems, tests, smooth, smoothness, now, modulus, region, steps)
    squares = np.zeros(modulus.shape, np.float32)
    for number in range(_REPLICAS):
        sign, one = (1, -1)[number // bins % 2], number % bins
        noisier = [
            replace(s, strain=s.strain + np.float32(sign) * s.still[one][0],
                    force=s.force + np.float32(sign) * s.still[one][1])
            for s in systems
        ]  # fmt: skip
        rests = [s.force - tests.stiffness(s.strain, modulus) for s in noisier]
        # There is twice the noise now, and twice its pull.
        twice = replace(now, rests=rests, pull=2 * now.pull)
        moved = solve(noisier, tests, smooth, smoothness, twice, modulus, region, steps)
        size = np.maximum(np.abs(as_it_is), PLAUSIBLE_PA[0])
        squares += ((np.abs(moved) - np.abs(as_it_is)) / size) ** 2 / _REPLICAS
    return np.sqrt(np.maximum(local_mean(squares, region, _REACH), 0)).astype(np.float32)
