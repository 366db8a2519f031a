import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from output_contract import assert_as_promised

from imaging.cli.app import main
from imaging.diffusion.gradients import GradientTable
from imaging.formats.nifti import load_image, save_image
from imaging.image import Image
from imaging.io.gradients import read_table, write_gradients
from imaging.measures import read_measures, read_notes

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "diffusion"))
from diffusion_for_tests import angle_deg, gradient_table, series


def read_gradients(*arguments):
    read = read_table(*arguments)
    return read.table, read.warnings


MAPS = {
    "desc-preproc_dwi": (14,), "desc-b0_dwiref": (), "desc-leg_mask": (), "desc-wls_FA": (),
    "desc-wls_ADC": (), "desc-wls_AD": (), "desc-wls_RD": (), "desc-wls_tensor": (6,),
    "desc-noisy_tensor": (6,),
    "desc-wls_e1": (3,), "desc-residual_dwimap": (), "desc-snr_dwimap": (),
}  # fmt: skip
TILT = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A tilted scan with noise, and an anatomical image 4 mm beside it."""
    folder = tmp_path_factory.mktemp("scan")
    table = gradient_table()
    image, truth = series((26, 26, 16), (2.5, 2.5, 5.0), table, rotation=TILT, sigma=25.0)
    save_image(image, folder / "sub-01_dwi.nii.gz")
    write_gradients(table, image.affine, folder / "sub-01_dwi.bval", folder / "sub-01_dwi.bvec")
    clean, _ = series((26, 26, 16), (2.5, 2.5, 5.0), table, rotation=TILT)
    muscle = clean.data[..., 0]
    affine = image.affine.copy()
    affine[:3, 3] += [4.0, -2.0, 0.0]
    save_image(Image(np.where(muscle > 0, 1200 - 0.8 * muscle, 0), affine), folder / "T1w.nii.gz")
    return folder, truth, muscle > 400


def run(folder, out, *more):
    arguments = ["diffusion", "--dwi", str(folder / "sub-01_dwi.nii.gz"), "--out", str(out)]
    return main([*arguments, "--prefix", "sub-01", *more])


def test_every_file_of_the_contract_in_the_anatomical_world(scan, tmp_path):
    folder, truth, muscle = scan
    assert run(folder, tmp_path, "--anat", str(folder / "T1w.nii.gz")) == 0
    affines = []
    for name, rest in MAPS.items():
        image = nib.load(tmp_path / f"sub-01_{name}.nii.gz")
        assert image.shape == (26, 26, 16, *rest)
        affines.append(image.affine)
        sidecar = json.loads((tmp_path / f"sub-01_{name}.json").read_text())
        assert sidecar["Units"]
        assert len(sidecar["SourceFiles"]) == 4
    assert np.ptp(affines, axis=0).max() < 1e-5
    raw = load_image(folder / "sub-01_dwi.nii.gz", ndim=4)
    centre = np.array([12.5, 12.5, 7.5, 1.0])
    shift = ((affines[0] - raw.affine) @ centre)[:3]
    np.testing.assert_allclose(shift[:2], [4.0, -2.0], atol=0.8)
    e1 = load_image(tmp_path / "sub-01_desc-wls_e1.nii.gz", ndim=4).data
    assert np.median(angle_deg(e1[muscle], truth[muscle])) < 5
    notes = read_notes(tmp_path / "sub-01_desc-diffusion_notes.json")
    assert notes.facts["gradient_check"] in ("ok", "undecided")
    assert np.shape(notes.facts["motion"]) == (14, 6)
    rows = {m.measure: m for m in read_measures(tmp_path / "sub-01_desc-diffusion_measures.tsv")}
    assert {m.label for m in rows.values()} == {0}
    assert 20 < rows["snr_b0"].value < 60
    assert rows["motion_max"].unit == "mm"
    assert not list(tmp_path.glob(".partial*"))
    assert_as_promised(tmp_path, "sub-01", "diffusion")


def test_written_table_fits_the_written_images(scan, tmp_path):
    folder, _, _ = scan
    assert run(folder, tmp_path) == 0
    dwi = load_image(tmp_path / "sub-01_desc-preproc_dwi.nii.gz", ndim=4)
    base = tmp_path / "sub-01_desc-preproc_dwi"
    table, warnings = read_gradients(
        base.with_suffix(".bval"), base.with_suffix(".bvec"), dwi.affine, 14
    )
    assert warnings == []
    turned = np.abs((table.vectors * gradient_table().vectors).sum(1))[2:]
    assert turned.min() > 0.995
    rows = {m.measure: m for m in read_measures(tmp_path / "sub-01_desc-diffusion_measures.tsv")}
    assert rows["anatomy_shift"].status == "not_measured"


def test_same_bytes_again(scan, tmp_path):
    folder, _, _ = scan
    for name in ("a", "b"):
        assert run(folder, tmp_path / name, "--anat", str(folder / "T1w.nii.gz")) == 0
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def broken(folder, tmp_path, change):
    """Copy the scan with one thing wrong."""
    image = load_image(folder / "sub-01_dwi.nii.gz", ndim=4)
    table, _ = read_gradients(
        folder / "sub-01_dwi.bval", folder / "sub-01_dwi.bvec", image.affine, 14
    )
    if change == "volumes":
        image = image.with_data(image.data[..., :-1])
    if change == "three":
        image = image.with_data(image.data[..., 0])
    if change == "nan":
        image.data[3, 4, 5, 6] = np.nan
    if change == "empty":
        image.data[..., 7] = 0
    if change == "b0":
        table = GradientTable(
            np.full(14, 500.0), np.vstack([table.vectors[2:4], table.vectors[2:]])
        )
    if change == "far":
        image.affine[:3, 3] += 2000
    save_image(image, tmp_path / "sub-01_dwi.nii.gz")
    if change == "cut":
        content = (tmp_path / "sub-01_dwi.nii.gz").read_bytes()
        (tmp_path / "sub-01_dwi.nii.gz").write_bytes(content[: len(content) // 2])
    write_gradients(table, image.affine, tmp_path / "sub-01_dwi.bval", tmp_path / "sub-01_dwi.bvec")
    if change == "bvec":
        (tmp_path / "sub-01_dwi.bvec").unlink()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("bvec", "sub-01_dwi.bvec: no such gradient table"),
        ("volumes", "14 b-values for 13 volumes"),
        ("three", "a 4-D image is needed"),
        ("nan", "not finite"),
        ("cut", "truncated"),
        ("empty", "1 empty volumes, first 7"),
        ("b0", "no volume with b <= 50"),
        ("far", "does not overlap with the anatomical image"),
    ],
)
def test_bad_input_is_one_sentence_exit_code_2_and_no_files(scan, tmp_path, capsys, change, says):
    folder, _, _ = scan
    broken(folder, tmp_path, change)
    out = tmp_path / "out"
    assert run(tmp_path, out, "--anat", str(folder / "T1w.nii.gz")) == 2
    message = capsys.readouterr().err
    assert says in message
    assert message.count("\n") == 1
    assert not out.exists()


def test_fibres_refuse_a_tensor_of_another_order_until_it_is_named(scan, tmp_path, capsys):
    folder, _, muscle = scan
    assert run(folder, tmp_path / "dwi") == 0
    tensor = load_image(tmp_path / "dwi" / "sub-01_desc-noisy_tensor.nii.gz", ndim=4)
    mrtrix = tensor.data[..., [0, 2, 5, 1, 3, 4]]  # xx yy zz xy xz yz
    save_image(tensor.with_data(mrtrix), tmp_path / "t.nii.gz")
    save_image(tensor.with_data(muscle.astype(np.uint8)), tmp_path / "gm.nii.gz")
    settings = "{seed_spacing_mm: 8, bootstrap: 3}"
    mask = ["--mask", str(tmp_path / "gm.nii.gz"), "--muscle", "left GM", "--settings", settings]
    basis = ["fibres", "--tensor", str(tmp_path / "t.nii.gz"), *mask, "--prefix", "a"]
    assert main([*basis, "--out", str(tmp_path / "no")]) == 2
    assert "Give --tensor-order mrtrix" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    assert main([*basis, "--tensor-order", "mrtrix", "--out", str(tmp_path / "named")]) == 0
    assert "were read as mrtrix" in capsys.readouterr().err
    basis[2] = str(tmp_path / "dwi" / "sub-01_desc-noisy_tensor.nii.gz")
    assert main([*basis, "--out", str(tmp_path / "own")]) == 0
    own, named = (tmp_path / name / "a_fascicles.parquet" for name in ("own", "named"))
    assert own.read_bytes() == named.read_bytes()
    series = ["fibres", "--dwi", str(folder / "sub-01_dwi.nii.gz"), *mask, "--out", str(tmp_path)]
    assert main([*series, "--tensor-frame", "image"]) == 2


@pytest.mark.parametrize("dark", [(0,), (0, 1)])
def test_dark_volumes_called_b0_are_named_and_never_end_in_zeros(scan, tmp_path, capsys, dark):
    folder, _, muscle = scan
    image = load_image(folder / "sub-01_dwi.nii.gz", ndim=4)
    for volume in dark:
        image.data[..., volume] = image.data[..., 6 + volume]
    save_image(image, tmp_path / "sub-01_dwi.nii.gz")
    for end in ("bval", "bvec"):
        name = f"sub-01_dwi.{end}"
        (tmp_path / name).write_text((folder / name).read_text())
    out = tmp_path / "out"
    if len(dark) == 2:
        assert run(tmp_path, out) == 2
        assert "calls volume 0, 1 b = 0" in capsys.readouterr().err
        assert not out.exists()
        return
    assert run(tmp_path, out) == 0
    notes = read_notes(out / "sub-01_desc-diffusion_notes.json")
    assert any("volume 0 is listed as b = 0" in w for w in notes.warnings)
    fa = load_image(out / "sub-01_desc-wls_FA.nii.gz").data
    assert 0.15 < np.median(fa[muscle]) < 0.35
