"""Compiled moments and local polynomials against plain ones."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imaging.architecture.moments import first_rows, moments
from imaging.architecture.smoothing import RIDGE, Kernel, LocalPolynomial

SHAPES = st.tuples(*[st.integers(1, 17)] * 3)


@settings(max_examples=25, deadline=None)
@given(SHAPES, st.integers(0, 10_000), st.integers(0, 9))
def test_moments_are_correlations_axis_by_axis(shape, seed, radius):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=shape).astype(np.float32)
    kernels = [[rng.normal(size=2 * radius + 1) for _ in range(3)] for _ in range(3)]
    terms = [(0, 0, 0), (1, 0, 0), (0, 1, 2), (1, 0, 2), (2, 2, 2)]
    found = dict(moments(image, kernels, terms))
    assert set(found) == set(terms)
    for powers, moment in found.items():
        plain = image.astype(float)
        for axis, power in enumerate(powers):
            plain = ndimage.correlate1d(plain, kernels[axis][power], axis, mode="constant")
        np.testing.assert_allclose(moment, plain, atol=1e-5 * np.abs(plain).max() + 1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.01]))
def test_first_rows_are_those_of_the_inverse(seed, ridge):
    rng = np.random.default_rng(seed)
    basis = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    x = np.concatenate([np.ones((6, 9, 1)), rng.normal(size=(6, 9, 3))], axis=-1)
    normal = np.einsum("pna,pnb->pab", x, x)
    found = {
        tuple(np.add(p, q).tolist()): normal[:, a, b]
        for a, p in enumerate(basis)
        for b, q in enumerate(basis)
    }
    plain = np.linalg.inv(normal + ridge * np.diag([0.0, 1, 1, 1]))[:, 0]
    np.testing.assert_allclose(first_rows(found, basis, ridge), plain, rtol=1e-4, atol=1e-6)


def test_rows_hold_where_almost_nothing_is_known():
    """One light voxel far from the middle: only the ridge keeps slopes from anything."""
    basis = [p for p in product(range(4), repeat=3) if sum(p) <= 3]
    mass, (x, y, z) = 0.01, (2.5, -1.0, 2.0)
    found = {
        (t := tuple(np.add(p, q).tolist())): np.float32([mass * x ** t[0] * y ** t[1] * z ** t[2]])
        for p in basis
        for q in basis
    }
    normal = np.array([[found[tuple(np.add(p, q))][0] for q in basis] for p in basis], float)
    plain = np.linalg.inv(normal + RIDGE * np.diag([0.0] + [1.0] * (len(basis) - 1)))[0]
    np.testing.assert_allclose(first_rows(found, basis, RIDGE)[0], plain, rtol=1e-5)


def test_a_polynomial_of_its_own_order_stays_as_it_is():
    shape, spacing = (14, 12, 10), np.array([2.0, 2.0, 3.0])
    x, y, z = np.indices(shape) * spacing[:, None, None, None] / 20
    values = np.stack([1 + x - y + 0.5 * z * x, 2 - x * x + y * z], axis=-1)
    weight = ((x - 0.6) ** 2 + (y - 0.5) ** 2 + (z - 0.7) ** 2 < 0.6).astype(float)
    fit = LocalPolynomial.build(weight, spacing, Kernel(6.0, 2), ridge=1e-7)
    inside = weight > 0
    np.testing.assert_allclose(fit.smooth(values)[inside], values[inside], atol=1e-3)
