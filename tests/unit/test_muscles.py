import numpy as np
import pytest

from imaging.errors import LabelError
from imaging.muscles import (
    bone_labels,
    catalogue,
    label_of,
    lookup_table,
    muscle_keys,
    muscle_labels,
    side_and_key,
    side_and_name,
    side_of,
    structure,
    structure_of,
)


def test_fourteen_muscles_with_unique_keys_and_indices():
    assert len(muscle_keys()) == 14
    assert len({s.key for s in catalogue()}) == len(catalogue())
    assert len({s.index for s in catalogue()}) == len(catalogue())
    assert all(0 < s.index < 100 for s in catalogue())


@pytest.mark.parametrize("side", ["left", "right", "undecided"])
def test_labels_carry_structure_and_side(side):
    for s in catalogue():
        label = label_of(s.key, side)
        assert structure_of(label) == s
        assert side_of(label) == side


def test_a_merged_label_stays_visible():
    assert structure("PL+PB").is_muscle
    assert structure("PL").group == "PL+PB"


@pytest.mark.parametrize("label", [99, 350, 0])
def test_a_label_outside_the_catalogue_is_refused(label):
    with pytest.raises(LabelError):
        structure_of(label)


def test_lookup_and_muscles_of_a_label_map():
    labels = np.array([0, 109, 209, 221, 242])
    assert muscle_labels(labels) == [109, 209, 242]
    table = lookup_table(labels)
    assert list(table["name"]) == [
        "left soleus",
        "right soleus",
        "right tibia",
        "right peroneus longus and brevis",
    ]


@pytest.mark.parametrize(
    ("label", "key", "name"),
    [(109, "left SOL", "left soleus"), (209, "right SOL", "right soleus"), (9, "SOL", "soleus")],
)
def test_words_for_a_label(label, key, name):
    assert side_and_key(label) == key
    assert side_and_name(label) == name
    assert side_and_key(209, "-") == "right-SOL"


def test_bones_of_a_label_map_are_those_of_the_catalogue():
    image = np.array([0, 21, 121, 222, 209, 31, 1021, 1101])
    assert bone_labels(image) == [21, 121, 222]
