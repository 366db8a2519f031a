"""Samples keep their place and value on the way into voxels and muscles."""

from pathlib import Path

import numpy as np
import pytest

from imaging.errors import ImageError, UnitError
from imaging.image import Image
from imaging.ultrasound.colour_box import box_cells
from imaging.ultrasound.declaration import check_boxes, frame_declaration
from imaging.ultrasound.frame_samples import FrameSamples
from imaging.ultrasound.muscles import labels_at, muscle_rows
from imaging.ultrasound.overlay import Reading
from imaging.ultrasound.pose import orientation_to_mf
from imaging.ultrasound.samples import FramePlane, Samples, cells, join
from imaging.ultrasound.splat import splat

GM = 207
BOX = (10, 20, 110, 80)


def plane(turn=None, origin=(0.0, 0.0, 0.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag([0.2, 0.2, 1.0])
    matrix[:3, 3] = origin
    return FramePlane.of(matrix, np.eye(4))


def reading(shape=(60, 100)):
    return Reading(np.full(shape, 0.4, np.float32), np.ones(shape, np.float32),
                   np.ones(shape, bool), np.zeros(shape, bool))  # fmt: skip


def samples_of(where, values=None, number=0):
    values = np.full((60, 100), 5000.0) if values is None else values
    return cells(reading(), values, BOX, where, number, 0.6)


def test_cells_lie_where_their_pixels_lie():
    y, x = np.mgrid[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    found = samples_of(plane(origin=(5, -3, 70)), 1000.0 * x + y)
    assert len(found) == 20 * 33 and found.cell_mm[0] == pytest.approx([0.6, 0.6])
    np.testing.assert_allclose(found.shear_pa, 1000 * found.pixel[:, 0] + found.pixel[:, 1])
    np.testing.assert_allclose(found.world[:, 0], 5 + 0.2 * found.pixel[:, 0])
    np.testing.assert_allclose(found.world[:, 1], -3 + 0.2 * found.pixel[:, 1])
    np.testing.assert_allclose(found.world[:, 2], 70)


def test_cells_that_are_mostly_unreadable_are_left_out_and_ends_of_the_scale_marked():
    one = reading()
    one.valid[:, :50] = False
    one.confidence[:30] = 0.2
    one.position[45:] = 1.0
    found = cells(one, np.full((60, 100), 5000.0), BOX, plane(), 0, 0.6)
    assert found.pixel[:, 0].min() >= 58 and found.pixel[:, 1].min() >= 49
    np.testing.assert_array_equal(found.bound == 1, found.pixel[:, 1] > 65)


def test_flipped_images_keep_depth_and_face():
    stored = orientation_to_mf("UN", (60, 100))
    found = FramePlane.of(plane().matrix, stored)
    np.testing.assert_allclose(found.depth, [0, 1, 0])
    np.testing.assert_allclose(found.lateral, [1, 0, 0])
    np.testing.assert_allclose(found.matrix @ [99, 59, 0, 1], [0, 0, 0, 1], atol=1e-12)


GRIDS = {
    "plain": np.diag([1.0, 1.0, 1.0, 1.0]),
    "thick": np.diag([0.9, 0.9, 4.0, 1.0]),
    "flipped": np.diag([-1.0, 1.0, 2.0, 1.0]),
    "turned": np.array([[0, 0, 1.5, 0], [0.8, 0, 0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]]),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_slab_fills_its_volume_and_lies_in_its_place(name):
    affine = GRIDS[name].copy()
    size = np.array([40, 36, 40])
    affine[:3, 3] = np.array([12.0, 10.0, 30.0]) - affine[:3, :3] @ (size - 1) / 2
    grid = Image(np.zeros(size, np.uint8), affine)
    where = plane(origin=(0, 0, 30.3))
    found = samples_of(where)
    maps, weight = splat(found, [where], [3.0], {"stiffness": found.shear_pa}, grid)
    assert weight.sum() == pytest.approx(len(found) * 0.36 * 3.0, rel=1e-4)
    hit = weight > 0
    assert np.unique(maps["stiffness"][hit]) == pytest.approx([5000.0])
    assert not maps["stiffness"][~hit].any()
    points = grid.to_world(np.argwhere(hit))
    middle = (points * weight[hit][:, None]).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(middle, found.world.mean(axis=0), atol=0.4)
    half = np.abs(affine[:3, :3]).sum(axis=1) / 2
    assert np.abs(points[:, 2] - 30.3).max() <= 1.5 + half[2]
    # No hole inside the slab.
    inside = np.abs(grid.to_world(np.argwhere(np.ones(size))) - [11.7, 9.9, 30.3])
    deep = (inside < [9.0, 5.0, 1.0]).all(axis=1).reshape(size)
    assert (weight[deep] > 0).all()


def test_frames_are_averaged_with_their_confidence_and_nan_takes_no_part():
    affine = np.eye(4)
    affine[:3, 3] = [0, 0, 20]
    grid = Image(np.zeros((30, 20, 20), np.uint8), affine)
    where = plane(origin=(0, 0, 30))
    one, two = samples_of(where), samples_of(where, np.full((60, 100), 8000.0), 1)
    two.confidence[:] = 0.5
    both = join([one, two])
    values = {"a": both.shear_pa, "b": np.where(both.frame == 0, np.nan, 7.0)}
    maps, weight = splat(both, [where, where], [2.0, 2.0], values, grid)
    assert maps["a"][weight > 0] == pytest.approx(6000.0)
    assert maps["b"][weight > 0] == pytest.approx(7.0)


def labels():
    data = np.zeros((30, 20, 20), np.int16)
    data[2:20, 2:18] = GM
    data[20:30, 2:18] = 209
    affine = np.eye(4)
    affine[:3, 3] = [0, 0, 20]
    return Image(data, affine)


def test_samples_near_a_border_belong_to_no_muscle():
    owner = labels_at(
        labels(), np.array([[10.0, 10, 30], [19.0, 10, 30], [25, 10, 30], [99, 0, 0]]), 2
    )
    np.testing.assert_array_equal(owner, [GM, 0, 209, 0])


def rows_of(joined, wanted=(GM, 209, 201), saturated=False):
    weight = np.where(labels().data == GM, 0.0, 0.0)
    weight[2:11] = 1
    owner = labels_at(labels(), joined.samples.world, 2.0)
    one = reading()
    if saturated:
        one.position[:] = 1.0
    boxes = box_cells(one, BOX, plane(origin=(0, 0, 30)), 0, 0.6)
    box_owner = labels_at(labels(), boxes.world, 2.0)
    rows, warnings = muscle_rows(joined, owner, boxes, box_owner, wanted, labels(), weight, 2.0)
    return {(r.label, r.measure): r for r in rows}, warnings


def test_a_muscle_without_frames_is_not_measured():
    rows, warnings = rows_of(FrameSamples(samples_of(plane(origin=(0, 0, 30))), None, None, "why"))
    assert rows[GM, "stiffness_swe_shear"].value == pytest.approx(5000)
    assert rows[GM, "swe_coverage"].value == pytest.approx(0.5)
    assert rows[GM, "stiffness_swe_corrected"].note == "why"
    for name in ("stiffness_swe_shear", "stiffness_swe_corrected", "swe_angle", "swe_tilt"):
        assert rows[201, name].status == "not_measured" and rows[201, name].value is None
    assert rows[201, "swe_coverage"].status == "not_measured"
    assert not warnings


def test_odd_values_are_named():
    found = samples_of(plane(origin=(0, 0, 30)), np.full((60, 100), 5.0))
    rows, warnings = rows_of(FrameSamples(found, None, None, ""), saturated=True)
    assert any("outside 100 Pa" in w for w in warnings)
    assert any("is only a lower bound" in w for w in warnings)
    found = rows[GM, "stiffness_swe_shear"]
    assert found.status == "extrapolated" and found.ci_low is None
    assert "100% of its pixels are at the upper end" in found.note
    assert rows[GM, "swe_saturated"].value == 1 and rows[GM, "swe_void"].value == 0
    assert rows[201, "swe_void"].status == rows[201, "swe_saturated"].status == "not_measured"


GOOD = {
    "Quantity": "youngs_3rhoc2", "Units": "kPa", "Range": [0, 60], "Opacity": 0.5, "Density": 1060,
    "ColorBarBox": [400, 20, 416, 220], "ColorBox": [50, 60, 290, 220],
    "Landmarks": [{"name": f"p{k}", "pixel": [k, k * k], "mri": [k, 1, 2]} for k in range(3)],
}  # fmt: skip


def declared(**changes):
    content = {**GOOD, **changes}
    return frame_declaration({k: v for k, v in content.items() if v is not None}, Path("a.json"))


def test_values_become_density_times_speed_squared():
    assert declared().values(np.array([0, 0.5, 1])) == pytest.approx([0, 10e3, 20e3])
    speed = declared(Quantity="shear_wave_speed", Units="m/s", Range=[0, 4])
    assert speed.values(np.array([0.5])) == pytest.approx([1060 * 4.0])


def test_landmarks_of_other_programs_are_turned():
    np.testing.assert_allclose(declared(LandmarksFrame="LPS").landmarks.world[2], [-2, -1, 2])


@pytest.mark.parametrize(
    ("kind", "word", "changes"),
    [
        (UnitError, "Quantity", {"Quantity": None}),
        (UnitError, "Quantity", {"Quantity": "magnitude"}),
        (UnitError, "Units", {"Units": None}),
        (UnitError, "Units", {"Units": "m/s"}),
        (UnitError, "Range", {"Range": None}),
        (UnitError, "Range", {"Range": [60, 0]}),
        (UnitError, "Range", {"Range": "0-60"}),
        (UnitError, "Opacity", {"Opacity": None}),
        (UnitError, "Opacity", {"Opacity": 50}),
        (UnitError, "Density", {"Density": None}),
        (UnitError, "Density", {"Density": 1.06}),
        (ImageError, "ColorBarBox", {"ColorBarBox": None}),
        (ImageError, "ColorBox", {"ColorBox": [50, 60, 40, 220]}),
        (ImageError, "ColorBox", {"ColorBox": [50, 60, 40]}),
        (ImageError, "ColorBarDirection", {"ColorBarDirection": "north"}),
        (ImageError, "Landmarks", {"Landmarks": None}),
        (ImageError, "Landmarks", {"Landmarks": []}),
        (ImageError, "Landmarks", {"Landmarks": [{"mri": [1, 2, 3]}]}),
        (ImageError, "landmark a has no mri", {"Landmarks": [{"name": "a", "pixel": [1, 2]}]}),
        (ImageError, "pixel of landmark", {"Landmarks": [{"pixel": [1], "mri": [1, 2, 3]}]}),
        (ImageError, "either pixel or reference", {"Landmarks": [
            {"pixel": [1, 2], "mri": [1, 2, 3]}, {"reference": [1, 2, 3], "mri": [1, 2, 3]}]}),
        (ImageError, "LandmarksFrame", {"LandmarksFrame": "RAS"}),
        (ImageError, "PixelSpacing", {"PixelSpacing": [0.1]}),
        (ImageError, "PixelSpacing", {"PixelSpacing": [0.001, 0.1]}),
        (ImageError, "ImageToProbe", {"ImageToProbe": [1, 2, 3]}),
        (UnitError, "SlabThickness", {"SlabThickness": 0}),
    ],
)  # fmt: skip
def test_what_is_not_declared_is_refused(kind, word, changes):
    with pytest.raises(kind, match=word) as caught:
        declared(**changes)
    assert caught.value.path == Path("a.json") and caught.value.fix


def test_boxes_must_lie_in_the_frame_and_apart():
    check_boxes(declared(), (340, 420, 3), Path("a.json"))
    with pytest.raises(ImageError, match=r"ColorBarBox .* leaves the frame"):
        check_boxes(declared(), (340, 410, 3), Path("a.json"))
    with pytest.raises(ImageError, match="overlap"):
        check_boxes(declared(ColorBarBox=[280, 20, 300, 200]), (340, 420, 3), Path("a.json"))


def test_joined_samples_are_all_there():
    one, two = samples_of(plane()), samples_of(plane(), number=1)
    assert isinstance(join([one, two]), Samples) and len(join([one, two])) == 2 * len(one)
