"""Masks, label maps and aponeuroses of a lab's own: whose they are, and whether they fit."""

import numpy as np
import pytest
import pyvista as pv
from scipy.spatial.transform import Rotation

from imaging.errors import ImageError, InputError, LabelError, MissingFileError, UnitError
from imaging.formats.nifti import save_image
from imaging.geometry import mask_surface
from imaging.image import Image
from imaging.io.aponeuroses import read_sheets
from imaging.io.muscles import check_on_grid, check_tracts, names_of, read_labels, read_masks

TURN = Rotation.from_euler("xyz", [10, 25, -40], degrees=True).as_matrix()


@pytest.fixture
def grid():
    """An oblique, mirrored, anisotropic grid well off the origin (right leg: x > 0)."""
    affine = np.eye(4)
    affine[:3, :3] = TURN @ np.diag([-1.5, 1.0, 3.0])
    affine[:3, 3] = [120.0, 60.0, -300.0]
    return Image(np.zeros((24, 24, 16), np.int16), affine)


def write(grid, path, **boxes):
    data = np.zeros(grid.shape, np.int16)
    for name, (i, j, k) in boxes.items():
        data[i, j, k] = int(name.removeprefix("v"))
    save_image(grid.with_data(data), path)
    return path


A = (slice(2, 10), slice(3, 20), slice(1, 14))
B = (slice(13, 22), slice(3, 20), slice(1, 14))


def lookup(path, *rows):
    path.write_text("index\tname\n" + "".join(f"{i}\t{n}\n" for i, n in rows))
    return path


def test_labels_of_the_catalogue_keep_their_names_and_bones_are_left_out(grid, tmp_path):
    path = write(grid, tmp_path / "d.nii.gz", v107=A, v121=B)
    assert names_of(read_labels(path, None)) == {107: "left GM"}


def test_labels_outside_the_catalogue_are_muscles_of_their_own(grid, tmp_path):
    path = write(grid, tmp_path / "d.nii.gz", v77=A, v412=B)
    assert names_of(read_labels(path, None)) == {1077: "label-77", 1412: "label-412"}


def test_a_lookup_says_what_labels_mean(grid, tmp_path):
    path = write(grid, tmp_path / "d.nii.gz", v1=A, v2=B)
    table = lookup(tmp_path / "d.tsv", (0, "background"), (1, "soleus_r"), (2, "biceps femoris"))
    muscles = read_labels(path, table)
    assert names_of(muscles) == {209: "right SOL", 1002: "biceps femoris"}
    # Without the table, 1 would be a tibialis anterior.
    assert names_of(read_labels(path, None))[1] == "TA"


def test_parts_of_one_muscle_are_joined(grid, tmp_path):
    path = write(grid, tmp_path / "d.nii.gz", v1=A, v2=B)
    table = lookup(tmp_path / "d.tsv", (1, "left SOL"), (2, "left soleus"))
    (muscle,) = read_labels(path, table)
    both = np.prod([s.stop - s.start for s in A]) + np.prod([s.stop - s.start for s in B])
    assert muscle.mask.data.sum() == both


def test_a_cropped_mask_keeps_its_place(grid, tmp_path):
    (muscle,) = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=B)], [])
    data = np.zeros(grid.shape, bool)
    data[B] = True
    np.testing.assert_allclose(
        muscle.mask.to_world(np.argwhere(muscle.mask.data)),
        grid.to_world(np.argwhere(data)),
        atol=1e-4,
    )


def test_masks_are_named_after_their_files_or_by_their_labels(grid, tmp_path):
    (tmp_path / "b").mkdir()
    paths = [
        write(grid, tmp_path / "gm.nii.gz", v1=A),
        write(grid, tmp_path / "b" / "gm.nii.gz", v255=B),
    ]
    assert names_of(read_masks(paths, [])) == {1001: "gm", 1002: "gm-2"}
    assert names_of(read_masks(paths, [107, 207])) == {107: "left GM", 207: "right GM"}


@pytest.mark.parametrize(
    ("labels", "said"),
    [([107, 108], "2 muscles are named for 1"), ([121], "not a muscle"), ([150], "150")],
)
def test_labels_that_cannot_be_are_refused(grid, tmp_path, labels, said):
    path = write(grid, tmp_path / "gm.nii.gz", v1=A)
    with pytest.raises(InputError, match=said):
        read_masks([path], labels)


def test_several_labels_are_no_mask(grid, tmp_path):
    path = write(grid, tmp_path / "legs.nii.gz", v1=A, v2=B)
    with pytest.raises(LabelError, match=r"legs\.nii\.gz.*2 labels.*--labels"):
        read_masks([path], [])


def test_a_mask_must_lie_on_the_image(grid, tmp_path):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    check_on_grid(muscles, grid, tmp_path / "dwi.nii.gz")
    away = Image(grid.data, np.diag([1.0, 1, 1, 1]))
    with pytest.raises(ImageError, match=r"gm\.nii\.gz.*dwi\.nii\.gz"):
        check_on_grid(muscles, away, tmp_path / "dwi.nii.gz")
    lps = Image(grid.data, np.diag([-1.0, -1, 1, 1]) @ grid.affine)
    with pytest.raises(ImageError, match="LPS"):
        check_on_grid(muscles, lps, tmp_path / "dwi.nii.gz")


def test_tracts_must_meet_the_mask(grid, tmp_path):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    inside = grid.to_world(np.argwhere(grid.data == 0)).astype(np.float32)
    check_tracts(muscles, inside, tmp_path / "t.tck")
    # A whole leg's tracts, of which one muscle has few, are fine.
    check_tracts(muscles, np.concatenate([inside, *[inside + 300] * 9]), tmp_path / "t.tck")
    with pytest.raises(
        InputError, match=r"t\.tck: 0% .*gm\.nii\.gz, \d\d% do with x and y turned.*LPS"
    ):
        check_tracts(muscles, inside * np.float32([-1, -1, 1]), tmp_path / "t.tck")
    with pytest.raises(InputError, match="elsewhere"):
        check_tracts(muscles, inside + np.float32(900), tmp_path / "t.tck")


def sheet_mesh(grid, i):
    """A plane of constant first voxel index through the boxes."""
    j, k = np.meshgrid(np.arange(4, 19.0), np.arange(2, 13.0), indexing="ij")
    plane = pv.StructuredGrid(*np.moveaxis(grid.to_world(np.stack([0 * j + i, j, k], -1)), -1, 0))
    return plane.extract_surface(algorithm="dataset_surface").triangulate()


@pytest.mark.parametrize("suffix", ["vtp", "stl", "ply", "obj", "vtk"])
def test_surfaces_of_every_format_are_one_sheet(grid, tmp_path, suffix):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    mesh = sheet_mesh(grid, 6.0)
    mesh.save(tmp_path / f"s.{suffix}")
    (sheet,) = read_sheets([tmp_path / f"s.{suffix}"], muscles)[1001]
    probe = grid.to_world([[3.0, 10, 7], [9.0, 10, 7], [6.0, 10, 7]])
    low, high, on = sheet.side_mm(probe)
    assert low * high < 0
    assert abs(low) == pytest.approx(4.5, abs=0.1)
    assert on == pytest.approx(0, abs=0.1)


def test_an_aponeurosis_belongs_to_the_mask_it_lies_in(grid, tmp_path):
    paths = [write(grid, tmp_path / "a.nii.gz", v1=A), write(grid, tmp_path / "b.nii.gz", v1=B)]
    sheet_mesh(grid, 17.0).save(tmp_path / "s.vtp")
    assert set(read_sheets([tmp_path / "s.vtp"], read_masks(paths, []))) == {1002}
    muscles = read_masks(paths, [101, 109])
    sheet_mesh(grid, 6.0).save(tmp_path / "label-101_aponeurosis.vtp")
    assert set(read_sheets([tmp_path / "label-101_aponeurosis.vtp"], muscles)) == {101}


def test_an_aponeurosis_elsewhere_is_refused(grid, tmp_path):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    mesh = sheet_mesh(grid, 6.0)
    flipped = mesh.copy()
    flipped.points = np.asarray(mesh.points) * [-1, -1, 1]
    flipped.save(tmp_path / "lps.stl")
    with pytest.raises(LabelError, match=r"lps\.stl.*gm\.nii\.gz.*LPS"):
        read_sheets([tmp_path / "lps.stl"], muscles)
    mesh.points = np.asarray(mesh.points) + 200
    mesh.save(tmp_path / "far.vtp")
    with pytest.raises(LabelError, match="0% of the aponeurosis"):
        read_sheets([tmp_path / "far.vtp"], muscles)
    with pytest.raises(MissingFileError, match=r"none\.ply"):
        read_sheets([tmp_path / "none.ply"], muscles)
    (tmp_path / "broken.vtp").write_bytes(b"<VTKFile")
    with pytest.raises(LabelError, match=r"broken\.vtp"):
        read_sheets([tmp_path / "broken.vtp"], muscles)


def test_a_muscle_is_no_aponeurosis(grid, tmp_path):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    for given in (write(grid, tmp_path / "again.nii.gz", v1=A), tmp_path / "surface.vtp"):
        if given.suffix == ".vtp":
            points, faces = mask_surface(muscles[0].mask.data, muscles[0].mask.affine)
            pv.PolyData.from_regular_faces(points, faces).save(given)
        with pytest.raises(LabelError, match=rf"{given.name}.*fills .*% of .*not the muscle"):
            read_sheets([given], muscles)


def test_a_surface_in_lps_that_says_so_is_the_same_sheet(grid, tmp_path):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    mesh = sheet_mesh(grid, 6.0)
    mesh.save(tmp_path / "ras.vtp")
    mesh.points = np.asarray(mesh.points) * [-1, -1, 1]
    mesh.field_data["SPACE"] = ["LPS"]
    mesh.save(tmp_path / "lps.vtp")
    ras, lps = read_sheets([tmp_path / "ras.vtp", tmp_path / "lps.vtp"], muscles)[1001]
    np.testing.assert_array_equal(ras.points, lps.points)
    np.testing.assert_array_equal(ras.faces, lps.faces)


def test_points_in_metres_are_refused_by_their_unit(grid, tmp_path):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    mesh = sheet_mesh(grid, 6.0)
    where = np.asarray(mesh.points).copy()
    for by, said, kind in (
        (0.001, "seems to be written in metres", UnitError),
        (0.1, "it is written in centimetres, not millimetres", LabelError),
        (1000.0, "seems to be written in micrometres", UnitError),
    ):
        mesh.points = where * by
        mesh.save(tmp_path / "s.vtp")
        with pytest.raises(kind, match=rf"s\.vtp.*{said}"):
            read_sheets([tmp_path / "s.vtp"], muscles)
        with pytest.raises(InputError, match=rf"t\.tck.*{said}"):
            check_tracts(muscles, (where * by).astype(np.float32), tmp_path / "t.tck")


def test_an_image_that_is_no_mask_is_named_as_what_it_is(grid, tmp_path):
    muscles = read_masks([write(grid, tmp_path / "gm.nii.gz", v1=A)], [])
    (tmp_path / "s.dcm").write_bytes(bytes(128) + b"DICM" + bytes(99))
    with pytest.raises(ImageError, match=r"s\.dcm: cannot be read as NIfTI: it is a DICOM file"):
        read_sheets([tmp_path / "s.dcm"], muscles)
    (tmp_path / "s.stl").write_bytes(bytes(128) + b"DICM" + bytes(99))
    with pytest.raises(LabelError, match=r"s\.stl: is a DICOM file, not \.stl"):
        read_sheets([tmp_path / "s.stl"], muscles)


def test_in_a_label_map_the_name_of_an_aponeurosis_tells_its_muscle(grid, tmp_path):
    path = write(grid, tmp_path / "d.nii.gz", v1=A, v2=B)
    muscles = read_labels(path, lookup(tmp_path / "d.tsv", (1, "left TA"), (2, "thigh")))
    sheet_mesh(grid, 17.0).save(tmp_path / "label-2_aponeurosis.vtp")
    assert set(read_sheets([tmp_path / "label-2_aponeurosis.vtp"], muscles)) == {1002}
    sheet_mesh(grid, 17.0).save(tmp_path / "s.vtp")
    with pytest.raises(LabelError, match="has no label in its name"):
        read_sheets([tmp_path / "s.vtp"], muscles)
    sheet_mesh(grid, 17.0).save(tmp_path / "label-9_aponeurosis.vtp")
    with pytest.raises(LabelError, match="label 9"):
        read_sheets([tmp_path / "label-9_aponeurosis.vtp"], muscles)


def test_masks_do_not_keep_the_whole_grid_in_memory(tmp_path, grid):
    labels = write(grid, tmp_path / "labels.nii.gz", v101=A, v102=B)
    for muscle in read_labels(labels, None):
        assert muscle.mask.data.base is None
