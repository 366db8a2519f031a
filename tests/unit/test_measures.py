import pytest

from imaging.errors import InputError, MissingFileError
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
