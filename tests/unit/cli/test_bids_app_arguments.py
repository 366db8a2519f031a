from pathlib import Path

import pytest

from imaging.cli.app import main, spread
from imaging.cli.run import _settings


def test_several_values_after_one_flag():
    given = ["run", "in", "out", "participant", "--participant_label", "01", "02", "--nprocs", "2"]
    assert spread(given) == [
        "run", "in", "out", "participant", "--participant_label", "01",
        "--participant_label", "02", "--nprocs", "2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        ["run", "--participant-label", "01", "in", "out", "participant"],
        ["run", "in", "out", "participant", "--participant-label", "1", "--participant-label", "2"],
        ["check", "in", "--participant-label=01"],
        ["--version"],
        [],
    ],
)
def test_other_arguments_stay_as_they_are(given):
    assert spread(given) == given


def test_check_takes_several_participants(tmp_path, capsys):
    for subject in ("01", "02", "03"):
        path = tmp_path / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        path.touch()
    assert main(["check", str(tmp_path), "--names-only", "--participant-label", "01", "03"]) == 0
    assert "2 of 2 sessions can be run" in capsys.readouterr().out


def test_folders_of_the_settings_are_those_of_the_caller(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("segmentation: {atlas: legs}", encoding="utf-8")
    settings = _settings(Path("in"), Path("out"), Path("mine.yaml"), None, None)
    assert settings.segmentation.atlas == str(tmp_path / "legs")
    assert settings.out_dir == str(tmp_path / "out")


def test_check_heeds_what_the_settings_select(tmp_path, capsys):
    anat = tmp_path / "bids" / "sub-01" / "anat"
    anat.mkdir(parents=True)
    for name in ("sub-01_acq-a_T1w.nii.gz", "sub-01_acq-b_T1w.nii.gz"):
        (anat / name).touch()
    mine = tmp_path / "mine.yaml"
    mine.write_text("select: {anat: '*acq-b*'}", encoding="utf-8")
    call = ["check", str(tmp_path / "bids"), "--names-only"]
    assert main(call) == 2
    assert "2 files may be the anatomical image" in capsys.readouterr().err
    assert main([*call, "--config", str(mine)]) == 0
