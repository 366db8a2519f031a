import numpy as np
import pytest

from imaging.errors import LabelError
from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.inputs import CLASSES, REST
from imaging.training.legs import ENVELOPE_UNIT_MM, SPACING_MM, TrainingLeg, prepare, to_classes
from imaging.training.sources import body_of, with_tibia


def test_what_the_network_merges_is_merged():
    indices = np.array([structure(k).index for k in ("PL", "PB", "PT", "EDL", "TA", "SAT")])
    keys = [CLASSES[c] for c in to_classes(indices)]
    assert keys == ["PL+PB", "PL+PB", "EDL+PT", "EDL+PT", "TA", "outside"]


def test_knee_and_ankle_are_added_without_new_labels(tube):
    leg = tube
    low, high = (int(e) for e in leg.ends)
    assert leg.classes.shape[2] == 60 + 2 * 30
    assert leg.height[low] == 0 and leg.height[high] == 1
    beyond = np.concatenate([leg.classes[:, :, :low], leg.classes[:, :, high + 1 :]], axis=2)
    assert beyond.max() == REST


def test_fascia_lies_around_the_muscles(tube):
    leg = tube
    k = int(leg.ends.mean())
    inside = leg.envelope[:, :, k] < 0
    assert (leg.classes[:, :, k] > 0)[inside].all()
    assert leg.envelope[:, :, k].min() * ENVELOPE_UNIT_MM == pytest.approx(-34, abs=2)


def test_saved_and_read_again_it_is_the_same(tube, tmp_path):
    leg = tube
    leg.save(tmp_path / "a.npz")
    again = TrainingLeg.load(tmp_path / "a.npz")
    assert again.name == "tube"
    np.testing.assert_array_equal(again.packed, leg.packed)


def test_a_map_without_tibia_is_refused(labels_of_tube):
    grid = Image(labels_of_tube(tibia=False), np.diag([*SPACING_MM, 1.0]))
    with pytest.raises(LabelError, match="tibia"):
        prepare("a", "a", grid, np.zeros(grid.shape, bool))


def test_a_missing_tibia_is_found_in_the_hole_between_the_muscles(labels_of_tube):
    whole, without = labels_of_tube(), labels_of_tube(tibia=False)
    leg = AtlasLeg("a", without, np.array(SPACING_MM))
    model = AtlasLeg("b", whole, np.array(SPACING_MM))
    bone = structure("TIB").index
    found = with_tibia(leg, [model]) == bone
    truth = whole == bone
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.85


def test_left_and_right_are_one_body():
    assert body_of("p1_left") == body_of("p1_right") == "p1"
