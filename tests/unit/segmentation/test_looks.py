"""One leg seen in three sizes."""

from types import SimpleNamespace

import numpy as np
import pytest

from imaging.image import Image
from imaging.segmentation.inputs import CLASSES
from imaging.segmentation.looks import SIZES, looks, magnified
from imaging.segmentation.network import KEYS, LegSlices, Network

GM, SOL = CLASSES.index("GM"), CLASSES.index("SOL")


def disc(radius: float, n: int = 80) -> np.ndarray:
    x, y = np.mgrid[:n, :n] - (n - 1) / 2
    edge = np.clip(radius - np.hypot(x, y) + 0.5, 0, 1)
    return np.repeat(edge[..., None], 3, 2).astype(np.float32)


@pytest.mark.parametrize("size", [1.08, 0.93])
def test_a_disc_grows_with_the_square_of_its_size_and_comes_back(size):
    one = disc(25)
    other = magnified(one, size)
    assert other.shape == one.shape
    assert other.sum() / one.sum() == pytest.approx(size**2, rel=0.01)
    back = magnified(other, 1 / size)
    assert np.abs(back - one)[5:-5, 5:-5].mean() < 0.02
    np.testing.assert_allclose(magnified(one, 1.0), one, atol=1e-6)


def test_every_channel_is_magnified_alike_and_nothing_comes_from_beyond_the_border():
    both = np.stack([disc(25), 2 * disc(25)])
    found = magnified(both, 0.93)
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-5)
    assert magnified(np.ones((40, 40, 2), np.float32), 0.8)[0, 0, 0] == 0


class Session:
    """A network that calls what is brighter than .5 GM, and SOL within a radius of its own."""

    def __init__(self, radius: float):
        self.radius = radius

    def run(self, _, inputs):
        x = inputs["input"]
        seen = x[:, 0] + 1.0  # channels are relative to the level, less 1
        n, m = seen.shape[1:]
        i, j = np.mgrid[:n, :m]
        logits = np.zeros((len(x), len(CLASSES), n, m), np.float32)
        logits[:, 0] = 8.0
        logits[:, GM] = np.where(seen > 0.5, 16.0, 0)
        near = np.hypot(i - 39.5, j - 39.5) < self.radius
        logits[:, SOL] = np.where((seen > 0.5) & near, 24.0, 0)
        return [logits]


def leg(radius: float = 30.0) -> LegSlices:
    data = disc(radius)
    grid = Image(np.ones(data.shape, np.float32), np.diag([1.5, 1.5, 6.0, 1.0]))
    return LegSlices(data, np.ones(data.shape[2]), grid)


def network(radius: float) -> Network:
    card = {"temperature": 1.0, "slices_mm": [0.0]}
    return SimpleNamespace(session=Session(radius), card=card, slices_mm=(0.0,))


def test_probabilities_add_up_and_what_follows_the_image_hardly_ranges():
    shares, ranges = looks(network(0.0), leg(), mirror=False)
    np.testing.assert_allclose(shares.values.sum(0), 1, atol=1e-5)
    assert ranges["GM"] < 0.03
    area = (shares.winner == KEYS.index("GM")).sum() / 3
    assert area == pytest.approx(np.pi * 30**2, rel=0.03)


def test_a_muscle_that_stays_while_the_image_grows_ranges_with_its_size():
    _, ranges = looks(network(12.0), leg(), mirror=False)
    expected = np.ptp([1 / s**2 for s in SIZES]) / np.mean([1 / s**2 for s in SIZES])
    assert ranges["SOL"] == pytest.approx(expected, abs=0.05)


def test_muscles_of_less_than_a_millilitre_are_not_judged():
    _, ranges = looks(network(1.5), leg(), mirror=False)
    assert "SOL" not in ranges and "GM" in ranges
