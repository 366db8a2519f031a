"""``pennate function`` on the phantom's walk and on a real trial."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import c3d_bytes
import numpy as np
import pandas as pd
import pytest
from output_contract import assert_as_promised

from imaging.cli.app import main
from imaging.measures import read_measures
from imaging.muscles import label_of
from imaging.phantom.emg_files import write_walking

P = "sub-01"
STEM = f"{P}/emg/{P}_task-walk_emg"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bids")
    write_walking(folder / P, folder / "truth", subject="01", session=None, seed=7, preset="demo")
    return folder


def run(recording: Path, out: Path, *more: str) -> int:
    arguments = ["function", "--recording", recording, "--out", out, "--prefix", P, *more]
    return main([str(a) for a in arguments])


@pytest.fixture(scope="module", params=["c3d", "edf"])
def phantom_out(request, dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    assert run(dataset / f"{STEM}.{request.param}", out) == 0
    return out


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / f"{P}_{name}.tsv", sep="\t")


def test_every_file_is_in_the_table_of_outputs(phantom_out):
    assert_as_promised(phantom_out, P, "function")


def test_onsets_agree_with_the_truth(phantom_out, dataset):
    truth = pd.read_csv(dataset / f"truth/{P}_desc-truth_onsets.tsv", sep="\t")
    found = table(phantom_out, "onsets")
    found = found[found["main"] == 1]
    both = truth.merge(found, on=["muscle", "side", "stride"], suffixes=("_true", ""))
    assert len(both) == 10 * 8
    for name in ("onset_s", "offset_s"):
        error = 1000 * (both[name] - both[f"{name}_true"]).abs()
        assert error.median() < 6
        assert error.quantile(0.95) < 20


def test_events_agree_with_the_truth(phantom_out, dataset):
    truth = pd.read_csv(dataset / f"truth/{P}_desc-truth_events.tsv", sep="\t")
    found = table(phantom_out, "events")
    assert found["trial_type"].tolist() == truth["trial_type"].tolist()
    np.testing.assert_allclose(found["onset"], truth["onset"], atol=0.0055)


def test_activation_is_one_at_its_peak_and_rests_in_between(phantom_out):
    found = table(phantom_out, "activation")
    assert len(found) == 10 * 101
    for (muscle, _), rows in found.groupby(["muscle", "side"]):
        assert rows["mean"].max() == pytest.approx(1, abs=1e-6)
        assert rows["mean"].min() < 0.2
        assert (rows["n"] == 8).all()
        at = rows.loc[rows["mean"].idxmax(), "percent"]
        assert (at > 60 or at < 10) if muscle == "TA" else 10 < at < 55


def test_missing_muscles_are_rows_without_value(phantom_out):
    rows = read_measures(phantom_out / f"{P}_desc-function_measures.tsv")
    deep = [r for r in rows if r.label == label_of("TP", "left")]
    assert deep
    assert all(r.status == "not_measured" and r.value is None for r in deep)
    assert all("no EMG channel" in r.note for r in deep)
    onset = {r.label: r for r in rows if r.measure == "emg_onset" and r.value is not None}
    assert len(onset) == 10
    assert onset[label_of("SOL", "right")].value == pytest.approx(8, abs=3)
    assert onset[label_of("TA", "left")].value == pytest.approx(57, abs=3)
    assert all(r.n == 8 and r.sd is not None for r in onset.values())
    amplitude = [r for r in rows if r.measure.startswith("emg_asymmetry_amplitude")]
    assert len(amplitude) == 5
    assert all(r.status == "not_measured" and "MVC" in r.note for r in amplitude)


def test_every_table_has_a_sidecar(phantom_out):
    for name in ("events", "activation", "onsets", "desc-function_measures"):
        sidecar = json.loads((phantom_out / f"{P}_{name}.json").read_text())
        assert sidecar["SourceFiles"]
        assert sidecar["GeneratedBy"]["Command"] == "pennate function"
    assert not list(phantom_out.glob(".partial*"))


def test_same_bytes_again(dataset, phantom_out, tmp_path):
    about = json.loads((phantom_out / f"{P}_events.json").read_text())
    suffix = about["SourceFiles"][0]["name"][-3:]
    assert run(dataset / f"{STEM}.{suffix}", tmp_path) == 0
    for path in phantom_out.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_unknown_channels_are_reported_and_can_be_named(dataset, tmp_path):
    folder = tmp_path / "emg"
    shutil.copytree(dataset / f"{P}/emg", folder)
    channels = folder / f"{P}_task-walk_channels.tsv"
    frame = pd.read_csv(channels, sep="\t", keep_default_na=False)
    frame["target_muscle"] = frame["target_muscle"].replace("left soleus", "muscle 7")
    frame.to_csv(channels, sep="\t", index=False)
    recording = folder / f"{P}_task-walk_emg.edf"
    assert run(recording, tmp_path / "a") == 0
    notes = json.loads((tmp_path / f"a/{P}_desc-function_notes.json").read_text())
    assert any("L_SOL" in w for w in notes["warnings"])
    assert "L_SOL" not in notes["facts"]["channels"]
    named = json.dumps({"channels": {"L_SOL": "left SOL"}})
    assert run(recording, tmp_path / "b", "--settings", named) == 0
    notes = json.loads((tmp_path / f"b/{P}_desc-function_notes.json").read_text())
    assert notes["facts"]["channels"]["L_SOL"] == label_of("SOL", "left")


def test_recording_without_events_says_so(dataset, tmp_path):
    recording = tmp_path / "walk_emg.edf"
    shutil.copy(dataset / f"{STEM}.edf", recording)
    assert run(recording, tmp_path / "out") == 0
    rows = read_measures(tmp_path / f"out/{P}_desc-function_measures.tsv")
    assert all(r.status == "not_measured" for r in rows)
    assert table(tmp_path / "out", "activation").empty


@pytest.mark.parametrize("content", [b"not a recording", b""])
def test_bad_recording_ends_with_exit_code_2_and_leaves_nothing(tmp_path, content, capsys):
    recording = tmp_path / "a.c3d"
    recording.write_bytes(content)
    assert run(recording, tmp_path / "out") == 2
    assert "a.c3d" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_other_suffixes_are_refused(tmp_path, capsys):
    (tmp_path / "a.doc").write_text("x")
    assert run(tmp_path / "a.doc", tmp_path / "out") == 2
    assert ".c3d" in capsys.readouterr().err


def test_two_recordings_of_one_name_are_refused(dataset, tmp_path, capsys):
    recording = dataset / f"{STEM}.edf"
    assert run(recording, tmp_path / "out", "--recording", str(recording)) == 2
    assert "several recordings are named" in capsys.readouterr().err


def test_a_session_of_many_recordings(dataset, tmp_path):
    """Two walks, of which one was corrected by a person, and a maximal contraction."""
    home = tmp_path / P / "emg"
    shutil.copytree(dataset / f"{P}/emg", home)
    start = f"{P}_task-walk"
    for path in [p for p in home.iterdir() if p.name.startswith(start) and p.suffix != ".c3d"]:
        for task in ("task-walk_run-2", "task-mvc"):
            shutil.copy(path, path.with_name(path.name.replace("task-walk", task)))
    (home / f"{P}_task-mvc_events.tsv").unlink()
    events = pd.read_csv(home / f"{start}_run-2_events.tsv", sep="\t")
    manual = tmp_path / f"derivatives/manual/{P}/emg"
    manual.mkdir(parents=True)
    right = events[events["trial_type"].str.startswith("right")]
    right.to_csv(manual / f"{start}_run-2_events.tsv", sep="\t", index=False)
    rows = [f"emg/{start}_emg.edf\tbefore", f"emg/{start}_run-2_emg.edf\tafter"]
    (tmp_path / P / f"{P}_scans.tsv").write_text("\n".join(["filename\tfatigue", *rows]) + "\n")
    out = tmp_path / "out"
    more = [
        text
        for name in (f"{start}_run-2", f"{P}_task-mvc")
        for text in ("--recording", str(home / f"{name}_emg.edf"))
    ]
    assert run(home / f"{start}_emg.c3d", out, *more) == 0
    found = table(out, "events")
    assert found["trial"].unique().tolist() == ["task-walk", "task-walk_run-2"]
    second = found[found["trial"] == "task-walk_run-2"]
    assert len(second) == len(right)
    assert set(second["source"]) == {"manual"}
    np.testing.assert_allclose(second["onset"], right["onset"], atol=1e-3)
    sources = json.loads((out / f"{P}_events.json").read_text())["SourceFiles"]
    names = [s["name"] for s in sources]
    assert len([n for n in names if n.endswith("run-2_events.tsv")]) == 2
    assert f"{P}_scans.tsv" in names
    assert f"{P}_task-mvc_emg.edf" in names


def test_maximal_contractions_alone_are_said(dataset, tmp_path, capsys):
    recording = tmp_path / f"{P}_task-mvc_emg.edf"
    shutil.copy(dataset / f"{STEM}.edf", recording)
    assert run(recording, tmp_path / "out") == 0
    rows = read_measures(tmp_path / f"out/{P}_desc-function_measures.tsv")
    assert all(r.status == "not_measured" for r in rows if r.measure.startswith("emg_onset"))


def test_phantom_is_valid_bids(dataset, tmp_path):
    validator = Path(sys.executable).with_name("bids-validator-deno")
    if not validator.exists():
        pytest.skip("bids-validator-deno is not installed")
    shutil.copytree(dataset / P, tmp_path / P)
    description = {"Name": "walk", "BIDSVersion": "1.11.0", "DatasetType": "raw", "License": "CC0"}
    (tmp_path / "dataset_description.json").write_text(json.dumps(description))
    (tmp_path / "README").write_text("A synthetic walk.\n" * 10)
    (tmp_path / ".bidsignore").write_text("**/*.c3d\n")
    done = subprocess.run(
        [validator, tmp_path, "--ignoreWarnings", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [i for i in issues if i.get("severity") == "error"] == []


@pytest.fixture
def plain(dataset):
    return c3d_bytes.read(dataset / f"{STEM}.c3d")


def notes_of(out: Path) -> dict:
    return json.loads((out / f"{P}_desc-function_notes.json").read_text())


def test_a_foot_that_partly_loads_a_plate_does_not_move_the_strike(plain, dataset, tmp_path):
    """The plate begins in front of the right heel: its force comes 87 ms late."""
    corners = plain["FORCE_PLATFORM:CORNERS"].copy()
    corners[0, [0, 3], 0] += 180  # the side where the walker comes from
    plain["FORCE_PLATFORM:CORNERS"] = corners
    vertical = np.flatnonzero(np.abs(plain.analog[:, :, 2]).ravel() > 10)
    rows = plain.analog.reshape(-1, plain.analog.shape[2])
    rows[vertical[0] - 5 : vertical[0] + 87, :6] = 0
    assert run(c3d_bytes.write(plain, tmp_path / "walk.c3d"), tmp_path / "out") == 0
    found = table(tmp_path / "out", "events")
    right = found[found["trial_type"] == "right_foot_strike"]
    truth = pd.read_csv(dataset / f"truth/{P}_desc-truth_events.tsv", sep="\t")
    truth = truth[truth["trial_type"] == "right_foot_strike"]["onset"]
    np.testing.assert_allclose(right["onset"], truth, atol=0.0055)
    assert set(right["source"]) == {"file"}
    notes = notes_of(tmp_path / "out")
    assert any("partly on force plate 1" in w for w in notes["warnings"])
    late = [a for a in notes["facts"]["event_agreement"] if a["used"] == "file"]
    # Without a marker on the forefoot the heel speaks for the lift, too.
    assert [a["event"] for a in late] == ["right_foot_strike", "right_foot_off"]
    assert late[0]["file_minus_force_ms"] == pytest.approx(-87, abs=8)


def test_names_that_are_not_understood_are_listed_and_markers_tell_the_strike(plain, tmp_path):
    events = zip(plain["EVENT:CONTEXTS"], plain["EVENT:LABELS"], strict=True)
    strikes = [i for i, e in enumerate(events) if e == ("Left", "Foot Strike")]
    labels = list(plain["EVENT:LABELS"])
    for i in strikes[2::3]:
        labels[i] = "Plonk"
    plain["EVENT:LABELS"] = labels
    assert run(c3d_bytes.write(plain, tmp_path / "walk.c3d"), tmp_path / "out") == 0
    notes = notes_of(tmp_path / "out")
    said = " ".join(notes["warnings"])
    assert f"Left Plonk ({len(strikes[2::3])})" in said
    assert f"{len(strikes[2::3])} of 34 events rest on markers alone" in said
    rows = read_measures(tmp_path / f"out/{P}_desc-function_measures.tsv")
    length = {r.measure: r.value for r in rows if r.label == 0}
    assert length["stride_time_left"] == pytest.approx(length["stride_time_right"], rel=0.03)
    onset = {r.label: r.value for r in rows if r.measure == "emg_onset"}
    assert onset[label_of("SOL", "left")] == pytest.approx(8, abs=3)


@pytest.mark.parametrize("length", [1, 3])
def test_a_recording_too_short_for_a_stride_is_refused(length, tmp_path, capsys):
    path = c3d_bytes.write(c3d_bytes.small(length), tmp_path / "static.c3d")
    assert run(path, tmp_path / "out") == 2
    assert "too short for one stride" in capsys.readouterr().err


def test_real_trial(shared_data, tmp_path):
    assert run(shared_data / "function/gait_emg_forceplates.c3d", tmp_path) == 0
    notes = json.loads((tmp_path / f"{P}_desc-function_notes.json").read_text())
    channels = notes["facts"]["channels"]
    assert channels == {
        f"{side[0].upper()}_{name}": label_of(key, side)
        for side in ("left", "right")
        for name, key in (("TA", "TA"), ("GL", "GL"), ("PE", "PL+PB"), ("RF", "RF"), ("ST", "ST"))
    }
    warnings = " ".join(notes["warnings"])
    assert all(f"{side}_{name} (thigh)" in warnings for side in "LR" for name in ("RF", "ST"))
    assert "Pin 16" in warnings
    agreement = notes["facts"]["event_agreement"]
    assert len(agreement) == 4
    assert all(abs(a["frames"]) <= 1 for a in agreement)
    assert all(abs(a["file_minus_force_ms"]) <= 12 for a in agreement)
    # The right heel comes down 50 mm in front of plate 1.
    assert [a["used"] for a in agreement] == ["file", *(f"force plate {n}" for n in (2, 1, 2))]
    assert notes["facts"]["strides"] == {"left": 2, "right": 3}
    events = table(tmp_path, "events")
    assert len(events) == 12
    assert events["onset"].between(1.47, 4.62).all()
    rows = read_measures(tmp_path / f"{P}_desc-function_measures.tsv")
    onset = {r.label: r.value for r in rows if r.measure == "emg_onset" and r.value is not None}
    # Tibialis anterior begins around toe-off, gastrocnemius in stance.
    assert 50 < onset[label_of("TA", "right")] < 75
    assert 5 < onset[label_of("GL", "right")] < 45
    together = [r for r in rows if r.label == label_of("PL", "left")]
    assert all(r.status == "not_measured" and "PL+PB" in r.note for r in together)
    text = " ".join(p.read_text() for p in tmp_path.glob("*"))
    assert "BELT" not in text, "the subject's name in the file must not be passed on"
