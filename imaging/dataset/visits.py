"""Visits of a person: which session was first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from imaging.errors import ConfigError

_DATE = 6
ORDER = "Name them in their order, such as --session before --session after"


def in_order(labels: Sequence[str]) -> list[str]:
    """Return labels of sessions in the order of the one number in each.

    A number of six digits or more is a date, year first, or it tells nothing: 01022024 is a day
    in two orders, and a scanner's own numbers need not follow time.

    Raises
    ------
    ConfigError
        They do not tell which was first.

    Examples
    --------
    >>> in_order(["month10", "month2"])
    ['month2', 'month10']
    """
    parts = [p for label in labels if (p := re.fullmatch(r"(\D*)(\d+)", label))]
    number = {p[0]: int(p[2]) for p in parts}
    told = all(len(p[2]) < _DATE or _dated(p[2]) for p in parts)
    alike = len({(p[1], len(p[2]) if len(p[2]) >= _DATE else 0) for p in parts}) == 1
    if len(set(number.values())) < len(labels) or not (told and alike):
        raise ConfigError(
            f"the names of the sessions do not tell which was first: {', '.join(labels)}", None,
            ORDER,
        )  # fmt: skip
    return sorted(labels, key=number.__getitem__)


def _dated(digits: str) -> bool:
    """Whether digits are a day as 20240131, as 19990131, or with the time of day behind it."""
    try:
        return datetime.strptime(digits[:8], "%Y%m%d").year in range(1980, 2100)
    except ValueError:
        return False
