"""The fibre stage alone: a diffusion series or tracts, and masks of a lab's own."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pyvista as pv
from output_contract import assert_as_promised
from scipy.spatial.transform import Rotation

from imaging.cli.app import main
from imaging.formats.nifti import load_image, save_image
from imaging.formats.tracts import Tracts, load_tracts, tck_bytes
from imaging.image import Image, apply_affine
from imaging.io.gradients import write_gradients
from imaging.measures import read_measures, read_notes
from imaging.provenance import sha256

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "diffusion"))
from diffusion_for_tests import gradient_table, series

ANGLE, HALF, ASIDE = 25.0, 8.0, -8.0  # degrees, mm, mm to the right of the middle
LENGTH = 2 * HALF / np.sin(np.radians(ANGLE))
QUICK = ["--settings", "{seed_spacing_mm: 4, smoothing_mm: 4, bootstrap: 0}"]


def leg(points):
    """A cylinder in which fibres lean by 25 degrees to the right (+x) and up."""
    way = np.array([np.sin(np.radians(ANGLE)), 0.0, np.cos(np.radians(ANGLE))])
    s0 = np.where(np.hypot(points[..., 0], points[..., 1]) < 27, 1000.0, 0.0)
    return s0, np.broadcast_to(way, points.shape)


def plate(affine, shape):
    p = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    return np.all(np.abs(p - [ASIDE, 0, 0]) < [HALF, 13, 32], axis=-1)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A series with noise, and the mask of a plate on its grid and on an oblique one."""
    folder = tmp_path_factory.mktemp("lab")
    table = gradient_table()
    image, _ = series((26, 26, 16), (2.5, 2.5, 5.0), table, sigma=20.0, field=leg)
    save_image(image, folder / "sub-07_ses-2_dwi.nii.gz")
    stem = folder / "sub-07_ses-2_dwi"
    write_gradients(table, image.affine, stem.with_suffix(".bval"), stem.with_suffix(".bvec"))
    drawn = plate(image.affine, image.shape).astype(np.uint8)
    save_image(Image(255 * drawn, image.affine), folder / "on_grid.nii.gz")
    oblique = np.eye(4)
    turn = Rotation.from_euler("xyz", [12, -8, 20], degrees=True).as_matrix()
    oblique[:3, :3] = turn @ np.diag([-1.0, 1.0, 2.0])
    oblique[:3, 3] = -oblique[:3, :3] @ [30, 25, 22] + [ASIDE, 0, 0]
    shape = (60, 50, 45)
    save_image(Image(plate(oblique, shape).astype(np.uint8), oblique), folder / "gm.nii.gz")
    return folder


def run(*arguments):
    return main(["fibres", *map(str, arguments)])


@pytest.fixture(scope="module")
def written(lab, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    dwi, mask = lab / "sub-07_ses-2_dwi.nii.gz", lab / "gm.nii.gz"
    named = ["--muscle", "left GM", "--format", "trk", "--format", "tck"]
    assert run("--dwi", dwi, "--mask", mask, *named, "--out", out, *QUICK) == 0
    return out


def test_one_line_measures_the_plate(written):
    table = pd.read_parquet(written / "sub-07_ses-2_fascicles.parquet")
    assert set(table.label) == {107}
    inner = table[(table.start_z.abs() < 26) & (table.end_z.abs() < 26)]
    assert inner.length_mm.median() == pytest.approx(LENGTH, rel=0.05)
    assert inner.pennation_line_deg.median() == pytest.approx(ANGLE, abs=1.5)
    # Right stays right: the plate lies about x = -8 mm, and fibres lean to +x going up.
    assert table.start_x.median() == pytest.approx(ASIDE - HALF, abs=1.0)
    assert table.end_x.median() == pytest.approx(ASIDE + HALF, abs=1.0)
    assert read_notes(written / "sub-07_ses-2_desc-diffusion_notes.json").stage == "diffusion"


def test_every_file_is_one_of_two_stages(written):
    assert_as_promised(written, "sub-07_ses-2", "fibres", "diffusion")


def test_one_line_gives_the_bytes_of_two_verbs(written, lab, tmp_path):
    dwi = str(lab / "sub-07_ses-2_dwi.nii.gz")
    where = ["--out", str(tmp_path), "--prefix", "sub-07_ses-2"]
    assert main(["diffusion", "--dwi", dwi, *where]) == 0
    tensor = tmp_path / "sub-07_ses-2_desc-noisy_tensor.nii.gz"
    named = ["--muscle", "left GM", "--format", "trk", "--format", "tck"]
    assert run("--tensor", tensor, "--mask", lab / "gm.nii.gz", *named, *where, *QUICK) == 0
    names = {p.name for p in written.iterdir()}
    assert names == {p.name for p in tmp_path.iterdir()}
    pages = {f"sub-07_ses-2_{name}" for name in ("report.html", "viewer.html")}
    assert pages < names
    # The page of a tensor alone has no diffusion figures to show, and says so.
    for name in sorted(names - pages - {p.replace(".html", ".json") for p in pages}):
        assert sha256(written / name) == sha256(tmp_path / name), name


def test_grid_of_the_mask_does_not_matter(written, lab, tmp_path):
    tensor = written / "sub-07_ses-2_desc-noisy_tensor.nii.gz"
    assert run("--tensor", tensor, "--mask", lab / "on_grid.nii.gz", "--out", tmp_path, *QUICK) == 0
    figures = []
    for path in (tmp_path, written):
        rows = read_measures(path / "sub-07_ses-2_desc-fibres_measures.tsv")
        figures.append({m.measure: m.value for m in rows})
    # 5 mm slices and 2.5 mm voxels draw the plate coarser, but in the same place.
    assert figures[0]["pennation_line"] == pytest.approx(figures[1]["pennation_line"], abs=2)
    assert figures[0]["fascicle_length"] == pytest.approx(figures[1]["fascicle_length"], rel=0.15)


def test_fascicles_come_back_from_every_format_with_the_same_figures(written, lab, tmp_path):
    files = [written / f"sub-07_ses-2_fascicles.{s}" for s in ("trx", "trk", "tck", "vtp")]
    points = [load_tracts(f).points for f in files]
    ours = read_measures(written / "sub-07_ses-2_desc-fibres_measures.tsv")
    want = {m.measure: m for m in ours}
    for file, p in zip(files, points, strict=True):
        np.testing.assert_allclose(p, points[0], atol=1e-3)
        out = tmp_path / file.suffix[1:]
        named = ["--muscle", "left GM", "--prefix", "P"]
        mask = lab / "gm.nii.gz"
        assert run("--tracts", file, "--mask", mask, "--out", out, *named, *QUICK) == 0
        got = {m.measure: m for m in read_measures(out / "P_desc-fibres_measures.tsv")}
        assert got["fascicles"].value == want["fascicles"].value
        assert got["extrapolated_fraction"].value < 1e-3
        assert got["fascicle_length"].status == "measured"
        # Ours are weighted by their seeds, given ones by the volume next to them.
        for name, slack in (("fascicle_length", 0.04), ("pennation_line", 0.06)):
            assert got[name].value == pytest.approx(want[name].value, rel=slack), name
        assert not list(out.glob("*_direction.nii.gz"))
    tables = [pd.read_parquet(tmp_path / s / "P_fascicles.parquet") for s in ("trx", "tck")]
    ours = pd.read_parquet(written / "sub-07_ses-2_fascicles.parquet")
    for name in ("length_mm", "pennation_start_deg", "pennation_end_deg"):
        np.testing.assert_allclose(tables[0][name], tables[1][name], atol=0.01)
        assert np.abs(tables[1][name] - ours[name]).median() < 0.05, name


def test_files_of_an_earlier_run_do_not_stay(written, lab, tmp_path):
    tensor = written / "sub-07_ses-2_desc-noisy_tensor.nii.gz"
    mask = ["--mask", lab / "gm.nii.gz", "--prefix", "P", "--out", tmp_path, *QUICK]
    assert run("--tensor", tensor, *mask, "--format", "tck") == 0
    assert (tmp_path / "P_fascicles.tck").is_file()
    assert run("--tracts", written / "sub-07_ses-2_fascicles.trk", *mask) == 0
    names = {p.name for p in tmp_path.iterdir()}
    assert not any("direction" in n or n.endswith(".tck") for n in names)
    assert_as_promised(tmp_path, "P", "fibres", workflow=False)


def test_tracts_in_lps_are_refused_not_flipped(written, lab, tmp_path, capsys):
    tracts = load_tracts(written / "sub-07_ses-2_fascicles.tck")
    flipped = Tracts(tracts.points * np.float32([-1, -1, 1]), tracts.offsets)
    (tmp_path / "lps.tck").write_bytes(tck_bytes(flipped))
    # About a mask 8 mm off the middle some flipped points still lie in its box.
    out = tmp_path / "out"
    assert run("--tracts", tmp_path / "lps.tck", "--mask", lab / "gm.nii.gz", "--out", out) == 2
    said = capsys.readouterr().err
    assert "lps.tck" in said
    assert "gm.nii.gz" in said
    assert "LPS" in said
    assert not out.exists()


def test_the_table_is_printed(written, lab, tmp_path, capsys):
    tensor = written / "sub-07_ses-2_desc-noisy_tensor.nii.gz"
    masks = ["--mask", lab / "gm.nii.gz", "--mask", lab / "on_grid.nii.gz"]
    assert run("--tensor", tensor, *masks, "--out", tmp_path, *QUICK) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["muscle", "n", "length"]
    assert [line.split()[0] for line in lines[1:]] == ["gm", "on_grid"]
    assert all("±" in line and line.endswith("measured") for line in lines[1:])
    table = pd.read_parquet(tmp_path / "sub-07_ses-2_fascicles.parquet")
    assert dict(zip(table.label, table.muscle, strict=True)) == {1001: "gm", 1002: "on_grid"}
    surfaces = pv.read(tmp_path / "sub-07_ses-2_surfaces.vtp")
    assert set(np.unique(surfaces.cell_data["label"])) == {1001, 1002}


def test_labels_outside_the_catalogue_beside_a_series(lab, tmp_path):
    mask = load_image(lab / "gm.nii.gz")
    labels = Image((150 * mask.data).astype(np.int16), mask.affine)
    save_image(labels, tmp_path / "labels.nii.gz")
    given = ["--dwi", lab / "sub-07_ses-2_dwi.nii.gz", "--labels", tmp_path / "labels.nii.gz"]
    assert run(*given, "--out", tmp_path / "out", *QUICK) == 0
    table = pd.read_parquet(tmp_path / "out" / "sub-07_ses-2_fascicles.parquet")
    assert set(table.label) == {1150}
    assert set(table.muscle) == {"label-150"}


def test_masks_drawn_on_an_image_that_lies_elsewhere(lab, tmp_path):
    """They lie 6 mm beside the series (a cylinder, so not along it), which is moved there."""
    dwi = load_image(lab / "sub-07_ses-2_dwi.nii.gz", ndim=4)
    shift = np.array([4.0, -4.0, 0.0])
    anat, mask = dwi.affine.copy(), load_image(lab / "gm.nii.gz")
    anat[:3, 3] += shift
    rng = np.random.default_rng(0)
    seen = np.where(dwi.data[..., 0] > 400, 300.0, 20.0) + rng.normal(0, 3, dwi.shape)
    save_image(Image(seen.astype(np.float32), anat), tmp_path / "T1w.nii.gz")
    moved = mask.affine.copy()
    moved[:3, 3] += shift
    save_image(Image(mask.data.astype(np.uint8), moved), tmp_path / "gm.nii.gz")
    given = ["--dwi", lab / "sub-07_ses-2_dwi.nii.gz", "--mask", tmp_path / "gm.nii.gz"]
    out = tmp_path / "out"
    assert run(*given, "--anat", tmp_path / "T1w.nii.gz", "--out", out, *QUICK) == 0
    tensor = load_image(out / "sub-07_ses-2_desc-noisy_tensor.nii.gz", ndim=4)
    np.testing.assert_allclose(
        tensor.to_world([13, 13, 8]), dwi.to_world([13, 13, 8]) + shift, atol=1
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mask", "{lab}/gm.nii.gz"], "exactly one of --dwi, --tensor, --tracts"),
        (["--dwi", "{dwi}", "--tensor", "{dwi}", "--mask", "{lab}/gm.nii.gz"], "exactly one"),
        (["--dwi", "{dwi}"], "--labels or --mask"),
        (["--dwi", "{dwi}", "--mask", "{lab}/gm.nii.gz", "--bval", "{lab}/no.bval"], "no.bval"),
        (["--dwi", "{dwi}", "--mask", "{lab}/gm.nii.gz", "--muscle", "left GN"], "'left GN'"),
        (
            ["--tracts", "{lab}/t.tck", "--mask", "{lab}/gm.nii.gz", "--bval", "b"],
            "belongs to --dwi",
        ),
        (["--tracts", "{dwi}", "--mask", "{lab}/gm.nii.gz"], "not a tractogram"),
        (["--dwi", "{lab}/gm.nii.gz", "--mask", "{lab}/gm.nii.gz"], "gm.nii.gz"),
    ],
)
def test_bad_input_is_named_and_nothing_written(lab, tmp_path, capsys, arguments, said):
    out, dwi = tmp_path / "out", lab / "sub-07_ses-2_dwi.nii.gz"
    arguments = [a.format(lab=lab, dwi=dwi) for a in arguments]
    assert run(*arguments, "--out", out) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_mask_elsewhere_names_both_files(lab, tmp_path, capsys):
    mask, dwi = load_image(lab / "gm.nii.gz"), lab / "sub-07_ses-2_dwi.nii.gz"
    away = mask.affine.copy()
    away[2, 3] += 500
    save_image(Image(mask.data, away), tmp_path / "away.nii.gz")
    out = tmp_path / "out"
    assert run("--dwi", dwi, "--mask", tmp_path / "away.nii.gz", "--out", out) == 2
    said = capsys.readouterr().err
    assert "away.nii.gz" in said
    assert dwi.name in said
    assert not out.exists()
