import numpy as np
import pytest
from scipy import ndimage

from imaging.segmentation.interpolate import Ends, interpolate
from imaging.segmentation.slices import affine_between, compose, invert, register_slice, warp
from imaging.segmentation.sparse import depth_mm

SPACING = np.array([1.5, 1.5])


def disk(centre, radius, shape=(60, 60)):
    i, j = np.indices(shape)
    return np.hypot(i - centre[0], j - centre[1]) <= radius


def smooth_field(seed, size=2.0, shape=(60, 60)):
    noise = np.random.default_rng(seed).standard_normal((2, *shape))
    field = np.stack([ndimage.gaussian_filter(n, 8) for n in noise])
    return (size * field / np.abs(field).max()).astype(np.float32)


def ends_of(maps, nodes):
    """Ends of label maps (I, J) with values 1..C-1."""
    channels = max(int(m.max()) for m in maps) + 1
    distances = np.stack([[depth_mm(m == c, SPACING) for c in range(channels)] for m in maps])
    present = np.array([[(m == c).any() for c in range(channels)] for m in maps])
    return Ends(distances, present, np.array(nodes))


def test_warp_moves_towards_the_field_and_agrees_with_scipy():
    image = np.random.default_rng(0).random((2, 60, 60)).astype(np.float32)
    field = smooth_field(1)
    where = np.indices((60, 60)) + field
    expected = ndimage.map_coordinates(image[1], where, order=1, mode="nearest")
    np.testing.assert_allclose(warp(image, field)[1], expected, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_inverse_undoes_a_field(seed):
    field = smooth_field(seed)
    left = compose(field, invert(field))[:, 8:-8, 8:-8]
    assert np.abs(left).max() < 0.05


def test_registration_finds_a_known_deformation():
    rng = np.random.default_rng(3)
    moving = ndimage.gaussian_filter(rng.random((60, 60)), 2.5)[None].astype(np.float32)
    moving = (moving - moving.mean()) / moving.std()
    truth = smooth_field(4, 1.5)
    found = register_slice(warp(moving, truth), moving, SPACING)
    error = np.hypot(*(found - truth))[10:-10, 10:-10]
    assert error.mean() < 0.35 * np.hypot(*truth)[10:-10, 10:-10].mean()


def test_affine_of_shapes_is_found():
    shapes = [((20, 20), 5), ((20, 40), 5), ((40, 20), 5), ((40, 40), 5)]
    source = np.stack([disk(c, r) for c, r in shapes])
    target = np.stack([disk((0.9 * c[0] + 4, 0.9 * c[1] - 1), 0.9 * r) for c, r in shapes])
    field = affine_between(target, source)
    assert np.abs(field[:, 22, 17] - (np.array([20, 20]) - [22, 17])).max() < 0.5


def test_a_shape_that_moves_is_halfway_in_the_middle():
    ends = ends_of([disk((24, 30), 8).astype(int), disk((36, 30), 8).astype(int)], [0, 10])
    shares = interpolate(None, ends, np.arange(11) * 5.0, SPACING)
    middle = shares[5].argmax(0) == 1
    np.testing.assert_allclose(ndimage.center_of_mass(middle), [30, 30], atol=0.6)
    assert abs(middle.sum() / disk((30, 30), 8).sum() - 1) < 0.12
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-4)


def test_a_structure_missing_in_the_next_drawn_slice_ends_between():
    first = np.where(disk((30, 30), 6), 2, np.where(disk((30, 30), 16), 1, 0))
    last = disk((30, 30), 16).astype(int)
    shares = interpolate(None, ends_of([first, last], [0, 10]), np.arange(11) * 5.0, SPACING)
    area = [(s.argmax(0) == 2).sum() for s in shares]
    assert area[1] > 0.5 * area[0] and area[9] == 0
    assert (np.diff(area) <= 0).all()


def test_the_image_shows_where_a_shape_goes_between_drawn_slices():
    centres = [(30 + 9 * np.sin(np.pi * k / 12), 30.0) for k in range(13)]
    stack = np.stack([ndimage.gaussian_filter(1.0 + disk(c, 9), 0.7) for c in centres])
    truth = [disk(c, 9).astype(int) for c in centres]
    ends = ends_of([truth[0], truth[12]], [0, 12])
    heights = np.arange(13) * 5.0
    errors = []
    for image in (None, stack.astype(np.float32)):
        found = interpolate(image, ends, heights, SPACING)[6].argmax(0) == 1
        errors.append(abs(ndimage.center_of_mass(found)[0] - centres[6][0]))
    assert errors[0] > 6 and errors[1] < 1.5


def test_slices_at_uneven_heights_follow_the_height():
    ends = ends_of([disk((20, 30), 8).astype(int), disk((40, 30), 8).astype(int)], [0, 2])
    shares = interpolate(None, ends, np.array([0.0, 10.0, 40.0]), SPACING)
    middle = ndimage.center_of_mass(shares[1].argmax(0) == 1)
    assert abs(middle[0] - 25) < 1.0
