import json
import time

import nibabel as nib
import numpy as np
import pytest
from output_contract import assert_as_promised
from synthetic_map import label_image, write_map

from imaging.cli.app import main
from imaging.provenance import sidecar_path


def export(maps, out, *more: str) -> int:
    return main(["export", "--map-dir", str(maps), "--out", str(out), "--prefix", "sub-01", *more])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("export")
    write_map(root / "map")
    assert export(root / "map", root / "out") == 0
    return root


def test_every_file_is_there_with_a_sidecar(folders):
    names = {p.relative_to(folders / "out").as_posix() for p in (folders / "out").rglob("*.*")}
    expected = {
        "sub-01_anat.nii.gz", "sub-01_dseg.nii.gz", "sub-01_dseg.seg.nrrd", "sub-01_dseg.tsv",
        "sub-01_slicer.mrml", "sub-01_desc-screen_fascicles.vtp", "sub-01_aponeuroses.vtp",
        "sub-01_dseg.ctbl", "sub-01_dseg.txt", "sub-01_fascicles.trk",
        "sub-01_fascicles.trx", "sub-01_map.glb", "sub-01_viewer.html",
        "stl/sub-01_right-TA.stl", "stl/sub-01_right-TA_aponeurosis.stl",
        "stl/sub-01_right-SOL.stl", "stl/sub-01_right-TIB.stl",
    }  # fmt: skip
    assert {n for n in names if not n.endswith(".json")} == expected
    assert_as_promised(folders / "out", "sub-01", "export")
    for name in expected:
        content = json.loads(sidecar_path(folders / "out" / name).read_text())
        assert content["SourceFiles"], name
        assert content["Description"], name


def test_images_and_tracts_share_their_place(folders):
    image = nib.load(folders / "out" / "sub-01_dseg.nii.gz")
    np.testing.assert_allclose(image.affine, label_image().affine, atol=1e-4)
    tracts = nib.streamlines.load(folders / "out" / "sub-01_fascicles.trk")
    np.testing.assert_allclose(tracts.header["voxel_to_rasmm"], image.affine, atol=1e-4)
    labels = np.asarray(image.dataobj)
    for line, label in zip(
        tracts.streamlines, tracts.tractogram.data_per_streamline["label"], strict=True
    ):
        middle = nib.affines.apply_affine(np.linalg.inv(image.affine), line[len(line) // 2])
        assert labels[tuple(np.rint(middle).astype(int))] == int(label[0])


def test_same_map_gives_same_bytes(folders, tmp_path):
    assert export(folders / "map", tmp_path) == 0
    for path in sorted((folders / "out").rglob("*.*")):
        again = tmp_path / path.relative_to(folders / "out")
        assert path.read_bytes() == again.read_bytes(), path.name


def test_sidecar_says_whether_an_aponeurosis_was_found(folders):
    path = folders / "out" / "stl" / "sub-01_right-TA_aponeurosis.stl"
    assert json.loads(sidecar_path(path).read_text())["Origin"] == "found from the data"
    assert np.fromfile(path, "<u4", 1, offset=80)[0] == 80  # triangles


def test_aponeuroses_of_an_earlier_map_do_not_stay(tmp_path):
    write_map(tmp_path / "map")
    assert export(tmp_path / "map", tmp_path / "out") == 0
    for path in (tmp_path / "map").glob("sub-01_aponeuroses.*"):
        path.unlink()
    assert export(tmp_path / "map", tmp_path / "out") == 0
    assert not list((tmp_path / "out" / "stl").glob("*aponeurosis*"))


def test_only_muscles_still_exports(tmp_path):
    write_map(tmp_path / "map", fascicles=False, activation=False, stiffness=False,
              aponeuroses=False)  # fmt: skip
    assert export(tmp_path / "map", tmp_path / "out") == 0
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"sub-01_map.glb", "sub-01_viewer.html"} <= names
    assert not any(name.startswith("sub-01_fascicles") for name in names)
    assert "No fascicles" in (tmp_path / "out" / "sub-01_viewer.html").read_text()


def test_viewer_can_be_left_out(folders, tmp_path):
    assert export(folders / "map", tmp_path, "--settings", '{"viewer": false}') == 0
    assert not list(tmp_path.glob("*.html"))


def test_no_map_is_a_clear_error(tmp_path, capsys):
    assert export(tmp_path, tmp_path / "out") == 2
    assert "pennate map" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_truncated_map_is_a_clear_error(tmp_path, capsys):
    write_map(tmp_path / "map")
    broken = tmp_path / "map" / "sub-01_surfaces.vtp"
    broken.write_bytes(broken.read_bytes()[:300])
    assert export(tmp_path / "map", tmp_path / "out") == 2
    assert "sub-01_surfaces.vtp" in capsys.readouterr().err


def test_small_map_is_quick(folders, tmp_path):
    start = time.process_time()
    assert export(folders / "map", tmp_path) == 0
    assert time.process_time() - start < 20
