"""Waves and frames of other contexts: found by name, run alone, held against those at rest."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from imaging.config import Settings
from imaging.dataset import Session, find_sessions
from imaging.dataset.session import OtherContext
from imaging.pipeline import Contexts, Plan


def touch(root: Path, *names: str) -> Path:
    for name in ("anat/sub-01_T1w.nii.gz", *names):
        path = root / "sub-01" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def waves(*contexts: str) -> list[str]:
    return [f"mre/sub-01{c}_part-{p}_mre.nii.gz" for c in contexts for p in ("phase", "mag")]


@pytest.mark.parametrize(
    ("given", "mapped", "others"),
    [
        (("_task-rest", "_task-contracted"), "rest", ["contracted"]),
        (("", "_task-contracted"), "baseline", ["contracted"]),
        (("_task-tired", "_task-rest", "_task-contracted"), "rest", ["contracted", "tired"]),
        (("_acq-relaxed", "_acq-mvc"), "rest", ["mvc"]),
        (("",), "baseline", []),
    ],
)
def test_contexts_are_found_by_name(tmp_path, given, mapped, others):
    (found,) = find_sessions(touch(tmp_path, *waves(*given)))
    assert found.context("waves") == mapped
    assert [c.name for c in found.contexts] == others
    assert all(len(c.files) == 1 and c.kind == "waves" for c in found.contexts)
    assert len(found.waves) == 1
    names = {f.input for f in found.findings if f.state == "found"}
    assert ("contexts" in names) == bool(others)
    assert not [f for f in found.findings if f.input == "mre/"]


def test_without_rest_nobody_knows_which_context_is_meant(tmp_path):
    (found,) = find_sessions(touch(tmp_path, *waves("_task-tired", "_task-contracted")))
    assert found.waves == () and found.contexts == ()
    assert "ambiguous" in {f.state for f in found.findings if f.input == "waves"}


@pytest.fixture
def contexts(tmp_path):
    rest, tired = tmp_path / "a_task-rest_mre.nii.gz", tmp_path / "a_task-tired_mre.nii.gz"
    for path in (tired, tmp_path / "a_task-tired_mre.json"):
        path.touch()
    frames = tmp_path / "a_task-tired_swe.png"
    session = Session(
        "01", "a", waves=(rest,), frames=(tmp_path / "a_task-rest_swe.png",),
        contexts=(OtherContext("waves", "tired", (tired,)),
                  OtherContext("frames", "tired", (frames,))),
    )  # fmt: skip
    return Contexts(Plan(Settings(bids_dir="in", out_dir="out"), [session]))


def test_a_context_is_run_on_its_own_files_and_what_lies_beside(contexts, tmp_path):
    one = SimpleNamespace(prefix="sub-01_ses-a", kind="mre", context="tired")
    assert contexts.given(one) == [str(tmp_path / "a_task-tired_mre.nii.gz")]
    assert contexts.beside(one) == [str(tmp_path / "a_task-tired_mre.json")]
    of_frames = SimpleNamespace(prefix="sub-01_ses-a", kind="us", context="tired")
    assert contexts.given(of_frames) == [str(tmp_path / "a_task-tired_swe.png")]


def test_the_mapped_context_comes_first_and_the_page_waits_for_both_kinds(contexts):
    one = SimpleNamespace(prefix="sub-01_ses-a", kind="mre")
    found = contexts.compared(one)
    assert found["others"] == ["out/sub-01/ses-a/contexts/mre/sub-01_ses-a_tired"]
    said = contexts.options(one, found["mapped"], found["others"])
    assert said == (
        "--context rest=out/sub-01/ses-a/mre "
        "--context tired=out/sub-01/ses-a/contexts/mre/sub-01_ses-a_tired"
    )
    shown = contexts.shown(one)
    folders = {str(Path(f).parent) for f in shown}
    assert folders == {"out/sub-01/ses-a/contexts/mre", "out/sub-01/ses-a/contexts/us"}
    assert contexts.shown_options(shown).count("--contexts-dir") == 2


def test_a_session_of_one_context_compares_nothing():
    session = Session("01", waves=(Path("a_mre.nii.gz"),))
    found = Contexts(Plan(Settings(bids_dir="in", out_dir="out"), [session]))
    assert found.shown(SimpleNamespace(prefix="sub-01")) == []
    assert found.shown_options([]) == ""
