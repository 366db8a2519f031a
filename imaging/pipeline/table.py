"""The table of inputs, as a file and for the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from imaging.dataset import Finding, Session
from imaging.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_FEW = 3  # files named in a line; the rest are counted
_MANY = 10  # sessions of which each is shown
_NARROWEST, _WIDEST = 60, 120  # columns of a terminal that are used


def table(sessions: Iterable[Session]) -> pd.DataFrame:
    """Return the table of inputs, one row per finding, with the paths of all files."""
    import pandas as pd  # a third of a second, and only for this

    columns = ["subject", "session", "input", "state", "files", "message"]
    frame = pd.DataFrame([asdict(f) for s in sessions for f in s.findings], columns=columns)
    frame["files"] = frame["files"].map("; ".join)
    return frame


def with_others(inputs: pd.DataFrame, out: Path) -> pd.DataFrame:
    """Return the table of inputs with the rows of sessions that this run does not look at.

    Parameters
    ----------
    inputs
        As `table` gives it.
    out
        Folder with the ``inputs.tsv`` of earlier runs; one that cannot be read is passed over.
    """
    import pandas as pd  # a third of a second, and only for this

    from imaging.formats.tsv import read_tsv

    path = out / "inputs.tsv"
    if not path.is_file():
        return inputs
    try:
        before = read_tsv(path, dict.fromkeys(inputs.columns, "text"), "Run the study again")
    except InputError:
        return inputs
    who = ["subject", "session"]
    own = set(inputs[who].fillna("").itertuples(index=False, name=None))
    others = [tuple(row) not in own for row in before[who].fillna("").to_numpy()]
    rows = pd.concat([before.loc[others, inputs.columns], inputs], ignore_index=True)
    return rows.sort_values(who, kind="stable", na_position="first", ignore_index=True)


def few(files: Sequence[str]) -> str:
    """Return the first names of a list, and how many follow."""
    more = f" and {len(files) - _FEW} more" if len(files) > _FEW else ""
    return ", ".join(files[:_FEW]) + more


def as_text(
    sessions: Iterable[Session], states: Collection[str] = (), width: int | None = None
) -> str:
    """Return the table of inputs in lines that fit the terminal.

    Parameters
    ----------
    states
        Those to show; empty shows all.
    width
        Columns; None asks the terminal.
    """
    width = min(max(width or shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
    lines = []
    for session in sessions:
        shown = [f for f in session.findings if not states or f.state in states]
        if shown:
            lines.append(session.prefix)
        for finding in shown:
            lines += _lines(finding, width)
    return "\n".join(lines)


def brief(sessions: Sequence[Session], width: int | None = None) -> str:
    """Return the found inputs: of each session, or, of many, how many sessions have each."""
    if len(sessions) <= _MANY:
        return as_text(sessions, ["found"], width)
    counts = Counter(
        name
        for s in sessions
        for name in dict.fromkeys(f.input for f in s.findings if f.state == "found")
    )
    return "\n".join(
        f"  {name:<13}in {n} of {len(sessions)} sessions" for name, n in counts.items()
    )


def _lines(finding: Finding, width: int) -> list[str]:
    start = f"  {finding.input:<13}{finding.state:<15}"
    names = few([PurePath(f).name if finding.state == "found" else f for f in finding.files])
    text = ": ".join(part for part in (names, finding.message) if part)
    return textwrap.wrap(
        text, width, initial_indent=start, subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    ) or [start.rstrip()]  # fmt: skip


def not_taken(sessions: Iterable[Session]) -> str:
    """Return a sentence on every file that its name or place keeps from being read, or nothing."""
    lines = [
        f"  {file}: {finding.message}"
        for session in sessions
        for finding in session.findings
        if finding.state == "not_taken"
        for file in finding.files
    ]
    return "\n".join(["These files are not read:", *lines]) if lines else ""
