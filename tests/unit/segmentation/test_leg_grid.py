import numpy as np
import pytest

from imaging.image import Image
from imaging.segmentation.inputs import THREE_MM
from imaging.segmentation.legs import leg_grid
from imaging.segmentation.network import leg_slices


def _tube(spacing, turn_deg=0.0):
    """Return an image of a tube along world z (radius 30 mm) on a tilted grid."""
    c, s = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    rotation = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    shape = tuple(int(200 / v) for v in spacing)
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.array(spacing)
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) / 2)
    grid = Image(np.zeros(shape, np.float32), affine)
    points = grid.to_world(np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3))
    inside = np.hypot(points[:, 0], points[:, 1]) < 30
    inside &= np.abs(points[:, 2]) < 60
    mask = inside.reshape(shape)
    return grid.with_data(np.where(mask, 100.0, 0.0).astype(np.float32)), mask


def test_thick_slices_stay_where_they_are():
    image, mask = _tube((1.0, 1.0, 6.0))
    grid, inside = leg_grid(image, mask)
    assert grid.spacing == pytest.approx([1.5, 1.5, 6.0])
    place = image.to_voxels(grid.to_world([[0, 0, k] for k in range(grid.shape[2])]))[:, 2]
    np.testing.assert_allclose(place, np.rint(place), atol=1e-6)
    assert inside.any((0, 1)).all()


@pytest.mark.parametrize("turn_deg", [0.0, 5.0, 20.0])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.4, 0.9, 5.0)])
def test_the_leg_keeps_size_and_place(spacing, turn_deg):
    image, mask = _tube(spacing, turn_deg)
    grid, inside = leg_grid(image, mask)
    volume = inside.sum() * grid.voxel_ml
    assert volume == pytest.approx(np.pi * 3.0**2 * 12.0, rel=0.08)
    centre = grid.to_world(np.argwhere(inside).mean(0))
    np.testing.assert_allclose(centre, 0, atol=1.5)


def test_slices_beyond_eight_degrees_are_laid_along_the_world():
    image, mask = _tube((1.4, 0.9, 5.0), 20.0)
    grid, _ = leg_grid(image, mask)
    np.testing.assert_allclose(grid.rotation, np.eye(3), atol=1e-6)


def test_neighbours_lie_six_millimetres_away():
    image, mask = _tube((1.5, 1.5, 3.0))
    data = image.data * (1.0 + np.arange(image.shape[2]) / 10.0).astype(np.float32)
    slices = leg_slices(*leg_grid(image.with_data(data), mask))
    middle = slices.data.shape[2] // 2
    below, own, above = (s.max() for s in slices.around(middle, THREE_MM, False))
    step = own - slices.data[:, :, middle - 1].max()
    assert own - below == pytest.approx(2 * step, rel=0.05)
    assert above - own == pytest.approx(2 * step, rel=0.05)
