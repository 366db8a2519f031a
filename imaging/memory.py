"""Arrays whose size follows from data: refused by name before the memory runs out."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path

from imaging.errors import InputError

_GIB = 1024.0**3
_PROC = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def memory_limit() -> int:
    """Return how much memory this process may use, in bytes.

    The least of: the machine's memory, the limits of the control groups (v1 or v2) that the
    process lies in, as Slurm, Docker and systemd set them, and ``ulimit -v``.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    own = [soft] if soft != resource.RLIM_INFINITY else []
    return min([machine, *own, *group_limits(_PROC, _CGROUPS)])


def group_limits(membership: Path, mounted: Path) -> Iterator[int]:
    """Return the memory limits in bytes of all control groups above a process.

    Parameters
    ----------
    membership
        Such as ``/proc/self/cgroup``: lines ``number:controllers:path``.
    mounted
        Where the groups are mounted, ``/sys/fs/cgroup``.

    References
    ----------
    Linux kernel documentation, "Control Group v2", memory.max; "Memory Resource Controller" (v1),
    memory.limit_in_bytes.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, place = rest.partition(":")
        if not controllers:
            roots, name = [mounted, mounted / "unified"], "memory.max"
        elif "memory" in controllers.split(","):
            roots, name = [mounted / "memory"], "memory.limit_in_bytes"
        else:
            continue
        for root in roots:
            group = root / place.strip("/")
            # In a container the path is that of the host, and only the root is there.
            for folder in (group, *group.parents):
                yield from _limit(folder / name)
                if folder == root:
                    break


def _limit(path: Path) -> Iterator[int]:
    try:
        yield int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such group; "max"
        return


def ensure_fits(
    shape: Iterable[float],
    itemsize: int,
    what: str,
    path: str | Path | None = None,
    fix: str = "Check the size given in its header",
) -> None:
    """Raise where an array of a shape would not fit into the memory of this process.

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
        The array is larger than :func:`memory_limit`, or has no size at all.

    Examples
    --------
    >>> ensure_fits((400, 400, 100), 4, "the image")
    >>> ensure_fits((1e6, 1e6, 1e6), 1, "the image")
    Traceback (most recent call last):
    ...
    imaging.errors.InputError: the image would need ... GiB of memory, ...
    """
    need = math.prod(float(n) for n in shape) * itemsize
    have = memory_limit()
    if not 0 <= need <= have:  # also where it is not a number
        raise InputError(
            f"{what} would need {need / _GIB:,.0f} GiB of memory, {have / _GIB:,.1f} may be used",
            path,
            fix,
        )
