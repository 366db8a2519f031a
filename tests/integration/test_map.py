"""`pennate map` on small stage outputs with known values."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import pyvista as pv
from output_contract import assert_as_promised
from stage_outputs import (
    ANATOMY_SHIFT,
    FA,
    GM,
    SOL,
    STAGES,
    STIFFNESS,
    TA,
    TIB,
    P,
    label_at,
    map_arguments,
    world_of,
    write_all,
)

from imaging.cli.app import main
from imaging.measures import Measure, read_measures, write_measures
from imaging.musclemap.read.tables import read_tables
from imaging.musclemap.vtk_files import read_voxels
from imaging.muscles import label_of
from imaging.provenance import sha256


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subject")
    folders = write_all(folder)
    assert main(map_arguments(folders, folder / "map")) == 0
    return folder


def test_every_contracted_file_is_written_and_nothing_half_written(subject):
    names = {p.name.removeprefix(f"{P}_") for p in (subject / "map").iterdir()}
    for stem in ("map.vti", "surfaces.vtp", "fascicles.vtp", "fascicles.parquet", "muscles.tsv",
                 "muscles.json", "measures.tsv", "activation.nii.gz", "activation.tsv",
                 "notes.json", "map.json"):  # fmt: skip
        assert stem in names
    assert not [n for n in names if n.startswith(".partial")]
    assert_as_promised(subject / "map", P, "map")


def test_voxels_lie_where_the_oblique_grids_say(subject):
    arrays = read_voxels(subject / "map" / f"{P}_map.vti")
    world = world_of(arrays["label"])
    truth = label_at(world)
    np.testing.assert_array_equal(arrays["label"].data, truth)
    # The same through VTK's own idea of where points are.
    grid = pv.read(subject / "map" / f"{P}_map.vti")
    np.testing.assert_allclose(grid.points, world.reshape(-1, 3, order="F"), atol=1e-3)
    stiffness = arrays["stiffness_mdev"].data
    deep = (np.abs(np.abs(world[..., 0]) - 15) < 8) & (np.abs(np.abs(world[..., 1]) - 15) < 8)
    deep &= np.abs(world[..., 2]) < 35
    for label, value in STIFFNESS.items():
        inside = deep & (truth == label)
        np.testing.assert_allclose(stiffness[inside], value, rtol=1e-4)
        np.testing.assert_allclose(arrays["fa"].data[inside], FA[label], rtol=1e-4)


def test_stiffness_of_a_neighbour_never_leaks_in(subject):
    arrays = read_voxels(subject / "map" / f"{P}_map.vti")
    stiffness, label = arrays["stiffness_mdev"].data, arrays["label"].data
    for muscle, value in STIFFNESS.items():
        known = stiffness[(label == muscle) & np.isfinite(stiffness)]
        assert len(known) > 100
        np.testing.assert_allclose(known, value, rtol=1e-3)
    assert np.isnan(stiffness[label == 0]).all()
    assert np.isnan(stiffness[label == 221]).all()


def test_direction_survives_random_signs(subject):
    arrays = read_voxels(subject / "map" / f"{P}_map.vti")
    e1 = arrays["e1"].data
    known = np.isfinite(e1[..., 0])
    assert known.sum() > 1000
    assert np.degrees(np.arccos(np.clip(e1[known] @ (0.6, 0, 0.8), -1, 1))).max() < 0.1


def test_missing_is_said_never_zero(subject):
    table = pd.read_csv(subject / "map" / f"{P}_muscles.tsv", sep="\t", keep_default_na=False)
    assert len(table) == 14
    assert len(table.columns) <= 40
    assert set(table["side"]) == {"right"}
    tp = table[table["muscle"] == "TP"].iloc[0]
    assert tp["volume_ml"] == "n/a"
    assert tp["volume_ml_status"] == "not_measured"
    sol = table[table["label"] == SOL].iloc[0]
    assert float(sol["stiffness_mdev_magnitude_Pa"]) == 900
    assert float(sol["fa"]) == pytest.approx(FA[SOL], rel=1e-5)
    peaks = {
        m.label: m for m in read_tables(subject / "map", P).measures
        if m.measure == "activation_peak"
    }  # fmt: skip
    assert peaks[label_of("TP", "right")].value is None
    assert peaks[GM].status == "not_measured"
    assert peaks[SOL].value == pytest.approx(100, rel=1e-3)


def test_every_column_has_a_description(subject):
    table = pd.read_csv(subject / "map" / f"{P}_muscles.tsv", sep="\t")
    sidecar = json.loads((subject / "map" / f"{P}_muscles.json").read_text())
    assert set(table.columns) == set(sidecar["Columns"])
    assert sidecar["Columns"]["volume_ml"]["Units"] == "ml"


def test_fascicles_know_what_they_run_through(subject):
    table = pd.read_parquet(subject / "map" / f"{P}_fascicles.parquet")
    assert len(table) == 5
    np.testing.assert_allclose(table["stiffness_mdev_mean"], 900, rtol=1e-4)
    np.testing.assert_allclose(table["fa_middle"], FA[SOL], rtol=1e-4)
    mesh = pv.read(subject / "map" / f"{P}_fascicles.vtp")
    assert mesh.n_cells == 5
    np.testing.assert_allclose(mesh.cell_data["length_mm"], table["length_mm"], rtol=1e-5)


def test_activation_is_painted_and_minus_one_elsewhere(subject):
    image = nib.load(subject / "map" / f"{P}_activation.nii.gz")
    data = image.get_fdata()
    assert image.shape[3] == 21
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.shape[:3]], indexing="ij"), -1)
    label = label_at(index @ image.affine[:3, :3].T + image.affine[:3, 3])
    assert (data[label == GM] == -1).all()
    assert (data[label == 0] == -1).all()
    at_45_percent = data[label == SOL][:, 9]
    np.testing.assert_allclose(at_45_percent, 100, rtol=1e-3)


def test_surfaces_carry_label_and_figures(subject):
    mesh = pv.read(subject / "map" / f"{P}_surfaces.vtp")
    labels = np.asarray(mesh.cell_data["label"])
    assert set(labels) == {TA, SOL, GM, TIB}
    assert list(mesh.field_data["SPACE"]) == ["RAS"]
    volume = np.asarray(mesh.cell_data["volume_ml"])
    for label in (TA, SOL, GM):
        part = mesh.extract_cells(labels == label).extract_surface(algorithm="dataset_surface")
        assert part.volume / 1000 == pytest.approx(volume[labels == label][0], rel=0.05)
    assert np.isnan(mesh.cell_data["fascicle_length_mm"][labels == GM]).all()
    figures = [mesh.cell_data[name] for name in mesh.cell_data.keys() if name != "label"]  # noqa: SIM118
    assert all(np.isnan(values[labels == TIB]).all() for values in figures)


@pytest.mark.parametrize("label", [TIB, 31])
def test_labels_without_a_muscle_are_no_map(subject, tmp_path, capsys, label):
    shutil.copytree(subject / "anat", tmp_path / "anat")
    path = tmp_path / "anat" / f"{P}_seg-muscles_dseg.nii.gz"
    image = nib.load(path)
    others = np.where(np.asarray(image.dataobj) > 0, label, 0).astype(np.int16)
    nib.save(nib.Nifti1Image(others, image.affine), path)
    code = main(["map", "--anat-dir", str(tmp_path / "anat"), "--out", str(tmp_path / "map"),
                 "--prefix", P])  # fmt: skip
    assert code == 2
    assert "has no muscle" in " ".join(capsys.readouterr().err.split())


def test_a_bone_has_the_surface_of_its_label(subject):
    mesh = pv.read(subject / "map" / f"{P}_surfaces.vtp")
    part = mesh.extract_cells(np.asarray(mesh.cell_data["label"]) == TIB)
    surface = part.extract_surface(algorithm="dataset_surface")
    label = read_voxels(subject / "map" / f"{P}_map.vti")["label"]
    inside = label.data == TIB
    voxel_ml = np.prod(label.spacing) / 1000
    assert surface.volume / 1000 == pytest.approx(inside.sum() * voxel_ml, rel=0.02)
    middle = np.asarray(surface.center_of_mass())
    np.testing.assert_allclose(middle, label.to_world(np.argwhere(inside)).mean(axis=0), atol=1.0)


def test_aponeuroses_come_along_in_the_same_place(subject):
    before = pv.read(subject / "fibre" / f"{P}_aponeuroses.vtp")
    after = pv.read(subject / "map" / f"{P}_aponeuroses.vtp")
    np.testing.assert_allclose(after.points, before.points, atol=1e-4)
    assert set(after.cell_data["label"]) == {SOL}
    assert set(after.cell_data["found"]) == {1}


def test_b0_before_lies_where_the_scanner_put_it(subject):
    arrays = read_voxels(subject / "map" / f"{P}_map.vti")
    world = world_of(arrays["label"]).reshape(-1, 3)
    after, before = (
        np.average(world, axis=0, weights=np.nan_to_num(arrays[name].data).ravel())
        for name in ("b0", "b0_before")
    )
    np.testing.assert_allclose(after - before, ANATOMY_SHIFT, atol=0.5)


def test_signal_to_noise_is_known_in_the_leg_only(subject):
    arrays = read_voxels(subject / "map" / f"{P}_map.vti")
    snr, label = arrays["snr"].data, arrays["label"].data
    np.testing.assert_allclose(snr[np.isfinite(snr)], 30, rtol=1e-5)
    assert np.isfinite(snr[label > 0]).mean() > 0.9
    assert np.isnan(snr[label == 0]).mean() > 0.9


def test_an_unmoved_b0_and_an_unknown_noise_give_no_layers(subject, tmp_path):
    shutil.copytree(subject / "dwi", tmp_path / "dwi")
    path = tmp_path / "dwi" / f"{P}_desc-diffusion_notes.json"
    notes = json.loads(path.read_text())
    notes["facts"]["anatomy_alignment"] = "kept"
    path.write_text(json.dumps(notes))
    snr = nib.load(tmp_path / "dwi" / f"{P}_desc-snr_dwimap.nii.gz")
    empty = nib.Nifti1Image(np.zeros(snr.shape, np.float32), snr.affine)
    nib.save(empty, tmp_path / "dwi" / f"{P}_desc-snr_dwimap.nii.gz")
    assert main(["map", "--anat-dir", str(subject / "anat"), "--dwi-dir", str(tmp_path / "dwi"),
                 "--out", str(tmp_path / "map"), "--prefix", P]) == 0  # fmt: skip
    arrays = read_voxels(tmp_path / "map" / f"{P}_map.vti")
    assert "b0" in arrays
    assert not {"b0_before", "snr"} & set(arrays)


def test_profiles_along_muscles_come_along(subject):
    before, after = (
        pd.read_csv(path, sep="\t")
        for path in (subject / "fibre" / f"{P}_desc-profile_fibres.tsv",
                     subject / "map" / f"{P}_profile.tsv")
    )  # fmt: skip
    pd.testing.assert_frame_equal(before, after, check_dtype=False)
    assert (subject / "map" / f"{P}_profile.json").is_file()


def _flipped(mesh):
    mesh.points[:, :2] *= -1


def _of_nobody(mesh):
    mesh.cell_data["label"][:] = 205


def _without_origin(mesh):
    mesh.cell_data.pop("found")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(_flipped, "not in the world"), (_of_nobody, "label 205"), (_without_origin, "found")],
)
def test_aponeuroses_that_cannot_be_right_are_bad_input(subject, tmp_path, capsys, spoil, said):
    shutil.copytree(subject / "fibre", tmp_path / "fibre")
    path = tmp_path / "fibre" / f"{P}_aponeuroses.vtp"
    mesh = pv.read(path)
    spoil(mesh)
    mesh.save(path)
    code = main(["map", "--anat-dir", str(subject / "anat"), "--fibre-dir",
                 str(tmp_path / "fibre"), "--out", str(tmp_path / "map"),
                 "--prefix", P])  # fmt: skip
    assert code == 2
    message = " ".join(capsys.readouterr().err.split())
    assert said in message
    assert path.name in message
    assert not (tmp_path / "map").exists()


def test_only_anatomy_still_gives_a_map(subject, tmp_path):
    code = main(["map", "--anat-dir", str(subject / "anat"), "--out", str(tmp_path / "map"),
                 "--prefix", P, "--missing", '{"dwi": "the scan was aborted"}'])  # fmt: skip
    assert code == 0
    assert not (tmp_path / "map" / f"{P}_fascicles.vtp").exists()
    assert not (tmp_path / "map" / f"{P}_aponeuroses.vtp").exists()
    notes = json.loads((tmp_path / "map" / f"{P}_notes.json").read_text())
    assert notes["missing"]["dwi"] == "the scan was aborted"
    table = pd.read_csv(tmp_path / "map" / f"{P}_measures.tsv", sep="\t", keep_default_na=False)
    fa = table[(table["measure"] == "fa") & (table["label"] == SOL)].iloc[0]
    assert (fa["status"], fa["value"], fa["note"]) == (
        "not_measured",
        "n/a",
        "the scan was aborted",
    )


def test_same_inputs_give_same_bytes(subject, tmp_path):
    folders = {n: subject / n for n in STAGES}
    assert main(map_arguments(folders, tmp_path / "map")) == 0
    for path in sorted((subject / "map").iterdir()):
        assert sha256(path) == sha256(tmp_path / "map" / path.name), path.name


@pytest.mark.parametrize("missing", ["not json", '{"mri": "x"}', "[1]"])
def test_bad_reasons_are_bad_input(subject, tmp_path, capsys, missing):
    code = main(["map", "--anat-dir", str(subject / "anat"), "--out", str(tmp_path / "map"),
                 "--prefix", P, "--missing", missing])  # fmt: skip
    assert code == 2
    assert "--missing" in capsys.readouterr().err
    assert not (tmp_path / "map").exists()


def test_a_wrong_prefix_names_the_file(subject, tmp_path, capsys):
    code = main(["map", "--anat-dir", str(subject / "anat"), "--out", str(tmp_path / "map"),
                 "--prefix", "sub-99"])  # fmt: skip
    assert code == 2
    assert "sub-99_seg-muscles_dseg.nii.gz" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["surfaces.vtp", "fascicles.vtp"])
def test_fibres_of_another_label_map_are_bad_input(subject, tmp_path, capsys, name):
    shutil.copytree(subject / "fibre", tmp_path / "fibre")
    start = tmp_path / "fibre" / P
    shutil.copy(f"{start}_aponeuroses.vtp", f"{start}_surfaces.vtp")
    mesh = pv.read(f"{start}_{name}")
    mesh.cell_data["label"][:] = 1003
    mesh.save(f"{start}_{name}")
    rows = pd.read_parquet(f"{start}_fascicles.parquet")
    if name == "fascicles.vtp":
        rows.assign(label=1003).to_parquet(f"{start}_fascicles.parquet", index=False)
    code = main(["map", "--anat-dir", str(subject / "anat"), "--fibre-dir",
                 str(tmp_path / "fibre"), "--out", str(tmp_path / "map"),
                 "--prefix", P])  # fmt: skip
    assert code == 2
    said = capsys.readouterr().err
    assert f"{P}_{name}: holds muscles that are not in the label map: 1003" in said
    assert not (tmp_path / "map").exists()


def test_force_is_shared_where_emg_is_relative_to_mvc(tmp_path):
    folders = write_all(tmp_path / "subject")
    path = folders["fibre"] / f"{P}_desc-fibres_measures.tsv"
    rows = read_measures(path)
    for label, area in ((TA, 20.0), (SOL, 60.0)):
        rows.append(Measure(label, "pcsa_anatomical", area, "cm2", 9, None, area - 2, area + 2))
        rows.append(Measure(label, "pennation_line", 10.0, "deg", 9, None, 9.0, 11.0))
    write_measures(rows, path)
    path = folders["func"] / f"{P}_activation.tsv"
    recorded = pd.read_csv(path, sep="\t")
    for unit, shared in (("MVC", True), ("peak of mean cycle", False)):
        recorded.assign(unit=unit).to_csv(path, sep="\t", index=False)
        assert main(map_arguments(folders, tmp_path / unit[:3])) == 0
        table = pd.read_csv(tmp_path / unit[:3] / f"{P}_load.tsv", sep="\t")
        sums = table.groupby("percent")["share"].sum(min_count=1)
        assert sums.notna().all() == shared
        np.testing.assert_allclose(sums.dropna(), 100, rtol=1e-5)
        assert table["of_peak"].max() == 1
        assert set(table["label"]) == {TA, SOL}
