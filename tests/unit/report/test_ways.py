from imaging.measures import Measure
from imaging.report.ways import kept_apart, usual_way, ways_of


def test_a_stiffness_without_a_frequency_has_that_of_its_method():
    measures = [
        Measure(201, "stiffness_ti_mu_perp", 1.0, "Pa", note="median; fibre-aware at 40+60 Hz"),
        Measure(201, "stiffness_ti_mu_perp_muscle", 1.0, "Pa", note="one value fitted"),
        Measure(201, "stiffness_swe_shear", 1.0, "Pa", note="group speed: no single frequency"),
        Measure(201, "fat_fraction", 3.0, "percent", note="mean over 50 voxels; two-point"),
        Measure(201, "volume", 3.0, "ml", note="at rest"),
    ]
    assert ways_of(measures) == ["at 40+60 Hz", "at 40+60 Hz", "", "by two-point", ""]


def test_what_was_taken_in_one_way_is_not_told():
    assert kept_apart({"volume": ["", ""], "fat_fraction": ["by a", "by a"]}) == []
    (said,) = kept_apart({"fat_fraction": ["by a", "by b", "by a", ""]})
    assert said.endswith("by a, n 2; by b, n 1; in an unnamed way, n 1.")


def test_the_usual_way_is_the_most_frequent_named_one():
    assert usual_way(["", "", "", "at 50 Hz", "at 60 Hz", "at 50 Hz"]) == "at 50 Hz"
    assert usual_way([""]) == ""
