from pathlib import Path

import pytest

from imaging.dataset import entities, find_sessions, sibling, suffix_of
from imaging.errors import ConfigError, DatasetError, MissingFileError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def states(session):
    return {f.input: f.state for f in session.findings}


def test_names():
    path = Path("sub-01_ses-a_echo-2_part-mag_MEGRE.nii.gz")
    assert entities(path) == {"sub": "01", "ses": "a", "echo": "2", "part": "mag"}
    assert suffix_of(path) == "MEGRE"
    assert sibling(path, ".json").name == "sub-01_ses-a_echo-2_part-mag_MEGRE.json"


def test_one_subject_without_sessions(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/dwi/sub-01_dwi.nii.gz",
        "sub-01/mre/sub-01_acq-60Hz_part-phase_mre.nii.gz",
        "sub-01/mre/sub-01_acq-60Hz_part-mag_mre.nii.gz",
        "sub-01/us/sub-01_run-1_swe.igs.mha",
        "sub-01/us/sub-01_run-1_swe.json",
        "sub-01/us/sub-01_run-2_swe.png",
        "sub-01/emg/sub-01_task-walk_emg.c3d",
        "sub-01/emg/sub-01_task-walk_emg.edf",
        "derivatives/manual/sub-01/anat/sub-01_desc-manual_dseg.nii.gz",
        "derivatives/manual/sub-01/anat/sub-01_desc-manual_label-101_aponeurosis.nii.gz",
    )
    (session,) = find_sessions(tmp_path)
    assert session.prefix == session.folder == "sub-01"
    assert session.anat
    assert session.dwi
    assert session.manual_dseg
    assert len(session.waves) == 1
    assert [p.name for p in session.frames] == [
        "sub-01_run-1_swe.igs.mha", "sub-01_run-2_swe.png"
    ]  # fmt: skip
    assert sibling(session.frames[0], ".json").name == "sub-01_run-1_swe.json"
    assert session.recording
    assert session.recording.suffix == ".c3d"
    assert len(session.aponeuroses) == 1
    assert states(session)["stiffness"] == "missing"


def test_sessions_and_filters(tmp_path):
    touch(
        tmp_path,
        "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
        "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz",
        "sub-02/anat/sub-02_T1w.nii",
    )
    assert [s.prefix for s in find_sessions(tmp_path)] == ["sub-01_ses-a", "sub-01_ses-b", "sub-02"]
    assert [s.folder for s in find_sessions(tmp_path, ["sub-01"], ["b"])] == ["sub-01/ses-b"]
    with pytest.raises(DatasetError, match="no participant 09"):
        find_sessions(tmp_path, ["09"])
    with pytest.raises(DatasetError, match="no such session"):
        find_sessions(tmp_path, ["01"], ["z"])


def test_two_images_are_ambiguous_until_one_is_selected(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_acq-lowres_T1w.nii.gz",
        "sub-01/anat/sub-01_acq-highres_T1w.nii.gz",
    )
    (session,) = find_sessions(tmp_path)
    assert session.anat is None
    assert states(session)["anat"] == "ambiguous"
    (session,) = find_sessions(tmp_path, select={"anat": "*highres*"})
    assert session.anat
    assert "highres" in session.anat.name


def test_first_magnitude_echo_serves_where_there_is_no_t1(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_echo-1_part-mag_MEGRE.nii.gz",
        "sub-01/anat/sub-01_echo-1_part-phase_MEGRE.nii.gz",
        "sub-01/anat/sub-01_echo-2_part-mag_MEGRE.nii.gz",
    )
    (session,) = find_sessions(tmp_path)
    assert session.anat
    assert session.anat.name == "sub-01_echo-1_part-mag_MEGRE.nii.gz"


def test_empty_and_absent_folders(tmp_path):
    with pytest.raises(DatasetError, match="holds no folder sub-"):
        find_sessions(tmp_path)
    with pytest.raises(MissingFileError):
        find_sessions(tmp_path / "absent")


def test_a_second_contrast_can_be_selected(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_T2w.nii.gz")
    (session,) = find_sessions(tmp_path, select={"anat": "*_T2w.nii.gz"})
    assert session.anat
    assert session.anat.name == "sub-01_T2w.nii.gz"


def test_a_selection_that_matches_nothing_is_named(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/dwi/sub-01_dwi.nii.gz")
    (session,) = find_sessions(tmp_path, select={"dwi": "*acq-fine*"})
    assert session.dwi is None
    (message,) = [f.message for f in session.findings if f.input == "dwi"]
    assert "*acq-fine*" in message
    with pytest.raises(ConfigError, match="t1w"):
        find_sessions(tmp_path, select={"t1w": "*"})


def test_two_ready_maps_are_ambiguous(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/mre/sub-01_acq-30Hz_stiffness.nii.gz",
        "sub-01/mre/sub-01_acq-60Hz_stiffness.nii.gz",
    )
    (session,) = find_sessions(tmp_path)
    assert session.stiffness is None
    assert states(session)["stiffness"] == "ambiguous"


def test_suffixes_in_capitals(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/emg/sub-01_task-walk_emg.C3D",
        "sub-01/emg/sub-01_task-walk_emg.edf",
    )
    (session,) = find_sessions(tmp_path)
    assert session.recording
    assert session.recording.suffix == ".C3D"


def test_session_folders_must_be_bids_labels(tmp_path):
    touch(tmp_path, "sub-01/ses-a b/anat/sub-01_T1w.nii.gz")
    with pytest.raises(DatasetError, match="no BIDS label"):
        find_sessions(tmp_path)
