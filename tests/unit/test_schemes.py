import numpy as np
import pytest

from imaging.errors import LabelError, MissingFileError
from imaging.lookup import catalogue_labels, load_meanings
from imaging.muscles import label_of
from imaging.schemes import load_scheme, scheme_names, translate


def labels_of(path):
    return catalogue_labels(load_meanings(path), path)


@pytest.mark.parametrize("name", scheme_names())
def test_every_scheme_has_unique_labels_and_known_keys(name):
    labels = [row.label for row in load_scheme(name)]
    assert len(labels) == len(set(labels)) > 0


@pytest.mark.parametrize(
    ("scheme", "label", "key", "side"),
    [
        ("musclemap-1.4", 8141, "GM", "left"),
        ("musclemap-1.4", 8152, "GL", "right"),
        ("musclemap-1.3", 8141, "GM+GL", "left"),
        ("musclemap-1.3", 8152, "TIB", "right"),
        ("musclemap-1.3", 8101, "ANT", "left"),
        ("nnunet_leg_205", 8, "EDL+EHL+PT", "right"),
        ("qmritools", 10, "PB", "right"),
        ("muscleseg", 7, "PL+PB", "right"),
        ("musclesense", 5, "SOL", "right"),
        ("musclesense", 15, "SOL", "left"),
        ("totalsegmentator_bones", 2, "TIB", "right"),
        ("totalsegmentator_tissue", 1, "SAT", "right"),
        ("visible_human", 2, "EDL+PT", "right"),
        ("visible_human", 4, "PL+PB", "right"),
    ],
)
def test_known_labels(scheme, label, key, side):
    assert translate(np.array([label, 0]), scheme, "right").tolist() == [label_of(key, side), 0]


def test_two_parts_of_soleus_become_one():
    parts = translate(np.array([3, 4]), "nnunet_leg_205", "left")
    assert parts.tolist() == [label_of("SOL", "left")] * 2


def test_structure_outside_the_catalogue_is_background_but_unknown_label_is_an_error():
    assert translate(np.array([15]), "nnunet_leg_205", "left").tolist() == [0]
    with pytest.raises(LabelError, match="99"):
        translate(np.array([99]), "nnunet_leg_205", "left")
    with pytest.raises(LabelError, match="no label scheme"):
        load_scheme("other")


def test_lookup_by_key_or_name_with_side(tmp_path):
    path = tmp_path / "map.tsv"
    path.write_text("index\tname\n1\tleft SOL\n2\tright tibialis anterior\n3\tGM_r\n4\tPL+PB\n")
    assert labels_of(path) == {1: 109, 2: 201, 3: 207, 4: 42}
    path.write_text("index\tname\n1\tbiceps\n")
    with pytest.raises(LabelError, match="biceps"):
        labels_of(path)
    with pytest.raises(MissingFileError):
        labels_of(tmp_path / "none.tsv")
