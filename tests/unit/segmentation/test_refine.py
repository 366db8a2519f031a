import numpy as np
import pytest
from scipy import ndimage

from imaging.muscles import structure
from imaging.phantom.images import dixon_echoes, label_image, t1_weighted
from imaging.phantom.leg import make_leg
from imaging.segmentation.notes import BOUNDARY
from imaging.segmentation.refine import moved, refine

GM, SOL = structure("GM").index, structure("SOL").index


def _dice(a, b):
    keys = [v for v in np.unique(b) if 0 < v < 20]
    return np.mean(
        [2 * ((a == v) & (b == v)).sum() / ((a == v).sum() + (b == v).sum()) for v in keys]
    )


def _bias(a, b):
    return np.mean([(a == v).sum() / (b == v).sum() - 1 for v in np.unique(b) if 0 < v < 20])


def _wobble(shape, spacing, mm, seed):
    rng = np.random.default_rng(seed)
    field = np.stack(
        [ndimage.gaussian_filter(rng.standard_normal(shape), 12.0 / spacing) for _ in range(2)]
    )
    return (field / np.sqrt((field**2).sum(0).mean()) * mm).astype(np.float32)


@pytest.fixture(scope="module")
def cut():
    """The middle of a digital leg: truth, T1-weighted, out-of-phase and in-phase image."""
    leg = make_leg(21, "right")
    grid = leg.grid((1.2, 1.2, 5.0), (5.0, 5.0, -150.0))
    rng = np.random.default_rng(0)
    images = [t1_weighted([leg], grid, (2, 2, 2), 30.0, rng)]
    images += [magnitude for magnitude, _ in dixon_echoes([leg], grid, (2, 2, 2), 30.0, rng)[:2]]
    return label_image([leg], grid).data % 100, [i.data for i in images], grid.spacing


@pytest.mark.parametrize("contrast", [0, 1, 2])
def test_labels_moved_off_the_septa_find_back(cut, contrast):
    truth, images, spacing = cut
    bad = moved(truth, _wobble(truth.shape, spacing, 1.5, 4), spacing)
    found = refine(bad, images[contrast], spacing)
    lost = 1 - _dice(bad, truth)
    assert 1 - _dice(found, truth) < 0.65 * lost
    assert abs(_bias(found, truth)) < abs(_bias(bad, truth)) + 0.01


@pytest.mark.parametrize("contrast", [0, 1, 2])
def test_true_labels_stay(cut, contrast):
    truth, images, spacing = cut
    found = refine(truth, images[contrast], spacing)
    assert _dice(found, truth) > 0.99
    assert abs(_bias(found, truth)) < 0.005


def test_where_the_image_is_flat_or_noise_borders_stay(cut):
    truth, _, spacing = cut
    noise = np.random.default_rng(1).normal(400.0, 20.0, truth.shape)
    assert (refine(truth, np.full(truth.shape, 400.0), spacing) == truth).all()
    assert _dice(refine(truth, noise, spacing), truth) > 0.99


def _slab(septum):
    """Two muscles beside each other, septum of the given intensity, border 2 mm off."""
    data = np.ones((40, 40, 8))
    data[19:21] = septum
    labels = np.zeros(data.shape, np.int16)
    labels[4:18, 4:36] = GM
    labels[18:36, 4:36] = SOL
    return labels, data


@pytest.mark.parametrize("septum", [0.5, 1.6])
def test_a_border_goes_to_the_middle_of_a_dark_and_of_a_bright_septum(septum):
    labels, data = _slab(septum)
    found = refine(labels, data, np.ones(3))
    middle = found[:, 12:28, 2:6]
    assert (middle[19] == GM).mean() > 0.9
    assert (middle[20] == SOL).mean() > 0.9


def test_a_single_bright_spot_moves_nothing():
    labels, data = _slab(1.0)
    data[16, 20, 4] = 2.0
    np.testing.assert_array_equal(refine(labels, data, np.ones(3)), labels)


def test_no_border_moves_further_than_allowed():
    labels, data = _slab(1.0)
    data[28:30] = 0.3
    found = refine(labels, data, np.ones(3), most_mm=2.0)
    changed = np.flatnonzero((found != labels).any((1, 2)))
    assert ((changed > 12) & (changed < 23) | (changed < 8) | (changed > 31)).all()


def test_mirrored_and_scaled_images_give_the_same(cut):
    truth, images, spacing = cut
    bad = moved(truth, _wobble(truth.shape, spacing, 1.0, 5), spacing)
    found = refine(bad, images[0], spacing)
    scaled = refine(bad, 0.01 * images[0], spacing)
    assert (scaled == found).mean() > 0.9999
    mirrored = refine(bad[::-1].copy(), images[0][::-1].copy(), spacing)[::-1]
    assert (mirrored == found).mean() > 0.998


def test_an_empty_map_and_a_lone_bone_are_left_alone():
    nothing = np.zeros((10, 10, 4), np.int16)
    np.testing.assert_array_equal(refine(nothing, np.ones(nothing.shape), np.ones(3)), nothing)
    nothing[3:6, 3:6] = structure("TIB").index
    np.testing.assert_array_equal(refine(nothing, np.ones(nothing.shape), np.ones(3)), nothing)


def test_the_boundary_convention_is_one_sentence():
    assert BOUNDARY.count(".") == 0
