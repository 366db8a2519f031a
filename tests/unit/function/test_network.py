"""A session of the phantom: what a condition changes, and how muscles work together."""

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.function.network import network_of
from imaging.function.network_notes import with_network
from imaging.function.recording import Event, Recording
from imaging.function.session import analyse_session
from imaging.function.trials import Trial
from imaging.measures import Notes
from imaging.phantom.efforts import FREQUENCY_PERCENT_PER_MIN, maximal, sustained
from imaging.phantom.walking import Change, walk, with_upper_muscles

SHIFT_MS = 60.0
TIRED = {("GM", "right"): Change(SHIFT_MS / 1000, 0.5)}
FACTORS = {"task-walk": {"fatigue": "before"}, "task-walk_acq-tired": {"fatigue": "after"}}
SETTINGS = FunctionSettings()


def recording(trial, events=()):
    labels = tuple(f"{side[0].upper()}_{muscle}" for muscle, side in trial.channels)
    return Recording(
        labels,
        trial.emg * 1e6,
        trial.rate_hz,
        events=tuple(Event(e.time_s, e.side, e.kind, "file") for e in events),
        units=dict.fromkeys(labels, "uV"),
    )


@pytest.fixture(scope="module")
def trials():
    first = with_upper_muscles(
        np.random.default_rng(1), walk(np.random.default_rng(2), n_strides=10, sides=("right",))
    )
    scale = dict(zip(first.channels, first.scale, strict=True))
    rng = np.random.default_rng(3)
    tired = walk(rng, n_strides=10, sides=("right",), changes=TIRED, scale=scale)
    tired = with_upper_muscles(rng, tired, scale=scale)
    walks = dict(zip(FACTORS, (first, tired), strict=True))
    found = [
        Trial(name, "walking", recording(one, one.events), FACTORS[name])
        for name, one in walks.items()
    ]
    efforts = {"mvc": maximal, "hold": sustained}
    for kind, make in efforts.items():
        effort = make(np.random.default_rng(4), first)
        found.append(Trial(f"task-{kind}", kind, recording(effort)))
    return found


@pytest.fixture(scope="module")
def network(trials):
    return network_of(analyse_session(trials, SETTINGS), SETTINGS)


def test_what_the_condition_changes_is_found_and_nothing_else(network):
    rows = network.conditions
    assert set(rows["factor"]) == {"fatigue"} and set(rows["against"]) == {"before"}
    # Heights of bursts vary, so amplitudes of others may differ by what was drawn.
    certain = rows[(rows["p_holm"] < 0.01) & rows["outcome"].isin(["onset", "duration"])]
    assert set(certain["muscle"]) == {"GM"}
    own = rows[rows["muscle"] == "GM"].set_index("outcome")
    assert own.loc["onset", "effect"] == pytest.approx(SHIFT_MS, abs=25)
    assert own.loc["onset", "ci_low"] < SHIFT_MS < own.loc["onset", "ci_high"]
    assert own.loc["amplitude", "effect"] < 0
    assert own.loc["amplitude", "unit"] == "MVC"


def test_synergies_of_both_walks_are_matched(network):
    rows = network.synergies
    assert set(rows["side"]) == {"right"} and set(rows["trial"]) == set(FACTORS)
    weights = rows[rows["part"] == "weight"]
    first = weights[weights["trial"] == "task-walk"]
    assert (first["matched"] == first["synergy"]).all()
    assert (weights["cosine"].dropna() > 0.9).all()
    assert weights.groupby(["trial", "synergy"]).size().eq(11).all()
    assert (rows[rows["part"] == "activation"].groupby(["trial", "synergy"]).size() == 101).all()
    named = {m.measure: m for m in network.measures}
    assert named["synergies_right"].value == first["synergy"].max()
    assert named["synergies_left"].status == "not_measured"
    assert named["synergies_left"].note == "0 muscles of the left leg, 4 needed"


def test_pairs_follow_each_other_as_they_were_made(network):
    rows = network.coordination
    own = rows[(rows["trial"] == "task-walk") & (rows["first"] == "BF") & (rows["second"] == "GM")]
    own = own.set_index("measure")
    # The hamstrings begin at 80, the calf at 111 percent.
    assert own.loc["onset_delay", "value"] == pytest.approx(31, abs=3)
    assert own.loc["lag", "value"] == pytest.approx(35, abs=4)
    coherent = rows[rows["measure"].str.startswith("coherence")]
    assert (coherent["value"] > coherent["limit"]).mean() < 0.15
    neighbours = coherent[(coherent["first"] == "GM") & (coherent["second"] == "SOL")]
    assert neighbours["note"].str.contains("cross-talk").all()


def test_hold_gives_the_fall_of_the_frequency(network):
    slopes = [m for m in network.measures if m.measure == "emg_median_frequency_slope"]
    assert len(slopes) == 5
    held = [m.ci_low < FREQUENCY_PERCENT_PER_MIN < m.ci_high for m in slopes]
    assert sum(held) >= 4
    assert all(m.unit == "percent/min" and m.n == 20 for m in slopes)


def test_same_session_same_tables(trials, network):
    again = network_of(analyse_session(trials, SETTINGS), SETTINGS)
    for name in ("synergies", "coordination", "conditions", "fatigue"):
        assert getattr(again, name).equals(getattr(network, name)), name


def test_notes_tell_what_was_done_and_what_it_rests_on(network):
    notes = with_network(Notes("function", "Before."), network, SETTINGS)
    assert notes.method.startswith("Before. Synergies are")
    assert any("one recording" in w for w in notes.warnings)


def test_a_session_of_a_hold_alone(trials):
    hold = [t for t in trials if t.kind == "hold"]
    alone = network_of(analyse_session(hold, SETTINGS), SETTINGS)
    assert alone.synergies.empty and alone.coordination.empty and alone.conditions.empty
    assert set(alone.fatigue["trial"]) == {"task-hold"}
    assert with_network(Notes("function", ""), alone, SETTINGS).warnings == ()


def test_two_holds_of_a_muscle_give_no_one_figure(trials):
    (hold,) = (t for t in trials if t.kind == "hold")
    both = [hold, Trial("task-hold_run-2", "hold", hold.recording)]
    found = network_of(analyse_session(both, SETTINGS), SETTINGS)
    slopes = [m for m in found.measures if m.measure == "emg_median_frequency_slope"]
    assert {m.note for m in slopes} == {"2 sustained contractions; see the table of fatigue"}
