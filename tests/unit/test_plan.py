from types import SimpleNamespace

from imaging.config import Settings
from imaging.dataset import Session
from imaging.plan import OUTPUTS, Plan, code


def plan(**settings):
    content = {"bids_dir": "in", "out_dir": "out", **settings}
    return Plan(Settings(**content), [Session("01", "a")])


def test_code_changes_between_stages_and_not_between_calls():
    digests = {stage: code(stage) for stage in ("segmentation", "fibres", "map", "report")}
    assert len(set(digests.values())) == 4
    assert all(code(stage) == digest for stage, digest in digests.items())


def test_without_a_viewer_none_is_expected():
    (session,) = plan().sessions.values()
    with_viewer = plan().files("export", session)
    without = plan(export={"viewer": False}).files("export", session)
    assert set(with_viewer) - set(without) == {"out/sub-01/ses-a/export/sub-01_ses-a_viewer.html"}
    assert len(with_viewer) == len(OUTPUTS["export"][1])


def test_what_lies_beside_an_input_counts_as_input(tmp_path):
    waves = tmp_path / "sub-01_acq-60Hz_part-phase_mre.nii.gz"
    walk = tmp_path / "sub-01_task-walk_emg.edf"
    names = ["sub-01_acq-60Hz_part-phase_mre.json", "sub-01_acq-60Hz_part-mag_mre.nii.gz"]
    names += ["sub-01_task-walk_channels.tsv", "sub-01_task-walk_events.tsv"]
    for path in (waves, walk, *(tmp_path / name for name in names)):
        path.touch()
    session = Session("01", waves=(waves,), recording=walk)
    found = Plan(Settings(bids_dir="in", out_dir="out"), [session])
    wildcards = SimpleNamespace(prefix="sub-01")
    paths = [str(tmp_path / name) for name in names]
    assert found.beside("waves")(wildcards) == paths[:2]
    assert found.beside("recording")(wildcards) == paths[2:]
    assert found.beside("stiffness")(wildcards) == []
