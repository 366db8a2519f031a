"""Sentences of the profile: against the other side and against controls."""

from imaging.measures import Measure, not_measured
from imaging.report import norms
from imaging.report.profile import CONTROLS, expected_by_chance, profile

LATER = Measure(0, "emg_onset_right_minus_left_GM", 4.0, "percent", ci_low=2.0, ci_high=6.0)


def texts(*measures, **options):
    return [s.text for s in profile(measures, **options)]


def test_a_difference_beyond_its_interval_is_told_with_it():
    (told,) = profile([LATER])
    assert told.text == (
        "Right GM starts 4.0 % of the cycle later than left (95 % interval 2.0 to 6.0)."
    )
    assert told.stands_out


def test_earlier_is_the_same_the_other_way_round():
    earlier = Measure(0, LATER.measure, -4.0, "percent", ci_low=-6.0, ci_high=-2.0)
    assert "4.0 % of the cycle earlier than left (95 % interval 2.0 to 6.0)" in texts(earlier)[0]


def test_a_difference_within_its_uncertainty_does_not_stand_out():
    unsure = Measure(0, LATER.measure, -1.0, "percent", ci_low=-3.0, ci_high=1.0)
    (told,) = profile([unsure])
    assert "within the uncertainty (95 % interval -1.0 to 3.0)" in told.text
    assert not told.stands_out


def test_what_was_not_measured_is_not_spoken_of():
    assert not profile([not_measured(0, LATER.measure, "percent", "no left channel")])


def cohort(measure, values):
    rows = {f"sub-{i}": [[Measure(201, measure, v, "percent")]] for i, v in enumerate(values)}
    return norms.gather(rows, {"emg_onset"})


def test_against_controls_around_the_circle():
    known = cohort("emg_onset", (98.0, 99.0, 0.0, 1.0, 2.0))
    own = Measure(201, "emg_onset", 10.0, "percent")
    (told,) = profile([own], known, "sub-77")
    assert told.against == CONTROLS and told.stands_out
    assert "Right TA: EMG onset 10 % of the cycle, later than in controls" in told.text
    (same,) = profile([Measure(201, "emg_onset", 97.5, "percent")], known, "sub-77")
    assert "as in controls" in same.text and not same.stands_out
    assert expected_by_chance([told, same]) == [(CONTROLS, 2, 1, 0.1)]


def test_a_figure_just_outside_is_not_rounded_onto_the_limit():
    known = cohort("emg_onset", (58.0, 59.0, 60.0, 61.0, 62.0))
    high = known.norm(201, "emg_onset", True).high
    (told,) = profile([Measure(201, "emg_onset", high + 0.12, "percent")], known, "sub-77")
    assert told.stands_out
    assert f"EMG onset {high + 0.12:.1f} % of the cycle, later" in told.text
    assert f"to {high:.1f} % of the cycle" in told.text


def test_another_unit_is_not_held_against_controls():
    known = cohort("emg_onset", (98.0, 99.0, 0.0, 1.0, 2.0))
    assert not profile([Measure(201, "emg_onset", 10.0, "ms")], known)


def test_no_word_of_illness():
    known = cohort("emg_onset", (98.0, 99.0, 0.0, 1.0, 2.0))
    for text in texts(LATER, Measure(201, "emg_onset", 10.0, "percent"), norms=known):
        assert not any(w in text.lower() for w in ("normal", "patholog", "weak", "injur", "risk"))
