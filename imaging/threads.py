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
    return min(int(allowed), cores()) if allowed.isdigit() and int(allowed) else cores()


def cores() -> int:
    """Return how many cores this process may use: a batch system or a container can allow fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(step: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the result of a step for every item, in the order of the items.

    Only steps that spend their time in compiled code gain. One thread: one item after the other.
    """
    if threads() == 1:
        yield from map(step, items)
        return
    with ThreadPoolExecutor(threads()) as pool:
        yield from pool.map(step, items)
