from imaging.measures import Measure
from imaging.muscles import label_of, muscle_keys, structure
from imaging.segmentation.checks import volume_warnings


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
