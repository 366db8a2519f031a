"""Random shapes of synthetic images."""

import numpy as np
import pytest

from imaging.training import shape
from imaging.training.shape import SIZE, draw_warp


def area(warp):
    """Return the area that every pixel takes of the leg, relative to its own."""
    gradient = [np.gradient(part, 1.5) for part in warp[:2]]
    return (1 + gradient[0][0]) * (1 + gradient[1][1]) - gradient[0][1] * gradient[1][0]


def test_nothing_is_deformed_at_difficulty_zero():
    assert not draw_warp(np.random.default_rng(1), 0.0).any()


def test_swellings_do_not_fold_the_leg():
    for seed in range(40):
        warp = shape._swellings(np.random.default_rng(seed), 1.0)
        # Three swellings may overlap; what folds is rare and small.
        assert (area(warp) < 0).mean() < 0.02


def test_swellings_change_sizes_more_than_the_elastic_field_does():
    grown = [area(draw_warp(np.random.default_rng(seed), 1.0)) for seed in range(30)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape, "_swellings", lambda rng, difficulty: np.zeros((2, SIZE, SIZE)))
        plain = [area(draw_warp(np.random.default_rng(seed), 1.0)) for seed in range(30)]
    assert np.std(grown) > 1.2 * np.std(plain)
