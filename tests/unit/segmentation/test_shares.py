import numpy as np

from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.shares import Shares, join, label_on, likeliest, soft_labels

KEYS = ("", "GM", "SOL")


def _two_halves(spacing=(2.0, 2.0, 5.0)):
    indices = np.zeros((20, 20, 6), np.int16)
    indices[4:10, 4:16] = structure("GM").index
    indices[10:16, 4:16] = structure("SOL").index
    grid = Image(indices, np.diag([*spacing, 1.0]))
    return indices, grid


def test_soft_labels_give_the_labels_back_and_add_up_to_one():
    indices, grid = _two_halves()
    shares = soft_labels(indices, KEYS, grid, 2.0)
    np.testing.assert_allclose(shares.values.sum(0), 1.0, atol=1e-5)
    assert (shares.indices() == indices).mean() > 0.97


def test_labels_that_are_no_key_count_as_none():
    indices, grid = _two_halves()
    shares = soft_labels(indices, ("", "GM"), grid, 0.0)
    assert (shares.indices()[10:16, 4:16] == 0).all()


def test_the_surer_source_wins_where_sources_contradict():
    grid = Image(np.zeros((1, 1, 1)), np.eye(4))
    sure = np.array([0.05, 0.90, 0.05], np.float32).reshape(3, 1, 1, 1)
    unsure = np.array([0.2, 0.3, 0.5], np.float32).reshape(3, 1, 1, 1)
    both = join([Shares(KEYS, sure, grid), Shares(KEYS, unsure, grid)], [0.5, 0.5])
    assert both.indices()[0, 0, 0] == structure("GM").index
    np.testing.assert_allclose(both.values.sum(0), 1.0, atol=1e-6)


def test_a_source_without_weight_changes_nothing():
    indices, grid = _two_halves()
    one, other = soft_labels(indices, KEYS, grid, 1.0), soft_labels(indices[::-1], KEYS, grid, 1.0)
    np.testing.assert_array_equal(join([one, other], [1.0, 0.0]).indices(), one.indices())


def test_labels_on_a_finer_grid_have_the_same_volume():
    indices, grid = _two_halves()
    fine = Image(np.zeros((40, 40, 30), np.uint8), np.diag([1.0, 1.0, 1.0, 1.0]))
    fine.affine[:3, 3] = [-0.5, -0.5, -2.0]
    found, confidence = label_on(soft_labels(indices, KEYS, grid, 1.0), fine)
    for key in ("GM", "SOL"):
        index = structure(key).index
        assert abs((found == index).sum() / (20.0 * (indices == index).sum()) - 1) < 0.12
    assert confidence.max() <= 1.0


def test_the_first_of_equally_likely_structures_is_taken():
    values = np.random.default_rng(3).integers(0, 4, (6, 9, 8, 7)).astype(np.float32)
    np.testing.assert_array_equal(likeliest(values), np.argmax(values, axis=0))
