import pytest

from imaging.errors import LabelError, MissingFileError
from imaging.io.models.names import label_of_foreign_name, table_of_names, table_of_scheme
from imaging.muscles import catalogue, label_of, structure_of
from imaging.schemes import load_scheme, scheme_names


@pytest.mark.parametrize(
    ("name", "key", "side"),
    [
        ("Soleus_R", "SOL", "right"),
        ("left_soleus", "SOL", "left"),
        ("Gastrocnemius Medialis_L", "GM", "left"),
        ("medial gastrocnemius", "GM", "undecided"),
        ("lateral head of gastrocnemius", "GL", "undecided"),
        ("Gastrocnemius", "GM+GL", "undecided"),
        ("Extensor Longus Digitorum_R", "EDL", "right"),
        ("extensor digitorum-hallucis longus", "EDL+EHL", "undecided"),
        ("EDL/EHL/PT", "EDL+EHL+PT", "undecided"),
        ("PB and PL", "PL+PB", "undecided"),
        ("Peroneus", "PL+PB", "undecided"),
        ("fibularis longus", "PL", "undecided"),
        ("fibularis tertius", "PT", "undecided"),
        ("Fibula (right)", "FIB", "right"),
        ("M. tibialis anterior", "TA", "undecided"),
        ("SOL posterior", "SOL", "undecided"),
        ("deep posterior compartment", "DEEP", "undecided"),
        ("subcutaneous_fat", "SAT", "undecided"),
        ("skeletal_muscle", "MUSCLE", "undecided"),
    ],
)
def test_names_of_makers(name, key, side):
    assert label_of_foreign_name(name) == label_of(key, side)


@pytest.mark.parametrize(
    "name", ["tibialis", "flexor longus", "solues", "talus", "vastus lateralis", "peroneal nerve",
             "posterior compartment", "biceps femoris long head", "femur left", "torso_fat"],
)  # fmt: skip
def test_what_is_not_known_is_not_guessed(name):
    assert label_of_foreign_name(name) is None


def test_background_is_no_structure():
    assert label_of_foreign_name("Background") == 0


def test_every_name_of_the_catalogue_means_itself():
    for s in catalogue():
        assert label_of_foreign_name(s.key) == s.index
        assert label_of_foreign_name(f"{s.name}_L") == 100 + s.index


@pytest.mark.parametrize("scheme", [n for n in scheme_names() if n != "visible_human"])
def test_names_of_the_known_schemes_agree_with_their_tables(scheme):
    # The surfaces of the Visible Human hold more than their names say, hence left out.
    for row in load_scheme(scheme):
        label = label_of_foreign_name(row.name)
        if label:
            assert structure_of(label).key == row.key, row


def test_a_table_of_names_says_what_it_leaves_out():
    table = table_of_names({0: "background", 1: "SOL", 2: "talus", 3: "vessel"}, "model")
    assert dict(table.labels) == {0: 0, 1: 9, 2: 0, 3: 0}
    assert table.outside() == ("talus", "vessel")
    with pytest.raises(LabelError, match="none of its labels"):
        table_of_names({0: "background", 1: "liver"}, "model")


def test_a_scheme_of_ones_own(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("label\tname\tkey\tside\n1\tWade innen\tGM\tleft\n2\tKnochen\t\tnone\n")
    table = table_of_scheme(str(path))
    assert dict(table.labels) == {1: label_of("GM", "left"), 2: 0}
    with pytest.raises(MissingFileError, match="no such label scheme"):
        table_of_scheme(str(tmp_path / "none.tsv"))
    path.write_text("label\tkey\n1\tGM\n")
    with pytest.raises(LabelError, match="name"):
        table_of_scheme(str(path))
    path.write_text("label\tname\tkey\tside\n1\tx\tGM\tlinks\n")
    with pytest.raises(LabelError, match="links"):
        table_of_scheme(str(path))
