"""``pennate elastography`` on files: a small leg with known stiffness, ready maps, bad input."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from output_contract import assert_as_promised
from round_leg import GM, SOL, TA, RoundLeg

from imaging.cli.app import main
from imaging.formats.nifti import load_image, save_image
from imaging.image import Image
from imaging.measures import read_measures, read_notes
from imaging.phantom.mre_files import write_mre
from imaging.provenance import sidecar_path, write_json

LEG = RoundLeg(muscle_mm=45, tibia_mm=22)


def label_map(path):
    """Labels on a grid of their own: other spacing, other axis order."""
    affine = np.array([[0, 0, -3.0, 160], [2.5, 0, 0, -70], [0, 5, 0, -150], [0, 0, 0, 1]])
    shape = (52, 61, 48)
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    points = voxels @ affine[:3, :3].T + affine[:3, 3]
    save_image(Image(LEG.labels(points).reshape(shape), affine), path)
    return path


@pytest.fixture(scope="module")
def leg(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waves")
    phase = write_mre(
        LEG, folder, folder / "truth", subject="01", seed=3, preset="small", drivers=2
    )
    return phase, label_map(folder / "labels.nii.gz"), folder / "truth"


def run(out, *arguments):
    common = ["elastography", "--out", out, "--prefix", "sub-01", *arguments]
    return main([str(a) for a in common])


def values(table):
    return {(r.label, r.measure): r for r in read_measures(table)}


def test_waves_to_stiffness_per_muscle(leg, tmp_path):
    phase, labels, truth = leg
    assert run(tmp_path, "--waves", phase, "--labels", labels) == 0
    assert_as_promised(tmp_path, "sub-01", "waves", "inversion")
    found = values(tmp_path / "sub-01_desc-mdev_measures.tsv")
    known = values(truth / "sub-01_desc-truthmre_measures.tsv")
    for label in (TA, SOL, GM):
        row = found[label, "stiffness_mdev_magnitude"]
        assert row.value == pytest.approx(known[label, "stiffness_magnitude"].value, rel=0.12)
        assert row.unit == "Pa"
        assert "60 Hz" in row.note
        assert found[label, "stiffness_mdev_lossangle"].value == pytest.approx(0.31, abs=0.1)
    assert (221, "stiffness_mdev_magnitude") not in found  # bone
    stiffness = load_image(tmp_path / "sub-01_desc-mdev_stiffness.nii.gz")
    mask = load_image(tmp_path / "sub-01_desc-mdev_mask.nii.gz").data > 0
    assert stiffness.shape == load_image(phase, ndim=6).shape
    assert not stiffness.data[~mask].any()
    sidecar = json.loads((tmp_path / "sub-01_desc-mdev_stiffness.json").read_text())
    assert (sidecar["Quantity"], sidecar["Units"]) == ("magnitude", "Pa")
    assert (sidecar["FrequencyHz"], sidecar["DensityKgPerM3"]) == (60.0, 1000.0)
    assert len(sidecar["SourceFiles"]) == 4
    notes = read_notes(tmp_path / "sub-01_desc-mdev_notes.json")
    assert "3-D Laplacian" in notes.method


def test_stored_axes_do_not_matter(leg, tmp_path):
    """The same images with an axis flipped, axes exchanged and directions in the image frame."""
    phase, labels, _ = leg
    assert run(tmp_path / "a", "--waves", phase, "--labels", labels) == 0
    turned = tmp_path / phase.name
    content = json.loads(sidecar_path(phase).read_text())
    for path in (phase, phase.with_name(phase.name.replace("part-phase", "part-mag"))):
        image = load_image(path, ndim=6)
        flip = np.array(
            [[0, -1, 0, image.shape[0] - 1.0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        )
        data = np.flip(image.data.swapaxes(0, 1), axis=1)
        moved = Image(np.ascontiguousarray(data), image.affine @ flip)
        save_image(moved, tmp_path / path.name)
    rotation = moved.rotation
    content["EncodingDirections"] = (np.array(content["EncodingDirections"]) @ rotation).tolist()
    content["EncodingDirectionsFrame"] = "image"
    write_json(sidecar_path(turned), content)
    assert run(tmp_path / "b", "--waves", turned, "--labels", labels) == 0
    name = "sub-01_desc-mdev_measures.tsv"
    one, other = values(tmp_path / "a" / name), values(tmp_path / "b" / name)
    for label in (TA, SOL, GM):
        key = (label, "stiffness_mdev_magnitude")
        assert other[key].value == pytest.approx(one[key].value, rel=0.01)


def test_same_bytes_and_whole_mask_without_labels(leg, tmp_path):
    phase, _, _ = leg
    for name in ("a", "b"):
        assert run(tmp_path / name, "--waves", phase) == 0
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files == sorted(p.name for p in (tmp_path / "b").iterdir())
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    rows = read_measures(tmp_path / "a" / "sub-01_desc-mdev_measures.tsv")
    assert {r.label for r in rows} == {0}
    assert 700 < rows[0].value < 1500


def test_phantom_gives_the_same_bytes(leg, tmp_path):
    phase, _, _ = leg
    again = write_mre(
        LEG, tmp_path, tmp_path / "truth", subject="01", seed=3, preset="small", drivers=2
    )
    assert again.read_bytes() == phase.read_bytes()
    assert np.abs(load_image(again, ndim=6).data).max() <= np.pi + 1e-5


def test_anisotropic_phantom_names_its_moduli(tmp_path):
    write_mre(LEG, tmp_path, tmp_path / "truth", subject="01", preset="small", anisotropic=True)
    names = {r.measure for r in read_measures(tmp_path / "truth/sub-01_desc-truthmre_measures.tsv")}
    assert names == {"stiffness_mu_perp", "stiffness_mu_par", "stiffness_e_par"}


def ready_map(folder, unit="kPa", quantity="youngs_3rhoc2", scale=3.0, **changes):
    """Young's modulus 3 rho c^2 of a muscle with rho c^2 = 1 kPa, in a grid of its own."""
    affine = np.diag([-2.0, 2.0, 4.0, 1.0])
    affine[:3, 3] = [150, -60, -60]
    data = np.full((55, 55, 30), scale, np.float32)
    data[:, :, :2] = 0
    path = folder / "sub-01_stiffness.nii.gz"
    save_image(Image(data, affine), path)
    content = {
        "Quantity": quantity, "Units": unit, "Frequency": 60, "Density": 1000, "Method": "vendor",
    } | changes  # fmt: skip
    write_json(sidecar_path(path), {k: v for k, v in content.items() if v is not None})
    return path


def test_ready_map_keeps_what_it_is(leg, tmp_path):
    path = ready_map(tmp_path)
    assert run(tmp_path / "out", "--stiffness", path, "--labels", leg[1]) == 0
    row = values(tmp_path / "out/sub-01_desc-ready_measures.tsv")[
        SOL, "stiffness_ready_shear_stiffness"
    ]
    assert row.value == pytest.approx(1000)
    sidecar = json.loads((tmp_path / "out/sub-01_desc-ready_stiffness.json").read_text())
    assert sidecar["Quantity"] == "shear_stiffness"
    assert sidecar["DeclaredQuantity"] == "youngs_3rhoc2"
    assert "E / 3" in sidecar["Conversion"]


def test_wrong_unit_is_warned_of(leg, tmp_path):
    path = ready_map(tmp_path, unit="Pa", quantity="magnitude", scale=1.1)
    assert run(tmp_path / "out", "--stiffness", path, "--labels", leg[1]) == 0
    notes = read_notes(tmp_path / "out/sub-01_desc-ready_notes.json")
    assert any("check the declared quantity and unit" in w for w in notes.warnings)


@pytest.mark.parametrize("key", ["Quantity", "Units", "Frequency", "Density", "Method"])
def test_undeclared_map_is_refused(tmp_path, capsys, key):
    path = ready_map(tmp_path, **{key: None})
    assert run(tmp_path / "out", "--stiffness", path) == 2
    assert key in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_labels_of_another_place_are_refused(leg, tmp_path, capsys):
    far = tmp_path / "far.nii.gz"
    labels = nib.load(leg[1])
    affine = labels.affine.copy()
    affine[2, 3] += 900
    save_image(Image(np.asarray(labels.dataobj), affine), far)
    assert run(tmp_path / "out", "--waves", leg[0], "--labels", far) == 2
    message = capsys.readouterr().err
    assert "does not overlap" in message
    assert "far.nii.gz" in message
    assert not (tmp_path / "out").exists()


def test_neither_or_both_inputs_are_refused(leg, tmp_path):
    assert run(tmp_path / "out") == 2
    assert run(tmp_path / "out", "--waves", leg[0], "--stiffness", leg[0]) == 2


def test_missing_files_are_named(leg, tmp_path, capsys):
    assert run(tmp_path / "out", "--waves", tmp_path / "gone.nii.gz") == 2
    assert "gone.nii.gz: no such image" in capsys.readouterr().err
    path = ready_map(tmp_path)
    sidecar_path(path).unlink()
    assert run(tmp_path / "out", "--stiffness", path) == 2
    assert "sub-01_stiffness.json: no JSON" in capsys.readouterr().err


def test_a_scan_of_reversed_phase_encoding_belongs_to_echo_planar_waves(leg, tmp_path, capsys):
    phase, labels, _ = leg
    waves = tmp_path / phase.name
    for path in phase.parent.glob("*_part-*_mre.*"):
        shutil.copy(path, tmp_path)
    magnitude = load_image(waves.with_name(waves.name.replace("part-phase", "part-mag")), ndim=6)
    scan = tmp_path / "reversed_epi.nii.gz"
    flat = magnitude.data.reshape(*magnitude.shape[:3], -1).mean(-1)
    save_image(magnitude.with_data(flat), scan)
    keys = {"PhaseEncodingDirection": "j-", "TotalReadoutTime": 0.02}
    scan.with_name("reversed_epi.json").write_text(json.dumps(keys))
    given = ("--waves", waves, "--labels", labels, "--fmap", scan)
    settings = ("--settings", '{"inversions": ["mdev"]}')
    assert run(tmp_path / "a", *given, *settings) == 2
    assert "echo-planar" in capsys.readouterr().err
    assert not (tmp_path / "a").exists() or not list((tmp_path / "a").iterdir())
    beside = waves.with_name(waves.name.replace(".nii.gz", ".json"))
    content = json.loads(beside.read_text()) | keys | {"PhaseEncodingDirection": "j"}
    beside.write_text(json.dumps(content))
    assert run(tmp_path / "b", *given, *settings) == 0
    facts = json.loads((tmp_path / "b" / "sub-01_desc-waves_notes.json").read_text())["facts"]
    assert facts["wave_distortion"] in ("kept", "corrected")
    assert facts["wave_distortion_max_mm"] < 0.5
    capsys.readouterr()
    assert run(tmp_path / "c", *given[:4], *settings) == 0
    assert "was not corrected: there is no scan" in capsys.readouterr().err
