"""What is written and told, without OpenSim."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.config import ModelSettings
from imaging.export.opensim.architecture import by_label, model_parameters
from imaging.export.opensim.balance import balance
from imaging.export.opensim.motion import Motion
from imaging.export.opensim.notes import notes
from imaging.export.opensim.parameters import ModelMuscle
from imaging.export.opensim.personal import PersonalModel, Solved, as_written, wanted_of
from imaging.export.opensim.rewrite import Personalised
from imaging.export.opensim.tables import (
    closure,
    fibre_states,
    force_table,
    moment_table,
    parameter_table,
)
from imaging.measures import Measure

GENERIC = {209: ModelMuscle("soleus_r", 50.0, 20.0, 300.0, 3000.0, 350.0, 1.0, 0.0)}
MEASURES = by_label([
    Measure(209, "fascicle_length", 45.0, "mm", ci_low=43.0, ci_high=47.0),
    Measure(209, "pennation_line", 25.0, "deg"),
])  # fmt: skip


def personal(refused=(), share=0.01):
    parameters = model_parameters(MEASURES, GENERIC, ModelSettings())
    again = replace(GENERIC[209], tendon_slack_length_mm=309.0, rest_passive_share=share)
    written = Personalised({209: again}, dict(refused), 0.0, 0.0, 0.0, 15)
    rows = as_written(parameters, written, MEASURES, GENERIC)
    return PersonalModel(rows, GENERIC, written, {})


def motion(moment=-50.0):
    """Two moments of two muscles about an ankle; one muscle moves no joint."""
    ones = np.ones((2, 2))
    arms = np.zeros((2, 2, 1))
    arms[:, 0, 0] = -0.05
    return Motion(
        np.array([0.0, 0.1]), ("soleus_r", "tibant_l"), np.array([3000.0, 1000.0]), ones, 0 * ones,
        0 * ones, ones, ones, 0.3 * ones, ("ankle_angle_r",), arms, np.full((2, 1), moment), 0.4,
        ("mtp_angle_r",),
    )  # fmt: skip


def solved(moment=-50.0):
    one = motion(moment)
    return Solved(one, balance(one.active_along_tendon_n, one.passive_along_tendon_n, one.arms_m,
                               one.moments_nm))  # fmt: skip


def test_slack_length_has_the_interval_of_the_fascicles():
    table = parameter_table(personal().parameters).set_index("parameter")
    slack = table.loc["tendon_slack_length"]
    assert (slack["generic"], slack["personal"]) == (300.0, 309.0)
    along = 2 * np.cos(np.radians(25))
    assert (slack["ci_low"], slack["ci_high"]) == pytest.approx((309 - along, 309 + along))
    assert slack["status"] == "assumed" and slack["in_model"] == "yes"
    assert "may stand for more" in table.loc["max_isometric_force", "note"]
    assert list(table.index[-2:]) == ["rest_fibre_length_norm", "rest_passive_share"]


def test_where_no_tendon_fits_all_lengths_are_generic():
    table = parameter_table(personal({209: "too long"}).parameters).set_index("parameter")
    for name in ("optimal_fibre_length", "pennation_at_optimal", "tendon_slack_length"):
        assert table.loc[name, "in_model"] == "no" and "too long" in table.loc[name, "note"]
    assert table.loc["tendon_slack_length", "status"] == "not_measured"


def test_what_is_asked_for_is_all_lengths_or_none():
    parameters = model_parameters(MEASURES, GENERIC, ModelSettings())
    (wanted,) = wanted_of(parameters, MEASURES).values()
    assert (wanted.fibre_length_mm, wanted.optimal_fibre_length_mm) == (45.0, 45.0)
    assert wanted.pennation_at_optimal_deg == pytest.approx(25.0)
    assert wanted.max_isometric_force_n is None


def test_doubtful_things_are_told():
    found = replace(personal({209: "too long"}, share=0.2), solved={"personal": solved(-500.0)})
    told = notes(found, ["right POP: not in the model"], ModelSettings())
    text = "\n".join(told.warnings)
    for said in (
        "angles of the scan were not given", "Sarcomere length was not measured",
        "generic in soleus_r", "Passive force at rest is above 5% of maximal: soleus_r 20%",
        "right POP", "mtp_angle_r", "40% of body weight is missing", "ankle_angle_r 61%",
        "exceeds 25% of maximal", "Fully active in the personal model: soleus_r",
    ):  # fmt: skip
        assert said in text, said
    assert told.facts["residual_share"] == 0.4


def test_sarcomeres_unlike_those_of_a_leg_are_told():
    rows = [
        replace(p, generic=0.6) if p.parameter == "rest_fibre_length_norm" else p
        for p in personal().parameters
    ]
    told = "\n".join(notes(replace(personal(), parameters=rows), [], ModelSettings()).warnings)
    assert "soleus_r 1.62 um" in told
    assert "relaxed legs" not in "\n".join(notes(personal(), [], ModelSettings()).warnings)


def test_quiet_where_nothing_is_doubtful():
    settings = ModelSettings(pose={"ankle_angle_r": -20}, sarcomere_length_um=2.7)
    rows = [replace(p, note="given") for p in personal().parameters]
    assert notes(replace(personal(), parameters=rows), (), settings).warnings == []


def test_a_muscle_of_a_leg_that_was_not_tracked_is_left_out_or_missing():
    both = {"generic": solved(), "personal": solved()}
    assert set(fibre_states(motion())["label"]) == {209}
    forces = force_table(both)
    assert forces[forces["muscle"] == "tibant_l"]["activation"].isna().all()
    assert forces[forces["muscle"] == "soleus_r"]["activation"].notna().all()
    moments = moment_table(both)
    assert len(moments) == 4 and set(moments["model"]) == {"generic", "personal"}
    (row,) = closure(solved()).itertuples()
    assert row.joint == "ankle_angle_r" and row.peak_nm == 50.0 and row.share < 0.01
