import numpy as np
import pytest
import pyvista as pv

from imaging.errors import InputError, MissingFileError
from imaging.formats.vtk_xml import read_vtk_image, read_vtk_mesh
from imaging.musclemap.vtk_files import save_vtk


def image():
    grid = pv.ImageData(dimensions=(9, 8, 7), spacing=(1, 2, 3), origin=(4, 5, 6))
    grid.point_data["label"] = np.arange(9 * 8 * 7, dtype=np.int16)
    return grid


def mesh():
    sphere = pv.Icosphere(nsub=3)
    sphere.cell_data["label"] = np.arange(sphere.n_cells, dtype=np.int32)
    return sphere


# Written by pyvista (base64 inside the XML) and by us (raw data after it).
WRITERS = {"pyvista": lambda data, path: data.save(path), "pennate": save_vtk}
KINDS = {"vti": (image, read_vtk_image), "vtp": (mesh, read_vtk_mesh)}


@pytest.fixture(params=[(w, k) for w in WRITERS for k in KINDS], ids="-".join)
def written(request, tmp_path):
    writer, kind = request.param
    path = tmp_path / f"x.{kind}"
    WRITERS[writer](KINDS[kind][0](), path)
    return path, *KINDS[kind]


def test_a_whole_file_is_read_as_it_was(written):
    path, make, read = written
    found, truth = read(path, ""), make()
    np.testing.assert_allclose(found.points, truth.points)
    (data,) = [d for d in (found.point_data, found.cell_data) if "label" in d]
    (expected,) = [d for d in (truth.point_data, truth.cell_data) if "label" in d]
    np.testing.assert_array_equal(data["label"], expected["label"])


@pytest.mark.parametrize("share", [0, 0.01, 0.2, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("way", ["cut", "zeroed", "hole"])
def test_a_damaged_file_is_refused_without_a_word_of_vtk(written, share, way, capfd):
    path, _, read = written
    whole = path.read_bytes()
    at = int(share * len(whole))
    path.write_bytes({
        "cut": whole[:at],
        "zeroed": whole[:at] + bytes(len(whole) - at),
        "hole": whole[:at] + bytes(60) + whole[at + 60 :],
    }[way])  # fmt: skip
    with pytest.raises(InputError, match="Copy it again"):
        read(path, "Copy it again")
    assert capfd.readouterr() == ("", "")


def test_other_files_are_named(tmp_path):
    image().save(tmp_path / "x.vti")
    (tmp_path / "x.vti").rename(tmp_path / "x.vtp")
    with pytest.raises(InputError, match="is not VTK PolyData"):
        read_vtk_mesh(tmp_path / "x.vtp", "Copy it again")
    (tmp_path / "x.vtp").write_text("some text")
    with pytest.raises(InputError, match="is not a VTK file"):
        read_vtk_mesh(tmp_path / "x.vtp", "Copy it again")
    with pytest.raises(MissingFileError):
        read_vtk_mesh(tmp_path / "y.vtp", "Copy it again")


def test_only_the_layers_that_are_wanted_are_read(tmp_path):
    grid = image()
    grid.point_data["other"] = np.ones(grid.n_points)
    save_vtk(grid, tmp_path / "x.vti")
    found = read_vtk_image(tmp_path / "x.vti", "", "label".__eq__)
    assert list(found.point_data) == ["label"]


def test_only_the_cell_arrays_that_are_wanted_are_read(tmp_path):
    sphere = mesh()
    sphere.cell_data["other"] = np.ones(sphere.n_cells)
    sphere.point_data["more"] = np.ones(sphere.n_points)
    save_vtk(sphere, tmp_path / "x.vtp")
    assert list(read_vtk_mesh(tmp_path / "x.vtp", "", ["label"]).cell_data) == ["label"]
    every = read_vtk_mesh(tmp_path / "x.vtp", "")
    assert set(every.cell_data) == {"label", "other"}
    assert list(every.point_data) == []
