"""Run a function in a process of its own.

Needed for ezc3d: its bindings and those of SimpleITK share SWIG's type table and break each other
in one process, and a malformed C3D can crash its C++ core.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from imaging.errors import ComputationError

T = TypeVar("T")


def run_apart(function: Callable[..., T], *arguments: Any) -> T:
    """Call a module-level function in a fresh process and return what it returns.

    Raises
    ------
    ComputationError
        The process crashed. Whatever the function raises is raised as it is.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise ComputationError(f"{function.__name__} crashed") from error
