"""EDF+ and BDF+: records at their own time, annotations as events."""

import datetime

import numpy as np
import pytest
from edfio import Bdf, BdfSignal, Edf, EdfAnnotation, EdfSignal

from imaging.config import FunctionSettings
from imaging.errors import RecordingError
from imaging.function.analysis import analyse
from imaging.io.edf import read_bids_emg
from imaging.io.edf_clock import record_clock

RATE = 1000
ROOM = EdfAnnotation(0.1, None, "x" * 60)


def strides(n=8, start=0.5):
    """Annotations of a walk whose strides last 1 s."""
    names = [("left", 0.0), ("right", 0.5)]
    return [
        EdfAnnotation(round(start + i + shift + late, 3), None, f"{side} {kind}")
        for i in range(n)
        for side, shift in names
        for kind, late in (("heel strike", 0.0), ("toe off", 0.6))
    ]


def bursts(n_s):
    """A burst of noise in every second, 0.2 to 0.5 s."""
    rng = np.random.default_rng(0)
    time = np.arange(n_s * RATE) / RATE
    on = (time % 1 > 0.2) & (time % 1 < 0.5)
    return rng.normal(size=time.size) * np.where(on, 100.0, 1.0)


def write(path, rows, annotations=(), onsets=None, kind=None):
    """Write records of 1 s; `onsets` are put in place of those of a file without gaps."""
    bdf = path.suffix == ".bdf"
    signal, file = (BdfSignal, Bdf) if bdf else (EdfSignal, Edf)
    signals = [signal(r, RATE, label=n, physical_range=(-999, 999)) for n, r in rows.items()]
    notes = [*annotations, ROOM]
    file(signals, data_record_duration=1, annotations=notes).write(path)
    if onsets is not None:
        path.write_bytes(at(path.read_bytes(), onsets, 3 if bdf else 2, len(rows)))
    if kind is not None:
        content = bytearray(path.read_bytes())
        content[192:236] = kind.ljust(44)
        path.write_bytes(content)
    return path


def at(content, onsets, width, n_signals):
    """Put other onsets in front of the annotations of each record."""
    head = 256 * (n_signals + 2)
    record = (len(content) - head) // len(onsets)
    first = width * RATE * n_signals
    out = bytearray(content[:head])
    for i, onset in enumerate(onsets):
        part = content[head + i * record : head + (i + 1) * record]
        notes = part[first:]
        rest = notes[notes.index(b"\x14\x14\x00") :].rstrip(b"\0") + b"\0"
        notes = (f"+{onset:g}".encode() + rest).ljust(len(notes), b"\0")
        assert len(notes) == record - first
        out += part[:first] + notes
    return bytes(out)


@pytest.fixture(params=["edf", "bdf"])
def path(request, tmp_path):
    return tmp_path / f"a_emg.{request.param}"


def test_annotations_are_events_where_there_is_no_table(path):
    write(path, {"L_TA": bursts(9)}, strides())
    read = read_bids_emg(path)
    assert len(read.events) == 32
    assert (read.events[0].trial_type, read.events[0].time_s) == ("left_foot_strike", 0.5)
    assert ["x" * 40 in w for w in read.warnings if "unit" not in w] == [True]
    table = "onset\tduration\ttrial_type\n1.0\t0\tright_foot_strike\n"
    path.with_name("a_events.tsv").write_text(table)
    assert [e.time_s for e in read_bids_emg(path).events] == [1.0]


def test_patients_are_not_named(tmp_path):
    path = tmp_path / "a_emg.edf"
    notes = [EdfAnnotation(0.5, None, "Miller stops")]
    write(path, {"L_TA": bursts(2)}, notes)
    content = bytearray(path.read_bytes())
    content[8:88] = b"X F 01-JAN-1970 Ann_Miller".ljust(80)
    path.write_bytes(content)
    assert "Miller" not in " ".join(read_bids_emg(path).warnings)


def test_records_stand_at_their_own_time(path):
    row = bursts(6)
    write(path, {"L_TA": row}, onsets=[0, 1, 2, 5, 6, 9.5], kind=b"EDF+D")
    read = read_bids_emg(path)
    assert read.gaps == ((3.0, 5.0), (7.0, 9.5))
    assert read.end_s == 10.5
    assert [(p.start, p.stop) for p in read.pieces] == [(0, 3000), (5000, 7000), (9500, 10500)]
    together = np.concatenate([read.signals[0, p] for p in read.pieces])
    np.testing.assert_allclose(together, row, atol=0.05)
    assert not read.signals[0, 3000:5000].any()
    assert any("3.000-5.000 s" in w for w in read.warnings)


def test_gaps_count_whatever_the_header_says(path):
    write(path, {"L_TA": bursts(3)}, onsets=[0, 1, 4])
    assert read_bids_emg(path).gaps == ((2.0, 4.0),)


def test_a_start_within_a_second_is_no_gap(tmp_path):
    path = tmp_path / "a_emg.edf"
    rows = [EdfSignal(bursts(3), RATE, label="L_TA")]
    notes = [EdfAnnotation(0.5, None, "RHS")]
    start = datetime.time(10, 0, 0, 250_000)
    Edf(rows, starttime=start, data_record_duration=1, annotations=notes).write(path)
    assert b"+1.25\x14" in path.read_bytes()
    read = read_bids_emg(path)
    assert (read.gaps, read.start_s, read.end_s) == ((), 0.0, 3.0)
    assert [e.time_s for e in read.events] == [0.5]


def test_no_stride_runs_over_a_gap_and_the_others_are_as_without_it(tmp_path):
    """Seconds 0-8, of which the one from 4 to 5 s was not recorded."""
    rows = {"L_TA": bursts(9), "R_TA": bursts(9)}
    whole = read_bids_emg(write(tmp_path / "whole_emg.edf", rows, strides()))
    kept = np.r_[0:4000, 5000:9000]
    cut = {name: row[kept] for name, row in rows.items()}
    path = write(tmp_path / "cut_emg.edf", cut, strides(), [0, 1, 2, 3, 5, 6, 7, 8], b"EDF+D")
    read = read_bids_emg(path)
    ours, theirs = (analyse(r, FunctionSettings()) for r in (read, whole))
    gone = [s for s in theirs.strides["left"].tolist() if s[0] < 5 and s[1] > 4]
    assert len(gone) == 2
    left = [s for s in theirs.strides["left"].tolist() if s not in gone]
    assert ours.strides["left"].tolist() == left
    assert {s.why for s in ours.left_out} == {"a gap in the recording"}
    found, wanted = (
        [b.burst.onset_s for m in a.muscles if m.label < 200 for b in m.bursts if b.main]
        for a in (ours, theirs)
    )
    wanted = [t for t in wanted if not 3.5 <= t <= 5.5]
    np.testing.assert_allclose(found, wanted, atol=0.003)


def test_a_burst_at_a_gap_has_no_onset(tmp_path):
    """The gap from 4.3 to 5.3 s cuts bursts of the right leg, too."""
    n = 9000
    rows = {"R_TA": bursts(9)[np.r_[0:4000, 5000:n]]}
    path = write(tmp_path / "a_emg.edf", rows, strides(), [0, 1, 2, 3, 5, 6, 7, 8], b"EDF+D")
    (muscle,) = analyse(read_bids_emg(path), FunctionSettings()).muscles
    edges = [t for b in muscle.bursts for t in (b.burst.onset_s, b.burst.offset_s)]
    assert not any(3.98 < t < 5.02 for t in edges)


@pytest.mark.parametrize(
    ("onsets", "message"), [([0, 1, 1.5], "overlap"), ([0, 1, 90000], "spread over")]
)
def test_records_that_cannot_be_placed(path, onsets, message):
    write(path, {"L_TA": bursts(3)}, onsets=onsets)
    with pytest.raises(RecordingError, match=message):
        read_bids_emg(path)


def test_gaps_that_are_not_told_are_refused(path):
    write(path, {"L_TA": bursts(3)}, kind=b"EDF+D")
    content = path.read_bytes().replace(b"EDF Annotations", b"Old notes      ")
    path.write_bytes(content.replace(b"BDF Annotations", b"Old notes      "))
    with pytest.raises(RecordingError, match="gaps"):
        record_clock(path)


def test_a_record_without_a_time_is_refused(path):
    write(path, {"L_TA": bursts(3)}, onsets=[0, 1, 2])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"+2\x14\x14", b"?2\x14\x14"))
    with pytest.raises(RecordingError, match=r"record 3|cannot be read"):
        read_bids_emg(path)


def test_plain_edf_is_continuous(tmp_path):
    path = tmp_path / "a_emg.edf"
    Edf([EdfSignal(bursts(2), RATE, label="L_TA")]).write(path)
    assert record_clock(path) is None
    assert read_bids_emg(path).gaps == ()
