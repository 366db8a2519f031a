"""``pennate contexts`` on folders that elastography and ultrasound left."""

import json
import xml.etree.ElementTree as Xml
from pathlib import Path

import pandas as pd
import pytest
from output_contract import assert_as_promised

from imaging.cli.app import main
from imaging.measures import Measure, Notes, not_measured
from imaging.stage_files import StageFiles

GM, GM_LEFT = 207, 107


def rows_of(method, value, half=60.0, left=1200.0):
    name = f"stiffness_{method}_magnitude"
    return [
        Measure(GM, name, value, "Pa", n=200, ci_low=value - half, ci_high=value + half),
        Measure(GM_LEFT, name, left, "Pa", n=200, ci_low=left - half, ci_high=left + half),
        Measure(GM, f"{name}_iqr", 300.0, "Pa"),
        not_measured(201, name, "Pa", "no waves there"),
    ]


def folder_of(place, rows, *, method="mdev", prefix="sub-01", hertz=(60.0,), settings=None):
    place.mkdir(parents=True, exist_ok=True)
    wave = place / f"{place.name}_wave.nii.gz"
    wave.write_bytes(place.name.encode())
    files = StageFiles(
        "ultrasound" if method == "swe" else "inversion", place, prefix, [wave],
        settings or {"erode_mm": 3.0, "inversions": ["mdev"]}, {"method": method},
    )  # fmt: skip
    files.measures(rows)
    files.notes(Notes("elastography", "", facts={"frequency_hz": list(hertz)}))
    return place


def call(out, **contexts):
    told = [x for name, folder in contexts.items() for x in ("--context", f"{name}={folder}")]
    return main(["contexts", *map(str, told), "--out", str(out)])


def table(out):
    return pd.read_csv(out / "sub-01_contexts.tsv", sep="\t", na_values="n/a",
                       keep_default_na=False)  # fmt: skip


@pytest.fixture
def rest(tmp_path):
    return folder_of(tmp_path / "rest", rows_of("mdev", 1000.0))


def test_a_muscle_at_rest_and_contracted(rest, tmp_path, capsys):
    other = folder_of(tmp_path / "contracted", rows_of("mdev", 2000.0))
    out = tmp_path / "out"
    assert call(out, rest=rest, contracted=other) == 0
    found = table(out)
    pairs = found[found["compared"] == "contexts"].set_index("label")
    assert set(pairs.index) == {GM, GM_LEFT}  # TA was measured in neither
    assert pairs.loc[GM, "ratio"] == 2 and pairs.loc[GM, "verdict"] == "differ"
    assert pairs.loc[GM, "ratio_ci_low"] < 2 < pairs.loc[GM, "ratio_ci_high"]
    assert pairs.loc[GM, "frequency"] == "60 Hz" and pairs.loc[GM, "muscle"] == "right GM"
    assert pairs.loc[GM_LEFT, "verdict"] == "no difference shown"
    sides = found[found["compared"] == "sides"].set_index("context")
    assert sides.loc["rest", "ratio"] == pytest.approx(1000 / 1200, rel=1e-4)
    assert sides.loc["contracted", "b"] == "right"
    assert_as_promised(out, "sub-01", "contexts")
    Xml.fromstring((out / "sub-01_ratios.svg").read_bytes())
    assert "contexts: 1 differ, 1 no difference shown" in capsys.readouterr().out


def test_same_input_gives_same_bytes(rest, tmp_path):
    other = folder_of(tmp_path / "tired", rows_of("mdev", 1300.0))
    for name in ("a", "b"):
        assert call(tmp_path / name, rest=rest, tired=other) == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"hertz": (50.0,)}, "waves of 60 Hz, then of 50 Hz"),
        ({"settings": {"erode_mm": 2.0}}, "setting erode_mm: 3.0, then 2.0"),
    ],
)
def test_what_is_not_of_one_kind_is_not_compared(rest, tmp_path, changes, why):
    other = folder_of(tmp_path / "tired", rows_of("mdev", 1300.0), **changes)
    assert call(tmp_path / "out", rest=rest, tired=other) == 0
    found = table(tmp_path / "out")
    pairs = found[found["compared"] == "contexts"]
    assert (pairs["status"] == "not_measured").all() and (pairs["note"] == why).all()
    assert pairs["ratio"].isna().all()


def test_two_methods_are_never_compared(rest, tmp_path):
    other = folder_of(tmp_path / "tired", rows_of("swe", 1300.0), method="swe", hertz=())
    assert call(tmp_path / "out", rest=rest, tired=other) == 0
    found = table(tmp_path / "out")
    pairs = found[found["compared"] == "contexts"]
    assert pairs["ratio"].isna().all()
    assert set(pairs["note"]) == {"mdev was not run in tired", "swe was not run in rest"}


def shown(value, angle=None):
    half = 0.03 * value
    rows = [Measure(GM, "stiffness_swe_shear", value, "Pa", n=200, ci_low=value - half,
                    ci_high=value + half)]  # fmt: skip
    return rows if angle is None else [*rows, Measure(GM, "swe_angle", angle, "deg", n=200)]


@pytest.mark.parametrize(
    ("second", "angles", "said", "unsaid"),
    [
        (5600.0, (8.0, 9.0), "placed again", "degrees"),
        (6500.0, (8.0, 20.0), "at 8 and at 20 degrees to the fibres", "not known"),
        (5050.0, (8.0, 9.0), None, "placed again"),
        (5050.0, (None, 9.0), "wave and fibre, which changes rho c^2, is not known", "degrees"),
    ],
)
def test_what_the_probe_may_have_changed_is_said(tmp_path, second, angles, said, unsaid):
    folders = {
        name: folder_of(tmp_path / name, shown(value, angle), method="swe", hertz=())
        for name, value, angle in zip(("rest", "tired"), (5000.0, second), angles, strict=True)
    }
    assert call(tmp_path / "out", **folders) == 0
    (row,) = table(tmp_path / "out").to_dict("records")
    note = row["note"] if isinstance(row["note"], str) else ""
    assert (said or "") in note and unsaid not in note
    assert row["verdict"] == ("differ" if second > 5500 else "no difference shown")
    assert row["ratio"] == pytest.approx(second / 5000, rel=1e-4)


def refused(capsys, out, *words, **contexts):
    assert call(out, **contexts) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert not Path(out).exists() or not any(Path(out).iterdir())


def test_what_cannot_be_compared_is_refused(rest, tmp_path, capsys):
    out = tmp_path / "out"
    stranger = folder_of(tmp_path / "x", rows_of("mdev", 900.0), prefix="sub-02")
    refused(capsys, out, "another person", "sub-02", rest=rest, tired=stranger)
    later = folder_of(tmp_path / "y", rows_of("mdev", 900.0), prefix="sub-01_ses-2")
    refused(capsys, out, "another session", "pennate compare", rest=rest, tired=later)
    refused(capsys, out, "same files", rest=rest, tired=rest)
    refused(capsys, out, "Give --context twice", rest=rest)
    refused(capsys, out, "no such folder", rest=rest, tired=tmp_path / "none")
    (tmp_path / "empty").mkdir()
    refused(capsys, out, "no measures of stiffness", rest=rest, tired=tmp_path / "empty")
    folder_of(stranger, rows_of("mdev", 900.0))
    refused(capsys, out, "holds stiffness of sub-01, sub-02", rest=rest, tired=stranger)
    assert main(["contexts", "--context", "rest", "--out", str(out)]) == 2
    assert "NAME=FOLDER" in capsys.readouterr().err


def test_a_damaged_table_is_named(rest, tmp_path, capsys):
    other = folder_of(tmp_path / "tired", rows_of("mdev", 1300.0))
    path = other / "sub-01_desc-mdev_measures.tsv"
    path.write_text(path.read_text()[:-20])
    refused(capsys, tmp_path / "out", "measures.tsv", rest=rest, tired=other)
    sidecar = json.loads((rest / "sub-01_desc-mdev_measures.json").read_text())
    assert sidecar["Settings"]["erode_mm"] == 3.0
