import numpy as np
import pytest
from scipy import ndimage

from imaging.image import Image, canonical
from imaging.muscles import structure
from imaging.segmentation import manual
from imaging.segmentation.drawn import (
    carry,
    guided,
    join_drawn,
    same_keys,
    shares_on,
    weight_of_drawing,
)
from imaging.segmentation.shares import Shares, label_on, soft_labels
from imaging.segmentation.sparse import find_slices, propagate, slice_axis

INDEX = {k: structure(k).index for k in ("TA", "GM", "SOL", "PL", "PB", "PL+PB", "EHL")}
PLANES = (3, 10, 17)


def leg(spacing=(2.0, 2.0, 5.0), rotation=None):
    """A cone of three muscles around each other, in voxel axes, and its image."""
    shape = (48, 44, 21)
    i, j, k = np.indices(shape)
    x, y = (i - 24) * spacing[0], (j - 22) * spacing[1]
    radius = 28 + 0.5 * k
    labels = np.zeros(shape, np.int16)
    inside = np.hypot(x, y) < radius
    labels[inside & (y > 0.3 * k)] = INDEX["TA"]
    labels[inside & (y <= 0.3 * k) & (x < 0)] = INDEX["GM"]
    labels[inside & (y <= 0.3 * k) & (x >= 0)] = INDEX["SOL"]
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if rotation is None else rotation) * spacing
    affine[:3, 3] = [31.0, -7.0, 204.0]
    level = np.select([labels == INDEX["TA"], labels == INDEX["GM"], labels == INDEX["SOL"]],
                      [1.0, 1.15, 0.85], 0.0)  # fmt: skip
    noise = 0.02 * np.random.default_rng(0).standard_normal(shape)
    image = 100 * (ndimage.gaussian_filter(level, (0.5, 0.5, 0)) + np.abs(noise))
    return Image(image.astype(np.float32), affine), Image(labels, affine)


def drawn_of(truth, planes=PLANES, code=200):
    labels = np.zeros_like(truth.data)
    for k in planes:
        labels[..., k] = truth.data[..., k]
    return truth.with_data(np.where(labels > 0, labels + code, 0).astype(np.int16))


def tilt(degrees):
    a = np.deg2rad(degrees)
    return np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])


def mean_dice(truth, found):
    values = [v for v in np.unique(truth) if v > 0]
    return np.mean([2 * ((truth == v) & (found == v)).sum()
                    / ((truth == v).sum() + (found == v).sum()) for v in values])  # fmt: skip


def test_drawn_slices_are_found_and_whole_muscles_are_not():
    _, truth = leg()
    drawn = find_slices(drawn_of(truth), "right")
    assert tuple(drawn.planes) == PLANES
    assert drawn.keys == ("TA", "GM", "SOL")
    assert find_slices(drawn_of(truth), "left") is None
    assert find_slices(drawn_of(truth, range(21)), "right") is None


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_drawn_slices_are_found_along_any_axis(axis):
    mask = np.zeros((30, 31, 32), bool)
    box = [slice(5, 25)] * 3
    box[axis] = [6, 14, 22]
    mask[tuple(box)] = True
    assert slice_axis(mask) == axis


def test_labels_without_a_side_belong_to_the_leg_they_lie_in():
    _, truth = leg()
    here = truth.with_data((truth.data > 0).astype(np.uint8))
    far = here.with_data(np.zeros_like(here.data))
    far.data[:2] = 1
    both = drawn_of(truth, code=0)
    assert find_slices(both, "right", here).keys == ("TA", "GM", "SOL")
    assert find_slices(both, "right", far) is None


def test_a_sparse_map_with_many_muscles_is_not_complete():
    labels = np.zeros((40, 12, 30), np.int16)
    for n in range(11):
        labels[3 * n : 3 * n + 3] = 201 + n
    assert manual.is_complete(labels)
    sparse = np.zeros_like(labels)
    sparse[..., [4, 12, 20, 28]] = labels[..., [4, 12, 20, 28]]
    assert not manual.is_complete(sparse)


@pytest.mark.parametrize(("spacing", "degrees"), [((2, 2, 5), 0), ((2, 1.5, 4), 20)])
def test_three_slices_give_the_rest(spacing, degrees):
    image, truth = leg(spacing, tilt(degrees))
    shares = propagate(image, truth.data > 0, find_slices(drawn_of(truth), "right"))
    found, _ = label_on(shares, truth)
    assert mean_dice(truth.data[..., 3:18], found[..., 3:18]) > 0.95
    np.testing.assert_allclose(shares.values.sum(0), 1, atol=1e-4)


def test_drawing_on_another_oblique_grid_of_the_same_world():
    image, truth = leg((2, 2, 5))
    grid = Image(np.zeros((90, 90, 24), np.uint8), np.eye(4))
    grid.affine[:3, :3] = tilt(12) * [1.2, 1.2, 4.5]
    grid.affine[:3, 3] = truth.to_world([24, 22, 10]) - grid.affine[:3, :3] @ [45, 45, 12]
    voxels = np.moveaxis(np.indices(grid.shape), 0, -1)
    at = np.rint(truth.to_voxels(grid.to_world(voxels))).astype(int)
    inside = ((at >= 0) & (at < truth.shape)).all(-1)
    at = np.where(inside[..., None], at, 0)
    oblique = grid.with_data(np.where(inside, truth.data[tuple(np.moveaxis(at, -1, 0))], 0))
    drawn = find_slices(drawn_of(oblique, (7, 12, 17)), "right")
    shares = propagate(image, truth.data > 0, drawn)
    found, _ = label_on(shares, truth)
    assert mean_dice(truth.data[..., 7:14], found[..., 7:14]) > 0.93


def test_reordered_and_flipped_axes_change_nothing():
    image, truth = leg()
    labels = drawn_of(truth)
    turned = Image(labels.data[::-1].transpose(2, 0, 1), labels.affine)
    matrix = labels.affine.copy()
    matrix[:3, :3] = labels.affine[:3, :3][:, [2, 0, 1]] * [1, -1, 1]
    matrix[:3, 3] = labels.to_world([labels.shape[0] - 1, 0, 0])
    turned = Image(np.ascontiguousarray(labels.data[::-1].transpose(2, 0, 1)), matrix)
    np.testing.assert_array_equal(canonical(turned).data, labels.data)
    one, other = (propagate(image, truth.data > 0, find_slices(m, "right"))
                  for m in (labels, turned))  # fmt: skip
    np.testing.assert_array_equal(label_on(one, truth)[0], label_on(other, truth)[0])


def test_weight_is_one_in_drawn_slices_and_falls_beyond():
    _, truth = leg()
    drawn = find_slices(drawn_of(truth), "right")
    weight = weight_of_drawing(truth, drawn)
    np.testing.assert_allclose(weight[list(PLANES)], 1, atol=1e-5)
    assert weight[0] < weight[2] < 1 and weight[6] < 1
    assert weight[6] > weight[0]


def test_what_is_drawn_apart_splits_the_group_of_the_other_source():
    grid = Image(np.zeros((2, 1, 1)), np.eye(4))
    ours = Shares(("", "PL", "PB"), np.array([[0.1, 0.1], [0.8, 1e-6], [0.1, 0.9]], np.float32)
                  .reshape(3, 2, 1, 1), grid)  # fmt: skip
    theirs = Shares(("", "GM", "PL+PB"), np.array([[0.1, 0.1], [0.2, 0.2], [0.7, 0.7]], np.float32)
                    .reshape(3, 2, 1, 1), grid)  # fmt: skip
    a, b = same_keys(ours, theirs)
    assert a.keys == b.keys == ("", "PL", "PB", "GM")
    np.testing.assert_allclose(b.values.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(a.values.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(b.values[1, 0], 0.7 * 8 / 9, atol=1e-4)
    assert b.values[2, 1] > 0.69


def test_one_drawn_part_of_a_group_leaves_the_rest_its_group():
    grid = Image(np.zeros((1, 1, 1)), np.eye(4))
    ours = Shares(("", "PL"), np.array([0.25, 0.75], np.float32).reshape(2, 1, 1, 1), grid)
    theirs = Shares(("", "PL+PB"), np.array([0.2, 0.8], np.float32).reshape(2, 1, 1, 1), grid)
    a, b = same_keys(ours, theirs)
    assert a.keys == ("", "PL", "PL+PB")
    np.testing.assert_allclose(b.values.ravel(), [0.2, 0.6, 0.2], atol=1e-5)


def test_what_is_drawn_merged_merges_the_parts_of_the_other_source():
    grid = Image(np.zeros((1, 1, 1)), np.eye(4))
    ours = Shares(("", "PL+PB"), np.array([0.5, 0.5], np.float32).reshape(2, 1, 1, 1), grid)
    theirs = Shares(("", "PL", "PB"), np.array([0.2, 0.5, 0.3], np.float32).reshape(3, 1, 1, 1),
                    grid)  # fmt: skip
    _, b = same_keys(ours, theirs)
    assert b.keys == ("", "PL+PB")
    np.testing.assert_allclose(b.values.ravel(), [0.2, 0.8], atol=1e-5)


def test_what_is_never_drawn_is_left_to_the_other_source():
    image, truth = leg()
    part = truth.with_data(np.where(truth.data == INDEX["TA"], truth.data, 0))
    drawn = find_slices(drawn_of(part), "right")
    other = soft_labels(truth.data, ("", "TA", "GM", "SOL"), truth, 1.0)
    joined = carry(image, truth.data > 0, drawn, other)
    found, _ = label_on(joined, truth)
    assert joined.keys == ("", "TA", "GM", "SOL")
    assert mean_dice(truth.data, found) > 0.93


def test_the_drawing_wins_over_a_shifted_atlas_and_guides_it():
    image, truth = leg()
    drawn = find_slices(drawn_of(truth), "right")
    shifted = np.roll(truth.data, 4, axis=0)
    other = soft_labels(shifted, ("", "TA", "GM", "SOL"), truth, 1.0)
    carried = propagate(image, truth.data > 0, drawn)
    moved = guided(other, carried, drawn)
    before, after = (mean_dice(truth.data, label_on(s, truth)[0]) for s in (other, moved))
    assert before < 0.85 and after > 0.93
    joined = join_drawn(carried, other, weight_of_drawing(carried.grid, drawn))
    found, _ = label_on(joined, truth)
    assert mean_dice(truth.data[..., 3:18], found[..., 3:18]) > 0.9


def test_drawn_slices_stay_exactly_as_drawn():
    _, truth = leg()
    drawn = find_slices(drawn_of(truth), "right")
    automatic = np.full(truth.shape, 200 + INDEX["SOL"], np.int16)
    automatic[0] = 200 + INDEX["EHL"]
    out = manual.overlay(automatic, drawn, "right", truth)
    for k in PLANES:
        expected = np.where(truth.data[..., k] > 0, truth.data[..., k] + 200, 0)
        expected[0] = 200 + INDEX["EHL"]
        np.testing.assert_array_equal(out[..., k], expected)
    np.testing.assert_array_equal(out[..., 5], automatic[..., 5])


def test_shares_on_their_own_grid_are_the_same():
    _, truth = leg()
    shares = soft_labels(truth.data, ("", "TA"), truth, 1.0)
    np.testing.assert_allclose(shares_on(shares, truth).values, shares.values, atol=1e-6)
