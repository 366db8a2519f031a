"""Visits of a person: which session was first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imaging.errors import ConfigError

ORDER = "Name them in their order, such as --session before --session after"


def in_order(labels: Sequence[str]) -> list[str]:
    """Return labels of sessions in the order of the one number in each.

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
    if len(set(number.values())) < len(labels) or len({p[1] for p in parts}) != 1:
        raise ConfigError(
            f"the names of the sessions do not tell which was first: {', '.join(labels)}", None,
            ORDER,
        )  # fmt: skip
    return sorted(labels, key=number.__getitem__)
