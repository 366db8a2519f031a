"""Walks of tired muscles and of whole legs, and contractions, carry the truth they state."""

import numpy as np
import pytest

from imaging.phantom.efforts import GROUPS, RATE_HZ, effort_percent, maximal, sustained
from imaging.phantom.walking import BURSTS, UPPER_BURSTS, Change, walk, with_upper_muscles


@pytest.fixture(scope="module")
def trial():
    first = walk(np.random.default_rng(3), n_strides=4)
    return with_upper_muscles(np.random.default_rng(4), first)


def test_muscles_of_the_thigh_leave_the_others_as_they_are(trial):
    first = walk(np.random.default_rng(3), n_strides=4)
    np.testing.assert_array_equal(trial.emg[: len(first.emg)], first.emg)
    assert trial.channels[: len(first.channels)] == first.channels
    assert {m for m, _ in trial.channels} == {*BURSTS, *UPPER_BURSTS}
    assert set(first.bursts) < set(trial.bursts)
    assert len(trial.scale) == len(trial.channels)


def test_a_change_moves_one_onset_and_one_amplitude():
    scale = {("GM", "right"): 1e-4}
    plain = walk(np.random.default_rng(5), n_strides=4, scale=scale)
    tired = walk(
        np.random.default_rng(5),
        n_strides=4,
        scale=scale,
        changes={("GM", "right"): Change(0.02, 0.5)},
    )
    for a, b in zip(plain.bursts, tired.bursts, strict=True):
        changed = (a.muscle, a.side) == ("GM", "right")
        assert b.onset_s - a.onset_s == pytest.approx(0.02 * changed, abs=1e-9)
        assert b.offset_s == a.offset_s
        assert b.height / a.height == pytest.approx(0.5 if changed else 1)
    rows = [trial.emg[trial.channels.index(("GM", "right"))] for trial in (plain, tired)]
    assert rows[1].std() / rows[0].std() == pytest.approx(0.5, abs=0.08)
    assert plain.scale[plain.channels.index(("GM", "right"))] == 1e-4


def test_maximal_contractions_stand_to_walking_as_the_truth_says(trial):
    effort = maximal(np.random.default_rng(6), trial)
    n = int(RATE_HZ / 2)
    for channel, scale, row in zip(effort.channels, trial.scale, effort.emg, strict=True):
        loudest = row[: len(row) // n * n].reshape(-1, n).std(axis=1).max()
        share = 100 * scale / loudest
        assert share == pytest.approx(effort_percent(channel), rel=0.15), channel


def test_every_muscle_is_asked_for_once():
    asked = [m for group in GROUPS for m in group]
    assert sorted(asked) == sorted([*BURSTS, *UPPER_BURSTS])


def test_same_seed_same_contractions(trial):
    for make in (maximal, sustained):
        a, b = (make(np.random.default_rng(7), trial, 2.0) for _ in range(2))
        np.testing.assert_array_equal(a.emg, b.emg)
