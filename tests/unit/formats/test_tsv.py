import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import InputError, MissingFileError
from imaging.formats.tsv import read_tsv

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
