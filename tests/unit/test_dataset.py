from pathlib import Path

import pytest

from imaging.cli.app import main
from imaging.dataset import entities, find_sessions, sibling, suffix_of
from imaging.dataset.names import context_of
from imaging.dataset.recording_names import companions
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
    assert [p.suffix for p in session.recordings] == [".c3d"]
    assert len(session.aponeuroses) == 1
    assert states(session)["stiffness"] == "missing"


def test_other_anatomical_images_are_found_but_for_fat_phases_and_later_echoes(tmp_path):
    touch(
        tmp_path,
        *(
            f"sub-01/anat/sub-01_{name}.nii.gz"
            for name in (
                "T1w", "T2w", "acq-dixonWater_T1w", "acq-dixonFat_T1w", "acq-dixonIn_T1w",
                "echo-1_part-mag_MEGRE", "echo-1_part-phase_MEGRE", "echo-2_part-mag_MEGRE",
                "echo-2_part-phase_MEGRE", "MESE",
            )
        ),
        "sub-01/dwi/sub-01_dwi.nii.gz",
    )  # fmt: skip
    (session,) = find_sessions(tmp_path)
    assert session.anat is not None
    assert session.anat.name == "sub-01_T1w.nii.gz"
    assert [p.name.removeprefix("sub-01_").removesuffix(".nii.gz") for p in session.others] == [
        "acq-dixonIn_T1w", "acq-dixonWater_T1w", "T2w", "echo-1_part-mag_MEGRE", "MESE",
    ]  # fmt: skip


def test_a_run_that_was_not_selected_is_no_other_image(tmp_path):
    names = [f"sub-01/anat/sub-01_{n}.nii.gz" for n in ("run-1_T1w", "run-2_T1w", "T2w")]
    touch(tmp_path, *names)
    (session,) = find_sessions(tmp_path, select={"anat": "*run-2*"})
    assert [p.name for p in session.others] == ["sub-01_T2w.nii.gz"]


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
    with pytest.raises(DatasetError, match="no such session: z"):
        find_sessions(tmp_path, ["01"], ["b", "z"])


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
    with pytest.raises(DatasetError, match="has no folder sub-"):
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
    assert [p.suffix for p in session.recordings] == [".C3D"]


def test_session_folders_must_be_bids_labels(tmp_path):
    touch(tmp_path, "sub-01/ses-a b/anat/sub-01_T1w.nii.gz")
    with pytest.raises(DatasetError, match="not a BIDS label"):
        find_sessions(tmp_path)


def rows(session, state):
    """Files of a state with what is said about them."""
    return {Path(f).name: x.message for x in session.findings if x.state == state for f in x.files}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("anat/sub-01_T1.nii.gz", "rename it to sub-01_T1w.nii.gz"),
        ("anat/sub-01_t1w.nii.gz", "rename it to sub-01_T1w.nii.gz"),
        ("anat/sub-01_T1w.NII.GZ", "rename it to sub-01_T1w.nii.gz"),
        ("anat/Sub-01_T1w.nii", "rename it to sub-01_T1w.nii"),
        ("anat/T1w.nii.gz", "rename it to sub-01_T1w.nii.gz"),
        ("anat/sub-01_acq-hi res!_t2.nii.gz", "rename it to sub-01_acq-hires_T2w.nii.gz"),
        ("Anat/sub-01_T1w.nii.gz", "move it to sub-01/anat/sub-01_T1w.nii.gz"),
        ("sub-01_T1w.nii.gz", "move it to sub-01/anat/sub-01_T1w.nii.gz"),
        ("anat/sub-01_dwi.nii.gz", "move it to sub-01/dwi/sub-01_dwi.nii.gz"),
        ("anat/old/sub-01_dti.nii.gz", "move it to sub-01/dwi/sub-01_dwi.nii.gz"),
        ("mre/sub-01_acq-60Hz_mre.nii.gz", "rename it to sub-01_acq-60Hz_part-phase_mre.nii.gz"),
        ("us/IMG 7.PNG", "rename it to sub-01_acq-IMG7_swe.png"),
        ("us/sub-01_{A}_swe.dcm", "rename it to sub-01_acq-A_swe.dcm"),
        ("emg/walk.c3d", "rename it to sub-01_task-walk_emg.c3d"),
        ("dwi/a.dcm", "in dwi/ only .nii.gz, .nii is read: convert it, with pennate convert"),
        ("dwi/sub-01_ADC.nii.gz", "in dwi/ only names are read that end with _dwi.nii.gz"),
        ("func/sub-01_bold.nii.gz", "the workflow does not use it"),
    ],
)  # fmt: skip
def test_what_keeps_a_file_from_being_read_is_named_with_the_likely_name(tmp_path, name, said):
    touch(tmp_path, "sub-01/anat/sub-01_PDw.nii.gz", f"sub-01/{name}")
    (session,) = find_sessions(tmp_path)
    assert rows(session, "not_taken") == {Path(name).name: said}
    assert states(session)["anat"] == "found"


def test_a_likely_name_that_is_in_use_is_not_proposed(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_T1.nii.gz")
    (session,) = find_sessions(tmp_path)
    (said,) = rows(session, "not_taken").values()
    assert said == "it is not read: sub-01_T1w.nii.gz is there already"


@pytest.mark.parametrize(
    ("folder", "name", "said"),
    [
        ("sub-01", "sub-02_T1w.nii.gz", "is named sub-02 but lies in the folder of sub-01"),
        ("sub-01", "SUB02_T1.nii.gz", "is named sub-02 but lies in the folder of sub-01"),
        ("sub-01", "sub-01_ses-2_T1w.nii.gz", "is named ses-2 but lies in the folder of sub-01"),
        ("sub-01/ses-1", "sub-01_ses-2_T1w.nii.gz", "ses-2 but lies in the folder of sub-01/ses-1"),
        ("sub-01/ses-1", "sub-02_ses-1_T1w.nii.gz", "sub-02 but lies in the folder of sub-01/s"),
    ],
)  # fmt: skip
def test_a_file_of_someone_else_is_refused(tmp_path, folder, name, said):
    own = folder.replace("/", "_")
    touch(tmp_path, f"{folder}/anat/{own}_T2w.nii.gz", f"{folder}/anat/{name}")
    (session,) = find_sessions(tmp_path)
    assert session.anat.name == f"{own}_T2w.nii.gz"
    assert said in rows(session, "contradiction")[name]


def test_a_name_without_its_session_is_not_taken(tmp_path):
    touch(tmp_path, "sub-01/ses-1/anat/sub-01_T1w.nii.gz")
    (session,) = find_sessions(tmp_path)
    assert session.anat is None
    assert rows(session, "not_taken") == {
        "sub-01_T1w.nii.gz": "rename it to sub-01_ses-1_T1w.nii.gz"
    }


def test_what_lies_beside_session_folders_is_named(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/dwi/sub-02_dwi.nii.gz",
        "sub-01/ses-1/dwi/sub-01_ses-1_dwi.nii.gz",
        "sub-01/ses-2/dwi/sub-01_ses-2_dwi.nii.gz",
    )
    first, second = find_sessions(tmp_path)
    assert "beside ses-1/, ses-2/" in rows(first, "not_taken")["sub-01_T1w.nii.gz"]
    assert "sub-02" in rows(first, "contradiction")["sub-02_dwi.nii.gz"]
    assert not rows(second, "not_taken")


def test_what_belongs_to_no_subject_is_named(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-02_T1w.nii.gz",
        "Sub-03/anat/Sub-03_T1w.nii.gz",
        "derivatives/manual/sub-04/anat/sub-04_desc-manual_dseg.nii.gz",
        "derivatives/other/sub-04/anat/sub-04_T1w.nii.gz",
        "sourcedata/x.dcm",
        "out/dataset_description.json",
        "out/sub-01/anat/sub-01_dseg.nii.gz",
    )
    (session,) = find_sessions(tmp_path)
    assert set(rows(session, "not_taken")) == {
        "sub-02_T1w.nii.gz", "Sub-03_T1w.nii.gz", "sub-04_desc-manual_dseg.nii.gz"
    }  # fmt: skip


def test_dot_files_are_not_seen(tmp_path):
    touch(
        tmp_path,
        "._sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/._sub-01_T1w.nii.gz",
        "sub-01/us/._sub-01_swe.png",
        "sub-01/us/sub-01_swe.png",
        "sub-01/.old/anat/sub-02_T1w.nii.gz",
        "sub-01/emg/._sub-01_task-walk_emg.edf",
        "sub-01/emg/sub-01_task-walk_emg.edf",
        "derivatives/manual/sub-01/anat/._sub-01_desc-manual_label-1_aponeurosis.nii.gz",
    )
    (session,) = find_sessions(tmp_path)
    assert {f.state for f in session.findings} == {"found", "missing"}
    assert [p.name for p in session.frames] == ["sub-01_swe.png"]
    assert session.aponeuroses == ()


@pytest.mark.parametrize("name", ["anat/sub-01_T1w", "mre/sub-01_part-phase_mre", "dwi/sub-01_dwi"])
def test_the_same_image_twice_is_named(tmp_path, name):
    touch(tmp_path, f"sub-01/{name}.nii", f"sub-01/{name}.nii.gz")
    (session,) = find_sessions(tmp_path)
    (double,) = [f for f in session.findings if f.state == "ambiguous"]
    assert double.files == (f"sub-01/{name}.nii", f"sub-01/{name}.nii.gz")
    assert "remove one" in double.message


@pytest.mark.parametrize("content", ["link", b"/annex/objects/MD5E-s9--1.nii.gz\n",
                                     b"version https://git-lfs.github.com/spec/v1\n"])  # fmt: skip
@pytest.mark.parametrize("name", ["sub-01_dwi.nii.gz", "sub-01_dwi.bval"])
def test_content_that_is_elsewhere_is_said_to_be_so(tmp_path, content, name):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/dwi/sub-01_dwi.nii.gz")
    path = tmp_path / "sub-01/dwi" / name
    path.unlink(missing_ok=True)
    if content == "link":
        path.symlink_to("../../.git/annex/objects/x")
    else:
        path.write_bytes(content)
    (session,) = find_sessions(tmp_path)
    assert states(session)["dwi"] == "not_fetched"
    assert "datalad get" in rows(session, "not_fetched")[name]


def test_folders_that_link_in_a_circle_end(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    (tmp_path / "sub-01/anat/again").symlink_to(tmp_path / "sub-01")
    (session,) = find_sessions(tmp_path)
    assert session.anat


@pytest.mark.parametrize(
    ("name", "said"), [("Sub-01/anat/x.nii", "Rename Sub-01"), ("anat/x.nii", "one subject")]
)
def test_a_folder_without_subjects_says_what_to_do(tmp_path, name, said):
    with pytest.raises(DatasetError, match=said):
        find_sessions(touch(tmp_path, name))


def test_a_session_has_many_recordings_and_what_belongs_to_them(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/emg/sub-01_task-walk_run-1_emg.sto",
        "sub-01/emg/sub-01_task-walk_run-2_emg.csv",
        "sub-01/emg/sub-01_task-mvc_emg.edf",
        "sub-01/emg/sub-01_task-mvc_channels.tsv",
        "sub-01/motion/sub-01_task-walk_run-1_grf.mot",
        "sub-01/motion/sub-01_task-walk_run-1_tracksys-imu_motion.tsv",
        "sub-01/motion/sub-01_task-walk_run-1_tracksys-imu_channels.tsv",
        "sub-01/motion/sub-01_task-stairs_motion.trc",
        "derivatives/manual/sub-01/emg/sub-01_task-walk_run-2_events.tsv",
        "derivatives/manual/sub-01/emg/sub-01_task-walk_run-3_events.tsv",
    )
    (session,) = find_sessions(tmp_path)
    names = [p.name.removeprefix("sub-01_").split(".")[0] for p in session.recordings]
    assert names == ["task-mvc_emg", "task-walk_run-1_emg", "task-walk_run-2_emg"]
    assert states(session)["recording"] == "found"
    assert [p.name for p in companions(session.recordings[1])] == [
        "sub-01_task-walk_run-1_grf.mot", "sub-01_task-walk_run-1_tracksys-imu_motion.tsv"
    ]  # fmt: skip
    assert companions(session.recordings[2]) == []
    assert list(rows(session, "not_needed")) == ["sub-01_task-stairs_motion.trc"]
    assert list(rows(session, "not_taken")) == ["sub-01_task-walk_run-3_events.tsv"]
    (session,) = find_sessions(tmp_path, select={"recording": "*task-walk*"})
    assert len(session.recordings) == 2


def test_one_recording_as_two_kinds_of_files_is_ambiguous(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/emg/sub-01_task-walk_emg.sto",
        "sub-01/emg/sub-01_task-walk_emg.csv",
    )
    (session,) = find_sessions(tmp_path)
    assert states(session)["recording"] == "ambiguous"
    assert session.recordings == ()
    (session,) = find_sessions(tmp_path, select={"recording": "*.sto"})
    assert len(session.recordings) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("emg/walk.csv", "rename it to sub-01_task-walk_emg.csv"),
        ("emg/sub-01_task-walk_grf.mot", "move it to sub-01/motion/sub-01_task-walk_grf.mot"),
        ("motion/sub-01_task-walk_GRF.mot", "rename it to sub-01_task-walk_grf.mot"),
    ],
)
def test_recordings_of_other_names(tmp_path, name, said):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", f"sub-01/{name}")
    (session,) = find_sessions(tmp_path)
    assert rows(session, "not_taken") == {Path(name).name: said}


def test_text_beside_recordings_is_no_recording(tmp_path):
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/notes.txt",
        "sub-01/emg/README.txt",
        "sub-01/emg/sub-01_task-walk_electrodes.tsv",
        "sub-01/sub-01_scans.tsv",
    )
    (session,) = find_sessions(tmp_path)
    assert rows(session, "not_taken") == {}


CONTEXTS = [
    f"sub-01/{folder}/sub-01_task-{task}_{rest}"
    for task in ("rest", "contracted")
    for folder, rest in (
        ("mre", "part-phase_mre.nii.gz"), ("mre", "part-mag_mre.nii.gz"), ("us", "swe.png")
    )
]  # fmt: skip


def test_of_several_contexts_that_at_rest_is_read_and_the_others_are_named(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", *CONTEXTS)
    (session,) = find_sessions(tmp_path)
    assert [p.name for p in session.waves] == ["sub-01_task-rest_part-phase_mre.nii.gz"]
    assert [p.name for p in session.frames] == ["sub-01_task-rest_swe.png"]
    phase, frame = ([n for n in CONTEXTS if "contracted" in n and e in n] for e in ("phase", "swe"))
    assert [(c.kind, c.name, [p.name for p in c.files]) for c in session.contexts] == [
        ("waves", "contracted", [Path(phase[0]).name]),
        ("frames", "contracted", [Path(frame[0]).name]),
    ]
    assert not rows(session, "not_needed")


def test_contexts_without_rest_have_to_be_chosen(tmp_path):
    touch(
        tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/us/sub-01_task-hop_swe.png",
        "sub-01/us/sub-01_task-squat_swe.png",
    )  # fmt: skip
    (session,) = find_sessions(tmp_path)
    assert not session.frames and "ambiguous" in {f.state for f in session.findings}
    (session,) = find_sessions(tmp_path, select={"frames": "*task-hop*"})
    assert [p.name for p in session.frames] == ["sub-01_task-hop_swe.png"]


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("sub-01_task-squat_acq-rest_swe.png", "squat"),
        ("sub-01_acq-GMrest_run-2_swe.png", "rest"),
        ("sub-01_acq-Relaxed_swe.png", "rest"),
        ("sub-01_acq-contracted40Hz_part-phase_mre.nii.gz", "contract"),
        ("sub-01_acq-40Hz_dir-AP_part-phase_mre.nii.gz", ""),
        ("sub-01_acq-GM_swe.png", ""),
    ],
)
def test_contexts_of_names(name, context):
    assert context_of(Path(name)) == context


def test_waves_of_two_contexts_told_by_acq_are_not_one_figure(tmp_path):
    waves = [f"sub-01/mre/sub-01_acq-{c}_part-phase_mre.nii.gz" for c in ("rest", "contracted")]
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", *waves)
    (session,) = find_sessions(tmp_path)
    assert [p.name for p in session.waves] == [Path(waves[0]).name]
    assert [(c.name, [p.name for p in c.files]) for c in session.contexts] == [
        ("contract", [Path(waves[1]).name])
    ]


def test_waves_of_two_directions_stay_together(tmp_path):
    waves = [f"sub-01/mre/sub-01_acq-{c}_part-phase_mre.nii.gz" for c in ("AP", "RL")]
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", *waves)
    (session,) = find_sessions(tmp_path)
    assert [p.name for p in session.waves] == [Path(w).name for w in waves]


def test_waves_of_two_contexts_are_refused_by_the_verb(tmp_path, capsys):
    paths = [tmp_path / f"sub-01_task-{c}_mre.nii.gz" for c in ("rest", "contracted")]
    call = [x for p in paths for x in ("--waves", str(p))]
    assert main(["elastography", *call, "--out", str(tmp_path / "out")]) == 2
    assert "files of several contexts (contracted, rest)" in capsys.readouterr().err
