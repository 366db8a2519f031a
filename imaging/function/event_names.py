"""What the names of gait events mean: the words of motion capture systems, from one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

from imaging.function.recording import Event, EventKind, EventSide
from imaging.function.side_names import hidden_words, side_named, side_words, split_name, table

_FILLERS = {"event", "gait", "general", "e"}
_MOST_NAMES, _LONGEST_NAME = 20, 40
_HIDDEN = "(a name with words of the file's header)"


@cache
def event_names() -> dict[str, tuple[EventKind, EventSide]]:
    """Return name → kind and side from ``imaging/data/gait_event_names.tsv``."""
    return {
        str(row["name"]): (
            "foot_strike" if row["kind"] == "foot_strike" else "foot_off",
            side_words().get(str(row["side"]), "undecided"),
        )
        for row in table("gait_event_names.tsv").to_dict("records")
    }


def parse_event(text: str, time_s: float, source: str = "file") -> Event | None:
    """Return the gait event that a text such as ``left_foot_strike`` or ``RHS`` names, or None."""
    found = split_name(text)
    side = side_named(found)
    if side == "undecided" and any(w in side_words() for w in found):
        return None  # both sides
    phrase = "".join(w for w in found if w not in side_words() and w not in _FILLERS)
    meant = event_names().get(phrase)
    if meant is None and phrase[:1] in ("l", "r"):
        glued = event_names().get(phrase[1:])
        meant = (glued[0], side_words()[phrase[0]]) if glued else None
    if meant is None:
        return None
    kind, own = meant
    if "undecided" not in (own, side) and own != side:
        return None
    return Event(time_s, side if own == "undecided" else own, kind, source)


def read_names(
    named: Iterable[tuple[str, float]], private: Iterable[str] = (), source: str = "file"
) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """Return the gait events of a file in the order of time, and what was not understood.

    Parameters
    ----------
    named
        Name and time (s) of every event.
    private
        Texts of the file that name a person; names that hold a word of them are not repeated.
    source
        Of the events.

    Returns
    -------
    events : tuple of Event
        Contacts and lifts whose side is named.
    warnings : tuple of str
        The names that were left out, with their number.
    """
    hidden = hidden_words(private)
    events: list[Event] = []
    unknown: Counter[str] = Counter()
    sideless: Counter[str] = Counter()
    for name, time in named:
        event = parse_event(name, time, source)
        said = " ".join(name.split())[:_LONGEST_NAME] or "(no name)"
        if hidden & set(split_name(name)):
            said = _HIDDEN
        if event is None:
            unknown[said] += 1
        elif event.side == "undecided":
            sideless[said] += 1
        else:
            events.append(event)
    warnings = []
    if unknown:
        warnings.append(
            f"Events that are neither foot strike nor foot off by their name: {_listed(unknown)}."
        )
    if sideless:
        warnings.append(f"Events left out, as they name no side: {_listed(sideless)}.")
    # An event that is written twice, as by two tables joined, is one.
    once = dict.fromkeys(sorted(events, key=lambda e: e.time_s))
    return tuple(once), tuple(warnings)


def _listed(names: Counter[str]) -> str:
    listed = [f"{name} ({n})" for name, n in sorted(names.items())]
    rest = len(listed) - _MOST_NAMES
    more = f", and {rest} other names" if rest > 0 else ""
    return ", ".join(listed[:_MOST_NAMES]) + more
