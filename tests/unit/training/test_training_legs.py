import numpy as np
import pytest
from scipy import ndimage

from imaging.errors import LabelError
from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.inputs import CLASSES, REST
from imaging.training.ends import HIGH_MM, LOW_MM
from imaging.training.joints import CARTILAGE, OTHER_BONE, OTHER_MUSCLE, TENDON
from imaging.training.legs import ENVELOPE_UNIT_MM, SPACING_MM, TrainingLeg, prepare, to_classes
from imaging.training.sources import body_of, with_tibia


def test_what_the_network_merges_is_merged():
    indices = np.array([structure(k).index for k in ("PL", "PB", "PT", "EDL", "TA", "SAT")])
    keys = [CLASSES[c] for c in to_classes(indices)]
    assert keys == ["PL+PB", "PL+PB", "EDL+PT", "EDL+PT", "TA", "outside"]


def test_knee_and_foot_are_added_without_new_labels(tube):
    leg = tube
    low, high = (int(e) for e in leg.ends)
    added = int(LOW_MM / SPACING_MM[2]) + int(HIGH_MM / SPACING_MM[2])
    assert leg.classes.shape[2] == 60 + added
    assert leg.height[low] == 0 and leg.height[high] == 1
    below, above = leg.classes[:, :, :low], leg.classes[:, :, high + 1 :]
    assert below.max() == REST
    assert set(np.unique(above)) <= {0, REST, CLASSES.index("GM"), CLASSES.index("GL")}


def test_the_knee_has_two_condyles_a_patella_and_muscles_of_the_thigh(tube):
    leg = tube
    top = int(leg.ends[1])
    condyles = leg.kind[:, :, top + 9] == OTHER_BONE
    behind = condyles[:, : int(np.argwhere(condyles).mean(0)[1])]
    assert ndimage.label(ndimage.binary_opening(behind, iterations=2))[1] == 2
    kinds = [set(np.unique(leg.kind[:, :, top + k])) for k in (16, 45)]
    assert CARTILAGE in kinds[0] and TENDON in kinds[0]
    assert OTHER_MUSCLE in kinds[1]
    shaft = (leg.kind[:, :, top + 45] == OTHER_BONE).sum()
    assert 0 < shaft < 0.6 * condyles.sum()


def test_the_foot_is_long_and_the_tendon_of_the_heel_ends_on_its_bone(tube):
    leg = tube
    low = int(leg.ends[0])
    foot = np.argwhere(leg.envelope[:, :, low - 22] < 0)
    across, along = np.ptp(foot, axis=0)
    assert along > 1.4 * across
    ankle = np.argwhere(leg.classes[:, :, low + 2] == CLASSES.index("TIB")).mean(0)
    behind = (leg.kind == OTHER_BONE) & (np.arange(leg.kind.shape[1]) < ankle[1] - 30)[:, None]
    assert behind[:, :, : low - 10].any()


def test_every_leg_has_a_knee_and_foot_of_its_own_but_always_the_same(labels_of_tube):
    grid = Image(labels_of_tube(), np.diag([*SPACING_MM, 1.0]))
    none = np.zeros(grid.shape, bool)
    one, again, other = (prepare(name, "x", grid, none) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(one.packed, again.packed)
    assert (one.kind != other.kind).any()


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
