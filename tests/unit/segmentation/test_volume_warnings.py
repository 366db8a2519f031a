import numpy as np

from imaging.image import Image
from imaging.measures import Measure
from imaging.muscles import label_of, muscle_keys, structure
from imaging.segmentation.checks import measures, side_warnings, volume_warnings


def rows(scale=1.0, cut=(), **volumes):
    out = []
    for key in muscle_keys():
        label = label_of(key, "left")
        value = volumes.get(key, structure(key).typical_ml) * scale
        out.append(Measure(label, "volume", value, "ml"))
        out.append(Measure(label, "coverage", 0.0 if key in cut else 1.0, "1"))
    return out


def test_small_and_large_persons_are_plausible():
    assert volume_warnings(rows(0.5)) == []
    assert volume_warnings(rows(2.0)) == []


def test_a_muscle_out_of_proportion_is_named():
    (warning,) = volume_warnings(rows(PLA=125.0))
    assert "left PLA (125 ml) is implausibly large" in warning
    (warning,) = volume_warnings(rows(SOL=60.0))
    assert "left SOL (60 ml) is implausibly small" in warning


def test_a_cut_muscle_is_named_and_not_judged():
    (warning,) = volume_warnings(rows(cut=("POP",), POP=2.0))
    assert "Cut by the field of view" in warning
    assert warning.endswith("left POP.")
    (warning,) = volume_warnings(rows(cut=muscle_keys()))
    assert warning.endswith("every muscle.")


def test_a_label_of_a_few_voxels_has_no_volume():
    data = np.zeros((10, 10, 10), np.int16)
    data[2:8, 2:8, 2:8] = label_of("GM", "left")
    data[0, 0, 3:5] = tiny = label_of("SOL", "left")
    seen = np.ones(10, bool)
    found = measures(Image(data, np.eye(4)), np.ones(data.shape, np.float32), {}, seen, [tiny], "")
    volume = {r.label: r for r in found if r.measure == "volume"}
    assert volume[label_of("GM", "left")].value == 0.216
    assert volume[tiny].value is None and volume[tiny].status == "not_measured"
    assert "2 voxels (0.002 ml)" in volume[tiny].note
    assert "left SOL: its label has 2 voxels (0.002 ml): too few for a muscle." in volume_warnings(
        found
    )


def test_muscles_drawn_for_the_other_side_are_said():
    automatic = np.full((4, 4, 4), label_of("SOL", "right"), np.int16)
    drawn = np.zeros_like(automatic)
    assert side_warnings(automatic, drawn) == []
    drawn[0] = label_of("TA", "right")
    assert side_warnings(automatic, drawn) == []
    drawn[1] = label_of("TA", "left")
    (said,) = side_warnings(automatic, drawn)
    assert "drawn as left ones in a leg that is labelled as a right one" in said
    drawn[1] = 1
    (said,) = side_warnings(automatic, drawn)
    assert "drawn without a side in a leg that is labelled as a right one" in said
