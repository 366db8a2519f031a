import numpy as np
import pytest

from imaging.image import Image
from imaging.musclemap.fascicles import PointSampler, fascicle_place, summarise

POINTS = np.array(
    [[0, 0, z] for z in (0, 1, 2, 3, 4, 5, 6)] + [[5, 0, z] for z in (0, 3, 6)], float
)
OFFSETS = np.array([0, 7, 10])


def test_place_runs_from_zero_to_one_in_each_fascicle():
    place = fascicle_place(POINTS, OFFSETS)
    np.testing.assert_allclose(place[:7], np.arange(7) / 6)
    np.testing.assert_allclose(place[7:], [0, 0.5, 1])


def test_no_fascicle_gives_no_place():
    assert fascicle_place(np.empty((0, 3)), np.zeros(1, int)).size == 0


def test_ends_and_middle_are_told_apart():
    values = np.array([10, 10, 10, 2, 10, 10, 10, 4, 8, 4.0])
    table = summarise({"x": values}, POINTS, OFFSETS)
    assert table["x_middle"].tolist() == pytest.approx([2, 8])
    assert table["x_ends"].tolist() == pytest.approx([10, 4])
    assert table["x_mean"][1] == pytest.approx(16 / 3)
    assert table["x_measured_fraction"].tolist() == [1, 1]


def test_a_fascicle_without_measured_points_is_nan_not_zero():
    values = np.r_[np.full(7, np.nan), 1.0, np.nan, 1.0]
    table = summarise({"x": values}, POINTS, OFFSETS)
    assert np.isnan(table.loc[0, ["x_mean", "x_ends", "x_middle"]].astype(float)).all()
    assert table["x_measured_fraction"].tolist() == pytest.approx([0, 2 / 3])
    assert np.isnan(table["x_middle"][1])


def test_samples_are_taken_in_world_millimetres():
    affine = np.array([[0, -2.0, 0, 30], [1.5, 0, 0, -10], [0, 0, 3, 7], [0, 0, 0, 1]])
    image = Image(np.zeros((10, 9, 8), np.float32), affine)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.shape], indexing="ij"), -1)
    field = image.with_data((image.to_world(index) @ [1.0, 2.0, -1.0]).astype(np.float32))
    points = image.to_world([[2.3, 4.1, 5.5], [7.0, 1.0, 2.0]])
    sample = PointSampler(image, points)
    np.testing.assert_allclose(sample(field.data), points @ [1, 2, -1], rtol=1e-4)
    field.data[2:4, 4:6, 5:7] = np.nan
    assert np.isnan(sample(field.data)).tolist() == [True, False]
    assert np.isnan(
        PointSampler(image, image.to_world([[-0.1, 3, 3], [9.1, 3, 3]]))(field.data)
    ).all()
