import io

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import trx.trx_file_memmap as trx
from synthetic_map import SOL, TA, label_image

from imaging.export.thinning import thinned
from imaging.export.tracts import trk_bytes, trx_bytes
from imaging.musclemap.read.meshes import MapFascicles

LENGTHS = (4, 2, 7)


@pytest.fixture
def fascicles() -> MapFascicles:
    rng = np.random.default_rng(0)
    points = rng.uniform(-60, 60, (sum(LENGTHS), 3)).astype(np.float32)
    data = pd.DataFrame(
        {
            "label": [SOL, TA, SOL],
            "fascicle": [0, 1, 2],
            "length_mm": [10.0, 20.0, 30.0],
            "pennation_start_deg": [15.0, np.nan, 25.0],
            "stiffness_mdev_magnitude_ends": [1000.0, 2000.0, np.nan],
            "start_x": 0.0,
        }
    )
    return MapFascicles(points, np.concatenate([[0], np.cumsum(LENGTHS)]), data)


def test_trx_is_read_back_by_its_library(fascicles, tmp_path):
    path = tmp_path / "f.trx"
    path.write_bytes(trx_bytes(fascicles, label_image()))
    read = trx.load(str(path))
    np.testing.assert_array_equal(read.streamlines._data, fascicles.points)
    np.testing.assert_array_equal(read.streamlines._lengths, LENGTHS)
    np.testing.assert_array_equal(read.groups["right_SOL"], [0, 2])
    np.testing.assert_array_equal(read.groups["right_TA"], [1])
    np.testing.assert_array_equal(read.data_per_streamline["length_mm"].ravel(), [10, 20, 30])
    assert np.isnan(read.data_per_streamline["pennation_start_deg"].ravel()[1])
    np.testing.assert_allclose(read.header["VOXEL_TO_RASMM"], label_image().affine, rtol=1e-6)
    read.close()


def test_two_muscles_of_one_name_are_two_groups(fascicles, tmp_path):
    fascicles.data["label"] = [1001, 1002, 1001]
    path = tmp_path / "f.trx"
    path.write_bytes(trx_bytes(fascicles, label_image(), {1001: "calf", 1002: "calf"}))
    read = trx.load(str(path))
    assert {name: rows.ravel().tolist() for name, rows in read.groups.items()} == {
        "calf": [0, 2], "calf_1002": [1],
    }  # fmt: skip
    read.close()


def test_groups_of_muscles_that_a_person_named_are_apart_and_keep_their_fascicles(
    fascicles, tmp_path
):
    fascicles.data["label"] = [1001, 1002, 1003]
    names = {1001: "calf.med/lat", 1002: "calf_med_lat", 1003: "M. soleus (caput <I>) \\é"}
    path = tmp_path / "f.trx"
    path.write_bytes(trx_bytes(fascicles, label_image(), names))
    read = trx.load(str(path))
    assert {name: rows.ravel().tolist() for name, rows in read.groups.items()} == {
        "calf_med_lat": [0], "calf_med_lat_2": [1], "M_ soleus (caput _I_) _é": [2],
    }  # fmt: skip
    read.close()


@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1)])
def test_trk_lies_in_the_world_on_oblique_grids_of_any_axis_order(fascicles, flip):
    grid = label_image()
    turned = grid.affine @ np.diag([*flip, 1])
    content = trk_bytes(fascicles, type(grid)(grid.data, turned))
    read = nib.streamlines.load(io.BytesIO(content))
    points = np.concatenate([np.asarray(s) for s in read.streamlines])
    np.testing.assert_allclose(points, fascicles.points, atol=1e-3)
    np.testing.assert_allclose(read.header["voxel_to_rasmm"], turned, rtol=1e-6)
    codes = "".join(nib.orientations.aff2axcodes(turned))
    assert read.header["voxel_order"].decode() == codes


def test_trk_names_fit_and_missing_stays_missing(fascicles):
    read = nib.streamlines.load(io.BytesIO(trk_bytes(fascicles, label_image())))
    per = read.tractogram.data_per_streamline
    assert set(per) == {"label", "length_mm", "pennation_start_deg", "stiffness_mdev_magni"}
    assert np.isnan(per["pennation_start_deg"][1]).all()
    np.testing.assert_array_equal(np.ravel(per["label"]), [SOL, TA, SOL])


def test_trk_takes_no_more_figures_than_fit(fascicles):
    for k in range(15):
        fascicles.data[f"measure_{k}"] = float(k)
    read = nib.streamlines.load(io.BytesIO(trk_bytes(fascicles, label_image())))
    assert len(read.tractogram.data_per_streamline) == 10


def test_same_fascicles_give_same_bytes(fascicles):
    grid = label_image()
    assert trx_bytes(fascicles, grid) == trx_bytes(fascicles, grid)
    assert trk_bytes(fascicles, grid) == trk_bytes(fascicles, grid)


def test_take_keeps_points_with_their_fascicle(fascicles):
    part = fascicles.take(np.array([2, 0]))
    np.testing.assert_array_equal(part.points[:7], fascicles.points[6:])
    np.testing.assert_array_equal(part.points[7:], fascicles.points[:4])
    assert part.data["length_mm"].tolist() == [30.0, 10.0]


def test_thinning_keeps_every_muscle(fascicles):
    kept = thinned(fascicles, 2)
    assert set(kept.labels) == {SOL, TA}
    assert len(thinned(fascicles, 0)) == 0
    assert len(thinned(fascicles, 3)) == 3
