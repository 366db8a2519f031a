"""Changes between visits: known answers, symmetry, and what must not be compared."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from visits_for_tests import (
    LEFT_TA,
    SOL,
    TA,
    TABLE,
    coverage,
    length,
    made,
    notes,
    visit,
    volume,
)

from imaging.measures import Measure, Notes, not_measured
from imaging.musclemap.read.notes import MapNotes
from imaging.muscles import label_of, muscle_keys
from imaging.report.comparison import changes as module
from imaging.report.comparison.changes import changes
from imaging.report.comparison.methods import difference
from imaging.report.comparison.repeatability import sdc_factor


def rows(before, after, table=TABLE):
    found = changes(before, after, table)
    return {(r["label"], r["measure"]): r for r in found.to_dict("records")}


def test_a_change_is_held_against_the_muscles_own_repeatability():
    before = visit("01", volume(TA, 100.0), volume(SOL, 100.0))
    after = visit("02", volume(TA, 104.0), volume(SOL, 104.0))
    found = rows(before, after)
    ta, sol = found[TA, "volume"], found[SOL, "volume"]
    assert ta["sdc"] == pytest.approx(sdc_factor(30) * 1.02)
    assert sol["sdc"] == pytest.approx(2 * sdc_factor(30) * 1.02)
    assert (ta["verdict"], sol["verdict"]) == ("larger than SDC", "within SDC")
    assert ta["change"] == pytest.approx(4.0)
    assert ta["change_percent"] == pytest.approx(4.0)
    assert ta["ci_low"] == pytest.approx(4.0 - ta["sdc"])
    assert ta["sdc_of"] == "digital leg; test"


def test_without_a_known_sdc_the_interval_is_that_of_both_figures():
    fat = [Measure(TA, "fat_fraction", v, "percent", 9, None, v - 3, v + 3) for v in (10, 12)]
    row = rows(*(visit(s, volume(TA, 9), m) for s, m in zip(("1", "2"), fat, strict=True)))
    row = row[TA, "fat_fraction"]
    assert row["verdict"] == "no SDC known"
    assert row["ci_high"] == pytest.approx(2 + 18**0.5)
    assert pd.isna(row["change_percent"])


def test_a_change_within_wide_intervals_of_the_figures_does_not_stand_out():
    before, after = visit("1", length(TA, 50, 3)), visit("2", length(TA, 54, 3))
    row = rows(before, after)[TA, "fascicle_length"]
    assert row["sdc"] == pytest.approx(sdc_factor(30))
    assert row["verdict"] == "within SDC"
    assert "wider than the SDC" in row["reason"]


@given(
    first=st.floats(1, 1e3),
    second=st.floats(1, 1e3),
    half=st.one_of(st.none(), st.floats(0.1, 20)),
)
def test_visits_exchanged_give_the_opposite_change_and_the_same_verdict(first, second, half):
    one = visit("1", volume(TA, first), length(TA, first, half))
    two = visit("2", volume(TA, second), length(TA, second, half))
    there, back = rows(one, two), rows(two, one)
    for key, row in there.items():
        other = back[key]
        assert row["change"] == pytest.approx(-other["change"])
        assert row["verdict"] == other["verdict"]
        assert row["sdc"] == pytest.approx(other["sdc"])
        assert row["ci_low"] == pytest.approx(-other["ci_high"])


def test_a_muscle_that_is_cut_has_no_change_of_volume():
    def seen(session, value, whole):
        return visit(session, volume(TA, value), coverage(TA, whole), length(TA, 50))

    found = rows(seen("1", 100, True), seen("2", 99, False))
    assert found[TA, "volume"]["verdict"] == "not comparable"
    assert found[TA, "volume"]["reason"] == "cut by the field of view: ses-2"
    assert found[TA, "volume"]["before"] == 100
    assert found[TA, "fascicle_length"]["verdict"] == "within SDC"
    assert found[TA, "fascicle_length"]["reason"] == "of the part in view"
    found = rows(seen("1", 100, True), seen("2", 70, False))
    assert "another part" in found[TA, "fascicle_length"]["reason"]
    assert found[TA, "fascicle_length"]["verdict"] == "not comparable"


def test_what_is_missing_at_one_visit_says_why():
    before = visit("1", volume(TA, 100), volume(LEFT_TA, 90))
    after = visit("2", not_measured(TA, "volume", "ml", "labelled together as X"))
    found = rows(before, after)
    assert found[TA, "volume"]["reason"] == "ses-2: labelled together as X"
    assert found[LEFT_TA, "volume"]["reason"] == "ses-2: the left leg is not in view"
    assert pd.isna(found[TA, "volume"]["change"])


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        (length(TA, 50), length(TA, 50, status="modelled"), "measured, then modelled"),
        (volume(TA, 50), volume(TA, 50, note="drawn by a person"), "network, then drawn by"),
        (Measure(TA, "stiffness_mdev_magnitude", 2e3, "Pa", note="median; MDEV at 50 Hz"),
         Measure(TA, "stiffness_mdev_magnitude", 2e3, "Pa", note="median; MDEV at 60 Hz"), "60 Hz"),
        (Measure(TA, "stiffness_swe_shear", 2e3, "Pa", note="not corrected for the fibre's angle"),
         Measure(TA, "stiffness_swe_shear", 2e3, "Pa", note="corrected for the fibre's angle"),
         "then corrected"),
        (Measure(TA, "fat_fraction", 5, "percent", note="mean; 3 gradient echoes"),
         Measure(TA, "fat_fraction", 5, "percent", note="mean; water and fat"), "water and fat"),
    ],
)  # fmt: skip
def test_figures_of_another_way_are_not_compared(one, two, words):
    label = volume(SOL, 1)
    row = rows(visit("1", one, label), visit("2", two, label))[TA, one.measure]
    assert row["verdict"] == "not comparable"
    assert words in row["reason"]
    assert pd.isna(row["change"])


def test_a_muscle_outlined_in_another_way_is_not_compared_at_all():
    before = visit("1", volume(TA, 50), length(TA, 50))
    after = visit("2", volume(TA, 50, note="drawn by a person"), length(TA, 50))
    assert "outlined by network" in rows(before, after)[TA, "fascicle_length"]["reason"]


def test_an_aponeurosis_given_at_one_visit_and_found_at_the_other_is_named():
    found = replace(length(SOL, 50, 2), note="mean; interval of finding of the aponeurosis and all")
    before, after = visit("1", length(SOL, 40, 2)), visit("2", found)
    row = rows(before, after)[SOL, "fascicle_length"]
    assert row["reason"] == "internal aponeurosis given, then found from the data"
    assert rows(after, visit("3", found))[SOL, "fascicle_length"]["verdict"] == "within SDC"
    unipennate = replace(found, label=label_of("GM", "right"))
    assert "aponeurosis" not in str(rows(visit("1", unipennate), visit("2", unipennate)))


def test_a_label_that_means_another_muscle_is_not_compared():
    def drawn(session, name):
        return replace(visit(session, volume(1001, 50)), names={1001: name})

    row = rows(drawn("1", "vastus"), drawn("2", "gracilis"))[1001, "volume"]
    assert row["reason"] == "label 1001 is vastus, then gracilis"
    same = rows(drawn("1", "vastus"), drawn("2", "vastus"))[1001, "volume"]
    assert (same["muscle"], same["verdict"]) == ("vastus", "within SDC")


@pytest.mark.parametrize(
    ("facts", "words", "stage"),
    [
        ([{"segmentation": {"contrast": c}} for c in ("T1w", "MEGRE")], "then of MEGRE", "fibre"),
        ([{"segmentation": {"network": {"name": "N", "version": v}}} for v in "12"], "N 2", "anat"),
        ([{"elastography": {"frequency_hz": [f]}} for f in (40.0, 60.0)], "60 Hz", "mre"),
    ],
)
def test_scans_that_differ_are_named(facts, words, stage):
    before, after = (visit(str(k), notes=notes(**f)) for k, f in enumerate(facts))
    assert words in difference(before, after).refused[stage]
    assert not difference(before, before).refused


def test_other_settings_and_b_values_are_named_but_not_a_seed():
    def scanned(b, **settings):
        made_by = {"f": made("fibres", **settings), "d": made("diffusion")}
        return visit("1", Measure(0, "b_value_max", b, "s/mm2"), notes=notes(made_by))

    one = scanned(500, smoothing_mm=None, seed=1)
    assert difference(one, scanned(500, smoothing_mm=None, seed=2)).refused == {}
    found = difference(one, scanned(500, smoothing_mm=4.0, seed=1)).refused
    assert found["fibre"] == "setting smoothing_mm of pennate fibres: none, then 4"
    assert "dwi" not in found
    assert (
        "b-value 500, then 1000" in difference(one, scanned(1000, smoothing_mm=None)).refused["dwi"]
    )


def test_perfusion_left_out_at_one_visit_is_named():
    text = "The tensor was fitted, so that perfusion is left out. Done."
    one = visit("1", notes=MapNotes([Notes("diffusion", text)]))
    two = visit("2", notes=MapNotes([Notes("diffusion", "Done.")]))
    assert "then with perfusion" in difference(one, two).refused["dwi"]
    assert difference(one, one).refused == {}


def test_versions_and_voxels_are_told_and_compared():
    one = visit("1", volume(TA, 100, n=1000), notes=notes({"a": made("segment", "0.1.0")}))
    two = visit("2", volume(TA, 100, n=2000), notes=notes({"a": made("segment", "0.1.1")}))
    told = " ".join(difference(one, two).noted)
    assert "0.1.0, then by 0.1.1" in told
    assert "100, then 50 mm³" in told
    assert rows(one, two)[TA, "volume"]["verdict"] == "within SDC"


def both_legs(session, left, right):
    keys = muscle_keys()[:6]
    return visit(
        session,
        *(volume(label_of(k, "left"), v) for k, v in zip(keys, left, strict=True)),
        *(volume(label_of(k, "right"), v) for k, v in zip(keys, right, strict=True)),
    )


def test_exchanged_sides_are_noticed_and_growth_is_not_taken_for_it():
    left, right = [100, 50, 80, 40, 60, 90], [80, 60, 90, 55, 45, 110]
    first = both_legs("1", left, right)
    grown = [[1.2 * v for v in side] for side in (left, right)]
    assert module.swapped(first, both_legs("2", *grown)) == ""
    assert "exchanged" in module.swapped(first, both_legs("2", *grown[::-1]))
    alike = both_legs("1", left, left)
    assert module.swapped(alike, both_legs("2", left, left)) == ""


def test_another_leg_at_the_second_visit_is_noticed():
    told = module.swapped(visit("1", volume(TA, 9)), visit("2", volume(LEFT_TA, 9)))
    assert "ses-1 shows the right leg, ses-2 the left leg" in told
    assert module.swapped(visit("1", volume(TA, 9)), visit("2", volume(TA, 9))) == ""


def test_a_change_of_modelled_figures_says_so():
    one, two = (visit(s, volume(TA, 9), length(TA, v, status="modelled"))
                for s, v in (("1", 50.0), ("2", 60.0)))  # fmt: skip
    found = changes(one, two, TABLE).set_index("measure")
    assert found.loc["fascicle_length", "reason"] == "both modelled, not measured"
    assert found.loc["volume", "reason"] == ""
