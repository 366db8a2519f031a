"""What is computed for blocks of voxels is what a plain computation gives for each alone."""

import numpy as np
import pytest
from diffusion_for_tests import gradient_table
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.diffusion.eigen import jacobi
from imaging.diffusion.lanes import LANES, sort_samples
from imaging.diffusion.tensor import design_matrix, fit_tensor


def noisy_series(voxels: int, seed: int) -> np.ndarray:
    """Return signals (V, 1, 1, N) of random tensors with noise, some lost, some halved."""
    rng = np.random.default_rng(seed)
    design = design_matrix(gradient_table())
    root = rng.normal(size=(voxels, 3, 3)) * 0.015 + 0.035 * np.eye(3)
    full = root @ root.swapaxes(1, 2)
    parameters = np.c_[
        np.full(voxels, np.log(300.0)), full[:, [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]
    ]
    signal = np.exp(parameters @ design.T) + 8 * rng.normal(size=(voxels, len(design)))
    signal[rng.random(signal.shape) < 0.02] = 0
    signal[rng.random(signal.shape) < 0.02] *= 0.5
    return signal.reshape(voxels, 1, 1, -1).astype(np.float32)


def plain_fit(signal: np.ndarray) -> np.ndarray:
    """Return the tensor (6,) of signals (N,): logarithms, weighted thrice."""
    design = design_matrix(gradient_table())
    used = signal > 1e-3 * signal.max()
    weights = np.where(used, signal, 0.0).astype(float)
    logs = np.log(np.where(used, signal, 1.0).astype(float))
    for _ in range(3):
        beta = np.linalg.lstsq(design * weights[:, None], logs * weights, rcond=None)[0]
        weights = np.where(used, np.exp(design @ beta), 0.0)
    return beta[1:]


@pytest.mark.parametrize("voxels", [1, LANES - 1, LANES + 3])
def test_every_voxel_gets_the_fit_of_its_own_samples(voxels):
    data = noisy_series(voxels, 5)
    fit = fit_tensor(data, gradient_table(), np.ones((voxels, 1, 1), bool), robust=False)
    plain = np.array([plain_fit(s) for s in data.reshape(voxels, -1)])
    whole = plain[:, [0, 1, 3, 1, 2, 4, 3, 4, 5]].reshape(-1, 3, 3)
    positive = np.linalg.eigvalsh(whole)[:, 0] > 2e-6
    np.testing.assert_allclose(fit.tensor[positive, 0, 0], plain[positive], rtol=1e-4, atol=1e-8)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 2 * LANES))
def test_other_voxels_of_a_block_do_not_matter(seed, voxels):
    data = noisy_series(2 * LANES, seed)
    table = gradient_table()
    whole = fit_tensor(data, table, np.ones((len(data), 1, 1), bool), robust=False)
    part = fit_tensor(data[-voxels:], table, np.ones((voxels, 1, 1), bool), robust=False)
    for name in ("tensor", "eigenvalues", "e1", "s0", "residual"):
        assert getattr(whole, name)[-voxels:].tobytes() == getattr(part, name).tobytes()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1e-12, 1e-6, 1.0]))
def test_eigenvectors_turn_the_tensor_into_its_eigenvalues(seed, apart):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(LANES, 3, 3))
    full = np.eye(3) + apart * (noise + noise.swapaxes(1, 2))
    full[0] = np.diag([2.0, 2.0, 1.0])
    full[1] = 0.0
    values, vectors = np.ascontiguousarray(full.transpose(1, 2, 0)), np.empty((3, 3, LANES))
    jacobi(values, vectors)
    found = values.transpose(2, 0, 1).diagonal(axis1=1, axis2=2)
    np.testing.assert_allclose(np.sort(found), np.linalg.eigvalsh(full), atol=1e-13 + 1e-13 * apart)
    v = vectors.transpose(2, 0, 1)
    np.testing.assert_allclose(full @ v, v * found[:, None], atol=1e-13 * (1 + apart))
    np.testing.assert_allclose(v.swapaxes(1, 2) @ v, np.tile(np.eye(3), (LANES, 1, 1)), atol=1e-13)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 70))
def test_samples_come_out_sorted_in_every_lane(seed, samples):
    values = np.random.default_rng(seed).normal(size=(samples, LANES)).round(1)
    expected = np.sort(values, axis=0)
    sort_samples(values)
    np.testing.assert_array_equal(values, expected)
