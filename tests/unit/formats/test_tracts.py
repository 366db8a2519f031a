"""Tractograms of four formats lie where their files say, in world RAS+ millimetres."""

import gzip
import io
import zipfile

import nibabel as nib
import numpy as np
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from trx.trx_file_memmap import TrxFile
from trx.trx_file_memmap import save as save_trx
from vtkmodules.vtkIOLegacy import vtkPolyDataWriter

from imaging.errors import InputError, MissingFileError
from imaging.formats import trx
from imaging.formats.polydata import lines_mesh
from imaging.formats.tracts import Tracts, files_of, load_tracts, tck_bytes, trk_bytes
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
    with pytest.raises(InputError, match="contains no tracts"):
        load_tracts(tmp_path / "dots.tck")
    tracts = some_tracts()
    tracts.points[3, 1] = np.inf
    write(tracts, tmp_path / "inf.vtp", grid_of("plain"))
    with pytest.raises(InputError, match="not finite"):
        load_tracts(tmp_path / "inf.vtp")
    pv.Sphere().save(tmp_path / "ball.vtp")
    with pytest.raises(InputError, match="contains no tracts"):
        load_tracts(tmp_path / "ball.vtp")


def test_trk_that_does_not_say_where_it_lies_is_refused(tmp_path):
    content = bytearray(trk_bytes(some_tracts(), {}, grid_of("plain")))
    start = nib.streamlines.trk.header_2_dtype.fields["voxel_to_rasmm"][1]
    content[start : start + 64] = bytes(64)
    (tmp_path / "t.trk").write_bytes(content)
    with pytest.raises(InputError, match="voxel-to-world"):
        load_tracts(tmp_path / "t.trk")


def test_trk_without_voxel_order_is_refused_where_its_matrix_is_not_lps(tmp_path):
    """TrackVis takes no order as LPS; the points would be mirrored against the matrix."""
    start = nib.streamlines.trk.header_2_dtype.fields["voxel_order"][1]
    for name, fine in (("plain", False), ("LPS", True)):
        content = bytearray(trk_bytes(some_tracts(), {}, grid_of(name)))
        content[start : start + 4] = bytes(4)
        (tmp_path / "t.trk").write_bytes(content)
        if fine:
            read = load_tracts(tmp_path / "t.trk")
            np.testing.assert_allclose(read.points, some_tracts().points, atol=1e-3)
        else:
            with pytest.raises(InputError, match="order of its voxel axes"):
                load_tracts(tmp_path / "t.trk")


def tck_of(tracts, datatype, dtype):
    rows = []
    for a, b in zip(tracts.offsets[:-1], tracts.offsets[1:], strict=True):
        rows += [tracts.points[a:b], np.full((1, 3), np.nan)]
    body = np.concatenate([*rows, np.full((1, 3), np.inf)]).astype(dtype).tobytes()
    head = f"mrtrix tracks\ndatatype: {datatype}\nstep_size: 0.5\ncount: 3\nfile: . 100\nEND\n"
    return head.encode().ljust(100, b"\0") + body


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("Float32LE", "<f4"), ("Float32BE", ">f4"), ("Float64LE", "<f8"), ("Float64BE", ">f8"),
        ("Float64", "<f8"),
    ],
)  # fmt: skip
def test_tck_of_either_precision_and_byte_order(datatype, dtype, tmp_path):
    tracts, path = some_tracts(), tmp_path / "t.tck"
    path.write_bytes(tck_of(tracts, datatype, dtype))
    read = load_tracts(path)
    np.testing.assert_array_equal(read.points, tracts.points)
    np.testing.assert_array_equal(read.offsets, tracts.offsets)
    packed = tmp_path / "t.tck.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(load_tracts(packed).points, tracts.points)


def test_tck_of_another_type_says_so(tmp_path):
    (tmp_path / "t.tck").write_bytes(tck_of(some_tracts(), "Int32LE", "<f4"))
    with pytest.raises(InputError, match="its datatype Int32LE is not one that MRtrix writes"):
        load_tracts(tmp_path / "t.tck")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("form", ["stored", "deflated", "folder"])
def test_trx_of_its_own_library(form, dtype, tmp_path):
    tracts = some_tracts()
    file = TrxFile(nb_vertices=len(tracts.points), nb_streamlines=len(tracts))
    file.streamlines._data = tracts.points.astype(dtype)
    file.streamlines._offsets = tracts.offsets[:-1].astype(np.uint32)
    file.streamlines._lengths = np.diff(tracts.offsets).astype(np.uint32)
    path = tmp_path / "tracts.trx"
    compression = zipfile.ZIP_DEFLATED if form == "deflated" else zipfile.ZIP_STORED
    save_trx(file, str(path), compression_standard=compression)
    if form == "folder":
        with zipfile.ZipFile(path) as packed:
            packed.extractall(tmp_path / "tracts")
        path = tmp_path / "tracts"
    for item in [path, *files_of(path)]:
        item.chmod(0o555)  # nothing is written beside the file
    read = load_tracts(path)
    np.testing.assert_array_equal(read.offsets, tracts.offsets)
    np.testing.assert_array_equal(read.points, tracts.points.astype(dtype).astype(np.float32))


def test_trx_with_a_byte_changed_is_refused(tmp_path):
    write(some_tracts(), tmp_path / "t.trx", grid_of("plain"))
    content = bytearray((tmp_path / "t.trx").read_bytes())
    content[content.index(b"positions") + 80] ^= 0x55
    (tmp_path / "t.trx").write_bytes(content)
    with pytest.raises(InputError, match=r"t\.trx"):
        load_tracts(tmp_path / "t.trx")


def test_lines_of_vtk_lie_in_the_frame_they_name(tmp_path):
    tracts = some_tracts()
    for space, sign in (("LPS", -1), ("", 1)):
        mesh = lines_mesh(tracts.points * np.float32([sign, sign, 1]), tracts.offsets)
        writer = vtkPolyDataWriter()
        writer.SetHeader(f"3D Slicer output. SPACE={space}" if space else "vtk output")
        writer.SetFileName(str(tmp_path / "t.vtk"))
        writer.SetInputData(mesh)
        writer.Write()
        if space:
            mesh.field_data["SPACE"] = [space]
        mesh.save(tmp_path / "t.vtp")
        for suffix in ("vtk", "vtp"):
            read = load_tracts(tmp_path / f"t.{suffix}")
            np.testing.assert_allclose(read.points, tracts.points, rtol=1e-5)
            np.testing.assert_array_equal(read.offsets, tracts.offsets)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.trk", bytes(128) + b"DICM" + bytes(99), "is a DICOM file, not a TrackVis tractogram"),
        ("t.dcm", bytes(128) + b"DICM" + bytes(99), "is a DICOM file, not a tractogram"),
        ("t.seg.nrrd", b"NRRD0004\n", "is an NRRD file, not a tractogram"),
        ("t.tck", b"NRRD0004\n", "is an NRRD file, not an MRtrix tractogram"),
        ("t.vtp", bytes(128) + b"DICM", "is a DICOM file, not a VTK XML file"),
        ("t.trx", b"", "is an empty file, not a ZIP archive"),
        ("t.tck", b"TRACK\0" + bytes(994), "is a TrackVis tractogram, not an MRtrix"),
    ],
)
def test_what_is_no_tractogram_is_named_as_what_it_is(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_tracts(tmp_path / name)
    with pytest.raises(InputError, match="folder without"):
        load_tracts(tmp_path)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["trx", "trk", "trk.gz", "tck"]),
    st.sampled_from(["cut", "flip", "insert"]),
    st.floats(0, 1),
    st.booleans(),
    st.binary(min_size=1, max_size=9),
)
def test_damaged_tracts_are_read_or_refused(tmp_path_factory, suffix, kind, where, early, more):
    path = tmp_path_factory.mktemp("damaged") / f"t.{suffix}"
    write(some_tracts((7, 5)), path, grid_of("oblique"))
    content = path.read_bytes()
    at = int(where * (min(len(content), 1000) if early else len(content)))
    rest = {"cut": b"", "flip": more + content[at + len(more) :], "insert": more + content[at:]}
    path.write_bytes(content[:at] + rest[kind])
    try:
        read = load_tracts(path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017
        return
    assert np.isfinite(read.points).all()
    assert read.offsets[-1] == len(read.points)


def test_same_tracts_same_bytes():
    tracts, grid = some_tracts(), grid_of("oblique")
    assert tck_bytes(tracts) == tck_bytes(tracts)
    assert trk_bytes(tracts, {}, grid) == trk_bytes(tracts, {}, grid)
    assert nib.streamlines.detect_format(io.BytesIO(tck_bytes(tracts))) is nib.streamlines.TckFile
