"""The phantom's walk carries the truth it states."""

from itertools import pairwise

import numpy as np
import pytest

from imaging.phantom.ground import BODY_WEIGHT_N, STANCE_SHARE
from imaging.phantom.walking import BURSTS, walk


@pytest.fixture(scope="module")
def trial():
    return walk(np.random.default_rng(3), n_strides=4)


def test_same_seed_same_walk(trial):
    again = walk(np.random.default_rng(3), n_strides=4)
    np.testing.assert_array_equal(trial.emg, again.emg)
    np.testing.assert_array_equal(trial.force, again.force)
    assert trial.events == again.events
    other = walk(np.random.default_rng(4), n_strides=4)
    assert trial.bursts != other.bursts


def test_feet_alternate_and_stand_most_of_the_cycle(trial):
    strikes = [e for e in trial.events if e.kind == "foot_strike"]
    sides = [e.side for e in strikes]
    assert all(a != b for a, b in pairwise(sides))
    right = [e.time_s for e in strikes if e.side == "right"]
    lifts = [e.time_s for e in trial.events if (e.side, e.kind) == ("right", "foot_off")]
    share = (np.array(lifts) - right[:-1]) / np.diff(right)
    np.testing.assert_allclose(share, STANCE_SHARE, atol=1e-9)


def test_emg_is_louder_inside_its_bursts_by_the_given_ratio():
    snr_db = 20.0
    trial = walk(np.random.default_rng(5), n_strides=6, snr_db=snr_db)
    time = np.arange(trial.emg.shape[1]) / trial.rate_hz
    for (muscle, side), row in zip(trial.channels, trial.emg, strict=True):
        loud, quiet = np.zeros(len(time), bool), np.ones(len(time), bool)
        for b in (b for b in trial.bursts if (b.muscle, b.side) == (muscle, side)):
            loud |= (time > b.onset_s + 0.1) & (time < b.offset_s - 0.1)
            quiet &= (time < b.onset_s) | (time > b.offset_s)
        ratio = 20 * np.log10(row[loud].std() / row[quiet].std())
        assert ratio == pytest.approx(snr_db, abs=2.5), muscle


def test_every_stride_has_one_burst_of_every_muscle(trial):
    for muscle in BURSTS:
        for side in ("left", "right"):
            strides = [b.stride for b in trial.bursts if (b.muscle, b.side) == (muscle, side)]
            assert {0, 1, 2, 3} <= set(strides)
            assert len(strides) == len(set(strides))


def test_plates_carry_the_body_between_strike_and_lift_only(trial):
    time = np.arange(trial.force.shape[2]) / trial.rate_hz
    for vertical, side in zip(trial.force[:, 2], ("right", "left"), strict=True):
        on = vertical > 20
        start, end = time[on][0], time[on][-1]
        near = {
            kind: min(abs(e.time_s - t) for e in trial.events if (e.side, e.kind) == (side, kind))
            for kind, t in (("foot_strike", start), ("foot_off", end))
        }
        assert max(near.values()) < 0.01
        assert vertical.max() == pytest.approx(1.1 * BODY_WEIGHT_N, rel=0.05)


def test_braking_comes_before_propulsion(trial):
    forwards = trial.force[0, 0]
    on = np.flatnonzero(trial.force[0, 2] > 50)
    half = len(on) // 2
    assert forwards[on[:half]].mean() < 0 < forwards[on[half:]].mean()


def test_one_leg_only():
    trial = walk(np.random.default_rng(0), n_strides=2, sides=("right",))
    assert {side for _, side in trial.channels} == {"right"}
    assert {e.side for e in trial.events} == {"left", "right"}
