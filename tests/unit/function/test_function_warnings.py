"""What is said of a recording whose tables do not fit it."""

import numpy as np

from imaging.config import FunctionSettings
from imaging.function.notes import notes
from imaging.function.recording import Event, Recording
from imaging.function.session import analyse_session
from imaging.function.trials import Trial

RATE = 1000.0


def said(names):
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((len(names), 8000))
    events = tuple(Event(float(t), "right", "foot_strike", "file") for t in range(1, 8))
    read = Recording(names, signals, RATE, events=events)
    settings = FunctionSettings()
    session = analyse_session([Trial("task-walk", "walking", read)], settings)
    return "\n".join(notes(session, settings).warnings)


def test_the_foot_of_a_leg_that_was_not_recorded_is_not_missed():
    assert "left foot is known" not in said(("R_TA",))
    told = said(("R_TA", "L_TA"))
    assert "No stride of the left foot is known" in told
    assert "table of events" in told


def test_no_muscle_at_all_is_told_with_what_to_do():
    told = said(("EMG 1", "TA"))
    assert "EMG 1 (their names are not known" in told
    assert "TA (they name a muscle but no side" in told
    assert "nothing of any muscle is measured" in told
