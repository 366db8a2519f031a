"""Which muscle a channel belongs to: an alias table, and what the user says.

A channel whose name is not in the table is reported and left out; nothing is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pandas as pd

from imaging.errors import ConfigError, LabelError, RecordingError
from imaging.function.recording import EventSide
from imaging.muscles import label_of, structure

LOWER_LEG = "lower leg"
_LEFT = {"l", "left", "li", "links", "lt", "gauche"}
_RIGHT = {"r", "right", "re", "rechts", "rt", "droit", "droite"}
_FILLERS = {"emg", "muscle", "m", "raw", "sensor", "channel", "the", "of", "uv", "mv", "v"}
_FIX = "Name the muscle in settings: channels"


@dataclass(frozen=True)
class ChannelMap:
    """What every channel of a recording is.

    Attributes
    ----------
    labels : dict of channel name to int
        Label of the catalogue (100·side + index).
    elsewhere : dict of channel name to str
        Muscles that are not in the lower leg, with their region.
    unmapped : dict of channel name to str
        Channels left out, with the reason.
    """

    labels: Mapping[str, int]
    elsewhere: Mapping[str, str]
    unmapped: Mapping[str, str]


@cache
def aliases() -> dict[str, tuple[str, str]]:
    """Return alias → (catalogue key, region) from ``imaging/data/emg_aliases.tsv``."""
    with resources.as_file(resources.files("imaging") / "data" / "emg_aliases.tsv") as path:
        frame = pd.read_csv(path, sep="\t", keep_default_na=False)
    return {str(r.alias): (str(r.key), str(r.region)) for r in frame.itertuples()}


def map_channels(
    names: Sequence[str],
    targets: Mapping[str, str] | None = None,
    explicit: Mapping[str, str] | None = None,
) -> ChannelMap:
    """Find the muscle and side of every channel.

    Parameters
    ----------
    names
        Channel names of the recording.
    targets
        Muscle that the recording itself names per channel (BIDS ``target_muscle``).
    explicit
        The user's mapping, channel to ``"<side> <catalogue key>"``; it wins.

    Raises
    ------
    ConfigError
        The explicit mapping names a channel that does not exist, or no muscle.
    RecordingError
        Two channels are the same muscle of the same side, or name and target contradict.
    """
    targets, explicit = targets or {}, explicit or {}
    if missing := sorted(set(explicit) - set(names)):
        raise ConfigError(
            f"channels: the recording has no channel {missing}", None, f"It has {list(names)}"
        )
    repeated = {name for name in names if names.count(name) > 1}
    labels: dict[str, int] = {}
    elsewhere: dict[str, str] = {}
    unmapped: dict[str, str] = {}
    for name in names:
        if name in repeated:
            unmapped[name] = "the name is not unique in the recording"
            continue
        if name in explicit:
            labels[name] = parse_muscle(explicit[name])
            continue
        found = _interpret(name, targets.get(name, ""))
        if isinstance(found, str):
            unmapped[name] = found
        elif found[1] != LOWER_LEG:
            elsewhere[name] = found[1]
        elif found[2] == "undecided":
            unmapped[name] = f"is {found[0]} but names no side"
        else:
            labels[name] = label_of(found[0], found[2])
    _refuse_doubles(labels)
    return ChannelMap(labels, elsewhere, unmapped)


def parse_muscle(text: str) -> int:
    """Return the label of a text such as ``right TA`` or ``L PL+PB``.

    Raises
    ------
    ConfigError
        It does not name one side and one key of the catalogue.
    """
    words = text.split()
    sides = [w for w in words if w.lower() in _LEFT | _RIGHT]
    keys = [w for w in words if w not in sides]
    try:
        if len(sides) == 1 and len(keys) == 1 and structure(keys[0].upper()).is_muscle:
            side: EventSide = "left" if sides[0].lower() in _LEFT else "right"
            return label_of(keys[0].upper(), side)
    except LabelError:
        pass
    raise ConfigError(
        f"channels: {text!r} is not a side and a muscle", None, "Write for example 'right TA'"
    )


def _refuse_doubles(labels: Mapping[str, int]) -> None:
    by_label: dict[int, str] = {}
    for name, label in labels.items():
        if label in by_label:
            raise RecordingError(
                f"channels {by_label[label]!r} and {name!r} are the same muscle and side",
                None,
                _FIX,
            )
        by_label[label] = name


_Found = tuple[str, str, EventSide]


def _interpret(name: str, target: str) -> _Found | str:
    """Return key, region and side of a channel, or why it is not known."""
    by_name = _parse(name)
    if not target or target.lower() == "n/a":
        return by_name
    by_target = _parse(target)
    if isinstance(by_target, str) or isinstance(by_name, str):
        if isinstance(by_target, str):
            return by_target
        side = _side_of_words(_words(name)) if by_target[2] == "undecided" else by_target[2]
        return by_target[0], by_target[1], side
    sides = {s for s in (by_name[2], by_target[2]) if s != "undecided"}
    if len(sides) > 1:
        raise RecordingError(f"channel {name!r} has the target muscle {target!r}", None, _FIX)
    return by_target[0], by_target[1], sides.pop() if sides else "undecided"


def _parse(text: str) -> _Found | str:
    words = _words(text)
    side = _side_of_words(words)
    if side == "undecided" and any(w in _LEFT | _RIGHT for w in words):
        return "names both sides"
    rest = "".join(w for w in words if w not in _LEFT | _RIGHT | _FILLERS)
    if rest in aliases() and (side != "undecided" or not _glued(rest)):
        return (*aliases()[rest], side)
    if side == "undecided":
        found = _glued(rest)
        if rest in aliases():
            found.add((*aliases()[rest], "undecided"))
        if len(found) == 1:
            return found.pop()
        if found:
            return "can be read in more than one way"
    return "is not in the alias table"


def _glued(text: str) -> set[_Found]:
    """Return readings of a name with the side stuck to it: ``LTA``, ``TAr``."""
    found: set[_Found] = set()
    sides: tuple[tuple[str, EventSide], ...] = (("l", "left"), ("r", "right"))
    for letter, side in sides:
        if text.startswith(letter) and text[1:] in aliases():
            found.add((*aliases()[text[1:]], side))
        if text.endswith(letter) and text[:-1] in aliases():
            found.add((*aliases()[text[:-1]], side))
    return found


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    return re.findall(r"[a-z0-9]+", plain.lower())


def _side_of_words(words: Sequence[str]) -> EventSide:
    left, right = any(w in _LEFT for w in words), any(w in _RIGHT for w in words)
    if left == right:
        return "undecided"
    return "left" if left else "right"
