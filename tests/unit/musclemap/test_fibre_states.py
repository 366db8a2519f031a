import numpy as np
import pandas as pd
import pytest

from imaging.errors import InputError
from imaging.musclemap.fibre_states import cycle_factors, read_states, read_strikes
from imaging.muscles import label_of

PL, PB, GROUP, SOL = (label_of(k, "right") for k in ("PL", "PB", "PL+PB", "SOL"))
PERCENT = np.arange(0.0, 101.0, 5.0)


def states(label, factor, start=0.0, stop=2.5):
    times = np.arange(start, stop + 1e-9, 0.01)
    return pd.DataFrame({"time_s": times, "label": label, "force_length": factor(times),
                         "force_velocity": 1.0})  # fmt: skip


def test_factors_follow_the_cycle_and_are_means_over_strides():
    found = cycle_factors(
        states(SOL, lambda t: 0.5 + 0.1 * t), {2: np.array([0.0, 1.0, 2.0])}, [SOL], PERCENT
    )
    np.testing.assert_allclose(found[SOL], 0.55 + 0.001 * PERCENT)


def test_only_whole_strides_within_the_motion_count():
    strikes = {2: np.array([-1.0, 0.0, 1.0, 2.0, 3.0])}
    found = cycle_factors(states(SOL, lambda t: 0.1 * t, stop=1.5), strikes, [SOL], PERCENT)
    np.testing.assert_allclose(found[SOL], 0.001 * PERCENT, atol=1e-12)
    none = cycle_factors(states(SOL, lambda t: 0.1 * t, 0.5, 1.5), strikes, [SOL], PERCENT)
    assert none == {}


def test_a_merged_muscle_has_the_mean_of_its_parts():
    both = pd.concat([states(PL, lambda t: 0.4 + 0 * t), states(PB, lambda t: 0.8 + 0 * t)])
    found = cycle_factors(both, {2: np.array([0.0, 1.0])}, [GROUP, SOL], PERCENT)
    assert list(found) == [GROUP]
    np.testing.assert_allclose(found[GROUP], 0.6)


def test_strikes_are_those_of_the_reference_recording(tmp_path):
    path = tmp_path / "events.tsv"
    path.write_text(
        "trial\tonset\ttrial_type\na\t1.0\tright_foot_strike\na\t0.5\tright_foot_strike\n"
        "a\t0.7\tleft_foot_off\nb\t9.0\tright_foot_strike\n"
    )
    found = read_strikes(path, "Run it again")
    assert found[2].tolist() == [0.5, 1.0]
    assert found[1].size == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [({"force_length": -0.1}, "below 0"), ({"force_velocity": np.nan}, "gaps"),
     ({"time_s": 0.0}, "do not rise")],
)  # fmt: skip
def test_states_that_cannot_be_are_refused(tmp_path, change, what):
    path = tmp_path / "states.tsv"
    states(SOL, lambda t: 0 * t).assign(**change).to_csv(path, sep="\t", index=False, na_rep="n/a")
    with pytest.raises(InputError, match=what):
        read_states(path)
