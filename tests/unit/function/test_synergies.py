"""Synergies of known weights, and of walks that others have published."""

import gzip
import json
from itertools import pairwise

import numpy as np
import pytest

from imaging.function.matching import match
from imaging.function.synergies import (
    explained,
    factorise,
    find_synergies,
    prepare,
    rank_curve,
    ranks_by_criterion,
    straight_line_rank,
)

WEIGHTS = np.array(
    [
        [1.0, 0.0, 0.0],
        [0.8, 0.0, 0.3],
        [0.0, 0.9, 0.0],
        [0.2, 1.0, 0.0],
        [0.0, 0.0, 0.7],
        [0.0, 0.4, 0.9],
        [0.6, 0.0, 0.0],
    ]
)


@pytest.fixture(scope="module")
def cycles():
    rng = np.random.default_rng(2)
    percent = np.arange(101)
    found = np.empty((7, 8, 101))
    for stride in range(8):
        middle = np.array([[12.0], [48.0], [82.0]]) + rng.standard_normal((3, 1))
        height = 1 + 0.1 * rng.standard_normal((3, 1))
        active = height * np.exp(-0.5 * ((percent - middle) / 7) ** 2)
        found[:, stride] = WEIGHTS @ active + 0.01 * np.abs(rng.standard_normal((7, 101)))
    return found


@pytest.fixture(scope="module")
def found(cycles):
    return find_synergies(cycles, "straight_line", 1)


def test_known_weights_are_found(cycles, found):
    assert found.rank == 3
    reach = cycles.max(axis=(1, 2)) - cycles.min(axis=(1, 2))
    true = WEIGHTS / reach[:, None]
    assert match(true, found.weights).cosine.min() > 0.99
    assert found.curve[2].r2 > 0.98
    assert found.agreement.min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(found.weights, axis=0), 1, atol=1e-9)


def test_synergies_are_in_the_order_of_their_peaks(found):
    peaks = found.activation.argmax(axis=1)
    assert list(peaks) == sorted(peaks)
    np.testing.assert_allclose(peaks, [12, 48, 82], atol=2)


def test_intervals_of_weights_hold_them(found):
    assert (found.weights_low <= found.weights + 0.01).all()
    assert (found.weights_high >= found.weights - 0.01).all()
    assert (found.weights_high - found.weights_low).max() < 0.2


def test_same_seed_same_synergies_and_amplitude_of_a_muscle_does_not_matter(cycles, found):
    again = find_synergies(cycles, "straight_line", 1)
    np.testing.assert_array_equal(found.weights, again.weights)
    np.testing.assert_array_equal(found.weights_low, again.weights_low)
    louder = cycles * np.array([1, 100, 1e-6, 1, 1, 3, 1])[:, None, None]
    np.testing.assert_allclose(
        find_synergies(louder, "straight_line", 1).weights, found.weights, atol=1e-6
    )


def test_more_synergies_never_explain_less_and_every_criterion_is_told(found):
    r2 = [q.r2 for q in found.curve]
    assert all(b >= a - 1e-3 for a, b in pairwise(r2))
    assert set(found.by_criterion) == {"straight_line", "vaf", "vaf_muscle"}
    assert found.by_criterion["vaf"] <= found.by_criterion["vaf_muscle"]


def test_a_criterion_that_no_number_fulfils_is_none_and_the_most_are_taken():
    rng = np.random.default_rng(0)
    noise = rng.random((5, 4, 101))
    found = find_synergies(noise, "vaf_muscle", 1)
    if found.by_criterion["vaf_muscle"] is None:
        assert found.rank == found.curve[-1].rank


@pytest.mark.parametrize(
    ("r2", "rank"),
    [
        ([0.5, 0.6, 0.7, 0.8, 0.9], 1),
        ([0.2, 0.6, 0.9, 0.92, 0.94, 0.96], 3),
        ([0.2, 0.7], 1),
        ([0.9], 1),
    ],
)
def test_number_from_where_r2_is_a_straight_line(r2, rank):
    assert straight_line_rank(r2) == rank


def test_long_walks_are_thinned_over_their_whole_length():
    cycles = np.tile(np.arange(400.0)[None, :, None], (2, 1, 101))
    scaled = prepare(cycles)
    assert scaled.shape == (2, 20, 101)
    assert scaled[0, 0, 0] == 0 and scaled[0, -1, 0] == 1


def test_flat_muscle_stays_flat():
    assert (prepare(np.full((1, 3, 101), 4.0)) == 0).all()


def test_published_walks_give_the_published_synergies(shared_data):
    path = shared_data / "emg/walking_synergies_8persons.json.gz"
    persons = json.loads(gzip.decompress(path.read_bytes()))
    for name, person in sorted(persons.items())[4:]:
        matrix = np.array(person["V"], float)
        ranks = ranks_by_criterion([q for q, _ in rank_curve(matrix, 1)])
        assert ranks["straight_line"] == person["rank"], name
        factors = factorise(matrix, person["rank"], 1)
        published = np.array(person["W"], float)
        assert match(published, factors.weights).cosine.min() > 0.95, name
        assert factors.r2 >= explained(matrix, published @ np.array(person["H"], float)), name
