"""Weak equations of every driver and frequency, and the weights of their test fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import Box, local_mean
from imaging.elastography.testfields import TestFields, deviator
from imaging.elastography.waves import WaveField

# What discretisation at least leaves of a test field's inertia.
_MODEL_ERROR = 0.03


@dataclass(frozen=True)
class System:
    """One driver at one frequency: strain, inertia of the test fields, and both of noise alone."""

    strain: ComplexArray
    force: ComplexArray
    still: Sequence[tuple[ComplexArray, ComplexArray]]


@dataclass(frozen=True)
class Round:
    """What one modulus says of the systems.

    Attributes
    ----------
    weights : list of (I, J, K) array
        Of the test fields.
    rests : list of (3, I, J, K) complex array
        Inertia that stiffness does not balance.
    pull : (I, J, K) complex array
        Of noise on the normal equations.
    misfits : list of float
        Amplitude of what is neither stiffness nor noise, share of the inertia.
    """

    weights: list[FloatArray]
    rests: Sequence[ComplexArray]
    pull: ComplexArray
    misfits: list[float]


def make_system(
    field: WaveField, driver: int, tests: TestFields, region: BoolArray, box: Box
) -> System:
    """Return the equations of one driver (0 ...) of a field, in a box and a region (I, J, K)."""
    # Along the axes of the array; a mirrored array changes the sign of both sides.
    turn = field.rotation.astype(np.float32)

    def made(u: ComplexArray, gradient: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        moved = np.moveaxis((u[box] @ turn) * region[..., None], -1, 0)
        strain = deviator(turn.T @ gradient[box] @ turn) * region
        return strain, np.complex64(field.inertia) * tests.inertia(moved.astype(np.complex64))

    still = [
        made(field.still[..., driver, b], gradient[..., driver])
        for b, gradient in enumerate(field.still_gradients)
    ]
    return System(*made(field.displacement[..., driver], field.gradient[..., driver]), still)


def weigh(
    systems: Sequence[System], tests: TestFields, modulus: ComplexArray, centres: BoolArray
) -> Round:
    """Weight test fields by what is left of noise and of the model, at a modulus.

    A medium that is not isotropic, or more finely divided than the voxels, leaves more than noise:
    half of the test fields tell how much. Were it taken for signal, voxels would follow it.
    """
    pull = np.zeros(modulus.shape, np.complex64)
    weights: list[FloatArray] = []
    rests: list[ComplexArray] = []
    misfits: list[float] = []
    for s in systems:
        off = [tests.stiffness(strain, modulus) - force for strain, force in s.still]
        noise = sum((np.abs(o) ** 2).sum(0) for o in off) / max(len(off), 1)
        noise = local_mean(noise, centres)
        signal = local_mean((np.abs(s.force) ** 2).sum(0), centres)
        rest = s.force - tests.stiffness(s.strain, modulus)
        left = local_mean((np.abs(rest) ** 2).sum(0), centres) - noise
        share = float(np.median(left[centres] / np.maximum(signal[centres], 1e-30)))
        misfit = np.sqrt(max(share, _MODEL_ERROR**2))
        left = np.maximum(left, misfit**2 * signal)
        weight = np.where(centres, 1 / (noise + left + 1e-30), 0)
        weight = weight.astype(np.float32)
        for (strain, _), o in zip(s.still, off, strict=True):
            pull += tests.adjoint(strain, weight * o) / len(off)
        weights.append(weight)
        rests.append(rest)
        misfits.append(float(misfit))
    return Round(weights, rests, pull, misfits)
