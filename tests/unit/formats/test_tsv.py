import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import InputError, MissingFileError
from imaging.formats.tsv import inert, read_tsv, write_tsv

COLUMNS = {"label": "whole", "name": "text", "value": "number"}


def read(tmp_path, text):
    path = tmp_path / "t.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_tsv(path, COLUMNS, "Run it again")


def test_types_and_gaps_are_kept(tmp_path):
    frame = read(tmp_path, "label\tname\tvalue\tmore\n101\t7\t1.5\ta\n102\tn/a\tn/a\tn/a\n")
    assert frame["label"].tolist() == [101, 102]
    assert frame["name"].tolist()[0] == "7"
    assert frame["value"].isna().tolist() == [False, True]
    assert frame["more"].tolist()[0] == "a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        ("label\tname\n", "lacks the columns ['value']"),
        ("label\tname\tvalue\n101\ta\t1", "cut off: its last line does not end"),
        ("label\tname\tvalue\n101\ta\n", "row 2 has 2 fields, not 3"),
        ("label\tname\tvalue\n101\ta\t1\t2\n", "row 2 has 4 fields, not 3"),
        ("label\tname\tvalue\n101\ta\tx\n", "row 2, value: 'x' is not a number"),
        ("label\tname\tvalue\n101\ta\tnan\n", "'nan' is not a number"),
        ("label\tname\tvalue\n101\ta\t\n", "'' is not a number"),
        ("label\tname\tvalue\n101\ta\tinf\n", "'inf' is not a number"),
        ("label\tname\tvalue\n1.5\ta\t1\n", "label: '1.5' is not a whole number"),
        ("label\tname\tvalue\nTrue\ta\t1\n", "'True' is not a whole number"),
        ("label\tlabel\tname\tvalue\n1\t1\ta\t1\n", "has the columns ['label'] twice"),
        (b"label\tname\tvalue\n1\ta\t1\n\0\0\0\n", "it is not text"),
        (b"label\tname\tvalue\n1\t\xff\xfe\t1\n", "it is not text"),
        ('label\tname\tvalue\n1\t"a\t1\n', "is damaged"),
    ],
)
def test_what_is_not_whole_is_refused(tmp_path, text, said):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert str(caught.value).endswith("Run it again.")


def test_no_table_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"t\.tsv"):
        read_tsv(tmp_path / "t.tsv", COLUMNS, "Run it again")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet='\t\n\r"na/1.e-', max_size=8), max_size=6), st.booleans())
def test_any_text_is_a_table_or_refused(tmp_path_factory, lines, ended):
    path = tmp_path_factory.getbasetemp() / "fuzz.tsv"
    path.write_text("\n".join(["label\tname\tvalue", *lines]) + "\n" * ended, newline="")
    try:
        frame = read_tsv(path, COLUMNS, "Run it again")
    except InputError:
        return
    assert list(frame.columns) == ["label", "name", "value"]
    assert (frame["label"].dropna() % 1 == 0).all()


FORMULAS = [
    "=1+1", "=cmd|' /C calc'!A0", "+HYPERLINK(1)", "-2+3", "@SUM(A1)", "＝1+1", " =1", "'=1", "-x",
    "\t=1", "\r=1", "\n@x",
]  # fmt: skip
TEXTS = ["TA left", "", "-", "+", "-3.5", "+7e-3", "a=b", "'quoted'", "'-3", "L-TA", "-inf"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_spreadsheet_runs_a_cell(text):
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_other_cells_stay_as_they_are(text):
    assert inert(text) == text


def test_formulas_are_text_in_the_file_and_come_back_as_given(tmp_path):
    path = tmp_path / "t.tsv"
    given = pd.DataFrame({"label": 1, "name": FORMULAS[:9] + TEXTS, "value": -3.5, "=x": "+y"})
    write_tsv(given, path)
    lines = path.read_text().splitlines()
    assert lines[0] == "label\tname\tvalue\t'=x"
    assert all(line.split("\t")[2] == "-3.5" for line in lines[1:])
    read = read_tsv(path, COLUMNS, "Run it again")
    assert read["name"].tolist() == given["name"].tolist()
    assert read["=x"].tolist() == given["=x"].tolist()
    assert read["value"].tolist() == given["value"].tolist()


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("'=+-@ 1e.\tTA"), max_size=6))
def test_every_text_comes_back(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "every.tsv"
    write_tsv(pd.DataFrame({"label": [1], "name": [text], "value": [1.0]}), path)
    assert read_tsv(path, COLUMNS, "x")["name"].tolist() == [text]


@pytest.mark.parametrize("text", ["a\rb", "\r=x", "a\r\nb", "\r"])
def test_a_carriage_return_neither_cuts_a_cell_nor_the_table(tmp_path, text):
    path = tmp_path / "t.tsv"
    write_tsv(pd.DataFrame({"label": [1, 2], "name": [text, "b"], "value": 1.0}), path)
    read = read_tsv(path, COLUMNS, "Run it again")
    assert read["name"].tolist() == [text.replace("\r\n", "\n").replace("\r", "\n"), "b"]
    assert read["value"].tolist() == [1.0, 1.0]
