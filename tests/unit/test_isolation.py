import os
import time

import pytest

from imaging.errors import ComputationError, RecordingError
from imaging.isolation import run_apart


def test_result_and_error_come_back():
    assert run_apart(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        run_apart(divmod, 1, 0)


def test_a_crash_is_an_error_and_not_the_end():
    with pytest.raises(ComputationError, match="crashed"):
        run_apart(os._exit, 3)


def test_a_named_error_keeps_its_message():
    error = run_apart(RecordingError, "is damaged", "walk.c3d", "Export it again")
    assert str(error) == "walk.c3d: is damaged. Export it again."


def test_what_does_not_end_is_ended():
    with pytest.raises(ComputationError, match="did not end within"):
        run_apart(time.sleep, 60, limit_s=0.5)
