"""``pennate elastography`` in one line: no prefix, lists of files, scanner units, slices, DICOM."""

import json

import numpy as np
import pytest

from imaging.cli.app import main
from imaging.formats.nifti import load_image, save_image
from imaging.image import Image
from imaging.measures import read_measures, read_notes
from imaging.provenance import sidecar_path, write_json

MODULUS = 1500 * np.exp(0.25j)
AFFINE = np.diag([-2.5, 2.5, 3.0, 1.0])
DIRECTIONS = np.eye(3)
SHAPE = (30, 28, 14)


def wave(hertz, shape=SHAPE, offsets=6, seed=0, drivers=1):
    """Phase (I, J, K, 3, n[, R]) of shear waves along many ways, with noise."""
    rng = np.random.default_rng(seed)
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    place = voxels @ AFFINE[:3, :3].T / 1000
    place = place - place.mean((0, 1, 2))
    k = -2 * np.pi * hertz * np.sqrt(1000 / MODULUS)
    phase = np.empty((*shape, 3, offsets, drivers), np.float32)
    for r in range(drivers):
        u = np.zeros((*shape, 3), complex)
        for way in rng.standard_normal((6, 3)):
            way /= np.linalg.norm(way)
            across = np.cross(way, rng.standard_normal(3))
            start = np.exp(1j * rng.uniform(0, 6)) / np.linalg.norm(across)
            u += start * np.exp(1j * k * (place @ way))[..., None] * across
        u *= 3.0 / np.abs(u).max()
        for n in range(offsets):
            moving = (u * np.exp(2j * np.pi * n / offsets)).real
            phase[..., n, r] = np.angle(
                np.exp(1j * (moving + 0.03 * rng.standard_normal(moving.shape)))
            )
    return phase if drivers > 1 else phase[..., 0]


def declaration(hertz, offsets=6, **changes):
    return {
        "MechanicalFrequency": hertz, "Density": 1000, "PhaseUnits": "rad",
        "EncodingDirections": DIRECTIONS.tolist(), "EncodingDirectionsFrame": "world RAS+",
        "OffsetsPerPeriod": offsets, "Drivers": 1,
    } | changes  # fmt: skip


def saved(folder, name, phase, **content):
    folder.mkdir(exist_ok=True)
    save_image(Image(phase, AFFINE), folder / name)
    if content:
        write_json(sidecar_path(folder / name), content)
    return folder / name


def run(*arguments):
    return main(["elastography", *map(str, arguments)])


def median(folder, prefix, name="stiffness_mdev_magnitude"):
    method = name.split("_")[1]
    rows = read_measures(folder / f"{prefix}_desc-{method}_measures.tsv")
    return next(r.value for r in rows if r.measure == name)


def test_one_line_with_two_frequencies(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for hertz in (50, 70):
        saved(tmp_path, f"calf_{hertz}.nii.gz", wave(hertz), **declaration(hertz))
    assert run("--waves", "calf_50.nii.gz", "--waves", "calf_70.nii.gz") == 0
    out = tmp_path / "elastography"
    assert median(out, "calf_50") == pytest.approx(1500, rel=0.08)
    assert median(out, "calf_50", "stiffness_curl_storage") == pytest.approx(1453, rel=0.08)
    assert "all tissue" in capsys.readouterr().out
    assert not list(out.glob("*desc-ti*"))
    sidecar = json.loads((out / "calf_50_desc-mdev_stiffness.json").read_text())
    assert sidecar["FrequencyHz"] == [50, 70]
    moving = load_image(out / "calf_50_desc-waves_displacement.nii.gz", ndim=4)
    assert moving.data.shape == (*SHAPE, 6)
    assert np.abs(moving.data).max() == pytest.approx(3, rel=0.2)
    quality = load_image(out / "calf_50_desc-waves_quality.nii.gz")
    assert 0.95 < np.median(quality.data) <= 1
    rows = {r.measure: r for r in read_measures(out / "calf_50_desc-waves_measures.tsv")}
    assert rows["wave_motion"].status == "not_measured"


def test_a_list_of_files_in_scanner_units(tmp_path):
    """One file per direction, counts of 12 bits, volumes along one axis: what converters leave."""
    phase = wave(60, offsets=4)
    counts = np.round((phase / np.pi + 1) * 2048).clip(0, 4095).astype(np.int16)
    names = [f"meg_{d}.nii.gz" for d in "xyz"]
    for d, name in enumerate(names):
        saved(tmp_path, name, counts[..., d, :])
    content = declaration(60, 4, PhaseUnits="scanner", PhaseRange=[0, 4096]) | {"Files": [names]}
    write_json(tmp_path / "waves.json", content)
    saved(tmp_path, "plain.nii.gz", phase, **declaration(60, 4))
    only = ["--settings", '{"inversions": ["mdev"]}']
    assert run("--waves", tmp_path / "waves.json", "--out", tmp_path / "a", *only) == 0
    assert run("--waves", tmp_path / "plain.nii.gz", "--out", tmp_path / "b", *only) == 0
    assert median(tmp_path / "a", "waves") == pytest.approx(median(tmp_path / "b", "plain"), 1e-3)


@pytest.mark.parametrize("slices", [1, 3])
def test_few_slices_and_three_offsets(tmp_path, slices):
    """Waves in the plane of the slices only, so that two derivatives are enough."""
    x = np.arange(60) * 2.5e-3
    k = -2 * np.pi * 60 * np.sqrt(1000 / MODULUS)
    u = 2.5 * (np.exp(1j * k * x)[:, None] + np.exp(1j * k * x[:40])[None]) / 2
    rng = np.random.default_rng(1)
    phase = np.stack([(u * np.exp(2j * np.pi * n / 3)).real for n in range(3)], -1)
    phase = np.repeat(phase[:, :, None, None], slices, axis=2)
    phase = np.angle(np.exp(1j * (phase + 0.02 * rng.standard_normal(phase.shape))))
    content = declaration(60, 3, EncodingDirections=[[0, 0, 1]])
    path = saved(tmp_path, "slice.nii.gz", phase.astype(np.float32), **content)
    assert run("--waves", path, "--out", tmp_path / "out") == 0
    assert median(tmp_path / "out", "slice") == pytest.approx(1500, rel=0.15)
    notes = read_notes(tmp_path / "out" / "slice_desc-waves_notes.json")
    assert any("3 offsets only" in w for w in notes.warnings)
    assert any("needs three encoding directions" in w for w in notes.warnings)


def test_fibre_directions_on_a_grid_of_their_own(tmp_path):
    phase = wave(60, drivers=2, offsets=4)
    path = saved(tmp_path, "w.nii.gz", phase, **declaration(60, 4, Drivers=2))
    affine = np.array([[0, 0, 4.0, -80], [4.0, 0, 0, -5], [0, -5.0, 0, 50], [0, 0, 0, 1]])
    e1 = np.zeros((25, 14, 24, 3), np.float32)
    e1[..., 2] = 1
    save_image(Image(e1, affine), tmp_path / "e1.nii.gz")
    out = tmp_path / "out"
    assert run("--waves", path, "--directions", tmp_path / "e1.nii.gz", "--out", out) == 0
    assert median(out, "w", "stiffness_ti_mu_perp") == pytest.approx(1500, rel=0.08)
    assert run("--waves", path, "--out", out) == 0
    assert not list(out.glob("*desc-ti*")), "files of an earlier run stay beside those of another"


def test_a_mask_beyond_the_signal_does_not_soften_its_rim(tmp_path):
    wide = np.ones(SHAPE, np.float32)
    signal = wide.copy()
    signal[:5] = 0  # as scanners cut off the background
    medians = []
    for folder, given in (("wide", wide), ("tight", signal)):
        path = saved(tmp_path / folder, "w_part-phase.nii.gz", wave(60), **declaration(60))
        saved(tmp_path / folder, "w_part-mag.nii.gz", signal)
        mask = saved(tmp_path / folder, "mask.nii.gz", given)
        out = tmp_path / folder / "out"
        assert run("--waves", path, "--mask", mask, "--out", out, "--prefix", "w") == 0
        medians.append(load_image(out / "w_desc-mdev_stiffness.nii.gz").data)
    np.testing.assert_array_equal(*medians)
    mask = saved(tmp_path / "wide", "air.nii.gz", wide - signal)
    path, out = tmp_path / "wide" / "w_part-phase.nii.gz", tmp_path / "none"
    assert run("--waves", path, "--mask", mask, "--out", out) == 2
    assert not out.exists()


def test_a_muscle_beyond_the_waves_is_not_measured(tmp_path, capsys):
    path = saved(tmp_path, "w.nii.gz", wave(60, drivers=2), **declaration(60, Drivers=2))
    labels = np.zeros((SHAPE[0], SHAPE[1], 40), np.int16)
    labels[:, :, : SHAPE[2]], labels[:, :, 25:] = 209, 207
    save_image(Image(labels, AFFINE), tmp_path / "labels.nii.gz")
    e1 = saved(tmp_path, "e1.nii.gz", np.tile(np.float32([0, 0, 1]), (*SHAPE, 1)))
    out = tmp_path / "out"
    given = ["--labels", tmp_path / "labels.nii.gz", "--directions", e1, "--prefix", "w"]
    assert run("--waves", path, *given, "--out", out) == 0
    assert "not measured: right GM" in capsys.readouterr().out
    rows = {(r.label, r.measure): r for r in read_measures(out / "w_desc-ti_measures.tsv")}
    for name in ("mu_perp", "mu_par", "e_par"):
        assert (209, f"stiffness_ti_{name}_muscle") in rows
        missing = rows[207, f"stiffness_ti_{name}_muscle"]
        assert missing.status == "not_measured" and missing.value is None


def test_directions_of_another_kind_are_refused(tmp_path, capsys):
    path = saved(tmp_path, "w.nii.gz", wave(60), **declaration(60))
    tensor = saved(tmp_path, "tensor.nii.gz", np.ones((*SHAPE, 6), np.float32))
    assert run("--waves", path, "--directions", tensor, "--out", tmp_path / "out") == 2
    assert "three components are needed" in capsys.readouterr().err
    colours = saved(tmp_path, "fa_e1.nii.gz", np.full((*SHAPE, 3), 0.2, np.float32))
    assert run("--waves", path, "--directions", colours, "--out", tmp_path / "out") == 2
    assert "not unit vectors" in capsys.readouterr().err
    assert run("--stiffness", path, "--directions", tensor, "--out", tmp_path / "out") == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PhaseUnits": "scanner"}, "PhaseRange is not two numbers"),
        ({"PhaseUnits": "scanner", "PhaseRange": [4096, 0]}, "not a lower and a higher number"),
        ({"PhaseUnits": "scanner", "PhaseRange": [-1, 2]}, "outside PhaseRange"),
        ({"PhaseUnits": "scanner", "PhaseRange": [-30, 400]}, "one half of PhaseRange"),
        ({"OffsetsPerPeriod": 2}, "at least 3"),
        ({"VolumeOrder": ["time"]}, "VolumeOrder"),
        ({"MotionEncodingGain": -1}, "MotionEncodingGain"),
    ],
)
def test_what_is_declared_wrongly(tmp_path, capsys, changes, message):
    path = saved(tmp_path, "w.nii.gz", wave(60), **declaration(60, **changes))
    assert run("--waves", path, "--out", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("factor", "unit", "message"),
    [
        (0.0, "rad", "no wave"),
        (180 / np.pi, "rad", "PhaseUnits says 'rad'"),
        (1.0, "mrad", "PhaseUnits says 'mrad'"),
    ],
)
def test_phase_that_does_not_fit_its_unit(tmp_path, capsys, factor, unit, message):
    path = saved(tmp_path, "w.nii.gz", factor * wave(60), **declaration(60, PhaseUnits=unit))
    assert run("--waves", path, "--out", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--labels", 999, "not in the catalogue: 999"),
        ("--labels", 121, "has no muscle"),
        ("--labels", 0, "is empty"),
        ("--mask", 0, "zero everywhere"),
    ],
)
def test_labels_and_masks_that_cannot_be_used(tmp_path, capsys, option, value, message):
    path = saved(tmp_path, "w.nii.gz", wave(60), **declaration(60))
    given = saved(tmp_path, "region.nii.gz", np.full(SHAPE, value, np.int16))
    assert run("--waves", path, option, given, "--out", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert message in told and "region.nii.gz" in told
    assert not (tmp_path / "out").exists()


def test_methods_of_fibres_need_directions(tmp_path, capsys):
    path = saved(tmp_path, "w.nii.gz", wave(60), **declaration(60))
    only = '{"inversions": ["ti"]}'
    assert run("--waves", path, "--out", tmp_path / "out", "--settings", only) == 2
    assert "Give --directions" in capsys.readouterr().err


def test_lists_that_name_nothing_and_doubled_frequencies(tmp_path, capsys):
    write_json(tmp_path / "list.json", {"Files": []})
    assert run("--waves", tmp_path / "list.json", "--out", tmp_path / "out") == 2
    assert "lists no files" in capsys.readouterr().err
    write_json(tmp_path / "list.json", declaration(60) | {"Files": ["gone.nii.gz"]})
    assert run("--waves", tmp_path / "list.json", "--out", tmp_path / "out") == 2
    assert "gone.nii.gz: no such image" in capsys.readouterr().err
    path = saved(tmp_path, "w.nii.gz", wave(60), **declaration(60))
    assert run("--waves", path, "--waves", path, "--out", tmp_path / "out") == 2
    assert "same as another one" in capsys.readouterr().err


def test_flipped_encoding_is_told(tmp_path):
    wrong = declaration(60, EncodingDirections=[[1, 0, 0], [0, -1, 0], [0, 0, 1]])
    path = saved(tmp_path, "w.nii.gz", wave(60), **wrong)
    only = '{"inversions": ["mdev"]}'
    assert run("--waves", path, "--out", tmp_path / "out", "--settings", only) == 0
    notes = read_notes(tmp_path / "out" / "w_desc-waves_notes.json")
    assert any("check order and sign of EncodingDirections" in w for w in notes.warnings)


def test_parametric_maps_open_where_the_waves_lie(tmp_path):
    hd = pytest.importorskip("highdicom")
    path = saved(tmp_path, "w.nii.gz", wave(60), **declaration(60))
    only = ["--settings", '{"inversions": ["mdev"]}', "--dicom"]
    for name in ("a", "b"):
        assert run("--waves", path, "--out", tmp_path / name, *only) == 0
    files = sorted((tmp_path / "a").glob("*.dcm"))
    assert [f.name.split("_")[-1] for f in files] == [
        "confidence.dcm", "lossangle.dcm", "stiffness.dcm",
    ]  # fmt: skip
    for file in files:
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    found = hd.imread(files[2])
    volume = found.get_volume(apply_real_world_transform=True)
    map_pa = load_image(tmp_path / "a" / "w_desc-mdev_stiffness.nii.gz")
    ras = np.diag([-1.0, -1, 1, 1]) @ volume.affine
    for voxel in [(5, 6, 7), (20, 15, 4), (14, 20, 9)]:
        there = np.linalg.inv(ras) @ map_pa.affine @ [*voxel, 1]
        index = tuple(np.rint(there[:3]).astype(int))
        assert volume.array[index] == pytest.approx(map_pa.data[voxel] / 1000, abs=1e-4)
    groups = found.SharedFunctionalGroupsSequence[0]
    mapping = groups.RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "kPa"
    assert mapping.MeasurementUnitsCodeSequence[0].CodingSchemeDesignator == "UCUM"


def test_dicom_in_and_out_keep_patient_and_frame_of_reference(tmp_path):
    pytest.importorskip("highdicom")
    from dicom_for_tests import DECLARED, pydicom, write_series

    phase = wave(60, offsets=4).astype(float)
    declared = DECLARED | {"EncodingDirectionsFrame": "world RAS+"}
    folder = write_series(tmp_path / "mre", phase, AFFINE, declared=declared)
    out = tmp_path / "out"
    only = ["--settings", '{"inversions": ["mdev"]}', "--dicom"]
    assert run("--waves", folder, "--out", out, *only) == 0
    assert median(out, "mre") == pytest.approx(1500, rel=0.1)
    made = pydicom.dcmread(out / "mre_desc-mdev_stiffness.dcm")
    source = pydicom.dcmread(next(folder.iterdir()))
    for name in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert made[name].value == source[name].value


def test_named_drivers_and_a_look_up_reach_the_files(tmp_path, capsys):
    names = ["calf", "ankle"]
    path = saved(tmp_path, "w.nii.gz", wave(60, drivers=2, offsets=4),
                 **declaration(60, 4, Drivers=names))  # fmt: skip
    labels = saved(tmp_path, "drawn.nii.gz", np.full(SHAPE, 77, np.int16))
    lookup = tmp_path / "names.tsv"
    lookup.write_text("index\tname\n77\tright soleus\n")
    out = tmp_path / "out"
    only = ["--out", out, "--settings", '{"inversions": ["mdev"]}']
    assert run("--waves", path, "--labels", labels, *only) == 2
    assert "--lookup" in capsys.readouterr().err
    assert run("--waves", path, "--labels", labels, "--lookup", lookup, *only) == 0
    rows = read_measures(out / "w_desc-mdev_measures.tsv")
    assert {r.label for r in rows} == {209}
    notes = read_notes(out / "w_desc-waves_notes.json")
    assert notes.facts["driver_names"] == names and "(calf, ankle)" in notes.method
    sidecar = json.loads((out / "w_desc-waves_displacement.json").read_text())
    assert sidecar["DriverName"] == "calf"
    assert "names.tsv" in {f["name"] for f in sidecar["SourceFiles"]}


def test_a_mask_given_as_labels_is_refused(tmp_path, capsys):
    path = saved(tmp_path, "w.nii.gz", wave(60), **declaration(60))
    mask = saved(tmp_path, "mask.nii.gz", np.ones(SHAPE, np.int16))
    assert run("--waves", path, "--labels", mask, "--out", tmp_path / "out") == 2
    assert "Give it as --mask" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_background_of_a_ready_map_may_be_nan(tmp_path):
    ready = {"Quantity": "magnitude", "Units": "kPa", "Frequency": 60, "Density": 1000,
             "Method": "k-MDEV"}  # fmt: skip
    values = np.full(SHAPE, 1.5, np.float32)
    values[:4] = np.nan
    path = saved(tmp_path, "m.nii.gz", values, **ready)
    assert run("--stiffness", path, "--out", tmp_path / "out") == 0
    assert median(tmp_path / "out", "m", "stiffness_ready_magnitude") == pytest.approx(1500)
    made = load_image(tmp_path / "out" / "m_desc-ready_stiffness.nii.gz").data
    assert not made[:4].any() and (made[4:] == 1500).all()
