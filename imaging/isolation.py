"""Run a function in a process of its own.

Needed for ezc3d: its bindings and those of SimpleITK share SWIG's type table and break each other
in one process, and a malformed C3D can crash its C++ core.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from imaging.disk import has_no_room
from imaging.errors import ComputationError, DiskFullError

T = TypeVar("T")

_CHILD = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    function, arguments = pickle.load(file)
try:
    outcome = True, function(*arguments)
except Exception as error:
    outcome = False, error
with open(sys.argv[2], "wb") as file:
    pickle.dump(outcome, file)
"""


def run_apart(function: Callable[..., T], *arguments: Any, limit_s: float | None = None) -> T:
    """Call a module-level function in a fresh process and return what it returns.

    Parameters
    ----------
    function, arguments
        What is called; all of it must be able to travel.
    limit_s
        Seconds after which the process is ended; none: it may take its time.

    Raises
    ------
    ComputationError, DiskFullError
        The process crashed, did not end in time, or had no room for its answer. Whatever the
        function raises is raised as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        call, answer = Path(folder, "call"), Path(folder, "answer")
        call.write_bytes(pickle.dumps((function, arguments)))
        command = [sys.executable, "-c", _CHILD, str(call), str(answer)]
        try:
            process = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=limit_s
            )
        except subprocess.TimeoutExpired as error:
            raise ComputationError(
                f"{function.__name__} did not end within {limit_s:g} s"
            ) from error
        try:
            fine, outcome = pickle.loads(answer.read_bytes())
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            if has_no_room(folder):
                raise DiskFullError(Path(folder).parent) from error
            why = process.stderr.strip()[-300:] or f"exit code {process.returncode}"
            raise ComputationError(f"{function.__name__} crashed: {why}") from error
    if fine:
        return outcome
    raise outcome
