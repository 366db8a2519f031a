"""Files that are newer than now: Snakemake tells what must be done again by the times of files."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from imaging.dataset import Session, inputs_beside

_AHEAD_S = 60.0  # clocks of file servers differ by seconds


def dated_ahead(session: Session, bids: Path, now: float) -> str:
    """Return why a session cannot be run if an input is newer than now; else nothing.

    Results are always older than such an input, so Snakemake would refuse every one of them.

    Parameters
    ----------
    session, bids
        Whose inputs, and the data set in which they lie.
    now
        Seconds since 1970.
    """
    for path in _inputs(session, bids):
        try:
            changed = path.stat().st_mtime
        except OSError:
            continue
        if changed > now + _AHEAD_S:
            return (
                f"{path.relative_to(bids)} was changed on {_day(changed)}, and the clock of this "
                f"machine says {_day(now)}: correct the clock, or touch the file"
            )
    return ""


def bring_back(out: Path, now: float) -> None:
    """Date results of the future, of a run whose clock was ahead, as of now."""
    for folder, _, names in os.walk(out):
        for name in names:
            path = Path(folder, name)
            try:
                if path.lstat().st_mtime > now:
                    os.utime(path, (now, now), follow_symlinks=False)
            except OSError:  # of another owner, or gone by now
                continue


def _inputs(session: Session, bids: Path) -> Iterator[Path]:
    found: Iterable[str] = (
        file for f in session.findings if f.state == "found" for file in f.files
    )
    for path in map(bids.__truediv__, found):
        yield from (path, *inputs_beside(path))


def _day(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
