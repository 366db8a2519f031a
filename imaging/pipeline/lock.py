"""One run at a time writes an output folder."""

from __future__ import annotations

import fcntl
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from imaging.disk import is_full, unwritable
from imaging.errors import OutputError

#: Folder of what a run remembers, in the output folder.
STATE = ".pennate"


@contextmanager
def locked(out: Path) -> Iterator[IO[str]]:
    """Hold the output folder.

    The kernel keeps the lock, not the file: it dies with the processes that hold it, however they
    end, on whatever machine they run.

    Raises
    ------
    OutputError
        The folder cannot be written, or another run holds it.
    """
    folder = out / STATE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise unwritable(error, out, "Choose another output folder") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"is being written by another run{_holder(lock)}", out, "Wait for it to end"
            ) from error
        except OSError as error:
            print(
                f"warning: {out} is on a file system without locks ({error.strerror}): "
                "start no other run that writes there",
                file=sys.stderr,
            )
        _sign(lock)
        yield lock


def _sign(lock: IO[str]) -> None:
    """Write who holds the lock, for people; on a full disk the lock is nameless."""
    try:
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {platform.node()}")
        lock.flush()
    except OSError as error:
        if not is_full(error):
            raise


def _holder(lock: IO[str]) -> str:
    """Return who signed, in words."""
    lock.seek(0)
    who = lock.read(200).strip()
    return f" ({who})" if who and who.isprintable() else ""
