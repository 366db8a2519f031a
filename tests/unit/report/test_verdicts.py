"""Verdicts: known answers, limits that are met, and nothing held against what is not known."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.measures import Measure, Notes, not_measured
from imaging.musclemap.read.notes import MapNotes
from imaging.muscles import label_of
from imaging.report.verdict_facts import facts_of
from imaging.report.verdicts import (
    LOOK,
    NOT_THERE,
    NOT_USABLE,
    SYMBOLS,
    TITLES,
    USABLE,
    checks,
    judged,
    verdicts,
)  # fmt: skip

TA, SOL, GM = (label_of(k, "right") for k in ("TA", "SOL", "GM"))
MUSCLES = [Measure(v, "volume", ml, "ml") for v, ml in ((TA, 140.0), (SOL, 450.0), (GM, 260.0))]
WHOLE = [Measure(v, "coverage", 1.0, "1") for v in (TA, SOL, GM)]


def found(measures=(), *, missing=None, **facts):
    """Verdicts by stage of a map with three muscles; facts by the names of the stages."""
    notes = MapNotes([Notes(s, "", (), (), f) for s, f in facts.items()], missing or {})
    return {v.stage: v for v in verdicts([*MUSCLES, *measures], notes)}


def test_every_stage_has_a_verdict_in_the_order_of_the_page():
    assert list(found()) == list(TITLES)
    assert {v.word for v in found().values()} == {USABLE, NOT_THERE}
    assert len(set(SYMBOLS.values())) == 4


def test_a_missing_stage_says_why():
    verdict = found(missing={"dwi": "the scan was aborted"})["dwi"]
    assert (verdict.word, verdict.reason) == (NOT_THERE, "The scan was aborted.")


def test_whole_muscles_are_usable_and_cut_ones_are_looked_at():
    assert found(WHOLE)["anat"].reason == "3 muscles outlined, all wholly in view."
    assert found()["anat"].reason == "3 muscles outlined."  # nobody told whether they are whole
    cut = found([*WHOLE[:2], Measure(GM, "coverage", 0.0, "1")])["anat"]
    assert cut.word == LOOK
    assert cut.reason.startswith("1 of 3 muscles are cut")


def test_a_muscle_out_of_proportion_comes_before_one_that_is_cut():
    tiny = [Measure(label_of("TP", "right"), "volume", 2.0, "ml")]
    verdict = found([*WHOLE[:2], Measure(GM, "coverage", 0.0, "1"), *tiny])["anat"]
    assert verdict.word == LOOK
    assert "tibialis posterior" in verdict.reason


def test_sides_that_differ_are_looked_at():
    left = [Measure(label_of("TA", "left"), "volume", 90.0, "ml"),
            Measure(label_of("TA", "left"), "coverage", 1.0, "1")]  # fmt: skip
    assert "Left and right differ" in found([*WHOLE, *left])["anat"].reason


@pytest.mark.parametrize(
    ("snr", "word"), [(39.0, USABLE), (20.0, USABLE), (19.9, LOOK), (10.0, LOOK), (9.9, NOT_USABLE)]
)
def test_noise_decides_on_the_diffusion_images(snr, word):
    rows = [Measure(0, "snr_b0", snr, "1"), Measure(0, "motion_max", 0.3, "mm")]
    facts = {"gradient_check": "ok", "distortion_status": "kept", "anatomy_alignment": "kept"}
    assert found(rows, diffusion=facts)["dwi"].word == word


def test_a_table_that_cannot_be_told_casts_doubt_on_fibres_too():
    rows = [Measure(0, "snr_b0", 39.0, "1")]
    rows += [Measure(v, "fascicle_length", 50.0, "mm") for v in (TA, SOL, GM)]
    told = found(rows, diffusion={"gradient_check": "undecided"}, fibres={})
    assert told["dwi"].word == told["fibre"].word == LOOK
    assert "mirrored" in told["dwi"].reason
    assert "mirrored" in told["fibre"].reason
    across = {"gradient_check": "undecided", "gradient_check_detail": {"across_leg": True}}
    told = found(rows, diffusion=across, fibres={})
    assert told["dwi"].word == told["fibre"].word == NOT_USABLE


def test_volumes_that_lost_their_signal():
    z = [[-9.0] * 10] * 3 + [[0.5] * 10] * 7
    lost = [[v, k, -9.0] for v in range(3) for k in range(10)]
    facts = {"outlier_z": z, "outlier_slices": lost, "gradient_check": "ok"}
    verdict = found([Measure(0, "snr_b0", 39.0, "1")], diffusion=facts)["dwi"]
    assert verdict.word == NOT_USABLE
    assert verdict.reason.startswith("30 % of the volumes")


def test_fibres_say_what_they_rest_on():
    rows = [Measure(0, "snr_b0", 39.0, "1")]
    rows += [Measure(v, "fascicle_length", 50.0, "mm") for v in (TA, SOL, GM)]
    rows += [Measure(v, "unfilled_fraction", 0.02, "1") for v in (TA, SOL, GM)]
    rows += [Measure(v, "extrapolated_fraction", 0.07, "1") for v in (TA, SOL, GM)]
    verdict = found(rows, diffusion={"gradient_check": "ok"}, fibres={})["fibre"]
    assert verdict.word == USABLE
    assert verdict.reason == (
        "The gradient table agrees with anatomy; 3 of 3 muscles measured; fascicles fill 98 % of a "
        "typical one."
    )


def test_a_stage_that_ran_and_left_nothing_says_why():
    rows = [not_measured(v, "fascicle_length", "mm", "fewer than 50 voxels") for v in (TA, SOL)]
    verdict = found(rows, fibres={})["fibre"]
    assert verdict.word == NOT_USABLE
    assert verdict.reason == "No muscle has fascicles. Fewer than 50 voxels."


def test_modelled_fascicles_are_named():
    rows = [Measure(v, "fascicle_length", 50.0, "mm") for v in (SOL, GM)]
    rows.append(Measure(TA, "fascicle_length", 50.0, "mm", status="modelled"))
    verdict = found(rows, fibres={})["fibre"]
    assert verdict.word == LOOK
    assert verdict.reason.endswith("tibialis anterior.")


def test_waves_that_are_not_waves_and_moduli_that_no_muscle_has():
    rows = [Measure(v, "stiffness_mdev_magnitude", 1500.0, "Pa") for v in (TA, SOL, GM)]
    wave = [Measure(0, "wave_quality", 0.4, "1")]
    assert found([*rows, *wave], elastography={})["mre"].word == NOT_USABLE
    good = found([*rows, Measure(0, "wave_quality", 0.97, "1")], elastography={})["mre"]
    assert good.reason == "3 of 3 muscles measured; 97 % of the motion is the wave."
    rows[0] = Measure(TA, "stiffness_mdev_magnitude", 4.0e6, "Pa")
    odd = found(rows, elastography={})["mre"]
    assert (odd.word, "tibialis anterior" in odd.reason) == (NOT_USABLE, True)
    turned = found(rows[1:], elastography={"encoding_doubtful": True})["mre"]
    assert "EncodingDirections" in turned.reason


def test_a_ready_map_is_looked_at_since_its_waves_were_not_seen():
    rows = [Measure(v, "stiffness_ready_shear", 1500.0, "Pa") for v in (TA, SOL, GM)]
    verdict = found(rows, elastography={})["mre"]
    assert (verdict.word, verdict.reason.startswith("A ready map")) == (LOOK, True)


def test_diffusion_of_unknown_noise_or_unchecked_table_is_not_called_usable():
    assert "noise is not known" in found(diffusion={"gradient_check": "ok"})["dwi"].reason
    told = found([Measure(0, "snr_b0", 39.0, "1")], diffusion={"distortion": "anatomy"})["dwi"]
    assert (told.word, "not checked" in told.reason) == (LOOK, True)


def test_frames_of_ultrasound():
    rows = [Measure(TA, "stiffness_swe_shear", 3000.0, "Pa")]
    files = [{"file": "a.png", "tracked": True, "left_out_error_mm": [1.0, 1.0]}]
    assert found(rows, ultrasound={"files": files})["us"].word == USABLE
    bound = [Measure(TA, "stiffness_swe_shear", 16e3, "Pa", status="extrapolated")]
    told = found(bound, ultrasound={"files": files})["us"]
    assert (told.word, told.reason.startswith("Only a bound")) == (LOOK, True)
    files[0] |= {"tracked": False}
    assert "mirrored" in found(rows, ultrasound={"files": files})["us"].reason
    files[0] |= {"left_out_error_mm": [5.0, 5.0]}
    assert "5.0 mm" in found(rows, ultrasound={"files": files})["us"].reason
    files[0] |= {"left_out_error_mm": [12.0, 12.0]}
    assert found(rows, ultrasound={"files": files})["us"].word == NOT_USABLE


def test_strides_and_maximal_contractions():
    rows = [Measure(v, "emg_peak_time", 40.0, "percent") for v in (TA, SOL)]
    told = found(rows, function={"strides": {"left": 8, "right": 9}})["func"]
    assert told.reason == "2 muscles over 8 strides or more."
    assert found(rows, function={"strides": {"left": 4, "right": 9}})["func"].word == LOOK
    rows.append(Measure(SOL, "emg_amplitude_mvc", 130.0, "percent"))
    assert "soleus" in found(rows, function={"strides": {"left": 8}})["func"].reason


def test_fat_that_cannot_be_told_from_water():
    rows = [Measure(v, "fat_fraction", 4.0, "percent") for v in (TA, SOL, GM)]
    assert found(rows, composition={})["comp"].word == USABLE
    half = found(rows, composition={"fat_fraction_at_most_percent": 50.0})["comp"]
    assert (half.word, "50 %" in half.reason) == (LOOK, True)
    rows = [Measure(v, "fat_fraction", -12.0, "percent") for v in (TA, SOL, GM)]
    assert found(rows, composition={})["comp"].word == NOT_USABLE


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["gradient_check", "gradient_check_detail", "outlier_z", "outlier_slices",
                         "files", "strides", "event_agreement", "likeness_to_a_leg",
                         "distortion_status", "fat_fraction_at_most_percent"]),
        st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=6,
        ),
    )
)  # fmt: skip
def test_facts_of_another_form_cost_nothing(facts):
    stages = ("segmentation", "diffusion", "fibres", "elastography", "ultrasound", "function",
              "composition")  # fmt: skip
    for verdict in found(**dict.fromkeys(stages, facts)).values():
        assert verdict.word in SYMBOLS
        assert verdict.reason


def test_table_of_limits_is_sound():
    for c in checks():
        assert c.stage in TITLES
        assert c.source or c.when == "good"
        assert "{" not in c.outline + c.asked + c.limit(c.look)
        assert c.when in ("below", "above", "is", "good")
        if c.when in ("below", "above") and c.look and c.not_usable:
            looked, lost = float(c.look), float(c.not_usable)
            assert lost <= looked if c.when == "below" else lost >= looked
    goods = [c.stage for c in checks() if c.when == "good"]
    assert goods == list(TITLES)


def test_every_figure_that_is_asked_is_one_that_a_stage_can_have():
    every = {
        "anat": {"likeness", "dice", "sides_contradicted"}, "us": {"missed"},
        "dwi": {"noise", "snr", "lost_volumes", "motion", "distortion", "alignment", "gradient",
                "across"},
        "fibre": {"filled", "extrapolated", "snr", "gradient", "across"},
        "mre": {"ready", "wave", "sure", "moved", "encoding", "backwards"},
        "func": {"strides", "events"}, "comp": {"fat", "at_most"},
    }  # fmt: skip
    for c in checks():
        known = facts_of(c.stage, MUSCLES, MapNotes())
        assert c.check in known or c.check in every[c.stage]


def test_what_is_not_a_number_is_not_hit():
    assert judged("dwi", {"snr": math.inf, "motion": 0.0}).word == USABLE
    assert judged("dwi", {}).reason == "Done; nothing stands out."
