"""Page and viewer that ``pennate fibres`` writes of drawn muscles."""

import base64
import gzip
import json
import re

import nibabel as nib
import numpy as np
import pytest

from imaging.cli.app import main
from imaging.formats.nifti import save_image
from imaging.image import Image, apply_affine
from imaging.pipeline import muscle_page

START = "sub-01"


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Two slanted plates whose masks the catalogue does not know, and one of a few voxels."""
    folder = tmp_path_factory.mktemp("scan")
    affine = np.diag([-1.5, 1.5, 3.0, 1.0])
    affine[:3, 3] = [45, -15, -45]
    shape = (60, 20, 30)
    p = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    thick = (np.abs(p[..., 1]) < 12) & (np.abs(p[..., 2]) < 40)
    corner = np.zeros(shape, bool)
    corner[:2, :2, :2] = True
    masks = {
        "vastus": thick & (np.abs(p[..., 0] - 19.5) < 8),
        "sartorius": thick & (np.abs(p[..., 0] + 20) < 8),
        "speck": corner,
    }
    for name, mask in masks.items():
        save_image(Image(mask.astype(np.uint8), affine), folder / f"{name}.nii.gz")
    grid = np.diag([2.0, 2.0, 4.0, 1.0])
    grid[:3, 3] = [-46, -16, -46]
    q = apply_affine(grid, np.moveaxis(np.indices((47, 17, 24)), 0, -1))
    angle = np.radians(np.where(q[..., 0] > 0, -25.0, 15.0))
    d = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    full = 1.3e-3 * np.eye(3) + 0.6e-3 * d[..., :, None] * d[..., None, :]
    six = full[..., [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]].astype(np.float32)
    save_image(Image(six, grid), folder / "tensor.nii.gz")
    return folder


def run(scan, out, *masks, more=()):
    given = [word for name in masks for word in ("--mask", str(scan / f"{name}.nii.gz"))]
    return main(
        ["fibres", "--tensor", str(scan / "tensor.nii.gz"), *given, "--out", str(out),
         "--prefix", START, "--settings", "{seed_spacing_mm: 5, bootstrap: 4}", *more]
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(scan, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert run(scan, out, "vastus", "sartorius", "speck") == 0
    return out


def payload(out):
    text = (out / f"{START}_viewer.html").read_text(encoding="utf-8")
    (found,) = re.findall(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def test_the_page_shows_each_muscle_with_figures_and_says_what_is_missing(written):
    page = (written / f"{START}_report.html").read_text(encoding="utf-8")
    assert "Research use only. Not a medical device" in page
    for name in ("vastus", "sartorius"):
        assert re.search(rf'<th scope="row">{name}</th>', page)
    for alt in (
        "Fascicles in three dimensions",
        "Histograms of fascicle length",
        "Histograms of pennation at both ends",
    ):
        assert re.search(rf'<img[^>]*alt="{alt}', page), alt
    assert "speck: no architecture: its label has 8 voxels" in page
    assert "only a tensor was given" in page
    assert "Behind them the pictures show the trace of the tensor." in page
    assert not re.search(r"https?://(?!(www\.)?(doi|w3)\.org)", page)
    about = json.loads((written / f"{START}_report.json").read_text())
    assert [s["name"] for s in about["SourceFiles"]] == [
        "tensor.nii.gz", "vastus.nii.gz", "sartorius.nii.gz", "speck.nii.gz",
    ]  # fmt: skip


def test_the_viewer_tells_muscles_outside_the_catalogue_apart(written):
    content = payload(written)
    parts = {part["name"]: part for part in content["structures"]}
    assert set(parts) == {"vastus", "sartorius", "speck"}
    assert len({tuple(part["colour"]) for part in parts.values()}) == 3
    raw = gzip.decompress(base64.b64decode(content["volumes"]["labels"]))
    image = nib.Nifti1Image.from_bytes(raw)
    data = np.asarray(image.dataobj)
    for name, centre in (("vastus", 19.5), ("sartorius", -20.0)):
        own = np.argwhere(data == parts[name]["voxel"])
        assert apply_affine(image.affine, own).mean(axis=0)[0] == pytest.approx(centre, abs=0.8)
    assert parts["vastus"]["row"]["fascicle_length_mm"][2] == "measured"
    assert "fascicle_length_mm" not in parts["speck"]["row"]


def test_without_a_page_none_of_an_earlier_run_stays(scan, tmp_path):
    assert run(scan, tmp_path, "vastus") == 0
    assert len(list(tmp_path.glob("*.html"))) == 2
    assert run(scan, tmp_path, "vastus", more=["--no-page"]) == 0
    left = {p.name for p in tmp_path.iterdir()}
    assert not {n for n in left if n.startswith((f"{START}_report", f"{START}_viewer"))}
    assert f"{START}_fascicles.trx" in left


@pytest.mark.parametrize(
    ("broken", "left", "said"),
    [
        ("join_stages", set(), "Page and viewer could not be made (RuntimeError: no reason)"),
        ("subject_page", {"viewer"}, "The page could not be made (RuntimeError: no reason)"),
        ("viewer_page", {"report"}, "The viewer could not be made (RuntimeError: no reason)"),
    ],
)
def test_a_page_that_fails_costs_no_figure(scan, tmp_path, monkeypatch, capsys, broken, left, said):
    def fail(*_args, **_more):
        raise RuntimeError("no reason")

    monkeypatch.setattr(muscle_page, broken, fail)
    assert run(scan, tmp_path, "vastus") == 0
    assert capsys.readouterr().err.count(said) == 1
    assert {p.stem.removeprefix(f"{START}_") for p in tmp_path.glob("*.html")} == left
    assert (tmp_path / f"{START}_desc-fibres_measures.tsv").is_file()
    assert not list(tmp_path.glob(".partial*"))


def test_two_masks_of_the_same_muscle_are_both_on_the_page(scan, tmp_path, capsys):
    (tmp_path / "again.nii.gz").write_bytes((scan / "vastus.nii.gz").read_bytes())
    again = ["--mask", str(tmp_path / "again.nii.gz")]
    assert run(scan, tmp_path / "out", "vastus", more=again) == 0
    page = (tmp_path / "out" / f"{START}_report.html").read_text(encoding="utf-8")
    assert "again overlaps vastus by" in page
    assert re.search(r'<th scope="row">again</th>', page)


def test_a_muscle_without_fascicles_alone_has_a_page_that_says_so(scan, tmp_path):
    assert run(scan, tmp_path, "speck") == 0
    page = (tmp_path / f"{START}_report.html").read_text(encoding="utf-8")
    said = "No fascicles: its label has 8 voxels (0.054 ml): too few for a muscle"
    assert said in page
    viewer = payload(tmp_path)
    assert any(said in sentence for sentence in viewer["missing"])
    assert [part["name"] for part in viewer["structures"]] == ["speck"]
