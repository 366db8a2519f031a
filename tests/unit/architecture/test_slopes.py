"""Order of curves: as high as the slopes at the ends ask for, as low as their noise."""

import numpy as np
import pytest

from imaging.architecture.curves import PLACES
from imaging.architecture.slopes import common_places, slope_order


def fascicles(bend: float, count: int = 200) -> np.ndarray:
    """Return fascicles (F, P, 3) of 50 mm whose slope at the ends a parabola does not have."""
    u = np.linspace(-1.0, 1.0, PLACES)
    rng = np.random.default_rng(2)
    start = rng.uniform(-20, 20, (count, 1, 3))
    shape = np.stack([4 * u**2 + bend * (u**3 - u), 0 * u, 25 * u], axis=-1)
    return start + shape


def with_noise(places: np.ndarray, mm: float, seed: int) -> np.ndarray:
    """Return fascicles whose places err by `mm`, smoothly along each."""
    rng = np.random.default_rng(seed)
    u = np.linspace(-1.0, 1.0, PLACES)
    waves = np.stack([np.sin(np.pi * k * (u + 1) / 2) for k in range(1, 7)])
    return places + mm * np.einsum("fka,kp->fpa", rng.standard_normal((len(places), 6, 3)), waves)


@pytest.mark.parametrize(("bend", "noise", "order"), [(3.0, 0.02, 3), (0.0, 0.5, 2), (0.1, 0.5, 2)])
def test_order_follows_bends_and_noise(bend, noise, order):
    true = fascicles(bend)
    seen = with_noise(true, noise, 1)
    replicas = [with_noise(seen, noise, seed) for seed in (2, 3, 4)]
    assert slope_order(seen, replicas) == order


def test_chosen_order_errs_no_more_than_others():
    from imaging.architecture.curves import fit_curves

    true = fascicles(2.0)
    slopes = fit_curves(true, 5).end_tangents()
    for noise in (0.02, 0.1, 0.4):
        seen = with_noise(true, noise, 1)
        order = slope_order(seen, [with_noise(seen, noise, seed) for seed in (2, 3, 4)])
        error = {
            n: np.sqrt(np.mean((fit_curves(seen, n).end_tangents() - slopes) ** 2))
            for n in (2, 3, 4, 5)
        }
        assert error[order] <= 1.1 * min(error.values())


def test_the_same_points_are_compared():
    places = np.arange(50.0)[:, None, None] * np.ones((1, PLACES, 3))
    fields = [np.arange(50), np.arange(5, 50), np.arange(0, 50, 2)]
    found = common_places(lambda kept: (kept, places[kept]), fields)
    assert all(np.array_equal(f, found[0]) for f in found)
    assert found[0][:, 0, 0].tolist() == list(range(6, 50, 2))
    assert common_places(lambda kept: (kept, places[kept]), [np.arange(5)]) == []
