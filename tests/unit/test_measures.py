from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import InputError, MissingFileError
from imaging.formats.tsv import write_tsv
from imaging.measures import (
    Measure,
    Notes,
    not_measured,
    read_measures,
    read_notes,
    write_measures,
    write_notes,
)


def test_round_trip_keeps_missing_apart_from_zero(tmp_path):
    rows = [
        Measure(209, "volume", 412.5, "ml", n=30, sd=1.5, ci_low=400.0, ci_high=420.0),
        Measure(207, "curvature", 0.0, "1/m", n=12),
        not_measured(212, "fascicle_length", "mm", "no DWI"),
    ]
    write_measures(rows, tmp_path / "m.tsv")
    assert read_measures(tmp_path / "m.tsv") == rows
    assert "n/a" in (tmp_path / "m.tsv").read_text()


@pytest.mark.parametrize(("value", "status"), [(None, "measured"), (0.0, "not_measured")])
def test_a_value_and_its_status_cannot_contradict(value, status):
    with pytest.raises(ValueError, match="status"):
        Measure(101, "volume", value, "ml", status=status)


def test_nan_is_no_measure():
    with pytest.raises(ValueError, match="status"):
        Measure(101, "volume", float("nan"), "ml")


def test_missing_table_and_missing_columns(tmp_path):
    with pytest.raises(MissingFileError):
        read_measures(tmp_path / "absent.tsv")
    (tmp_path / "bad.tsv").write_text("label\tvalue\n1\t2\n")
    with pytest.raises(InputError, match="lacks the columns"):
        read_measures(tmp_path / "bad.tsv")


def test_notes_round_trip(tmp_path):
    notes = Notes("fibres", "Tracked.", ["Ref"], ["Beware."], {"n": 3})
    write_notes(notes, tmp_path / "n.json")
    assert read_notes(tmp_path / "n.json") == notes


HEAD = "label\tmeasure\tvalue\tunit\tn\tsd\tci_low\tci_high\tstatus\tnote\n"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("209\tvolume\t1\tml\tn/a\tn/a\tn/a\tn/a\tguessed\tn/a", "status 'guessed' is not one of"),
        ("209\tvolume\tn/a\tml\tn/a\tn/a\tn/a\tn/a\tmeasured\tn/a", "volume: value None"),
        ("209\tvolume\t0\tml\tn/a\tn/a\tn/a\tn/a\tnot_measured\tn/a", "volume: value 0.0"),
        ("209\tvolume\t1\tn/a\tn/a\tn/a\tn/a\tn/a\tmeasured\tn/a", "unit is missing"),
        ("209\tn/a\t1\tml\tn/a\tn/a\tn/a\tn/a\tmeasured\tn/a", "measure is missing"),
        ("n/a\tvolume\t1\tml\tn/a\tn/a\tn/a\tn/a\tmeasured\tn/a", "label is missing"),
        ("-9\tvolume\t1\tml\tn/a\tn/a\tn/a\tn/a\tmeasured\tn/a", "negative"),
        ("209\tvolume\t1\tml\t-3\tn/a\tn/a\tn/a\tmeasured\tn/a", "negative"),
        ("209\tvolume\t1\tml\t2.5\tn/a\tn/a\tn/a\tmeasured\tn/a", "not a whole number"),
        ("209\tvolume\t1\tml\t2\tn/a\t3\t2\tmeasured\tn/a", "interval runs from 3 down to 2"),
        ("209\tvolume\tmuch\tml\t2\tn/a\tn/a\tn/a\tmeasured\tn/a", "'much' is not a number"),
    ],
)
def test_rows_that_cannot_be_right_are_refused(tmp_path, row, said):
    (tmp_path / "m.tsv").write_text(f"{HEAD}{row}\n")
    with pytest.raises(InputError, match="Run the stage again") as caught:
        read_measures(tmp_path / "m.tsv")
    assert said in str(caught.value)
    assert "row 2" in str(caught.value)


def test_a_unit_of_one_is_text_in_a_table_of_nothing_else(tmp_path):
    write_measures([Measure(209, "fa", 0.25, "1", note="7")], tmp_path / "m.tsv")
    (row,) = read_measures(tmp_path / "m.tsv")
    assert (row.unit, row.note) == ("1", "7")


NUMBERS = st.floats(-1e6, 1e6).map(lambda v: float(f"{v:.6g}"))


@settings(max_examples=80, deadline=None)
@given(st.lists(
    st.tuples(st.integers(0, 2999), st.text(min_size=1).filter(lambda t: t != "n/a"),
              st.none() | NUMBERS, st.none() | st.integers(0, 10**9), st.none() | NUMBERS,
              st.text(st.characters(codec="utf-8", exclude_characters="\0\r")).filter(
                  lambda t: t != "n/a")),
    max_size=6, unique_by=lambda row: row[0],
))  # fmt: skip
def test_whatever_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.tsv"
    measures = [
        Measure(label, "volume", value, unit.strip("\0\r") or "1", n, sd,
                status="not_measured" if value is None else "modelled", note=note)
        for label, unit, value, n, sd, note in rows
        if "\0" not in unit and "\r" not in unit
    ]  # fmt: skip
    write_measures(measures, path)
    assert read_measures(path) == measures


def test_the_table_is_what_pandas_would_write(tmp_path):
    rows = [
        Measure(np.int16(209), "volume", np.float32(123.4567), "ml", n=np.int64(1_234_567), sd=2,
                ci_low=-1e-9, ci_high=1e9, note='=1+1, "quoted"\nand\ttabbed'),
        Measure(7, "volume", 12, "ml", status="modelled"),
        not_measured(0, "stiffness", "Pa", "no waves"),
    ]  # fmt: skip
    write_measures(rows, tmp_path / "a.tsv")
    frame = pd.DataFrame([asdict(row) for row in rows])
    frame["n"] = frame["n"].astype("Int64")
    write_tsv(frame, tmp_path / "b.tsv")
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()
