"""``pennate composition`` on the digital leg's echoes and on pairs of images."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from imaging.cli.app import main

P = "sub-01"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp("composition") / "bids"
    code = main(["phantom", str(out), "--preset", "small", "--no-dwi", "--no-mre", "--no-emg"])
    assert code == 0
    return out


def labels(dataset):
    return dataset / "derivatives" / "truth" / P / f"{P}_dseg.nii.gz"


def echoes(dataset):
    return [dataset / P / "anat" / f"{P}_echo-{n}_part-mag_MEGRE.nii.gz" for n in (1, 2, 3)]


def run(dataset, out, *more):
    start = ["composition", "--labels", str(labels(dataset)), "--out", str(out), "--prefix", P]
    return main([*start, *map(str, more)])


def figures(out):
    table = pd.read_csv(out / f"{P}_desc-composition_measures.tsv", sep="\t", na_values="n/a")
    return table.set_index(["measure", "label"])


def test_fat_of_the_digital_leg(dataset, tmp_path):
    given = [flag for path in echoes(dataset) for flag in ("--echo", path)]
    assert run(dataset, tmp_path, *given) == 0
    found = figures(tmp_path).loc["fat_fraction"]
    measured = found[found["status"] == "measured"]
    # Muscle of the phantom holds 3 parts of fat and 100 of water.
    assert len(measured) >= 5
    assert measured["value"].median() == pytest.approx(100 * 0.03 / 1.03, abs=1.0)
    image = nib.load(tmp_path / f"{P}_desc-dixon_FF.nii.gz")
    assert np.nanmax(image.get_fdata()) > 80  # subcutaneous fat is fat
    sidecar = json.loads((tmp_path / f"{P}_desc-dixon_FF.json").read_text())
    assert sidecar["Units"] == "percent"


def test_without_phase_it_says_what_is_lost(dataset, tmp_path, capsys):
    for path in echoes(dataset):
        for source in (path, path.with_name(path.name.replace(".nii.gz", ".json"))):
            shutil.copy(source, tmp_path / source.name)
    given = [flag for path in echoes(dataset) for flag in ("--echo", tmp_path / path.name)]
    assert run(dataset, tmp_path / "out", *given) == 0
    told = capsys.readouterr().err
    assert "No phase beside every echo" in told and "at most 50 %" in told


def test_milliseconds_and_a_missing_field_are_refused(dataset, tmp_path, capsys):
    given = []
    for path in echoes(dataset):
        shutil.copy(path, tmp_path / path.name)
        about = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        about["EchoTime"] *= 1000
        (tmp_path / path.name.replace(".nii.gz", ".json")).write_text(json.dumps(about))
        given += ["--echo", tmp_path / path.name]
    assert run(dataset, tmp_path / "out", *given) == 2
    assert "in seconds" in capsys.readouterr().err
    for path in tmp_path.glob("*.json"):
        about = json.loads(path.read_text())
        about["EchoTime"] /= 1000
        del about["MagneticFieldStrength"]
        path.write_text(json.dumps(about))
    assert run(dataset, tmp_path / "out", *given) == 2
    assert "MagneticFieldStrength" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.nii.gz"))


def test_water_and_fat_images(dataset, tmp_path):
    grid = nib.load(labels(dataset))
    for name, value in (("water", 85.0), ("fat", 15.0)):
        image = nib.Nifti1Image(np.full(grid.shape, value, np.float32), grid.affine)
        nib.save(image, tmp_path / f"{name}.nii.gz")
    pair = ("--water", tmp_path / "water.nii.gz", "--fat", tmp_path / "fat.nii.gz")
    assert run(dataset, tmp_path / "out", *pair) == 0
    found = figures(tmp_path / "out").loc["fat_fraction"]
    assert found["value"].dropna().to_numpy() == pytest.approx(15.0, abs=1e-4)
    assert (found["status"] == "not_measured").sum() + found["value"].notna().sum() == len(found)


def test_t2_of_a_train_in_one_file(dataset, tmp_path):
    grid = nib.load(labels(dataset))
    times = np.arange(1, 9) * 0.01
    data = np.ones((*grid.shape, 1), np.float32) * 100 * np.exp(-times / 0.034).astype(np.float32)
    nib.save(nib.Nifti1Image(data, grid.affine), tmp_path / "mese.nii.gz")
    assert run(dataset, tmp_path / "out", "--spin-echo", tmp_path / "mese.nii.gz") == 2
    (tmp_path / "mese.json").write_text(json.dumps({"EchoTime": times.tolist()}))
    assert run(dataset, tmp_path / "out", "--spin-echo", tmp_path / "mese.nii.gz") == 0
    found = figures(tmp_path / "out").loc["t2"]
    assert found["value"].dropna().to_numpy() == pytest.approx(34.0, abs=0.05)


@pytest.mark.parametrize("given", [(), ("--water", "w.nii.gz"), ("--in-phase", "i.nii.gz")])
def test_half_a_pair_or_nothing_is_refused(given, dataset, tmp_path):
    assert run(dataset, tmp_path, *given) == 2


@pytest.mark.parametrize(("away_mm", "code"), [(0, 0), (30, 0), (400, 2)])
def test_images_of_another_place_are_told(away_mm, code, dataset, tmp_path, capsys):
    grid = nib.load(labels(dataset))
    leg = np.where(grid.get_fdata() > 0, 100.0, 0.0).astype(np.float32)
    affine = grid.affine.copy()
    affine[0, 3] += away_mm
    for name, share in (("water", 0.9), ("fat", 0.1)):
        nib.save(nib.Nifti1Image(share * leg, affine), tmp_path / f"{name}.nii.gz")
    pair = ("--water", tmp_path / "water.nii.gz", "--fat", tmp_path / "fat.nii.gz")
    assert run(dataset, tmp_path / "out", *pair) == code
    told = capsys.readouterr().err
    assert ("lies where these images show no leg" in told) == (away_mm == 30)
    assert ("in one space" in told) == (away_mm > 0)
