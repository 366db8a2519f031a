"""T2 of known decays above the floor of noise."""

import numpy as np
import pytest

from imaging.composition.analysis import noise_of
from imaging.composition.t2 import fit_t2

TIMES = np.arange(1, 18) * 8.0


def decays(t2, noise=0.0, amplitude=100.0):
    rng = np.random.default_rng(2)
    clean = amplitude * np.exp(-TIMES / np.asarray(t2)[..., None])
    return np.hypot(
        clean + noise * rng.normal(size=clean.shape), noise * rng.normal(size=clean.shape)
    ).astype(np.float32)


def test_known_t2_without_noise():
    t2 = np.array([25.0, 35.0, 60.0, 120.0]).reshape(2, 2, 1)
    found = fit_t2(decays(t2), TIMES, np.ones(t2.shape, bool), 0.0)
    assert found == pytest.approx(t2, rel=1e-3)


def test_the_floor_of_noise_does_not_lengthen_it():
    t2 = np.full((20, 20, 5), 30.0)
    echoes = decays(t2, noise=4.0)
    found = fit_t2(echoes, TIMES, np.ones(t2.shape, bool), 4.0)
    ignored = fit_t2(echoes, TIMES, np.ones(t2.shape, bool), 0.0)
    assert np.nanmean(found) == pytest.approx(30.0, abs=0.6)
    assert np.nanmean(ignored) > 32


def test_the_first_echo_does_not_count():
    echoes = decays(np.full((3, 3, 1), 35.0))
    echoes[..., 0] *= 0.8
    found = fit_t2(echoes, TIMES, np.ones((3, 3, 1), bool), 0.0)
    assert found == pytest.approx(35.0, rel=1e-3)


def test_what_does_not_decay_is_not_known():
    echoes = np.full((2, 2, 1, len(TIMES)), 50.0, np.float32)
    assert np.isnan(fit_t2(echoes, TIMES, np.ones((2, 2, 1), bool), 0.0)).all()


def test_noise_is_read_from_air():
    rng = np.random.default_rng(6)
    air = np.hypot(*(3.0 * rng.normal(size=(2, 30, 30, 4, 2))))
    inside = np.zeros((30, 30, 4), bool)
    assert noise_of(air, inside) == pytest.approx(3.0, rel=0.03)
    assert noise_of(np.zeros((30, 30, 4, 2)), inside) == 0.0
