"""Which maps are two visits, and in which order."""

import pytest
from visits_for_tests import TA, visit, volume

from imaging.errors import ConfigError, InputError, MissingFileError
from imaging.report.comparison.visits import check_two_visits, find_visits


def out_of(tmp_path, *sessions):
    for session in sessions:
        folder = tmp_path / "sub-01" / f"ses-{session}" / "map"
        folder.mkdir(parents=True)
        (folder / f"sub-01_ses-{session}_map.vti").touch()
    return tmp_path


def found(out, *wanted):
    return [f.parent.name for f in find_visits(out, "sub-01", wanted)]


def test_numbers_give_the_order_of_visits(tmp_path):
    out = out_of(tmp_path, "10", "2", "1")
    assert found(out) == ["ses-1", "ses-2", "ses-10"]
    assert found(out, "10", "ses-2") == ["ses-10", "ses-2"]


@pytest.mark.parametrize(
    "sessions",
    [
        ("pre", "post"),
        ("1", "01"),
        ("week1", "month1"),
        ("1", "b"),
        ("01022024", "15122023"),
        ("240131", "231215"),
        ("20240131", "202312151200"),
        ("1", "20240131"),
    ],
)
def test_names_that_do_not_tell_the_order_are_asked_for(tmp_path, sessions):
    out = out_of(tmp_path, *sessions)
    with pytest.raises(ConfigError, match="do not tell which was first"):
        found(out)
    assert found(out, *sessions) == [f"ses-{s}" for s in sessions]


def test_dates_have_an_order_year_first(tmp_path):
    assert found(out_of(tmp_path, "20240101", "20231215")) == ["ses-20231215", "ses-20240101"]


def test_names_with_one_number_have_an_order(tmp_path):
    assert found(out_of(tmp_path, "week12", "week2")) == ["ses-week2", "ses-week12"]


@pytest.mark.parametrize(
    ("sessions", "wanted", "error", "words"),
    [
        (("1",), (), MissingFileError, "one map of a session"),
        (("1", "2"), ("1", "3"), MissingFileError, "no map of session 3; there are 1, 2"),
        (("1", "2"), ("1", "1"), ConfigError, "two different sessions"),
    ],
)
def test_fewer_than_two_visits_are_refused(tmp_path, sessions, wanted, error, words):
    with pytest.raises(error, match=words):
        found(out_of(tmp_path, *sessions), *wanted)


def test_no_such_participant(tmp_path):
    with pytest.raises(MissingFileError, match="no such participant"):
        find_visits(tmp_path, "02")


def test_two_persons_or_one_map_twice_are_refused():
    one = visit("1", volume(TA, 9))
    with pytest.raises(InputError, match="two persons"):
        check_two_visits(one, visit("2", volume(TA, 8), sub="02"))
    with pytest.raises(InputError, match="one map was given twice"):
        check_two_visits(one, visit("2", volume(TA, 9)))
    check_two_visits(one, visit("2", volume(TA, 8)))
