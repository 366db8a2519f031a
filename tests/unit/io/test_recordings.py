"""C3D and EDF files, whole and damaged."""

import numpy as np
import pandas as pd
import pytest
from edfio import Edf, EdfSignal

from imaging.errors import MissingFileError, RecordingError
from imaging.io.c3d import read_c3d
from imaging.io.edf import read_bids_emg
from imaging.io.emg_tables import read_events
from imaging.phantom.emg_session import write_walking
from imaging.phantom.walking import BURSTS


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    write_walking(
        folder / "sub-01", folder / "truth", subject="01", session=None, seed=2, preset="small"
    )
    return folder


@pytest.fixture(scope="module")
def c3d(dataset):
    return dataset / "sub-01/emg/sub-01_task-walk_emg.c3d"


@pytest.fixture(scope="module")
def edf(dataset):
    return dataset / "sub-01/emg/sub-01_task-walk_emg.edf"


def test_same_seed_same_bytes(dataset, tmp_path):
    write_walking(
        tmp_path / "sub-01", tmp_path / "truth", subject="01", session=None, seed=2, preset="small"
    )
    first = sorted(p for p in dataset.rglob("*") if p.is_file())
    second = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    assert [p.name for p in first] == [p.name for p in second]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name


def test_c3d_and_edf_hold_the_same_emg(c3d, edf):
    a, b = read_c3d(c3d), read_bids_emg(edf)
    assert a.labels == b.labels == tuple(f"{s}_{m}" for s in "LR" for m in BURSTS)
    assert (a.rate_hz, b.rate_hz) == (1000.0, 1000.0)
    np.testing.assert_allclose(a.signals, b.signals, atol=0.1)
    assert a.units == b.units == dict.fromkeys(a.labels, "uV")


def test_c3d_has_plates_heels_and_events(c3d, dataset):
    read = read_c3d(c3d)
    assert len(read.plates) == 2
    for plate in read.plates:
        assert plate.force[2].max() > 500
        assert plate.force[2].min() > -10
    assert set(read.heels) == {"left", "right"}
    truth = pd.read_csv(dataset / "truth/sub-01_desc-truth_events.tsv", sep="\t")
    times = [e.time_s for e in read.events]
    np.testing.assert_allclose(times, truth["onset"], atol=0.0051)
    assert [e.trial_type for e in read.events] == truth["trial_type"].tolist()


def test_missing_file(tmp_path):
    for read in (read_c3d, read_bids_emg):
        with pytest.raises(MissingFileError):
            read(tmp_path / "none.c3d")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x02\x50" + bytes(600), bytes(2000)])
def test_not_a_c3d(tmp_path, content):
    path = tmp_path / "a.c3d"
    path.write_bytes(content)
    with pytest.raises(RecordingError):
        read_c3d(path)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
def test_truncated_c3d(c3d, tmp_path, share):
    content = c3d.read_bytes()
    path = tmp_path / "a.c3d"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordingError):
        read_c3d(path)


@pytest.mark.parametrize("share", [0.0, 0.005, 0.5])
def test_truncated_edf(edf, tmp_path, share):
    content = edf.read_bytes()
    path = tmp_path / "a_emg.edf"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordingError):
        read_bids_emg(path)


def write_edf(path, labels, rates):
    rng = np.random.default_rng(0)
    rows = [
        EdfSignal(rng.standard_normal(2 * rate), rate, label=label)
        for label, rate in zip(labels, rates, strict=True)
    ]
    Edf(rows).write(path)


def test_mixed_rates_are_an_error_unless_only_emg_counts(tmp_path):
    path = tmp_path / "a_emg.edf"
    write_edf(path, ["L_TA", "TRIG"], [1000, 100])
    with pytest.raises(RecordingError, match="sampled at"):
        read_bids_emg(path)
    table = "name\ttype\tunits\nL_TA\tEMG\tuV\nTRIG\tTRIG\tV\n"
    (tmp_path / "a_channels.tsv").write_text(table)
    assert read_bids_emg(path).labels == ("L_TA",)


def test_bad_channels_are_left_out(tmp_path):
    path = tmp_path / "a_emg.edf"
    write_edf(path, ["L_TA", "L_SOL"], [1000, 1000])
    table = "name\ttype\tunits\tstatus\nL_TA\tEMG\tuV\tbad\nL_SOL\tEMG\tuV\tgood\n"
    (tmp_path / "a_channels.tsv").write_text(table)
    read = read_bids_emg(path)
    assert read.labels == ("L_SOL",)
    assert read.warnings == ("1 channels are bad by their channels table: left out.",)


def test_signals_that_a_channels_table_does_not_name_are_counted(tmp_path):
    path = tmp_path / "a_emg.edf"
    write_edf(path, ["L_TA", "L_SOL", "L_GM"], [1000, 1000, 1000])
    (tmp_path / "a_channels.tsv").write_text("name\ttype\tunits\nL_TA\temg\tuV\n")
    read = read_bids_emg(path)
    assert read.labels == ("L_TA",)
    assert read.warnings == ("2 signals of the file are not in its channels table: left out.",)


def test_channels_table_of_another_file_is_an_error(tmp_path):
    path = tmp_path / "a_emg.edf"
    write_edf(path, ["L_TA"], [1000])
    table = tmp_path / "other.tsv"
    table.write_text("name\ttype\tunits\nR_TA\tEMG\tuV\n")
    with pytest.raises(RecordingError, match="R_TA"):
        read_bids_emg(path, channels=table)


def test_events_table_must_hold_numbers_and_columns(tmp_path):
    path = tmp_path / "events.tsv"
    path.write_text("onset\tduration\ttrial_type\nsoon\t0\tleft_foot_strike\n")
    with pytest.raises(RecordingError, match="onset"):
        read_events(path)
    path.write_text("onset\tduration\n1\t0\n")
    with pytest.raises(RecordingError, match="trial_type"):
        read_events(path)
    with pytest.raises(MissingFileError):
        read_events(tmp_path / "none.tsv")
