"""Tractograms of four formats lie where their files say, in world RAS+ millimetres."""

import gzip
import io

import nibabel as nib
import numpy as np
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.errors import InputError, MissingFileError
from imaging.formats import trx
from imaging.formats.tracts import Tracts, load_tracts, tck_bytes, trk_bytes
from imaging.image import Image

FORMATS = ("trx", "trk", "trk.gz", "tck", "vtp")
TURN = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
AFFINES = {
    "plain": np.diag([2.0, 2.0, 5.0]),
    "mirrored": np.diag([-1.5, 1.5, 4.0]),
    "LPS": np.diag([-1.5, -1.5, 4.0]),
    "oblique": TURN @ np.diag([1.5, 1.0, 5.0]),
    "oblique and mirrored": TURN @ np.diag([-1.5, 1.0, 5.0])[:, [2, 0, 1]],
}


def grid_of(name):
    affine = np.eye(4)
    affine[:3, :3] = AFFINES[name]
    affine[:3, 3] = [-70.0, 33.0, 410.0]
    return Image(np.zeros((9, 8, 7), np.uint8), affine)


def some_tracts(counts=(5, 2, 31), seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-150, 150, (sum(counts), 3)) + [0, 0, 400]
    return Tracts(points.astype(np.float32), np.concatenate([[0], np.cumsum(counts)]))


def write(tracts, path, grid):
    if path.name.endswith(".trx"):
        path.write_bytes(trx.archive(tracts.points, tracts.offsets, {}, {}, grid))
    elif path.name.endswith(".trk"):
        path.write_bytes(trk_bytes(tracts, {"length": np.diff(tracts.offsets)}, grid))
    elif path.name.endswith(".trk.gz"):
        path.write_bytes(gzip.compress(trk_bytes(tracts, {}, grid)))
    elif path.name.endswith(".tck"):
        path.write_bytes(tck_bytes(tracts))
    else:
        lines = [
            [b - a, *range(a, b)]
            for a, b in zip(tracts.offsets[:-1], tracts.offsets[1:], strict=True)
        ]
        pv.PolyData(tracts.points, lines=np.concatenate(lines)).save(path)


@pytest.mark.parametrize("affine", AFFINES)
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_is_read_back_in_place(suffix, affine, tmp_path):
    tracts, path = some_tracts(), tmp_path / f"tracts.{suffix}"
    write(tracts, path, grid_of(affine))
    read = load_tracts(path)
    np.testing.assert_array_equal(read.offsets, tracts.offsets)
    np.testing.assert_allclose(read.points, tracts.points, atol=1e-3)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_any_set_of_tracts_survives_tck_and_trk(tmp_path_factory, counts, seed):
    tracts, folder = some_tracts(tuple(counts), seed), tmp_path_factory.mktemp("any")
    for suffix in ("tck", "trk"):
        write(tracts, folder / f"t.{suffix}", grid_of("oblique and mirrored"))
        read = load_tracts(folder / f"t.{suffix}")
        np.testing.assert_array_equal(read.offsets, tracts.offsets)
        np.testing.assert_allclose(read.points, tracts.points, atol=1e-3)


def test_trk_of_another_program_in_voxel_millimetres(tmp_path):
    """TrackVis counts millimetres from the corner of the first voxel; written here by hand."""
    grid, tracts = grid_of("oblique and mirrored"), some_tracts()
    header = np.zeros((), nib.streamlines.trk.header_2_dtype)
    header["magic_number"], header["version"], header["hdr_size"] = b"TRACK", 2, 1000
    header["dimensions"], header["voxel_sizes"] = grid.shape, grid.spacing
    header["voxel_to_rasmm"] = grid.affine
    header["voxel_order"] = "".join(nib.aff2axcodes(grid.affine)).encode()
    body = b""
    for a, b in zip(tracts.offsets[:-1], tracts.offsets[1:], strict=True):
        corner_mm = (grid.to_voxels(tracts.points[a:b]) + 0.5) * grid.spacing
        body += np.int32(b - a).tobytes() + corner_mm.astype("<f4").tobytes()
    (tmp_path / "t.trk").write_bytes(header.tobytes() + body)
    np.testing.assert_allclose(load_tracts(tmp_path / "t.trk").points, tracts.points, atol=1e-3)


def test_tracts_without_a_way_are_left_out(tmp_path):
    tracts = some_tracts((4, 1, 3))
    write(tracts, tmp_path / "t.tck", grid_of("plain"))
    read = load_tracts(tmp_path / "t.tck")
    np.testing.assert_array_equal(np.diff(read.offsets), [4, 3])
    np.testing.assert_allclose(read.points, np.delete(tracts.points, 4, axis=0), atol=1e-3)


@pytest.mark.parametrize("suffix", ["trx", "trk", "trk.gz", "tck", "vtp"])
def test_a_broken_file_is_named(suffix, tmp_path):
    path = tmp_path / f"broken.{suffix}"
    write(some_tracts(), path, grid_of("plain"))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=f"broken.{suffix}"):
        load_tracts(path)


def test_a_file_cut_in_its_points_is_no_shorter_tractogram(tmp_path):
    for suffix in ("trx", "trk", "tck"):
        path = tmp_path / f"cut.{suffix}"
        write(some_tracts((40, 40)), path, grid_of("plain"))
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(InputError, match=r"cut\."):
            load_tracts(path)


def test_bad_files_say_what_to_do(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.tck"):
        load_tracts(tmp_path / "none.tck")
    (tmp_path / "t.tt.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"Convert it to \.trx"):
        load_tracts(tmp_path / "t.tt.gz")
    write(some_tracts((1, 1)), tmp_path / "dots.tck", grid_of("plain"))
    with pytest.raises(InputError, match="holds no tract"):
        load_tracts(tmp_path / "dots.tck")
    tracts = some_tracts()
    tracts.points[3, 1] = np.inf
    write(tracts, tmp_path / "inf.vtp", grid_of("plain"))
    with pytest.raises(InputError, match="not finite"):
        load_tracts(tmp_path / "inf.vtp")
    pv.Sphere().save(tmp_path / "ball.vtp")
    with pytest.raises(InputError, match="holds no tract"):
        load_tracts(tmp_path / "ball.vtp")


def test_trk_that_does_not_say_where_it_lies_is_refused(tmp_path):
    content = bytearray(trk_bytes(some_tracts(), {}, grid_of("plain")))
    start = nib.streamlines.trk.header_2_dtype.fields["voxel_to_rasmm"][1]
    content[start : start + 64] = bytes(64)
    (tmp_path / "t.trk").write_bytes(content)
    with pytest.raises(InputError, match="voxel-to-world"):
        load_tracts(tmp_path / "t.trk")


def test_same_tracts_same_bytes():
    tracts, grid = some_tracts(), grid_of("oblique")
    assert tck_bytes(tracts) == tck_bytes(tracts)
    assert trk_bytes(tracts, {}, grid) == trk_bytes(tracts, {}, grid)
    assert nib.streamlines.detect_format(io.BytesIO(tck_bytes(tracts))) is nib.streamlines.TckFile
