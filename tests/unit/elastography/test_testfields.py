"""Test fields of the weak form: adjoint, divergence, homogeneous waves; and smoothness."""

import numpy as np
import pytest
from waves_for_tests import modulus

from imaging.elastography.displacement import derivative
from imaging.elastography.smoothness import Smoothness
from imaging.elastography.testfields import TestFields, bump, deviator

SHAPE, SPACING = (20, 18, 16), np.array([2.0, 2.5, 2.2]) / 1000


def some(rng, *shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def inside(values, tests):
    keep = tests.fits(np.ones(SHAPE, bool))
    return values * keep


def test_adjoint():
    rng = np.random.default_rng(0)
    tests = TestFields(SHAPE, SPACING, np.full(3, 3e-3))
    strain, g, y = some(rng, 5, *SHAPE), some(rng, *SHAPE), some(rng, 3, *SHAPE)
    y = inside(y, tests)
    left = np.vdot(y, tests.stiffness(strain, g))
    right = np.vdot(tests.adjoint(strain, y), g)
    assert left == pytest.approx(right, rel=1e-4)


def test_pressure_does_no_work():
    rng = np.random.default_rng(1)
    tests = TestFields(SHAPE, SPACING, np.full(3, 3e-3))
    numbers = 100 * rng.uniform(-1, 1, 3)
    # A displacement that is a gradient meets no test field.
    potential = np.exp(1j * (np.stack(np.indices(SHAPE), -1) * SPACING) @ numbers)
    gradient = np.stack(
        [derivative(potential, np.ones(SHAPE, bool), a, h) for a, h in enumerate(SPACING)]
    )
    keep = tests.fits(np.ones(SHAPE, bool))
    along = np.abs(tests.inertia(gradient.astype(np.complex64))[:, keep]).max()
    across = np.abs(tests.inertia(gradient[[1, 2, 0]].astype(np.complex64))[:, keep]).max()
    assert along < 0.02 * across


def test_wave_of_a_homogeneous_medium_balances():
    g, frequency = modulus(1000, 0.3), 60.0
    tests = TestFields(SHAPE, SPACING, np.full(3, 3e-3))
    k = 2 * np.pi * frequency * np.sqrt(1000 / g)
    k = -k if k.imag > 0 else k
    points = np.stack(np.indices(SHAPE), -1) * SPACING
    way = np.array([1, 0.4, -0.3]) / np.linalg.norm([1, 0.4, -0.3])
    shape = np.cross(way, [0, 0, 1])
    u = (np.exp(-1j * k * (points @ way))[..., None] * shape).astype(np.complex64)
    valid = np.ones(SHAPE, bool)
    gradient = np.stack([derivative(u, valid, a, h) for a, h in enumerate(SPACING)], axis=3)
    force = 1000 * (2 * np.pi * frequency) ** 2 * tests.inertia(np.moveaxis(u, -1, 0))
    rows = tests.stiffness(deviator(gradient), np.full(SHAPE, g, np.complex64))
    keep = tests.fits(valid)
    keep[:4], keep[-4:], keep[:, :4], keep[:, -4:] = False, False, False, False
    ratio = np.vdot(rows[:, keep], force[:, keep]) / np.vdot(rows[:, keep], rows[:, keep])
    assert ratio == pytest.approx(1, abs=0.01)


def test_bump_is_a_smooth_hill():
    offsets, values = bump(1.5, 0)
    _, slope = bump(1.5, 1)
    assert offsets[0] == -offsets[-1] == -4
    assert values.argmax() == len(values) // 2
    assert (offsets * slope).sum() == pytest.approx(-values.sum(), rel=3e-3)


def test_test_fields_fit_only_where_their_support_is_inside():
    region = np.ones(SHAPE, bool)
    region[10, 9, 8] = False
    tests = TestFields(SHAPE, SPACING, np.full(3, 3e-3))
    keep = tests.fits(region)
    assert not keep[10 - tests.reach[0] : 11 + tests.reach[0], 9, 8].any()
    assert not keep[: tests.reach[0]].any()


def test_smoothness_is_the_gradient_of_its_energy_and_stops_at_labels():
    region = np.ones((6, 5, 4), bool)
    labels = np.ones(region.shape, int)
    labels[3:] = 2
    step = np.where(labels == 1, 1000, 2500).astype(np.complex64)
    plain, parted = Smoothness(region, None, SPACING), Smoothness(region, labels, SPACING)
    for s in (plain, parted):
        s.update(np.full(region.shape, 1000, np.complex64))
    assert not plain.apply(np.ones(region.shape, np.complex64)).any()
    assert np.abs(parted.apply(step)).max() < 0.01 * np.abs(plain.apply(step)).max()
    spot = np.zeros(region.shape, np.complex64)
    spot[2, 2, 2] = 1
    assert plain.apply(spot)[2, 2, 2] == pytest.approx(plain.diagonal()[2, 2, 2])
