"""Norms from a table: whose row is taken, and what would be taken for something else."""

import pandas as pd
import pytest

from imaging.errors import InputError
from imaging.measures import Measure
from imaging.muscles import label_of
from imaging.report.files import read_norms
from imaging.report.norms import gather, whole
from imaging.report.profile import profile
from imaging.report.table_norms import Person, people_of

TA = label_of("TA", "right")
HEAD = ("muscle", "measure", "unit", "n", "mean", "sd", "sex", "age_low", "age_high", "source")
WOMEN = ("TA", "volume", "ml", "20", "90", "10", "female", "18", "40", "Someone 2020")
MEN = ("TA", "volume", "ml", "20", "120", "12", "male", "18", "40", "Someone 2020")


def table(tmp_path, *rows, head=HEAD):
    path = tmp_path / "norms.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in (head, *rows)))
    return path


def changed(row, **cells):
    return tuple(cells.get(name, cell) for name, cell in zip(HEAD, row, strict=True))


def participants(**person):
    return pd.DataFrame([{"participant_id": "sub-01", **person}])


def test_sex_and_age_choose_the_row_on_both_sides(tmp_path):
    path = table(tmp_path, WOMEN, MEN)
    for sex, mean in (("F", 90), ("male", 120)):
        norms = read_norms(path, participants(sex=sex, age="30"))
        for side in ("left", "right"):
            norm = norms.norm(label_of("TA", side), "volume", False, without="sub-01")
            assert (norm.mean, norm.n, norm.source) == (mean, 20, "Someone 2020")
        assert norms.unknown("sub-01") == ""
    # Mean ± t(19)·SD·√(1 + 1/20).
    assert norm.high == pytest.approx(120 + 2.0930 * 12 * 1.024695, rel=1e-4)


@pytest.mark.parametrize("person", [{"sex": "F", "age": "41"}, {"sex": "F"}, {"age": "30"}, {}])
def test_a_person_that_no_row_suits_has_no_norm(tmp_path, person):
    norms = read_norms(table(tmp_path, WOMEN, MEN), participants(**person))
    assert norms.norm(TA, "volume", False, without="sub-01") is None
    lacking = [w for w in ("sex", "age") if w not in person]
    told = norms.unknown("sub-01")
    assert (told == "") == (not lacking)
    assert all(word in told for word in lacking)


def test_the_profile_names_the_source_and_leaves_out_cut_muscles(tmp_path):
    norms = read_norms(table(tmp_path, MEN), participants(sex="M", age="30"))
    volume = Measure(TA, "volume", 60.0, "ml")
    told = profile([volume], norms, "sub-01")
    assert "smaller than in Someone 2020" in told[0].text
    assert told[0].stands_out
    assert profile([volume, Measure(TA, "coverage", 0.0, "1")], norms, "sub-01") == []


def test_cut_muscles_are_no_part_of_norms():
    cut = [Measure(TA, "volume", 60.0, "ml"), Measure(TA, "coverage", 0.0, "1"),
           Measure(TA, "fascicle_length", 60.0, "mm")]  # fmt: skip
    assert {m.measure for m in whole(cut)} == {"coverage", "fascicle_length"}
    assert (TA, "volume") not in gather({"sub-01": [cut]}, set()).values


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"unit": "cm3"}, "in cm3, not in ml"),
        ({"measure": "size"}, "no measure 'size'"),
        ({"muscle": "CALF"}, "no muscle 'CALF'"),
        ({"muscle": "n/a"}, "either label or muscle"),
        ({"sex": "2"}, "neither female nor male"),
        ({"age_low": "n/a"}, "go together"),
        ({"age_low": "50"}, "go together, in this order"),
        ({"source": "n/a"}, "no source"),
        ({"sd": "0"}, "sd above 0"),
        ({"n": "4"}, "4 persons, fewer than 5"),
        ({"mean": "n/a"}, "needs n, mean"),
    ],
)
def test_a_table_that_would_be_taken_for_another_is_refused(tmp_path, cells, words):
    with pytest.raises(InputError, match=words):
        read_norms(table(tmp_path, changed(WOMEN, **cells)))


@pytest.mark.parametrize(
    "other",
    [
        changed(WOMEN, mean="95"),
        changed(WOMEN, age_low="40", age_high="60"),
        changed(WOMEN, sex="n/a"),
        changed(WOMEN, age_low="n/a", age_high="n/a"),
    ],
)
def test_two_rows_for_the_same_person_are_refused(tmp_path, other):
    with pytest.raises(InputError, match="two rows for the same persons"):
        read_norms(table(tmp_path, WOMEN, other))
    read_norms(table(tmp_path, WOMEN, changed(WOMEN, age_low="41", age_high="60")))


def test_limits_of_a_table_are_taken_and_checked(tmp_path):
    head = ("muscle", "measure", "unit", "n", "mean", "sd", "low", "high", "source")
    row = ("TA", "volume", "ml", "20", "90", "10", "60", "140", "Someone")
    norm = read_norms(table(tmp_path, row, head=head)).norm(TA, "volume", False)
    assert (norm.low, norm.high) == (60, 140)
    assert [norm.place(v) for v in (59, 139, 141)] == [-1, 0, 1]
    with pytest.raises(InputError, match="outside of low and high"):
        read_norms(table(tmp_path, row[:6] + ("95", "140", "Someone"), head=head))


def test_a_column_that_is_not_known_is_refused(tmp_path):
    head = (*HEAD, "bmi")
    with pytest.raises(InputError, match="do not have: \\['bmi'\\]"):
        read_norms(table(tmp_path, (*WOMEN, "22"), head=head))


def test_sex_and_age_as_bids_writes_them():
    given = pd.DataFrame({
        "participant_id": ["01", "sub-02", "sub-03"], "sex": ["M", "FEMALE", "n/a"],
        "age": ["34.5", "n/a", "89+"],
    })  # fmt: skip
    assert people_of(given) == {
        "sub-01": Person("male", 34.5), "sub-02": Person("female"), "sub-03": Person(),
    }  # fmt: skip


def test_height_is_in_metres_or_centimetres_and_nonsense_is_unknown():
    given = pd.DataFrame({
        "participant_id": ["1", "2", "3", "4"], "age": ["30", "30", "-1", "1990"],
        "weight": ["80", "80", "8000", "n/a"], "height": ["1.75", "175", "17.5", "1.8"],
    })  # fmt: skip
    people = people_of(given)
    assert people["sub-1"].size_kg_m == people["sub-2"].size_kg_m == pytest.approx(140)
    assert people["sub-3"] == Person()
    assert people["sub-4"] == Person(height_m=1.8)


def test_norms_per_size_are_of_the_persons_size(tmp_path):
    head = ("muscle", "measure", "unit", "n", "mean", "sd", "per", "source")
    row = ("TA", "volume", "ml", "24", "1", "0.1", "kg m", "Someone")
    path = table(tmp_path, row, head=head)
    norms = read_norms(path, participants(weight="80", height="175"))
    norm = norms.norm(TA, "volume", False, without="sub-01")
    assert (norm.mean, norm.sd) == (pytest.approx(140), pytest.approx(14))
    unknown = read_norms(path, participants(weight="80"))
    assert unknown.norm(TA, "volume", False, without="sub-01") is None
    assert "by size" in unknown.unknown("sub-01")
    with pytest.raises(InputError, match="per 'kg' is not 'kg m'"):
        read_norms(table(tmp_path, (*row[:6], "kg", "Someone"), head=head))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["sub-a=1 sub-a=2 sub-b=3"], "two values"),
        (["sub-a=1 sub-b=nan"], "not a number"),
        (["sub-a=1 sub-b=2", "sub-a=3 sub-b=4"], "twice"),
        (["sub-a=1 sub-b=2", "n/a"], "a row of its own"),
    ],
)
def test_values_of_controls_that_contradict_themselves_are_refused(tmp_path, cells, words):
    head = ("label", "measure", "unit", "n", "mean", "sd", "values", "source")
    rows = [(str(TA), "volume", "ml", "9", "90", "10", cell, "Someone 2020") for cell in cells]
    with pytest.raises(InputError, match=words):
        read_norms(table(tmp_path, *rows, head=head))


def test_pounds_and_inches_are_no_body():
    (person,) = people_of(participants(sex="F", age="40", weight="154", height="71")).values()
    assert person == Person("female", 40.0)
    (person,) = people_of(participants(weight="70", height="180")).values()
    assert person.size_kg_m == 126.0
