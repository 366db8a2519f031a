"""Wide kernels of higher order: exact for polynomials up to the border, the same on blocks."""

import numpy as np
import pytest

from imaging.architecture.smoothing import RIDGE, Kernel, local_polynomial, smooth_on_blocks

SHAPE = (20, 30, 50)


def inside(spacing: np.ndarray) -> np.ndarray:
    """Return a thin slab of 16 mm, where half of every kernel is missing."""
    x = (np.arange(SHAPE[0]) - (SHAPE[0] - 1) / 2) * spacing[0]
    return np.broadcast_to((np.abs(x) < 8.0)[:, None, None], SHAPE).astype(np.float32)


def bend(spacing: np.ndarray, order: int) -> np.ndarray:
    """Return a polynomial of place (I, J, K, 1), of size about 1."""
    x, y, z = ((np.arange(n) - (n - 1) / 2) * h / 20.0 for n, h in zip(SHAPE, spacing, strict=True))
    x, y, z = np.meshgrid(x, y, z, indexing="ij")
    out = 0.4 * x + x * z - 0.5 * z**2
    return (out + (0.3 * z**3 if order == 3 else 0.0))[..., None].astype(np.float32)


@pytest.mark.parametrize(("sigma", "order"), [(7.0, 2), (14.0, 2), (14.0, 3)])
def test_bends_are_not_flattened_at_borders(sigma, order):
    spacing = np.array([2.0, 2.0, 2.5])
    weight, values = inside(spacing), bend(spacing, order)
    own = weight > 0

    def error(ridge: float) -> float:
        smooth, known, _ = local_polynomial(values, weight, spacing, Kernel(sigma, order), ridge)
        assert known[own].all()
        return float(np.percentile(np.abs(smooth - values)[own], 95) / values[own].std())

    assert error(RIDGE) < 0.1
    assert error(RIDGE) < 0.5 * error(10 * RIDGE)


@pytest.mark.parametrize("spacing", [(1.0, 1.5, 2.0), (1.5, 1.5, 1.5)])
def test_blocks_say_what_voxels_say(spacing):
    spacing = np.array(spacing)
    weight, values = inside(spacing), bend(spacing, 2)
    values = values + np.random.default_rng(1).normal(0, 0.1, values.shape).astype(np.float32)
    kernel = Kernel(14.0, 2)
    fine, known, _ = local_polynomial(values, weight, spacing, kernel)
    blocks, there = smooth_on_blocks(values, weight, spacing, kernel)
    own = known & there & (weight > 0)
    assert own.sum() > 0.95 * (weight > 0).sum()
    assert np.abs(blocks - fine)[own].max() < 0.03


def test_what_is_left_out_changes_nothing_elsewhere():
    spacing = np.array([2.0, 2.0, 2.5])
    weight, values = inside(spacing), bend(spacing, 2)
    where = weight > 0
    whole, known, leverage = local_polynomial(values, weight, spacing, Kernel(7.0, 2))
    part, there, own = local_polynomial(values, weight, spacing, Kernel(7.0, 2), where=where)
    np.testing.assert_array_equal(there, known & where)
    np.testing.assert_array_equal(part[there], whole[there])
    np.testing.assert_array_equal(own[there], leverage[there])
