import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.image import Image
from imaging.io.models.grid import likeliest, oriented, turned_back
from imaging.io.models.recipe import minmax, percentiles, zscore
from imaging.io.models.sides import split_sides, swapped_share
from imaging.io.models.tiles import gaussian, over_slices, over_volume, starts
from imaging.muscles import label_of


@settings(deadline=None)
@given(st.integers(1, 90), st.integers(1, 40), st.floats(0, 0.9))
def test_tiles_cover_everything_and_stay_inside(length, size, overlap):
    first = starts(length, size, overlap)
    covered = np.zeros(max(length, size), int)
    for s in first:
        covered[s : s + size] += 1
    assert covered.min() > 0 and first == sorted(set(first))
    assert first[-1] + size <= max(length, size)


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(st.integers(2, 20), st.integers(2, 20), st.integers(2, 14)),
    st.tuples(st.integers(3, 9), st.integers(3, 9), st.integers(2, 6)),
    st.floats(0, 0.8),
)
def test_a_network_that_copies_gives_the_image_back(shape, patch, overlap):
    volume = np.random.default_rng(1).random(shape, np.float32)
    slabs = list(over_volume(lambda t: np.concatenate([t, -t], 1), volume, patch, overlap))
    out = np.stack(slabs, -1)
    assert out.shape == (2, *shape)
    np.testing.assert_allclose(out[0], volume, atol=1e-5)
    np.testing.assert_allclose(out[1], -volume, atol=1e-5)
    flat = np.stack(list(over_slices(lambda t: t, volume, patch[:2], overlap, 1)), -1)
    np.testing.assert_allclose(flat[0], volume, atol=1e-5)


def test_neighbouring_slices_come_in_order_with_the_ends_repeated():
    volume = np.broadcast_to(np.arange(4, dtype=np.float32), (5, 5, 4)).copy()
    seen = [tuple(s[:, 2, 2]) for s in over_slices(lambda t: t, volume, (4, 4), 0.5, 3)]
    np.testing.assert_allclose(seen, [(0, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, 3)])


def test_the_middle_of_a_tile_weighs_most():
    weights = gaussian((8, 6, 4))
    assert weights.shape == (8, 6, 4) and weights.min() > 0
    assert weights[4, 3, 2] > 20 * weights[0, 0, 0]
    np.testing.assert_allclose(weights, weights[::-1, ::-1, ::-1], rtol=1e-5)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["RAS", "LPS", "SAR", "IPR", "PIL"]), st.integers(0, 47))
def test_axes_turned_and_turned_back_are_the_same(codes, n):
    axes = list(itertools.permutations(range(3)))[n // 8]
    signs = [1 - 2 * (n >> b & 1) for b in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, axes] * signs * [1, 2, 3]
    affine[:3, 3] = 5, -3, 8
    image = Image(np.arange(60).reshape(3, 4, 5), affine)
    turned = oriented(image, codes)
    np.testing.assert_array_equal(turned_back(turned.data, image, codes), image.data)
    place = np.argwhere(turned.data == 33)[0]
    np.testing.assert_allclose(turned.to_world(place), image.to_world([1, 2, 3]))


def test_labels_that_are_parts_are_added_and_thick_slices_are_reached():
    coarse = Image(np.zeros((4, 4, 2)), np.diag([2.0, 2, 10, 1]))
    slices = [np.array([0.4, 0.3, 0.3]), np.array([1.0, 0.0, 0.0])]
    stack = [np.broadcast_to(s[:, None, None], (3, 4, 4)).astype(np.float32) for s in slices]
    like = Image(np.zeros((4, 4, 3)), np.diag([2.0, 2, 5, 1]))
    labels, best = likeliest(iter(stack), [0, 9, 9], coarse, like)
    np.testing.assert_array_equal(labels[0, 0], [9, 0, 0])
    np.testing.assert_allclose(best[0, 0], [0.6, 0.7, 1.0], atol=1e-6)


def test_normalisations():
    data = np.array([[[0, 2.0, 4.0]]], np.float32)
    np.testing.assert_allclose(zscore(data, nonzero=True)[0, 0], [0, -1, 1])
    np.testing.assert_allclose(zscore(np.full((2, 2, 2), 7, np.float32)), 0)
    np.testing.assert_allclose(minmax(data, -1, 1)[0, 0], [-1, 0, 1])
    np.testing.assert_allclose(percentiles(data, 0, 50)[0, 0], [0, 1, 1])


def test_sides_come_from_the_legs_and_given_ones_stay():
    labels = np.zeros((8, 4, 2), np.int16)
    labels[1:3], labels[5:8] = 9, 9
    labels[0, 0, 0] = label_of("TA", "right")
    left, right = np.zeros((2, *labels.shape), bool)
    left[:3], right[5:7] = True, True
    image = Image(labels, np.eye(4))
    out = split_sides(image, [left, right], ["left", "right"])
    assert (out[1:3] == 109).all() and (out[5:7] == 209).all()
    assert (out[7] == 209).all()  # beyond every mask: the nearest leg
    assert out[0, 0, 0] == label_of("TA", "right")
    sided = image.with_data(out)
    assert swapped_share(sided, [left, right], ["right", "left"]) == pytest.approx(1, abs=0.05)
    assert swapped_share(sided, [left, right], ["left", "right"]) < 0.05
    undecided = split_sides(image, [left, right], ["undecided", "undecided"])
    np.testing.assert_array_equal(undecided, labels)
