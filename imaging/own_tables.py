"""Tables that the package brings, below ``imaging/data``; pandas would take longer than they do."""

from __future__ import annotations

import csv
from importlib import resources


def own_rows(*place: str) -> list[dict[str, str]]:
    """Return the rows of a tab-separated table; lines that begin with ``#`` are comments.

    Parameters
    ----------
    *place
        Folders and name below ``imaging/data``.
    """
    text = resources.files(__package__).joinpath("data", *place).read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
