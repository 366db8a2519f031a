"""How many threads may be used, and work spread over them in a fixed order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def threads() -> int:
    """Return how many threads may be used: those allowed by OMP_NUM_THREADS and the system."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    available = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    return min(int(allowed), available) if allowed.isdigit() and int(allowed) else available


def in_threads(step: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the result of a step for every item, in the order of the items.

    Only steps that spend their time in compiled code gain. One thread: one item after the other.
    """
    if threads() == 1:
        yield from map(step, items)
        return
    with ThreadPoolExecutor(threads()) as pool:
        yield from pool.map(step, items)
