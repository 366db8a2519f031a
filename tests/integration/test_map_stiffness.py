"""Several stiffness maps of several methods in one muscle map."""

import json

import numpy as np
import pandas as pd
import pytest
from stage_outputs import GM, SOL, STIFFNESS, SWE, TA, P, map_arguments, write_all, write_mre

from imaging.cli.app import main
from imaging.musclemap.read.tables import read_tables
from imaging.musclemap.vtk_files import read_voxels


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subject")
    assert main(map_arguments(write_all(folder), folder / "map")) == 0
    return folder


@pytest.fixture(scope="module")
def arrays(subject):
    return read_voxels(subject / "map" / f"{P}_map.vti")


@pytest.fixture(scope="module")
def muscles(subject):
    return read_tables(subject / "map", P).muscles.set_index("label")


def test_every_map_of_every_method_is_a_layer_of_its_own(arrays):
    stiff = {name for name in arrays if name.startswith("stiffness")}
    assert stiff == {
        "stiffness_mdev", "stiffness_ti_muperp", "stiffness_ti_mupar", "stiffness_ti_epar",
        "stiffness_ti_confidence", "stiffness_swe", "stiffness_swe_angle",
    }  # fmt: skip


def test_values_stay_with_their_quantity_and_muscle(arrays):
    label = arrays["label"].data
    for name, factor in (("muperp", 1.0), ("mupar", 1.3), ("epar", 7.0)):
        values = arrays[f"stiffness_ti_{name}"].data
        for muscle in (TA, GM):
            known = values[(label == muscle) & np.isfinite(values)]
            assert known.size > 100
            np.testing.assert_allclose(known, factor * STIFFNESS[muscle], rtol=1e-3)


def test_what_the_waves_did_not_tell_is_nan_though_its_neighbours_are_known(arrays):
    inside = arrays["label"].data == SOL
    assert np.isfinite(arrays["stiffness_ti_muperp"].data[inside]).sum() > 100
    assert np.isnan(arrays["stiffness_ti_mupar"].data[inside]).all()
    np.testing.assert_allclose(
        np.nanmedian(arrays["stiffness_ti_confidence"].data[inside]), 0.8, rtol=1e-5
    )


def test_ultrasound_and_magnetic_resonance_are_never_mixed(arrays, muscles):
    both = np.isfinite(arrays["stiffness_swe"].data) & np.isfinite(arrays["stiffness_mdev"].data)
    assert both.any()
    np.testing.assert_allclose(arrays["stiffness_swe"].data[both], SWE, rtol=1e-4)
    assert np.nanmax(arrays["stiffness_mdev"].data) < 1501
    assert muscles.loc[SOL, "stiffness_swe_shear_Pa"] == SWE
    assert muscles.loc[SOL, "stiffness_mdev_magnitude_Pa"] == STIFFNESS[SOL]
    assert np.isnan(muscles.loc[GM, "stiffness_swe_shear_Pa"])
    assert muscles.loc[GM, "stiffness_swe_shear_Pa_status"] == "not_measured"


def test_coverage_is_the_share_of_the_muscle(arrays, muscles):
    label, values = arrays["label"].data, arrays["stiffness_mdev"].data
    share = np.isfinite(values[label == GM]).mean()
    assert muscles.loc[GM, "stiffness_mdev_coverage"] == pytest.approx(share, rel=1e-4)
    assert 0.3 < share < 0.9
    assert muscles.loc[GM, "stiffness_ti_coverage"] == pytest.approx(share, rel=1e-4)


def test_intervals_of_whole_muscle_estimates_are_kept(muscles):
    column = "stiffness_ti_e_par_muscle_Pa"
    assert muscles.loc[TA, column] == 10500
    assert muscles.loc[TA, f"{column}_ci_low"] == 8000
    assert muscles.loc[SOL, f"{column}_status"] == "not_measured"


def test_fascicles_carry_every_modulus_and_nothing_else(subject, muscles):
    table = pd.read_parquet(subject / "map" / f"{P}_fascicles.parquet")
    for key, value in (("mdev", 900.0), ("ti_muperp", 900.0), ("swe", SWE)):
        values = table[f"stiffness_{key}_mean"].dropna()
        assert len(values)
        np.testing.assert_allclose(values, value, rtol=1e-3)
    assert table["stiffness_ti_mupar_mean"].isna().all()
    assert "stiffness_ti_confidence_mean" not in table
    assert muscles.loc[SOL, "fascicle_stiffness_ti_muperp_mean_Pa"] == pytest.approx(900, rel=1e-3)
    assert muscles.loc[SOL, "fascicle_stiffness_mdev_end_ratio"] == pytest.approx(1, rel=1e-3)


def test_every_layer_says_quantity_unit_and_frequency(subject):
    about = json.loads((subject / "map" / f"{P}_map.json").read_text())["Arrays"]
    layer = about["stiffness_ti_mupar"]
    assert (layer["Units"], layer["Quantity"], layer["FrequencyHz"]) == (
        "Pa",
        "mu_par",
        [40, 50, 60],
    )
    assert "FrequencyHz" not in about["stiffness_swe"]


def test_a_map_without_a_unit_is_refused(tmp_path, capsys):
    folders = write_all(tmp_path)
    (folders["mre"] / f"{P}_desc-ti_mupar.json").write_text("{}")
    assert main(map_arguments(folders, tmp_path / "map")) == 2
    assert "Units" in capsys.readouterr().err
    assert not list((tmp_path / "map").glob("*.vti"))


def test_waves_without_fibres_say_why_there_is_no_fibre_aware_stiffness(tmp_path):
    folders = write_all(tmp_path)
    for name in ("dwi", "fibre", "us"):
        del folders[name]
    for path in folders["mre"].iterdir():
        path.unlink()
    folders["mre"].rmdir()
    write_mre(folders["mre"])
    assert main(map_arguments(folders, tmp_path / "map")) == 0
    missing = json.loads((tmp_path / "map" / f"{P}_notes.json").read_text())["missing"]
    assert "no diffusion MRI" in missing["ti"]
    assert "ultrasound" in missing["us"]
