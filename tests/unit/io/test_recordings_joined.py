"""Recordings of several files, with conditions, and with events that a person corrected."""

import json

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.errors import ConfigError, RecordingError
from imaging.function.recording import Recording
from imaging.io.markers import Feet
from imaging.io.motion import Motion, join
from imaging.io.recordings import files_of, read_recording, read_trial

P = "sub-01"
RATE, N = 1000.0, 4000
TIMES = np.arange(N) / RATE
RAW = np.random.default_rng(0).normal(size=(2, N))


def csv(folder, task="walk", rows=RAW, times=TIMES, unit="mV", head=""):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{P}_task-{task}_emg.csv"
    lines = [f"{head}time [s],R TA [{unit}],L SOL [{unit}]"]
    lines += [f"{t:.4f},{a:.6f},{b:.6f}" for t, (a, b) in zip(times, rows.T, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def grf(folder, start, end, task="walk", rate=500.0):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{P}_task-{task}_grf.mot"
    times = np.arange(start, end, 1 / rate)
    load = np.where((times > 1) & (times < 1.7), 700.0, 0.0)
    head = f"grf\nversion=1\nnRows={len(times)}\ninDegrees=no\nendheader\n"
    names = "time\tground_force_r_vx\tground_force_r_vy\tground_force_r_vz\n"
    rows = [f"{t:.4f}\t0\t{f}\t0" for t, f in zip(times, load, strict=True)]
    path.write_text(head + names + "\n".join(rows) + "\n")
    return path


def gyro(folder, seconds=3.0, rate=100.0):
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{P}_task-walk_tracksys-imu"
    rows = "".join(f"shank_{a}\t{a}\tGYRO\tright shank\tdeg/s\n" for a in "xyz")
    (folder / f"{stem}_channels.tsv").write_text(
        "name\tcomponent\ttype\ttracked_point\tunits\n" + rows
    )
    (folder / f"{stem}_motion.json").write_text(json.dumps({"SamplingFrequency": rate}))
    turn = 300 * np.sin(2 * np.pi * np.arange(int(seconds * rate)) / rate)
    (folder / f"{stem}_motion.tsv").write_text("".join(f"{v:.3f}\t0\t0\n" for v in turn))


def test_forces_lie_on_the_clock_of_the_emg_and_are_held_beyond_theirs(tmp_path):
    path = csv(tmp_path / P / "emg")
    grf(tmp_path / P / "motion", 0.5, 1.5)
    read = read_recording(path, None, None)
    (plate,) = read.plates
    assert plate.side == "right"
    assert plate.force.shape == (3, N)
    strike = np.flatnonzero(plate.force[2] > 20)[0] / RATE
    assert strike == pytest.approx(1.0, abs=0.003)
    assert (plate.force[2, 1500:] == 700).all()  # no lift where nothing was recorded
    assert any("grf covers 0.50-1.50 s" in w for w in read.warnings)
    np.testing.assert_allclose(read.signals, 1000 * RAW, atol=1e-3)
    assert read.units == {"R TA": "uV", "L SOL": "uV"}


def test_forces_of_another_time_are_left_out(tmp_path):
    path = csv(tmp_path / P / "emg")
    grf(tmp_path / P / "motion", 10, 12)
    read = read_recording(path, None, None)
    assert read.plates == ()
    assert any("grf left out" in w for w in read.warnings)


def test_other_trials_and_other_persons_do_not_join(tmp_path):
    path = csv(tmp_path / P / "emg")
    grf(tmp_path / P / "motion", 0, 4, task="run")
    assert read_recording(path, None, None).plates == ()


def test_motion_begins_when_the_table_of_scans_says(tmp_path):
    path = csv(tmp_path / P / "emg")
    gyro(tmp_path / P / "motion")
    read = read_recording(path, None, None)
    assert read.shanks.start_s == 0
    assert any("taken to begin with the EMG" in w for w in read.warnings)
    (tmp_path / P / f"{P}_scans.tsv").write_text(
        "filename\tacq_time\n"
        f"emg/{path.name}\t2020-05-01T10:00:00.000\n"
        f"motion/{P}_task-walk_tracksys-imu_motion.tsv\t2020-05-01T10:00:00.250\n"
    )
    read = read_recording(path, None, None)
    assert read.shanks.start_s == pytest.approx(0.25)
    assert read.shanks.rate_hz == 100
    assert "2020" not in " ".join(read.warnings)
    names = [p.name for p in files_of(path, None, None)]
    assert len(names) == 5


def scans(folder, *rows, columns="filename\tacq_time\tfatigue\tremarks"):
    (folder / f"{P}_scans.tsv").write_text("\n".join([columns, *rows]) + "\n")


def test_conditions_come_from_the_table_of_scans(tmp_path):
    path = csv(tmp_path / P / "emg")
    row = f"emg/{P}_task-walk_emg.edf\t2020-05-01T10:00:00\tbefore\tJane was tired"
    scans(tmp_path / P, row)
    assert read_trial(path, None, None, FunctionSettings()).conditions == {"fatigue": "before"}
    named = FunctionSettings(conditions={"task-w*": {"speed": "1.2", "fatigue": "after"}})
    found = read_trial(path, None, None, named).conditions
    assert found == {"fatigue": "after", "speed": "1.2"}


@pytest.mark.parametrize(
    ("column", "written", "level"),
    [
        ("Fatigue", "Before", {"fatigue": "before"}),
        ("fatigue", "not  tired ", {"fatigue": "not tired"}),
        ("speed", "1.0", {"speed": "1"}),
        ("speed", "01", {"speed": "1"}),
        ("speed", "1.25", {"speed": "1.25"}),
    ],
)
def test_one_level_written_in_two_ways_is_one(tmp_path, column, written, level):
    path = csv(tmp_path / P / "emg")
    scans(tmp_path / P, f"emg/{path.name}\t{written}", columns=f"filename\t{column}")
    assert read_trial(path, None, None, FunctionSettings()).conditions == level


def test_two_rows_of_a_recording_that_differ_are_refused(tmp_path):
    path = csv(tmp_path / P / "emg")
    rows = [f"emg/{path.name}\t{level}" for level in ("before", "after")]
    scans(tmp_path / P, *rows, columns="filename\tfatigue")
    with pytest.raises(RecordingError, match="two rows"):
        read_trial(path, None, None, FunctionSettings())


def test_a_recording_without_a_row_is_said(tmp_path):
    path = csv(tmp_path / P / "emg")
    scans(tmp_path / P, f"emg/{P}_task-run_emg.csv\tn/a\tafter\tn/a")
    trial = read_trial(path, None, None, FunctionSettings())
    assert trial.conditions == {}
    assert any("not in the table of scans" in w for w in trial.recording.warnings)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"factors": ["remarks"]}, RecordingError, "no level of a factor"),
        ({"factors": ["day"]}, RecordingError, "no level of a factor"),
        ({"factors": ["acq_time"]}, ConfigError, "acq_time is no factor"),
        ({"factors": ["shoes"]}, ConfigError, "has no column 'shoes'"),
        ({"conditions": {"*": {"a": "1"}, "task-*": {"a": "2"}}}, ConfigError, "two levels"),
    ],
)
def test_times_and_texts_are_no_conditions(tmp_path, settings, error, said):
    path = csv(tmp_path / P / "emg")
    row = f"emg/{path.name}\t2020-05-01T10:00:00\tn/a\tJane was tired\t2020-05-01"
    scans(tmp_path / P, row, columns="filename\tacq_time\tfatigue\tremarks\tday")
    assert read_trial(path, None, None, FunctionSettings()).conditions == {}
    with pytest.raises(error, match=said) as raised:
        read_trial(path, None, None, FunctionSettings(**settings))
    assert "Jane" not in str(raised.value)
    assert "2020" not in str(raised.value)


STRIKES = [(0.5, "right_foot_strike"), (1.2, "right_foot_off"), (1.6, "right_foot_strike")]


def correct(root, events):
    folder = root / "derivatives/manual" / P / "emg"
    folder.mkdir(parents=True)
    lines = ["onset\ttrial_type", *(f"{t}\t{name}" for t, name in events)]
    (folder / f"{P}_task-walk_events.tsv").write_text("\n".join(lines) + "\n")


def test_a_corrected_list_rules(tmp_path):
    path = csv(tmp_path / P / "emg")
    own = path.with_name(f"{P}_task-walk_events.tsv")
    own.write_text("onset\ttrial_type\n0.7\tleft_foot_strike\n")
    read = read_recording(path, None, None)
    assert [e.source for e in read.events] == ["file"]
    assert not read.events_are_final
    correct(tmp_path, STRIKES[::-1])
    read = read_recording(path, None, None)
    assert read.events_are_final
    assert [(e.time_s, e.trial_type, e.source) for e in read.events] == [
        (*e, "manual") for e in STRIKES
    ]
    assert len(files_of(path, None, None)) == 3


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], "holds no event"),
        ([*STRIKES, (2.0, "foot_strike")], "no strike or lift of a foot"),
        ([*STRIKES, (2.0, "Jane stumbles")], "no strike or lift of a foot"),
        ([*STRIKES, (5.0, "right_foot_strike")], "outside the recording"),
        ([*STRIKES, (1.65, "right_foot_strike")], "1.600 and 1.650"),
        ([*STRIKES, ("soon", "right_foot_strike")], "not numbers"),
    ],
)
def test_a_corrected_list_of_nonsense_is_refused(tmp_path, events, said):
    path = csv(tmp_path / P / "emg")
    correct(tmp_path, events)
    with pytest.raises(RecordingError, match=said) as error:
        read_recording(path, None, None)
    assert "Jane" not in str(error.value)


@pytest.mark.parametrize(("trial", "told"), [("task-walk", False), ("task-walk_run-2", True)])
def test_a_corrected_list_is_of_its_own_recording(tmp_path, trial, told):
    """As where the whole of func/P_events.tsv, with all recordings, was taken to begin with."""
    path = csv(tmp_path / P / "emg")
    correct(tmp_path, STRIKES)
    (table,) = (tmp_path / "derivatives").rglob("*_events.tsv")
    first, *rows = table.read_text().splitlines()
    rows = [f"{row}\ttask-walk" for row in rows[:-1]] + [f"{rows[-1]}\t{trial}"]
    table.write_text("\n".join([f"{first}\ttrial", *rows]) + "\n")
    if told:
        with pytest.raises(RecordingError, match="another recording, task-walk_run-2"):
            read_recording(path, None, None)
    else:
        assert len(read_recording(path, None, None).events) == len(STRIKES)


def test_missing_samples_are_gaps_and_channels_that_lack_some_are_left_out(tmp_path):
    rows = RAW.copy()
    rows[:, 1000:1200] = np.nan
    path = csv(tmp_path / P / "emg", rows=rows)
    path.write_text(path.read_text().replace("nan", ""))
    read = read_recording(path, None, None)
    assert read.gaps == ((1.0, 1.2),)
    assert (read.signals[:, 1000:1200] == 0).all()
    assert [p.stop - p.start for p in read.pieces] == [1000, 2800]
    rows[1, 2000] = np.nan
    path = csv(tmp_path / P / "emg", rows=rows)
    read = read_recording(path, None, None)
    assert read.labels == ("R TA",)
    assert any("L SOL" in w for w in read.warnings)


def test_envelopes_are_not_filtered_again(tmp_path):
    smooth = 0.5 + 0.5 * np.sin(2 * np.pi * TIMES + np.array([[0.0], [1.0]]))
    settings = FunctionSettings()
    path = csv(tmp_path / "emg", rows=smooth)
    assert read_trial(path, None, None, settings).recording.enveloped
    with pytest.raises(RecordingError, match=r"walk_emg.csv: holds rectified"):
        read_trial(csv(tmp_path / "emg", rows=np.abs(RAW)), None, None, settings)
    # A channel of no muscle does not decide.
    path = csv(tmp_path / "emg", rows=np.stack([smooth[0], RAW[0]]))
    path.write_text(path.read_text().replace("L SOL", "Pin 3"))
    assert read_trial(path, None, None, settings).recording.enveloped


def test_two_channels_of_one_muscle_are_refused_before_a_run(tmp_path):
    path = csv(tmp_path / "emg")
    path.write_text(path.read_text().replace("L SOL", "TA right"))
    with pytest.raises(RecordingError, match=r"walk_emg.csv: channels .* same muscle and side"):
        read_trial(path, None, None, FunctionSettings())


def test_channels_table_beside_text(tmp_path):
    path = csv(tmp_path / "emg", unit="a.u.")
    path.with_name(f"{P}_task-walk_channels.tsv").write_text(
        "name\ttype\tunits\ttarget_muscle\nR TA\tEMG\tV\tright soleus\nL SOL\tMISC\tn/a\tn/a\n"
    )
    read = read_recording(path, None, None)
    assert (read.labels, dict(read.targets)) == (("R TA",), {"R TA": "right soleus"})


def test_units_that_contradict_each_other_are_not_known(tmp_path):
    path = csv(tmp_path / "emg")
    path.with_name(f"{P}_task-walk_channels.tsv").write_text(
        "name\ttype\tunits\nR TA\tEMG\tuV\nL SOL\tEMG\tmV\n"
    )
    read = read_recording(path, None, None)
    assert read.units == {"L SOL": "uV"}
    assert any("give other units" in w and "R TA" in w for w in read.warnings)


def test_markers_of_two_files_are_not_mixed(tmp_path):
    read = Recording(("R TA",), RAW[:1], RATE, heels={"left": np.zeros((3, 400))})
    knees = Feet({}, {}, {"left knee": np.zeros((3, 400))})
    joined = join(read, Motion(100.0, 0.0, 400, markers=knees), "motion")
    assert set(joined.heels) == {"left"}
    assert joined.landmarks is None
    assert "Markers of the file motion left out" in joined.warnings[0]


def test_real_set_of_opensim(shared_data, tmp_path):
    names = {
        "electromyography.sto": "emg/{}_emg.sto",
        "grf_walk.mot": "motion/{}_grf.mot",
        "grf_walk.xml": "motion/{}_grf.xml",
        "coordinates.sto": "motion/{}_motion.sto",
    }
    for source, name in names.items():
        target = tmp_path / P / name.format(f"{P}_task-walk")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(shared_data / "function" / source)
    path = tmp_path / P / f"emg/{P}_task-walk_emg.sto"
    read = read_trial(path, None, None, FunctionSettings(side="right")).recording
    assert read.enveloped
    assert read.signals.shape == (10, 4780)
    assert [p.side for p in read.plates] == ["right", "left"]
    assert read.angles.start_s == pytest.approx(0.45)
