import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from imaging.image import Image
from imaging.segmentation.network import KEYS
from imaging.segmentation.rim import darkest_muscle, with_rim
from imaging.segmentation.shares import Shares

SPACING = np.array([1.5, 1.5, 5.0])
SAT, GM, GL, TIB = (KEYS.index(k) for k in ("SAT", "GM", "GL", "TIB"))
SKIN_MM, FASCIA_MM, BARE_MM = 54.0, 48.0, 6.0


def polar():
    x, y = np.mgrid[-42:43, -42:43] * 1.5
    return np.hypot(x, y)[..., None].repeat(8, 2), x[..., None].repeat(8, 2)


def true_labels():
    """Two muscles of one cylinder, a bone in the middle, fat around."""
    r, x = polar()
    labels = np.zeros(r.shape, np.int16)
    labels[r < SKIN_MM] = SAT
    labels[r < FASCIA_MM] = np.where(x < 0, GM, GL)[r < FASCIA_MM]
    labels[r < 12] = TIB
    return labels


def bare_labels():
    """The same, but the outer millimetres of both muscles are called fat."""
    r, _ = polar()
    labels = true_labels()
    labels[(r >= FASCIA_MM - BARE_MM) & (r < FASCIA_MM)] = SAT
    return labels


def shares(labels):
    values = np.full((len(KEYS), *labels.shape), 0.1 / (len(KEYS) - 1), np.float32)
    np.put_along_axis(values, labels[None].astype(int), 0.9, 0)
    return Shares(KEYS, values, Image(np.zeros(labels.shape, np.uint8), np.diag([*SPACING, 1.0])))


def scan(fat, noise=0.05, shading=0.0, seed=0):
    r, _ = polar()
    rng = np.random.default_rng(seed)
    labels = true_labels()
    data = np.where(labels == SAT, fat, 1.0)
    data[labels == TIB] = 0.3
    data = ndimage.gaussian_filter(data * (r < SKIN_MM), (0.6, 0.6, 0))
    data *= 1 + shading * (r / SKIN_MM) ** 4
    return (200 * (data + noise * rng.standard_normal(r.shape))).astype(np.float32), r < SKIN_MM


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("fat", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("shading", [0.0, 0.5])
def test_muscles_grow_to_the_fascia(fat, shading):
    data, mask = scan(fat, shading=shading)
    before, truth = shares(bare_labels()), true_labels()
    after = with_rim(before, data, mask, 1.5)
    for muscle in (GM, GL):
        assert dice(before.winner == muscle, truth == muscle) < 0.9
        assert dice(after.winner == muscle, truth == muscle) > 0.97
    assert (after.winner == TIB).sum() == (truth == TIB).sum()
    np.testing.assert_allclose(after.values.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("fat", [0.1, 0.4, 0.87, 1.0, 1.8, 4.0])
def test_labels_that_reach_the_fascia_stay(fat):
    data, mask = scan(fat)
    after = with_rim(shares(true_labels()), data, mask, 1.5).winner
    assert (after != true_labels()).mean() < 0.005


@pytest.mark.parametrize("fat", [0.87, 1.0, 1.5, 4.0])
def test_nothing_is_changed_where_fat_is_no_darker_than_muscle(fat):
    """Fat of out-of-phase images is a little darker than muscle: labels must not run into it."""
    data, mask = scan(fat)
    before = shares(bare_labels())
    assert with_rim(before, data, mask, 1.5) is before


@given(st.floats(0.3, 1.2), st.floats(0.02, 0.3), st.integers(0, 99))
def test_one_kind_is_never_two(middle, spread, seed):
    values = np.random.default_rng(seed).normal(middle, spread, 5000)
    assert darkest_muscle(values.astype(np.float32)) is None


def test_a_vein_in_dark_fat_is_no_muscle():
    data, mask = scan(0.2)
    truth = true_labels()
    vein = np.zeros(truth.shape, bool)
    vein[7:9, 42:44] = True  # three millimetres wide, between fascia and skin
    assert (truth[vein] == SAT).all()
    data[vein] = 260
    after = with_rim(shares(bare_labels()), data, mask, 1.5).winner
    assert (after[vein] != SAT).mean() < 0.3


def test_without_muscles_nothing_is_done():
    data, mask = scan(0.2)
    labels = np.where(true_labels() > SAT, 0, true_labels())
    before = shares(labels)
    assert with_rim(before, data, mask, 1.5) is before
