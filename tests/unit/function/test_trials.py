"""What recordings are of, and which one stands for the person."""

import numpy as np
import pytest

from imaging.errors import ConfigError
from imaging.function.recording import Recording
from imaging.function.trials import Trial, check_channels, kind_of, plainest_first, reference


def trial(name, kind, labels=("L_TA",)):
    return Trial(name, kind, Recording(labels, np.zeros((len(labels), 10)), 1000.0))


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("walk", "walking"),
        ("walkFast", "walking"),
        ("treadmillWalking", "walking"),
        ("Gait", "walking"),
        ("WALK", "walking"),
        ("run", "running"),
        ("runMax", "running"),
        ("maxSprint", "running"),
        ("maxSpeed", "other"),
        ("treadmillRun", "running"),
        ("treadmill", "walking"),
        ("dropJump", "landing"),
        ("jumpMaximal", "landing"),
        ("MVC", "mvc"),
        ("mvcTA", "mvc"),
        ("walkMVC", "mvc"),
        ("maxIsometric", "mvc"),
        ("max", "mvc"),
        ("isometricHold", "hold"),
        ("stairs", "other"),
        ("crosswalk", "other"),
        ("", "other"),
    ],
)
def test_kinds_by_words(task, kind):
    assert kind_of(task) == kind


def test_settings_say_what_a_task_is():
    assert kind_of("walk", {"walk": "hold"}) == "hold"
    assert kind_of("walk", {"job": "running"}) == "walking"


def test_walking_stands_for_the_person():
    trials = [trial("task-a", "other"), trial("task-m", "mvc"), trial("task-w", "walking")]
    assert reference(trials).name == "task-w"
    assert reference(trials[:2]).name == "task-a"
    assert reference(trials[1:2]) is None
    assert reference(trials, "task-m").name == "task-m"
    with pytest.raises(ConfigError, match="3 recordings are named"):
        reference(trials, "task-*")
    with pytest.raises(ConfigError, match="0 recordings are named"):
        reference(trials, "task-x")


def test_channels_of_the_settings_must_be_in_some_recording():
    trials = [trial("a", "walking", ("EMG 1",)), trial("b", "mvc", ("EMG 2",))]
    check_channels(trials, {"EMG 1": "left TA", "EMG 2": "left SOL"})
    with pytest.raises(ConfigError, match="no recording has a channel"):
        check_channels(trials, {"EMG 3": "left TA"})


def test_the_plainest_name_stands_for_the_person():
    names = ["task-walk_acq-tired", "task-walk_run-10", "task-walk_run-2", "task-walk", "task-run"]
    trials = [trial(name, "running" if name[5:8] == "run" else "walking") for name in names]
    assert [t.name for t in plainest_first(trials)] == [
        "task-run", "task-walk", "task-walk_acq-tired", "task-walk_run-2", "task-walk_run-10",
    ]  # fmt: skip
    assert reference(trials).name == "task-walk"
