"""Smooth curves: exact ends, known curvature, and an order that fascicles support."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.architecture.curves import HIGHEST_ORDER, LOWEST_ORDER, choose_order, fit_curves
from imaging.architecture.packed import even_places, lengths


def circles(count: int, radius: float, angle: float, places: int = 33) -> np.ndarray:
    """Return arcs in random planes."""
    rng = np.random.default_rng(3)
    t = np.linspace(0, angle, places)
    flat = radius * np.stack([np.sin(t), 1 - np.cos(t), 0 * t], axis=1)
    turns = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    return flat @ turns + rng.uniform(-50, 50, (count, 1, 3))


@pytest.mark.parametrize("radius", [40.0, 80.0, 200.0])
def test_arcs_keep_length_curvature_and_slopes(radius):
    places = circles(20, radius, 0.7)
    for order in (3, 4, 5):
        curves = fit_curves(places, order)
        np.testing.assert_allclose(curves.lengths(), 0.7 * radius, rtol=2e-4)
        np.testing.assert_allclose(curves.curvature_per_m(), 1000 / radius, rtol=0.02)
        step = places[:, 1] - places[:, 0]
        cosine = np.sum(curves.end_tangents()[:, 0] * step, axis=1) / np.linalg.norm(step, axis=1)
        half_step = 0.7 / 32 / 2
        np.testing.assert_allclose(np.arccos(cosine), half_step, atol=np.radians(0.6))


def test_straight_lines_are_straight():
    places = np.linspace([[0, 0, 0]], [[10, 20, 30]], 33).transpose(1, 0, 2)
    curves = fit_curves(places, 5)
    assert curves.curvature_per_m()[0] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(curves.end_tangents()[0, 0], np.array([1, 2, 3]) / np.sqrt(14))


@settings(max_examples=30, deadline=None)
@given(order=st.integers(1, 5), seed=st.integers(0, 1000))
def test_ends_stay_on_the_surface(order, seed):
    places = np.random.default_rng(seed).normal(size=(4, 33, 3)).cumsum(axis=1)
    curves = fit_curves(places, order)
    np.testing.assert_allclose(curves.points[:, [0, -1]], places[:, [0, -1]], atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(order=st.integers(2, 5), seed=st.integers(0, 1000))
def test_a_polynomial_is_its_own_fit(order, seed):
    rng = np.random.default_rng(seed)
    u = np.linspace(-1, 1, 33)
    places = np.einsum("kp,fka->fpa", u ** np.arange(order + 1)[:, None],
                       rng.normal(size=(3, order + 1, 3)))  # fmt: skip
    for through_ends in (True, False):
        found = fit_curves(places, order, through_ends=through_ends)
        np.testing.assert_allclose(found.points, places, atol=1e-8)
        rise = np.gradient(places, u, axis=1)[:, 5:-5]
        np.testing.assert_allclose(found.slope[:, 5:-5], rise, atol=0.05 * np.abs(rise).max())


def bundle(coefficients: np.ndarray, noise_mm: float, seed: int = 1) -> np.ndarray:
    """Return 600 fascicles in 25 x 60 x 180 mm; terms vary along z, noise is shared over 20 mm."""
    rng = np.random.default_rng(seed)
    seeds = rng.uniform([0, 0, 0], [25, 60, 180], (600, 3))
    u = np.linspace(-1, 1, 33)
    shapes = [1 - u**2, u - u**3, u**2 - u**4, u**3 - u**5]
    centres = rng.uniform([0, 0, 0], [25, 60, 180], (60, 3))
    shared = np.exp(-((seeds[:, None] - centres) ** 2).sum(-1) / (2 * 10.0**2))
    places = seeds[:, None] + 25 * u[:, None] * np.array([0.4, 0.0, 0.9])
    for k, shape in enumerate(shapes):
        size = coefficients[k] * (0.7 + 0.3 * seeds[:, 2] / 180)
        size = size + noise_mm * (shared @ rng.normal(size=60))
        places[..., 0] += size[:, None] * shape
    return places


@pytest.mark.parametrize(
    ("coefficients", "noise", "order"),
    [
        ((2.0, 0, 0, 0), 0.05, 2),
        ((2.0, 0.6, 0, 0), 0.05, 3),
        ((2.0, 0.6, 0.6, 0), 0.05, 4),
        ((2.0, 0.6, 0.6, 0.6), 0.05, HIGHEST_ORDER),
        ((0.0, 0, 0, 0), 0.3, LOWEST_ORDER),
    ],
)
def test_terms_that_only_noise_made_are_left_out(coefficients, noise, order):
    assert choose_order(bundle(np.array(coefficients), noise)) == order


def test_few_fascicles_get_the_lowest_order():
    assert choose_order(circles(10, 50, 1.0)) == LOWEST_ORDER


def test_even_places_keep_both_ends():
    rng = np.random.default_rng(5)
    points = rng.normal(size=(40, 3)).cumsum(axis=0).astype(np.float32)
    offsets = np.array([0, 2, 25, 40])
    length = lengths(points, offsets)
    places = even_places(points, offsets, length, 33)
    np.testing.assert_allclose(places[:, 0], points[offsets[:-1]], atol=1e-5)
    np.testing.assert_allclose(places[:, -1], points[offsets[1:] - 1], atol=1e-5)
    straight = np.linspace(places[0, 0], places[0, -1], 33)
    np.testing.assert_allclose(places[0], straight, atol=1e-5)
