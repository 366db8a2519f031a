"""Surfaces of five formats lie where their files say, or are refused by name."""

import numpy as np
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st
from vtkmodules.vtkIOLegacy import vtkPolyDataWriter
from vtkmodules.vtkIOPLY import vtkPLYWriter

from imaging.errors import InputError, MissingFileError
from imaging.formats.polydata import in_ras, read_each
from imaging.formats.surfaces import load_surfaces, stl_bytes
from imaging.musclemap.vtk_files import save_vtk

CORNERS = np.array([[10.0, 20, 30], [40, 20, 30], [10, 70, 30], [10, 20, 110]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
TO_LPS = np.array([-1.0, -1, 1])
FORMATS = ("vtp", "vtk", "ascii.vtk", "stl", "ascii.stl", "ply", "ascii.ply", "obj")


def write(path, space, points=CORNERS):
    """Write a tetrahedron as 3D Slicer does, its frame where Slicer puts it."""
    mesh = pv.PolyData.from_regular_faces(points.astype(np.float32), FACES)
    text = f"3D Slicer output. SPACE={space}" if space else "made by hand"
    ascii_ = path.name.endswith(f"ascii{path.suffix}")
    if path.suffix == ".vtp":
        if space:
            mesh.field_data["SPACE"] = [space]
        mesh.save(path)
    elif path.suffix == ".vtk":
        writer = vtkPolyDataWriter()
        writer.SetHeader(text)
        (writer.SetFileTypeToASCII if ascii_ else writer.SetFileTypeToBinary)()
        writer.SetFileName(str(path))
        writer.SetInputData(mesh)
        writer.Write()
    elif path.suffix == ".ply":
        writer = vtkPLYWriter()
        if space:
            writer.AddComment(f"SPACE={space}")
        (writer.SetFileTypeToASCII if ascii_ else writer.SetFileTypeToBinary)()
        writer.SetFileName(str(path))
        writer.SetInputData(mesh)
        writer.Write()
    elif path.suffix == ".obj":
        rows = [f"v {x:g} {y:g} {z:g}" for x, y, z in points]
        rows += [f"f {a} {b} {c}" for a, b, c in FACES + 1]
        path.write_text("\n".join([f"# {text}", *rows, ""]))
    elif ascii_:
        mesh.save(path, binary=False)
        rows = path.read_text().splitlines()
        path.write_text("\n".join([f"solid {text}", *rows[1:], ""]))
    else:
        mesh.save(path)
        content = path.read_bytes()
        path.write_bytes(text.encode().ljust(80, b" ") + content[80:])


def corners_of(surface):
    return np.unique(surface.points[surface.faces].reshape(-1, 3), axis=0)


def test_the_frame_that_a_file_names_is_kept(tmp_path):
    """Eight files in three frames, one surface."""
    paths = []
    for name in FORMATS:
        for space in ("", "RAS", "LPS"):
            paths.append(tmp_path / f"in{space}.{name}")
            write(paths[-1], space, CORNERS * TO_LPS if space == "LPS" else CORNERS)
    for path, surface in zip(paths, load_surfaces(paths), strict=True):
        np.testing.assert_array_equal(corners_of(surface), np.unique(CORNERS, axis=0), str(path))
        assert len(surface.faces) == 4, path


def test_an_unknown_frame_is_refused(tmp_path):
    paths = [tmp_path / f"sheet.{name}" for name in FORMATS]
    for path in paths:
        write(path, "scanner")
    for path, outcome in zip(paths, read_each(paths), strict=True):
        assert isinstance(outcome, InputError), path
        assert str(outcome).startswith(f"{path}: says SPACE=SCANNER, which is not RAS or LPS")


def test_frames_that_contradict_each_other_are_refused(tmp_path):
    path = tmp_path / "sheet.obj"
    write(path, "LPS")
    path.write_text("# SPACE=RAS\n" + path.read_text())
    with pytest.raises(InputError, match="SPACE=LPS and SPACE=RAS"):
        load_surfaces([path])


def test_every_vtp_that_is_written_says_ras_and_nothing_else_is_new(tmp_path):
    mesh = pv.PolyData.from_regular_faces(CORNERS, FACES)
    mesh.cell_data["label"] = np.array([101, 101, 102, 102], np.int16)
    mesh.save(tmp_path / "plain.vtp")
    in_ras(mesh).save(tmp_path / "said.vtp")
    save_vtk(mesh, tmp_path / "map.vtp")
    for name in ("said.vtp", "map.vtp"):
        assert list(pv.read(tmp_path / name).field_data["SPACE"]) == ["RAS"]
    assert not len(mesh.field_data)
    before, after = ((tmp_path / f"{n}.vtp").read_text() for n in ("plain", "said"))
    start, end = after.index("    <FieldData>"), after.index("    <Piece")
    assert after[:start] + after[end:] == before
    (read,) = load_surfaces([tmp_path / "map.vtp"])
    np.testing.assert_array_equal(corners_of(read), np.unique(CORNERS, axis=0))


def test_stl_says_ras_and_comes_back(tmp_path):
    (tmp_path / "a.stl").write_bytes(stl_bytes(CORNERS, FACES, "a very long name " * 9))
    assert (tmp_path / "a.stl").read_bytes()[:80].rstrip().endswith(b"mm RAS+ SPACE=RAS")
    (read,) = load_surfaces([tmp_path / "a.stl"])
    np.testing.assert_array_equal(corners_of(read), np.unique(CORNERS, axis=0))


def test_a_binary_stl_may_begin_with_solid(tmp_path):
    content = b"solid SPACE=LPS".ljust(80) + stl_bytes(CORNERS * TO_LPS, FACES, "x")[80:]
    (tmp_path / "a.stl").write_bytes(content)
    (read,) = load_surfaces([tmp_path / "a.stl"])
    np.testing.assert_array_equal(corners_of(read), np.unique(CORNERS, axis=0))


def test_a_surface_cut_off_is_not_a_smaller_surface(tmp_path):
    paths = []
    for name in ("stl", "ascii.stl", "vtp", "vtk", "ply", "ascii.ply"):
        whole = tmp_path / f"whole.{name}"
        write(whole, "LPS")
        for share in (0.3, 0.6, 0.8, 0.95):
            paths.append(tmp_path / f"cut{share}.{name}")
            paths[-1].write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    for path, outcome in zip(paths, read_each(paths), strict=True):
        assert isinstance(outcome, InputError), path
        assert str(path) in str(outcome)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.stl", bytes(128) + b"DICM" + bytes(200), "is a DICOM file, not .stl"),
        ("a.vtp", b"NRRD0005\ntype: uchar\n", "is an NRRD file, not a VTK XML"),
        ("a.ply", b"", "is an empty file, not a PLY surface"),
        ("a.obj", b"PK\x03\x04" + bytes(99), "is a ZIP archive, not .obj"),
        ("a.vtk", b"<!DOCTYPE html><html>", "is a web page, not a VTK legacy file"),
        ("a.obj", b"# nothing\nv 1 2 3\n", "contains no triangles"),
    ],
)
def test_what_is_no_surface_is_named_as_what_it_is(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_surfaces([tmp_path / name])


def test_one_bad_file_among_many_is_named(tmp_path):
    write(tmp_path / "good.stl", "RAS")
    (tmp_path / "bad.ply").write_bytes(b"ply\nformat ascii 1.0\nend_header\n")
    with pytest.raises(InputError, match=r"bad\.ply"):
        load_surfaces([tmp_path / "good.stl", tmp_path / "bad.ply"])
    with pytest.raises(MissingFileError, match=r"none\.stl"):
        load_surfaces([tmp_path / "none.stl"])


damage = st.tuples(
    st.sampled_from(["cut", "flip", "insert"]), st.floats(0, 1), st.binary(max_size=9)
)


def damaged(content, kind, where, more):
    at = int(where * (len(content) - 1))
    if kind == "cut":
        return content[:at]
    return content[:at] + (more or b"9") + content[at + (len(more) if kind == "flip" else 0) :]


@settings(deadline=None, max_examples=3)
@given(st.lists(damage, min_size=24, max_size=24))
def test_damaged_files_of_ours_are_read_or_refused(tmp_path_factory, damages):
    folder = tmp_path_factory.mktemp("damaged")
    mesh = pv.Sphere(radius=10, theta_resolution=8, phi_resolution=8)
    in_ras(mesh).save(folder / "a.vtp")
    (folder / "a.stl").write_bytes(stl_bytes(mesh.points, mesh.regular_faces, "x"))
    paths = []
    for number, (kind, where, more) in enumerate(damages):
        whole = folder / ("a.vtp" if number % 2 else "a.stl")
        paths.append(folder / f"{number}{whole.suffix}")
        paths[-1].write_bytes(damaged(whole.read_bytes(), kind, where, more))
    for path, outcome in zip(paths, read_each(paths), strict=True):
        if isinstance(outcome, InputError):
            assert str(path) in str(outcome)
        else:
            assert np.isfinite(outcome.points).all()
            assert outcome.faces.max(initial=0) < max(len(outcome.points), 1)
