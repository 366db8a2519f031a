import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from imaging.config import Settings
from imaging.dataset import Finding, Session
from imaging.errors import MissingFileError
from imaging.outputs import promised
from imaging.pipeline.plan import Plan, fibre_options
from imaging.pipeline.start import start


def plan(**settings):
    content = {"bids_dir": "in", "out_dir": "out", **settings}
    return Plan(Settings(**content), [Session("01", "a")])


def test_without_a_viewer_none_is_expected():
    (session,) = plan().sessions.values()
    with_viewer = plan().files("export", session)
    without = plan(export={"viewer": False}).files("export", session)
    assert set(with_viewer) - set(without) == {"out/sub-01/ses-a/export/sub-01_ses-a_viewer.html"}
    assert len(with_viewer) == len(promised("export"))


def test_what_lies_beside_an_input_counts_as_input(tmp_path):
    waves = tmp_path / "sub-01_acq-60Hz_part-phase_mre.nii.gz"
    walk = tmp_path / "sub-01_task-walk_emg.edf"
    names = ["sub-01_acq-60Hz_part-phase_mre.json", "sub-01_acq-60Hz_part-mag_mre.nii.gz"]
    names += ["sub-01_task-walk_channels.tsv", "sub-01_task-walk_events.tsv"]
    for path in (waves, walk, *(tmp_path / name for name in names)):
        path.touch()
    session = Session("01", waves=(waves,), recordings=(walk,))
    found = Plan(Settings(bids_dir="in", out_dir="out"), [session])
    wildcards = SimpleNamespace(prefix="sub-01")
    paths = [str(tmp_path / name) for name in names]
    assert found.beside("waves")(wildcards) == paths[:2]
    assert found.beside("recordings")(wildcards) == paths[2:]
    assert found.beside("stiffness")(wildcards) == []


def test_other_images_vote_where_the_network_labels_and_settings_let_them():
    session = Session("01", anat=Path("T1w.nii"), others=(Path("T2w.nii"), Path("water.nii")))
    wildcards = SimpleNamespace(prefix="sub-01")
    for settings, voters in (
        ({}, ["T2w.nii", "water.nii"]),
        ({"votes": False}, []),
        ({"method": "atlas"}, []),
        ({"model": "musclemap"}, []),
    ):
        content = Settings(bids_dir="in", out_dir="out", segmentation=settings)
        assert Plan(content, [session]).segment_inputs(wildcards)["also"] == voters


def test_waves_and_frames_get_fibre_directions_only_where_diffusion_gives_them(tmp_path):
    waves, frame = tmp_path / "a_mre.nii.gz", tmp_path / "a_swe.png"
    sessions = [
        Session("01", dwi=tmp_path / "dwi.nii.gz", waves=(waves,), frames=(frame,)),
        Session("02", waves=(waves,)),
    ]
    found = Plan(Settings(bids_dir="in", out_dir="out"), sessions)
    with_fibres = found.directions(SimpleNamespace(prefix="sub-01"))
    assert fibre_options(with_fibres) == (
        "--directions out/sub-01/fibre/sub-01_desc-smooth_direction.nii.gz "
        "--dispersion out/sub-01/fibre/sub-01_desc-dispersion_direction.nii.gz"
    )
    without = found.directions(SimpleNamespace(prefix="sub-02"))
    assert (without, fibre_options(without)) == ([], "")
    assert "ultrasound" in found.stages(sessions[0])
    assert "--us-dir" in found.map_folders(SimpleNamespace(prefix="sub-01"))
    assert "--us-dir" not in found.map_folders(SimpleNamespace(prefix="sub-02"))


def test_braces_in_paths_and_settings_are_no_wildcards():
    found = plan(out_dir="{A}/[b] {}", segmentation={"atlas": "/x/{A}/legs"})
    (session,) = found.sessions.values()
    assert found.files("map", session)[0] == "{A}/[b] {}/sub-01/ses-a/map/sub-01_ses-a_map.vti"
    told = found.settings_of("segmentation")(None)
    assert json.loads(told)["atlas"] == "/x/{A}/legs"


def test_reasons_of_the_map_are_those_of_missing_inputs_only():
    findings = (
        Finding("01", "a", "dwi", "missing", (), "no fascicles, FA or MD"),
        Finding("01", "a", "anat/", "not_taken", ("x.nii",), "rename it"),
    )
    found = Plan(Settings(bids_dir="in", out_dir="out"), [Session("01", "a", findings=findings)])
    missing = found.missing(SimpleNamespace(prefix="sub-01_ses-a"))
    assert json.loads(missing) == {"dwi": "no fascicles, FA or MD"}


def test_a_personal_model_is_made_only_where_the_settings_name_one():
    wildcards = SimpleNamespace(prefix="sub-01_ses-a")
    assert not [f for f in plan().participant_targets() if "/model/" in f]
    assert plan().model_shown(wildcards) == []
    found = plan(model={"file": "models/{prefix}.osim"}, fibres={"sarcomere_length_um": 2.9})
    assert found.model(wildcards) == "models/sub-01_ses-a.osim"
    made = "out/sub-01/ses-a/model/sub-01_ses-a_model.tsv"
    assert made in found.targets_of(Session("01", "a")) and made in found.model_shown(wildcards)
    settings = json.loads(found.model_settings(wildcards))
    assert settings["sarcomere_length_um"] == 2.9 and "file" not in settings


def test_a_model_that_is_not_there_is_told_before_anything_runs(tmp_path, monkeypatch):
    module = sys.modules["imaging.pipeline.start"]
    monkeypatch.setattr("imaging.export.opensim.library.require_opensim", lambda: None)
    monkeypatch.setattr(module, "usable_sessions", lambda settings: [Session("01", "a")])
    config = {"bids_dir": str(tmp_path), "out_dir": str(tmp_path / "out"),
              "model": {"file": str(tmp_path / "{prefix}.osim")}}  # fmt: skip
    with pytest.raises(MissingFileError, match=r"sub-01_ses-a\.osim: model\.file: no such"):
        start(config, first=True)
    (tmp_path / "sub-01_ses-a.osim").touch()
    assert start(config, first=True).model_of("sub-01_ses-a").endswith("sub-01_ses-a.osim")


def test_only_sessions_of_the_plan_are_visits_in_the_order_of_time():
    people = {"01": ("10", "2"), "02": ("pre", "post"), "03": ("1",), "04": ("1", "01")}
    sessions = [Session(who, label) for who, own in people.items() for label in own]
    made = Plan(Settings(bids_dir="in", out_dir="out"), sessions)
    assert made.comparisons() == ["out/sub-01_comparison.html", "out/sub-01_comparison.tsv"]
    assert made.sessions_of_person(SimpleNamespace(person="sub-01")) == "--session 2 --session 10"
    assert "visits are not compared: sub-02, sub-04." in made.not_compared()
    assert Plan(made.settings, sessions[:2]).not_compared() == ""


def test_a_page_waits_only_for_exports_that_are_there_or_may_be_made(tmp_path):
    made = plan(out_dir=str(tmp_path))
    wildcards = SimpleNamespace(prefix="sub-01_ses-a")
    files = made.exports_shown(wildcards)
    assert files == made.files("export", made.session(wildcards))
    made.allowed = lambda: {"report", "group_report"}
    assert made.exports_shown(wildcards) == []


def test_the_group_is_told_who_was_asked_for():
    assert plan().group_members() == ""
    chosen = plan(participants=["01", "b"], sessions=["a"])
    assert chosen.group_members() == "--participant-label 01 --participant-label b --session-id a"


def test_steps_take_one_thread_each_where_sessions_fill_the_cores():
    plan = Plan(Settings(bids_dir="in", out_dir="out"), [Session(f"{n}", "a") for n in range(3)])
    assert plan.threads(2) == plan.threads(5) == 1
    assert plan.threads(6) == plan.threads(None) == 2
