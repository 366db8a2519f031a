"""Arrays whose size follows from data: refused by name before the machine runs out of memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

from imaging.errors import InputError

_GIB = 1024.0**3


def machine_bytes() -> int:
    """Return the physical memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def ensure_fits(
    shape: Iterable[float],
    itemsize: int,
    what: str,
    path: str | Path | None = None,
    fix: str = "Check the size given in its header",
) -> None:
    """Raise where an array of a shape would not fit into the memory of this machine.

    Parameters
    ----------
    shape
        Numbers of elements along the axes; they may be too large for an array's index.
    itemsize
        Bytes of one element.
    what
        What asks for the array, as the start of the sentence: ``the grid of the map``.
    path
        File from which the shape follows.
    fix
        What to do about it.

    Raises
    ------
    InputError
        The array is larger than the machine's memory, or has no size at all.

    Examples
    --------
    >>> ensure_fits((400, 400, 100), 4, "the image")
    >>> ensure_fits((1e6, 1e6, 1e6), 1, "the image")
    Traceback (most recent call last):
    ...
    imaging.errors.InputError: the image would need ... GiB of memory, ...
    """
    need = math.prod(float(n) for n in shape) * itemsize
    have = machine_bytes()
    if not need <= have:  # also where it is not a number
        raise InputError(
            f"{what} would need {need / _GIB:,.0f} GiB of memory, this machine has "
            f"{have / _GIB:,.0f}",
            path,
            fix,
        )
