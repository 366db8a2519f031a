"""Synergies of two sets are paired one to one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.function.matching import cosines, match, match_by_name


@settings(deadline=None)
@given(st.permutations(range(4)), st.integers(0, 100))
def test_an_order_is_found_again(order, seed):
    weights = np.random.default_rng(seed).random((9, 4))
    found = match(weights[:, list(order)], weights)
    assert list(found.second) == list(order)
    np.testing.assert_allclose(found.cosine, 1)


def test_the_sum_counts_not_the_first_that_fits():
    first = np.array([[1.0, 0.9], [0.0, 0.4]])
    second = np.array([[1.0, 0.6], [0.1, 0.8]])
    table = cosines(first, second)
    assert table[1].argmax() == table[0].argmax() == 0
    assert sorted(match(first, second).second) == [0, 1]


def test_more_synergies_than_partners():
    found = match(np.eye(3), np.eye(3)[:, :1])
    assert list(found.second) == [0, -1, -1]
    assert np.isnan(found.cosine[1:]).all()


def test_muscles_that_only_one_has_do_not_count():
    first = np.array([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    second = np.array([[0.0, 1.0], [1.0, 0.0]])
    found, shared = match_by_name(first, ["TA", "SOL", "GM"], second, ["TA", "SOL"])
    assert shared == ["TA", "SOL"]
    assert list(found.second) == [1, 0]
    np.testing.assert_allclose(found.cosine, 1)


def test_empty_synergy_is_similar_to_none():
    np.testing.assert_array_equal(cosines(np.zeros((3, 1)), np.eye(3)), 0)
