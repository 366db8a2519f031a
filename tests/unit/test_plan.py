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
