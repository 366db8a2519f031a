import numpy as np
import pytest

from imaging.image import Image
from imaging.measures import Measure
from imaging.muscles import label_of, structure
from imaging.segmentation.proportions import side_flags, size_flags, tibia_length_mm
from imaging.segmentation.quality import expected_rows

MUSCLES = ("TA", "EDL", "GM", "GL", "SOL", "TP")


def _rows(factor, side="left", whole=1.0):
    out = []
    for key in MUSCLES:
        label = label_of(key, side)
        out.append(Measure(label, "volume", structure(key).typical_ml * factor, "ml"))
        out.append(Measure(label, "coverage", whole, "1"))
    return out


def _tibia(tilt=0.0, slices=80):
    labels = np.zeros((40, 40, slices), np.int16)
    for k in range(10, 70):
        labels[15:20, 15:20, k] = label_of("TIB", "left")
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    c, s = np.cos(tilt), np.sin(tilt)
    affine[:3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ affine[:3]
    return Image(labels, affine)


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_the_tibia_is_as_long_in_an_oblique_image(tilt):
    length = tibia_length_mm(_tibia(tilt), 1, np.ones(80, bool))
    assert length == pytest.approx(300.0, abs=4.0)


def test_a_tibia_that_is_cut_or_missing_has_no_length():
    seen = np.zeros(80, bool)
    seen[10:60] = True
    assert tibia_length_mm(_tibia(), 1, seen) is None
    assert tibia_length_mm(_tibia(), 2, np.ones(80, bool)) is None


def test_a_child_with_a_small_tibia_is_not_flagged_but_a_wrong_voxel_size_is():
    assert size_flags(_rows(0.5**3), {1: 187.5}) == []
    assert size_flags(_rows(0.5), {1: 375.0}) == []
    assert [f.code for f in size_flags(_rows(0.5**3), {1: 375.0})] == ["size"]


def test_cut_muscles_and_unknown_lengths_are_not_judged():
    assert size_flags(_rows(0.1, whole=0.0), {1: 375.0}) == []
    assert size_flags(_rows(0.1), {1: None}) == []


def test_only_the_muscle_that_differs_between_the_sides_is_flagged():
    rows = _rows(1.0) + _rows(1.1, "right")
    assert side_flags(rows) == []
    thin = [
        Measure(r.label, r.measure, 0.5 * (r.value or 0), r.unit)
        if (r.label, r.measure) == (label_of("GM", "right"), "volume")
        else r
        for r in rows
    ]
    flags = side_flags(thin)
    assert [f.label for f in flags] == [label_of("GM", "left")]
    assert all(f.severity == "flag" for f in flags)


def test_drawn_muscles_have_no_expected_dice():
    rows = expected_rows({107: 0.9, 109: 0.8}, drawn=[109])
    assert [(r.label, r.status) for r in rows] == [(107, "modelled"), (109, "not_measured")]
