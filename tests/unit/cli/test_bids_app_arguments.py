from pathlib import Path

import pytest

from imaging import __version__
from imaging.cli.app import VERBS, as_bids_app, main
from imaging.cli.run import _settings

RUN = ["run", "in", "out", "participant"]
TWO = ["--participant-label", "01", "--participant-label", "02"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([*RUN, "--participant_label", "01", "02", "--nprocs", "2"], [*RUN, *TWO, "--nprocs", "2"]),
        ([*RUN, "--participant-label=01", "02"],
         [*RUN, "--participant-label=01", "--participant-label", "02"]),
        (["run", "--participant-label", "01", "02", "in", "out", "participant"],
         ["run", *TWO, "in", "out", "participant"]),
        (["run", "--participant_label", "01", "02", "--", "in", "out", "participant"],
         ["run", *TWO, "--", "in", "out", "participant"]),
        (["run", "--participant-label", "01", "02", "--n_cpus", "2", "in", "out", "group"],
         ["run", *TWO, "--nprocs", "2", "in", "out", "group"]),
        (["check", "--participant-label", "01", "02", "in"], ["check", *TWO, "in"]),
        (["check", "in", "--session_label", "a", "b"],
         ["check", "in", "--session-id", "a", "--session-id", "b"]),
        ([*RUN, "--skip_bids_validator", "--mem_mb=900"],
         [*RUN, "--skip-bids-validation", "--mem-mb=900"]),
        (["/data", "/out", "participant", "--participant_label", "01"],
         ["run", "/data", "/out", "participant", "--participant-label", "01"]),
        (["--participant_label", "01", "02", "/data", "./out", "group"],
         ["run", *TWO, "/data", "./out", "group"]),
        (["rum", "/data", "/out", "participant"], ["rum", "/data", "/out", "participant"]),
        (["/data", "/out"], ["/data", "/out"]),
        ([], []),
    ],
)  # fmt: skip
def test_arguments_as_bids_apps_have_them(given, taken):
    assert as_bids_app(given) == taken


@pytest.mark.parametrize(
    "given",
    [
        ["run", "--participant-label", "01", "in", "out", "participant"],
        ["run", "in", "out", "participant", "--participant-label", "1", "--participant-label", "2"],
        ["check", "in", "--participant-label=01"],
        ["map", "--anat_dir", "x"],
        ["--version"],
        [],
    ],
)
def test_other_arguments_stay_as_they_are(given):
    assert as_bids_app(given) == given


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_has_a_short_name_everywhere(verb, capsys):
    assert main([verb, "-h"] if verb else ["-h"]) == 0
    assert "Usage: pennate" in capsys.readouterr().out


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


def small_study(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_check_fits_the_terminal_and_names_what_is_not_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    frames = [f"sub-01/us/sub-01_acq-{'long' * 8}{n}_swe.png" for n in range(9)]
    names = ["sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_T2.nii.gz", *frames]
    out = tmp_path / "inputs.tsv"
    small_study(tmp_path / "in", *names)
    assert main(["check", str(tmp_path / "in"), "--names-only", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "and 6 more" in said
    assert "These files are not read:\n  sub-01/anat/sub-01_T2.nii.gz: rename it to" in said
    assert all(name in out.read_text(encoding="utf-8") for name in names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["anat/sub-01_T1.nii.gz"],
         "sub-01: there is no anatomical image (anat/sub-01_T1w.nii.gz); "
         "sub-01/anat/sub-01_T1.nii.gz: rename it to sub-01_T1w.nii.gz."),
        (["anat/sub-01_T1w.nii.gz", "dwi/sub-02_dwi.nii.gz"],
         "sub-01: sub-01/dwi/sub-02_dwi.nii.gz is named sub-02 but lies in the folder of sub-01: "
         "find out whose it is, then move or rename it."),
        (["anat/sub-01_T1w.nii", "anat/sub-01_T1w.nii.gz"],
         "sub-01: 2 files may be the anatomical image, sub-01/anat/sub-01_T1w.nii, "
         "sub-01/anat/sub-01_T1w.nii.gz: the same name as .nii and as .nii.gz: remove one, "),
    ],
)  # fmt: skip
def test_a_refused_session_is_told_in_a_sentence(tmp_path, capsys, names, said):
    root = small_study(tmp_path, *(f"sub-01/{name}" for name in names))
    assert main(["check", str(root), "--names-only"]) == 2
    assert said in capsys.readouterr().err


def test_a_link_without_content_says_how_to_get_it(tmp_path, capsys):
    root = small_study(tmp_path, "sub-01/anat/sub-01_T1w.json")
    (root / "sub-01/anat/sub-01_T1w.nii.gz").symlink_to("../../.git/annex/objects/x")
    for more in ([], ["--names-only"]):
        assert main(["check", str(root), *more]) == 2
        said = capsys.readouterr().err
        assert "the anatomical image cannot be read, sub-01/anat/sub-01_T1w.nii.gz" in said
        assert "datalad get" in said
        assert "Check the path" not in said


def test_names_that_are_not_utf8_are_shown_and_written(tmp_path, capsys):
    root = small_study(tmp_path / "a\udcff{x}\nb", "sub-01/anat/sub-01_T1w.nii.gz")
    small_study(root, "sub-01/anat/sub-01_\udcfe_T2w.nii.gz")
    assert main(["check", str(root), "--out", str(tmp_path / "inputs.tsv")]) == 2
    assert "sub-01_\\udcfe_T2w.nii.gz: rename it to sub-01_T2w.nii.gz" in capsys.readouterr().out
    assert "\\udcff{x}\\nb" in (tmp_path / "inputs.tsv").read_text(encoding="utf-8")


@pytest.mark.parametrize("given", [["--version"], ["-v"], ["/data", "/out", "--version"]])
def test_version_stops_wherever_it_ends_the_line(given, capsys):
    assert main(given) == 0
    assert capsys.readouterr().out == f"pennate {__version__}\n"


def test_a_network_has_a_version_of_its_own(tmp_path, capsys):
    """`pennate train --version 2` once printed the version of Pennate and ended."""
    assert main(["train", str(tmp_path / "run"), "--digital", "0", "--version", "2"]) == 2
    assert "pennate 0" not in capsys.readouterr().out
