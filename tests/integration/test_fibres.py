"""``pennate fibres`` on files: what it writes, and what it says about bad input."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import pyvista as pv
from output_contract import assert_as_promised
from trx.trx_file_memmap import load as load_trx

from imaging.cli.app import main
from imaging.formats.nifti import load_image, save_image
from imaging.image import Image, apply_affine
from imaging.measures import read_measures, read_notes
from imaging.provenance import sha256

PREFIX = "sub-01"
FILES = {
    "fascicles.trx", "fascicles.vtp", "fascicles.parquet", "fascicles.json",
    "surfaces.vtp", "surfaces.json",
    "desc-smooth_direction.nii.gz", "desc-smooth_direction.json",
    "desc-dispersion_direction.nii.gz", "desc-dispersion_direction.json",
    "desc-profile_fibres.tsv", "desc-profile_fibres.json",
    "desc-fibres_measures.tsv", "desc-fibres_measures.json", "desc-fibres_notes.json",
    "report.html", "report.json", "viewer.html", "viewer.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Two slanted plates, one beside the other, and one muscle of a few voxels."""
    folder = tmp_path_factory.mktemp("scan")
    affine = np.diag([-1.5, 1.5, 3.0, 1.0])
    affine[:3, 3] = [45, -15, -45]
    shape = (60, 20, 30)
    p = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    thick = (np.abs(p[..., 1]) < 12) & (np.abs(p[..., 2]) < 40)
    labels = np.zeros(shape, np.int16)
    labels[thick & (np.abs(p[..., 0] - 19.5) < 8)] = 101
    labels[thick & (np.abs(p[..., 0] + 20) < 8)] = 205
    labels[:2, :2, :2] = 112
    save_image(Image(labels, affine), folder / "dseg.nii.gz")
    save_image(Image((labels == 205).astype(np.uint8), affine), folder / "mask.nii.gz")
    drawn = (labels == 101) & (np.abs(p[..., 0] - 19.5) < 1.0)
    save_image(Image(drawn.astype(np.uint8), affine), folder / "label-101_aponeurosis.nii.gz")

    grid = np.diag([2.0, 2.0, 4.0, 1.0])
    grid[:3, 3] = [-46, -16, -46]
    q = apply_affine(grid, np.moveaxis(np.indices((47, 17, 24)), 0, -1))
    angle = np.radians(np.where(q[..., 0] > 19.5, 25.0, np.where(q[..., 0] > 0, -25.0, 15.0)))
    d = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    full = 1.3e-3 * np.eye(3) + 0.6e-3 * d[..., :, None] * d[..., None, :]
    six = full[..., [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]].astype(np.float32)
    save_image(Image(six, grid), folder / "tensor.nii.gz")
    return folder


def run(scan, out, *more, page=False):
    basis = ["fibres", "--tensor", str(scan / "tensor.nii.gz"), "--out", str(out)]
    basis += [] if page else ["--no-page"]
    return main(
        [*basis, "--prefix", PREFIX, "--settings", "{seed_spacing_mm: 4, bootstrap: 6}", *more]
    )


@pytest.fixture(scope="module")
def written(scan, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    sheet = str(scan / "label-101_aponeurosis.nii.gz")
    given = ["--labels", str(scan / "dseg.nii.gz"), "--aponeurosis", sheet]
    assert run(scan, out, *given, page=True) == 0
    return out


def test_writes_what_is_promised(written):
    names = {p.name.removeprefix(f"{PREFIX}_") for p in written.iterdir()}
    assert names == FILES | {"aponeuroses.vtp", "aponeuroses.json"}
    assert_as_promised(written, PREFIX, "fibres")
    about = json.loads((written / f"{PREFIX}_fascicles.json").read_text())
    assert about["Units"] == "mm"
    assert about["SourceFiles"][0]["name"] == "tensor.nii.gz"


def test_figures_are_those_of_the_plates(written):
    rows = {(m.label, m.measure): m for m in read_measures(
        written / f"{PREFIX}_desc-fibres_measures.tsv")}  # fmt: skip
    assert rows[205, "pennation_line"].value == pytest.approx(15, abs=0.5)
    assert rows[101, "pennation_line"].value == pytest.approx(25, abs=0.7)
    assert rows[112, "fascicle_length"].status == "not_measured"
    table = pd.read_parquet(written / f"{PREFIX}_fascicles.parquet")
    ta = table[(table.label == 101) & (table.start_z.abs() < 25) & (table.end_z.abs() < 25)]
    assert ta.length_mm.median() == pytest.approx(8.25 / np.sin(np.radians(25)), rel=0.03)
    assert set(table.muscle) == {"TA", "PL"}
    assert set(table.side) == {"left", "right"}
    notes = read_notes(written / f"{PREFIX}_desc-fibres_notes.json")
    assert any("left FDL" in w for w in notes.warnings)
    assert not any("left TA" in w for w in notes.warnings)


def test_files_agree_with_each_other(written):
    table = pd.read_parquet(written / f"{PREFIX}_fascicles.parquet")
    lines = pv.read(written / f"{PREFIX}_fascicles.vtp")
    assert lines.n_cells == len(table)
    np.testing.assert_allclose(lines.cell_data["length_mm"], table.length_mm, rtol=1e-5)
    first = np.asarray(lines.points)[np.cumsum([0, *table.n_points[:-1]])]
    np.testing.assert_allclose(first, table[["start_x", "start_y", "start_z"]], atol=1e-4)
    trx = load_trx(str(written / f"{PREFIX}_fascicles.trx"))
    assert len(trx.streamlines) == len(table)
    np.testing.assert_allclose(
        trx.streamlines[5][-1], table.loc[5, ["end_x", "end_y", "end_z"]].astype(float), atol=1e-4
    )
    np.testing.assert_allclose(
        np.ravel(trx.data_per_streamline["length_mm"]), table.length_mm, rtol=1e-6
    )
    assert set(trx.groups) == {"left_TA", "right_PL"}
    assert set(trx.groups["left_TA"].ravel()) == set(np.flatnonzero(table.label == 101))
    trx.close()
    surfaces = pv.read(written / f"{PREFIX}_surfaces.vtp")
    assert set(np.unique(surfaces.cell_data["label"])) == {101, 112, 205}
    # Left and right keep their places in the world.
    assert table[table.label == 101].start_x.min() > 5
    assert table[table.label == 205].start_x.max() < -5


def test_direction_is_in_the_world_frame(written, scan):
    direction = load_image(written / f"{PREFIX}_desc-smooth_direction.nii.gz", ndim=4)
    there = np.rint(direction.to_voxels([-20.0, 0, 0])).astype(int)
    found = direction.data[tuple(there)]
    want = np.array([np.sin(np.radians(15)), 0, np.cos(np.radians(15))])
    assert abs(found @ want) > np.cos(np.radians(0.5))
    dispersion = load_image(written / f"{PREFIX}_desc-dispersion_direction.nii.gz")
    assert dispersion.data[tuple(there)] < 1


def test_same_input_same_bytes(written, scan, tmp_path):
    sheet = str(scan / "label-101_aponeurosis.nii.gz")
    given = ["--labels", str(scan / "dseg.nii.gz"), "--aponeurosis", sheet]
    run(scan, tmp_path, *given, page=True)
    for path in written.iterdir():
        assert sha256(path) == sha256(tmp_path / path.name), path.name


def test_one_mask_of_an_unknown_muscle(scan, tmp_path):
    assert run(scan, tmp_path, "--mask", str(scan / "mask.nii.gz"), page=True) == 0
    assert {p.name.removeprefix(f"{PREFIX}_") for p in tmp_path.iterdir()} == FILES
    table = pd.read_parquet(tmp_path / f"{PREFIX}_fascicles.parquet")
    # 0 is the label of figures of the whole subject; a muscle of its own counts from 1001.
    assert set(table.label) == {1001}
    assert set(table.muscle) == {"mask"}
    assert set(table.side) == {"undecided"}
    archive = load_trx(str(tmp_path / f"{PREFIX}_fascicles.trx"))
    assert set(archive.groups) == {"mask"}
    archive.close()
    about = json.loads((tmp_path / f"{PREFIX}_desc-fibres_measures.json").read_text())
    assert about["Labels"] == {"1001": "mask"}


def test_a_lookup_names_muscles_of_the_catalogue_and_others(scan, tmp_path, capsys):
    labels = load_image(scan / "dseg.nii.gz")
    other = np.select([labels.data == 101, labels.data == 205], [3, 4], 0).astype(np.int16)
    save_image(labels.with_data(other), tmp_path / "thigh.nii.gz")
    (tmp_path / "thigh.tsv").write_text("index\tname\n3\tbiceps femoris\n4\tright PL\n")
    given = ["--labels", str(tmp_path / "thigh.nii.gz"), "--lookup", str(tmp_path / "thigh.tsv")]
    assert run(scan, tmp_path / "out", *given) == 0
    table = pd.read_parquet(tmp_path / "out" / f"{PREFIX}_fascicles.parquet")
    assert set(zip(table.label, table.muscle, table.side, strict=True)) == {
        (205, "PL", "right"), (1003, "biceps femoris", "undecided"),
    }  # fmt: skip
    assert table[table.label == 1003].start_x.min() > 5
    printed = capsys.readouterr().out
    assert "biceps femoris" in printed
    assert "right PL" in printed


def test_a_bipennate_muscle_outside_the_catalogue(scan, tmp_path, capsys):
    labels = load_image(scan / "dseg.nii.gz")
    mask = labels.with_data((labels.data == 101).astype(np.uint8))
    save_image(mask, tmp_path / "feathered.nii.gz")
    figures = {}
    for name, flags in {"found": ["--bipennate"], "none": []}.items():
        out = tmp_path / name
        assert run(scan, out, "--mask", str(tmp_path / "feathered.nii.gz"), *flags) == 0
        rows = read_measures(out / f"{PREFIX}_desc-fibres_measures.tsv")
        figures[name] = {m.measure: m.value for m in rows}
    assert "feathered: its internal aponeurosis was found" in capsys.readouterr().err
    assert {p.name for p in tmp_path.glob("*/*_aponeuroses.vtp")} == {f"{PREFIX}_aponeuroses.vtp"}
    # Fascicles end on the sheet in the middle rather than on the far side.
    assert figures["found"]["fascicle_length"] < 0.75 * figures["none"]["fascicle_length"]
    assert figures["found"]["pennation_line"] == pytest.approx(25, abs=2.5)


def test_without_an_aponeurosis_it_warns(scan, tmp_path):
    mask = str(scan / "mask.nii.gz")
    assert run(scan, tmp_path, "--mask", mask, "--label", "109") == 0
    notes = read_notes(tmp_path / f"{PREFIX}_desc-fibres_notes.json")
    assert any("left SOL" in w and "aponeurosis" in w for w in notes.warnings)
    rows = {m.measure: m for m in read_measures(tmp_path / f"{PREFIX}_desc-fibres_measures.tsv")}
    for name in ("fascicle_length", "pennation_start", "pennation_end", "pcsa_anatomical"):
        assert rows[name].value is None
        assert "aponeurosis" in rows[name].note
    assert rows["fascicles"].value > 0
    table = pd.read_parquet(tmp_path / f"{PREFIX}_fascicles.parquet")
    assert set(table.status) == {"not_measured"}


def test_trx_is_a_plain_zip(written):
    with zipfile.ZipFile(written / f"{PREFIX}_fascicles.trx") as archive:
        assert {"header.json", "positions.3.float32", "offsets.uint32"} <= set(archive.namelist())
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--labels or --mask"),
        (["--labels", "{scan}/missing.nii.gz"], "missing.nii.gz"),
        (
            ["--labels", "{scan}/dseg.nii.gz", "--aponeurosis", "{scan}/mask.nii.gz"],
            "has no label in its name",
        ),
        (["--labels", "{scan}/dseg.nii.gz", "--aponeurosis", "{scan}/label-9_x.vtp"], "label-9_x"),
        (["--mask", "{scan}/mask.nii.gz", "--tensor", "{scan}/mask.nii.gz"], "mask.nii.gz"),
        (["--mask", "{scan}/mask.nii.gz", "--label", "150"], "150"),
    ],
)
def test_bad_input_is_named_and_nothing_written(scan, tmp_path, capsys, arguments, said):
    arguments = [a.format(scan=scan) for a in arguments]
    assert run(scan, tmp_path / "out", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_fascicles_at_all_is_said_not_zero(scan, tmp_path):
    labels = load_image(scan / "dseg.nii.gz")
    few = labels.with_data((labels.data == 112).astype(np.int16))
    save_image(few, tmp_path / "few.nii.gz")
    assert run(scan, tmp_path / "out", "--mask", str(tmp_path / "few.nii.gz")) == 0
    out = tmp_path / "out"
    assert not len(pd.read_parquet(out / f"{PREFIX}_fascicles.parquet"))
    rows = read_measures(out / f"{PREFIX}_desc-fibres_measures.tsv")
    assert {m.status for m in rows} == {"not_measured"}
    assert pv.read(out / f"{PREFIX}_fascicles.vtp").n_cells == 0
    assert (out / f"{PREFIX}_fascicles.trx").is_file()
