"""Delimited text as vendors write it: the same signals, or one sentence."""

import numpy as np
import pytest

from imaging.errors import RecordingError
from imaging.io.delimited import read_delimited

RATE = 1000.0
N = 600
ROWS = np.round(np.random.default_rng(0).normal(size=(2, N)), 6)
TIMES = np.arange(N) / RATE


def write(tmp_path, text, name="walk_emg.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def lines(*columns, delimiter=",", decimal="."):
    rows = [
        delimiter.join(c if isinstance(c, str) else f"{c:.6f}".replace(".", decimal) for c in row)
        for row in zip(*columns, strict=True)
    ]
    return "\n".join(rows) + "\n"


PLAIN = lines(TIMES, *ROWS)
NORAXON = (
    "Type:\tMR3\nSubject name:\tJane Doe\nDate:\t01.02.2020\n\n"
    "time,s\tActivity\tMarker\tNoraxon Desk.RT TIB.ANT.,uV\tNoraxon Desk.LT SOLEUS,uV\n"
    + lines(TIMES, ["walk"] * N, [""] * N, *ROWS, delimiter="\t")
)
BTS = (
    "BTS ASCII format\nType:\tEmg tracks\nMeasure unit:\tmV\nFrequency:\t1000 Hz\n\n"
    "Frame\tTime\tR TA\tL SOL\n" + lines([str(i) for i in range(N)], TIMES, *ROWS, delimiter="\t")
)
COMMAS = "Zeit [s];R TA [mV];L SOL [mV]\n" + lines(TIMES, *ROWS, delimiter=";", decimal=",")
UNITS = "time;R TA;L SOL\nms;mV;mV\n" + lines(1000 * TIMES, *ROWS, delimiter=";")
NO_TIME = "Sampling rate: 1000 Hz\nR TA,L SOL\n" + lines(*ROWS)
SPACES = "time R_TA L_SOL\n" + lines(TIMES, *ROWS, delimiter="  ")


@pytest.mark.parametrize(
    ("text", "names", "unit"),
    [
        ("Time,R TA,L SOL\n" + PLAIN, ("R TA", "L SOL"), ""),
        ("Time [s],R TA (mV),L SOL (mV)\r\n" + PLAIN, ("R TA", "L SOL"), "mV"),
        (NORAXON, ("RT TIB.ANT.", "LT SOLEUS"), "uV"),
        (BTS, ("R TA", "L SOL"), "mV"),
        (COMMAS, ("R TA", "L SOL"), "mV"),
        (UNITS, ("R TA", "L SOL"), "mV"),
        (NO_TIME, ("R TA", "L SOL"), ""),
        (SPACES, ("R_TA", "L_SOL"), ""),
    ],
    ids=["plain", "brackets", "noraxon", "bts", "commas", "units", "rate", "spaces"],
)
def test_the_same_signals(tmp_path, text, names, unit):
    read = read_delimited(write(tmp_path, text))
    assert read.names == names
    assert read.units == (unit, unit)
    assert read.clock.rate_hz == RATE
    assert read.clock.start_s == 0
    np.testing.assert_array_equal(read.signals, ROWS)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_encodings(tmp_path, encoding):
    text = "Zeit (s);Gastrocnemius médial (mV);L SOL (mV)\n" + lines(TIMES, *ROWS, delimiter=";")
    read = read_delimited(write(tmp_path, text, encoding=encoding))
    assert read.names[0] == "Gastrocnemius médial"


def delsys(emg_hz=2148.1481, acc_hz=148.1481, seconds=1.0, pad=""):
    """EMG and acceleration side by side, each with its own times; the slower one ends early."""
    n, m = int(seconds * emg_hz), int(seconds * acc_hz)
    rng = np.random.default_rng(1)
    emg = np.round(rng.normal(size=(2, n)), 8)
    rows = ['X[s],"L TA: EMG 1 [V]",X[s],"L TA: ACC X 1 [g]",X[s],"R TA: EMG 2 [V]"']
    for i in range(n):
        acc = (f"{i / acc_hz:.6f}", "0.98") if i < m else (pad, pad)
        t = f"{i / emg_hz:.8f}"
        rows.append(",".join([t, f"{emg[0, i]:.8f}", *acc, t, f"{emg[1, i]:.8f}"]))
    return "\n".join(rows) + "\n", emg


@pytest.mark.parametrize("pad", ["", "0"])
def test_columns_with_times_of_their_own(tmp_path, pad):
    text, emg = delsys(pad=pad)
    read = read_delimited(write(tmp_path, text))
    assert read.names == ("L TA", "R TA")
    assert read.units == ("V", "V")
    assert read.clock.rate_hz == pytest.approx(2148.1481, rel=1e-6)
    np.testing.assert_array_equal(read.signals, emg)


def test_sensors_named_once_above_their_columns(tmp_path):
    head = "L TA (80123),,R TA (80124),\nEMG 1 Time Series (s),EMG 1 (mV)," * 1
    head += "EMG 1 Time Series (s),EMG 1 (mV)\n2000 Hz,2000 Hz,2000 Hz,2000 Hz\n"
    read = read_delimited(write(tmp_path, head + lines(TIMES, ROWS[0], TIMES, ROWS[1])))
    assert read.names == ("L TA", "R TA")
    np.testing.assert_array_equal(read.signals, ROWS)


def test_samples_that_are_missing_stay_missing(tmp_path):
    keep = np.r_[0:200, 300:N]
    text = "time,R TA,L SOL\n" + lines(5 + TIMES[keep], *ROWS[:, keep])
    read = read_delimited(write(tmp_path, text))
    assert read.clock.start_s == 5
    assert read.signals.shape == (2, N)
    assert np.isnan(read.signals[:, 200:300]).all()
    np.testing.assert_array_equal(read.signals[:, 300:], ROWS[:, 300:])


def test_rounded_times_are_even(tmp_path):
    rate = 2148.1481
    times = [f"{i / rate:.3f}" for i in range(3000)]
    text = "time,R TA\n" + lines(times, np.zeros(3000))
    assert read_delimited(write(tmp_path, text)).clock.rate_hz == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,R TA\n" + lines(1000 * TIMES, ROWS[0]), "1 samples per second"),
        ("R TA,L SOL\n" + lines(*ROWS), "neither a time column nor a sampling rate"),
        ("Frequency: 1 Hz\nR TA,L SOL\n" + lines(*ROWS), "sampled at 1 Hz"),
        ("time,R TA,L SOL\n" + lines(TIMES, *ROWS, decimal=","), "as decimal signs"),
        ("R TA,L SOL\n" + PLAIN, "names 2 columns and holds 3"),
        ("time R TA L SOL\n" + lines(TIMES, *ROWS, delimiter=" "), "names 5 columns and holds 3"),
        ("time,R TA,L SOL\n" + PLAIN + "Trial 2,,\n" + PLAIN, "no numbers|do not rise"),
        ("time,R TA,L SOL\n" + PLAIN + PLAIN, "do not rise"),
        ("time,R TA\n" + lines(TIMES**1.2, ROWS[0]), "uneven times"),
        ("some words\nand no numbers at all\n", "no columns of numbers"),
        ("", "no columns of numbers"),
        ("time,R TA\n" + lines(TIMES, ROWS[0]).replace(",", ",x", 40), "no numbers|no samples"),
        ("time,ACC X [g]\n" + lines(TIMES, ROWS[0]), "no EMG column"),
    ],
)  # fmt: skip
def test_refused(tmp_path, text, said):
    with pytest.raises(RecordingError, match=said):
        read_delimited(write(tmp_path, text))


def test_two_rates_of_emg_are_refused(tmp_path):
    text, _ = delsys(acc_hz=1925.9)
    with pytest.raises(RecordingError, match="EMG sampled at"):
        read_delimited(write(tmp_path, text.replace("ACC X 1 [g]", "EMG 3 [V]")))


def test_milliseconds_are_told_by_the_rate(tmp_path):
    text = "Frequency: 1000 Hz\ntime,R TA\n" + lines(1000 * TIMES, ROWS[0])
    assert read_delimited(write(tmp_path, text)).clock.rate_hz == RATE


def test_words_of_persons_are_not_repeated(tmp_path):
    text = "Patient: Jane Doe\n\ntime,Doe TA,L SOL\n" + PLAIN
    read = read_delimited(write(tmp_path, text))
    assert read.names == ("channel 1", "L SOL")
    assert "Doe" not in " ".join(read.warnings)
