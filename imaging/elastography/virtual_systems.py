"""Weak equations of every driver and frequency, and the weights of their test fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import Box, local_mean
from imaging.elastography.testfields import TestFields, deviator
from imaging.elastography.waves import WaveField

# What discretisation leaves of a test field's inertia.
_MODEL_ERROR = 0.03


@dataclass(frozen=True)
class System:
    """One driver at one frequency: strain, inertia of the test fields, and both of noise alone."""

    strain: ComplexArray
    force: ComplexArray
    still: Sequence[tuple[ComplexArray, ComplexArray]]


@dataclass(frozen=True)
class Round:
    """What one modulus says of the systems: weights of test fields, and the pull of noise."""

    weights: list[FloatArray]
    pull: ComplexArray


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
    """Weight test fields by what is left of noise, and of discretisation, at a modulus."""
    pull = np.zeros(modulus.shape, np.complex64)
    weights = []
    for s in systems:
        off = [tests.stiffness(strain, modulus) - force for strain, force in s.still]
        noise = sum((np.abs(o) ** 2).sum(0) for o in off) / max(len(off), 1)
        noise = local_mean(noise, centres)
        signal = local_mean((np.abs(s.force) ** 2).sum(0), centres)
        weight = np.where(centres, 1 / (noise + _MODEL_ERROR**2 * signal + 1e-30), 0)
        weight = weight.astype(np.float32)
        for (strain, _), o in zip(s.still, off, strict=True):
            pull += tests.adjoint(strain, weight * o) / len(off)
        weights.append(weight)
    return Round(weights, pull)
