import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.config import ModelSettings
from imaging.errors import InputError
from imaging.export.opensim.architecture import (
    by_label,
    maximal_force_n,
    model_parameters,
    optimal_pennation_deg,
    plain_parameters,
    unused_labels,
)
from imaging.export.opensim.names import label_in_map, labels_in_map
from imaging.export.opensim.parameters import ModelMuscle
from imaging.measures import Measure, not_measured
from imaging.muscles import label_of

SETTINGS = ModelSettings()
RIGHT = ("TA", "EDL", "EHL", "PL", "PB", "GM", "GL", "SOL", "FDL", "FHL", "TP")


def muscle(key, norm=1.0, length=50.0, force=1000.0):
    return ModelMuscle(f"{key.lower()}_r", length, 10.0, 300.0, force, 350.0, norm, 0.0)


def full(**changed):
    return {label_of(k, "right"): muscle(k, **changed.get(k, {})) for k in RIGHT}


def measured(label, volume=100.0, length=50.0, pennation=20.0, whole=1.0):
    return [
        Measure(label, "volume", volume, "ml"),
        Measure(label, "coverage", whole, "1"),
        Measure(label, "fascicle_length", length, "mm", n=9, sd=5.0, ci_low=48.0, ci_high=52.0),
        Measure(label, "pennation_line", pennation, "deg", n=9, ci_low=19.0, ci_high=21.0),
    ]


def of(parameters, label, name):
    (found,) = [p for p in parameters if (p.label, p.parameter) == (label, name)]
    return found


def personal(measures, generic=None, settings=SETTINGS):
    return model_parameters(by_label(measures), generic or full(), settings)


def test_known_answers_at_a_given_sarcomere_length():
    settings = ModelSettings(sarcomere_length_um=3.0, specific_tension_n_cm2=30)
    found = personal(measured(209), settings=settings)
    length = of(found, 209, "optimal_fibre_length")
    assert length.value == pytest.approx(45.0) and length.ci_low == pytest.approx(43.2)
    assert length.sd == pytest.approx(4.5) and length.n == 9
    angle = of(found, 209, "pennation_at_optimal")
    assert math.sin(math.radians(angle.value)) * 45 == pytest.approx(
        50 * math.sin(math.radians(20))
    )
    force = of(found, 209, "max_isometric_force")
    assert force.value == pytest.approx(30 * 100 / 4.5)
    assert force.ci_low == pytest.approx(30 * 100 / (5.2 * 0.9)) and force.ci_low < force.value
    assert {p.status for p in (length, angle, force)} == {"assumed"}


def test_sarcomeres_are_those_of_the_generic_model_where_not_given():
    found = personal(measured(209), full(SOL={"norm": 1.25}))
    length = of(found, 209, "optimal_fibre_length")
    assert length.value == pytest.approx(40.0)
    assert "3.38 um, as the generic model has" in length.note


def test_sarcomeres_that_bear_no_force_are_refused():
    found = personal(measured(209), full(SOL={"norm": 0.4}))
    rows = [p for p in found if p.label == 209]
    assert {p.status for p in rows} == {"not_measured"} and "1.08 um" in rows[0].note


@given(st.floats(0, 60), st.floats(0.5, 1.5))
def test_constant_thickness(pennation, stretch):
    optimal = optimal_pennation_deg(pennation, stretch)
    if optimal is not None:
        thick = stretch * math.sin(math.radians(pennation))
        assert math.sin(math.radians(optimal)) == pytest.approx(thick, abs=1e-12)
    else:
        assert stretch * math.sin(math.radians(pennation)) >= 1


@given(st.floats(1, 1000), st.floats(5, 200), st.floats(20, 100))
def test_force_times_length_is_tension_times_volume(volume, length, tension):
    assert maximal_force_n(volume, length, tension) * length / 10 == pytest.approx(tension * volume)


def test_a_muscle_that_the_scan_cuts_keeps_its_generic_force():
    found = personal(measured(209, whole=0.0))
    force = of(found, 209, "max_isometric_force")
    assert force.value is None and "cuts the muscle" in force.note
    assert "cuts the muscle" in of(found, 209, "optimal_fibre_length").note
    no_row = [m for m in measured(209) if m.measure != "coverage"]
    assert of(personal(no_row), 209, "max_isometric_force").value is None


def test_what_is_not_in_the_map_is_generic_and_says_so():
    found = personal([*measured(209), not_measured(201, "fascicle_length", "mm", "too dark"),
                      Measure(201, "volume", 9.0, "ml"), Measure(201, "coverage", 1.0, "1"),
                      Measure(201, "pennation_line", 9.0, "deg")])  # fmt: skip
    assert of(found, 201, "optimal_fibre_length").note == "too dark"
    assert of(found, 201, "max_isometric_force").note == "too dark"
    assert of(found, 207, "pennation_at_optimal").note == "not in the map"
    assert of(found, 207, "pennation_at_optimal").generic == 10.0


def test_merged_labels_share_force_by_the_models_own_volumes():
    group = label_of("PL+PB", "right")
    generic = full(PL={"force": 3000.0, "length": 60.0}, PB={"force": 1000.0, "length": 45.0})
    found = personal([*measured(209), *measured(group, volume=150.0)], generic)
    long, short = (of(found, label_of(k, "right"), "max_isometric_force") for k in ("PL", "PB"))
    volumes = [long.value * 60 / 600, short.value * 45 / 600]
    assert sum(volumes) == pytest.approx(150.0) and volumes[0] / volumes[1] == pytest.approx(4.0)
    assert of(found, label_of("PL", "right"), "optimal_fibre_length").value is None
    alone = personal([*measured(205), *measured(group)], generic)
    assert of(alone, 206, "max_isometric_force").value is None
    assert of(personal(measured(group, whole=0.0)), 205, "max_isometric_force").value is None


def test_a_label_with_a_part_that_the_model_lacks_is_not_shared():
    found = personal(measured(label_of("EDL+PT", "right")))
    assert of(found, 202, "max_isometric_force").value is None


def test_a_muscle_of_a_reduced_model_keeps_its_force():
    generic = {k: v for k, v in full().items() if k != label_of("GL", "right")}
    found = personal([*measured(207), *measured(201)], generic)
    force = of(found, 207, "max_isometric_force")
    assert force.value is None and "no GL" in force.note
    assert of(found, 207, "optimal_fibre_length").value is not None
    assert of(found, 201, "max_isometric_force").value is not None


def test_without_a_model_there_is_no_slack_length():
    found = plain_parameters(by_label([*measured(209), *measured(242)]), SETTINGS)
    assert of(found, 209, "optimal_fibre_length").value == pytest.approx(50.0)
    assert "optimal length in the scan" in of(found, 209, "optimal_fibre_length").note
    assert of(found, 242, "max_isometric_force").value == pytest.approx(1200.0)
    slack = of(found, 209, "tendon_slack_length")
    assert slack.status == "not_measured" and "no OpenSim model" in slack.note


def test_implausible_is_a_factor_of_two():
    for length, odd in ((101.0, True), (99.0, False), (24.9, True), (25.1, False)):
        found = of(personal(measured(209, length=length)), 209, "optimal_fibre_length")
        assert found.is_implausible is odd


def test_measured_muscles_that_the_model_cannot_take_are_named():
    rows = by_label([*measured(209), *measured(111), *measured(9), *measured(211), *measured(1002),
                     *measured(242)])  # fmt: skip
    assert unused_labels(rows, full()) == [
        "SOL: its side is not known", "left POP: not in the model", "right POP: not in the model",
        "label 1002: not in the catalogue",
    ]  # fmt: skip


def test_names_of_both_families():
    assert (label_in_map("tibant_r"), label_in_map("tib_ant_l")) == (201, 101)
    assert label_in_map("per_tert_r") == 204
    assert label_in_map("tibant") is label_in_map("vaslat_r") is label_in_map("TIBANT_r") is None
    assert labels_in_map(["glmax1_r", "soleus_r"]) == {"soleus_r": 209}
    with pytest.raises(InputError, match="gasmed_r and med_gas_r"):
        labels_in_map(["gasmed_r", "med_gas_r"])
