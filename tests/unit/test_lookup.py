"""Look-up tables of label maps: what is understood, and what contradicts itself."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.errors import InputError, LabelError
from imaging.lookup import Meaning, catalogue_labels, label_of_name, load_meanings


def labels_of(path):
    return catalogue_labels(load_meanings(path), path)


def table(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "map.tsv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("gastrocnemius medialis, left", 107),
        ("Soleus (right)", 209),
        ("left SOL", 109),
        ("tibialis_anterior_r", 201),
        ("L PL+PB", 142),
        ("Background", 0),
        ("Clear Label", 0),
    ],
)
def test_names_as_people_write_them(name, label):
    assert label_of_name(name) == label


def test_index_key_abbreviation_and_side_are_understood(tmp_path):
    rows = "index\tname\tabbreviation\n107\tgastrocnemius medialis, left\tGM\n101\tVorderer\tTA\n"
    assert labels_of(table(tmp_path, rows)) == {107: 107, 101: 101}
    rows = "index\tname\tkey\tside\n1\tWadenmuskel\tSOL\tright\n2\tn/a\tTA\tL\n"
    meanings = load_meanings(table(tmp_path, rows))
    assert (meanings[1], meanings[2].label) == (Meaning("Wadenmuskel", 209), 101)
    assert labels_of(table(tmp_path, "index\tkey\n209\tSOL\n")) == {209: 209}
    assert labels_of(table(tmp_path, "index\tname\tkey\n209\t\t\n")) == {209: 209}


def test_tables_of_spreadsheets_are_read(tmp_path):
    assert labels_of(table(tmp_path, "\ufeffIndex\tName\n3.0\tGM_r\n\t\n")) == {3: 207}
    rows = 'index,name\n1,"soleus, left"\n'
    assert labels_of(table(tmp_path, rows)) == {1: 109}
    assert labels_of(table(tmp_path, "index;name\n1;soleus left\n")) == {1: 109}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("109\tright soleus\t", "'right soleus' contradicts the label 109 .* left soleus"),
        ("109\tgastrocnemius medialis\t", "'gastrocnemius medialis' contradicts the label 109"),
        ("1\tleft soleus\tGM", "'left soleus' contradicts the key 'GM'"),
        ("1\tleft soleus\tSOL_r", "'left soleus' contradicts the side 'SOL_r'"),
        ("1\tsoleus\t\n1\ttibia\t", "index 1 is given twice, as 'soleus' and 'tibia'"),
        ("x\tsoleus\t", "index 'x' is not a whole number"),
        ("1.5\tsoleus\t", "index '1.5' is not a whole number"),
        ("-1\tsoleus\t", "index '-1' is not a whole number"),
        ("5\t\t", "index 5 has no name"),
        ("1\tbiceps femoris\t", "'biceps femoris' is not in the catalogue"),
    ],
)
def test_contradictions_name_both(tmp_path, rows, said):
    with pytest.raises(LabelError, match=rf"map\.tsv: .*{said}"):
        labels_of(table(tmp_path, f"index\tname\tkey\n{rows}\n"))


def test_what_is_no_table_is_named(tmp_path):
    with pytest.raises(LabelError, match="UTF-8"):
        labels_of(table(tmp_path, "index\tname\n1\tWadé\n", "latin-1"))
    for text in ("", "index\n1\n", "name\nSOL\n", "index\tindex\tname\n1\t1\tSOL\n"):
        with pytest.raises(LabelError, match=r"map\.tsv"):
            labels_of(table(tmp_path, text))


CELLS = st.one_of(
    st.sampled_from(["1", "109", "left soleus", "SOL", "GM_r", "", "n/a", "nan", "1e9", '"', "r"]),
    st.text(max_size=6),
)
HEADS = st.lists(
    st.sampled_from(["index", "name", "key", "abbreviation", "side", "x", ""]), max_size=5
)


@given(HEADS, st.lists(st.lists(CELLS, max_size=6), max_size=4), st.sampled_from("\t,;"))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_table_is_read_or_refused_by_name(tmp_path, head, rows, mark):
    text = "\n".join(mark.join(row) for row in [head, *rows])
    path = table(tmp_path, text, "utf-8")
    refused = None
    try:
        meanings = load_meanings(path)
    except InputError as error:
        refused = error
    if refused is not None:
        assert refused.path == path
        return
    assert all(m.label is None or 0 <= m.label < 300 for m in meanings.values())
