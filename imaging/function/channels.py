"""Which muscle a channel belongs to: an alias table, and what the user says.

A channel whose name is not in the table is reported and left out; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from imaging.errors import ConfigError, LabelError, RecordingError
from imaging.function.recording import EventSide
from imaging.function.side_names import side_named, side_words, split_name, table
from imaging.muscles import label_of, recorded_muscle

_FILLERS = {"emg", "muscle", "m", "raw", "sensor", "channel", "the", "of", "uv", "mv", "v"}
_FIX = "Name the muscle in settings: channels"
NO_SIDE = "they name a muscle but no side: give it in the setting side or channels of function"
UNKNOWN = "their names are not known: name their muscles in the setting channels of function"


@dataclass(frozen=True)
class ChannelMap:
    """What every channel of a recording is.

    Attributes
    ----------
    labels : dict of channel name to int
        Label of the catalogue (100·side + index), of muscles that are imaged or not.
    unmapped : dict of channel name to str
        Channels left out, with the reason.
    """

    labels: Mapping[str, int]
    unmapped: Mapping[str, str]


@cache
def aliases() -> dict[str, str]:
    """Return alias → catalogue key from ``imaging/data/emg_aliases.tsv``."""
    rows = table("emg_aliases.tsv").to_dict("records")
    return {str(r["alias"]): str(r["key"]) for r in rows}


def map_channels(
    names: Sequence[str],
    targets: Mapping[str, str] | None = None,
    explicit: Mapping[str, str] | None = None,
    side: EventSide = "undecided",
) -> ChannelMap:
    """Find the muscle and side of every channel.

    Parameters
    ----------
    names
        Channel names of the recording.
    targets
        Muscle that the recording itself names per channel (BIDS ``target_muscle``).
    explicit
        The user's mapping, channel to side and muscle, see :func:`parse_muscle`; it wins.
        Channels of other recordings may be in it.
    side
        Side of the channels, and of the user's muscles, that name none, as the user says.

    Raises
    ------
    ConfigError
        The explicit mapping names no muscle.
    RecordingError
        Two channels are the same muscle of the same side, or name and target contradict.
    """
    targets, explicit = targets or {}, explicit or {}
    repeated = {name for name in names if names.count(name) > 1}
    labels: dict[str, int] = {}
    unmapped: dict[str, str] = {}
    for name in names:
        if name in repeated:
            unmapped[name] = "their names are not unique in the recording"
            continue
        if name in explicit:
            labels[name] = parse_muscle(explicit[name], side)
            continue
        found = _interpret(name, targets.get(name, ""), names)
        if isinstance(found, str):
            unmapped[name] = found
        elif found[1] == side == "undecided":
            unmapped[name] = NO_SIDE
        else:
            labels[name] = label_of(found[0], side if found[1] == "undecided" else found[1])
    _refuse_doubles(labels)
    return ChannelMap(labels, unmapped)


def left_out(found: ChannelMap) -> list[str]:
    """Return a sentence for each reason why channels are left out."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in found.unmapped.items():
        by_reason.setdefault(reason, []).append(name)
    return [f"Channels left out: {', '.join(v)} ({reason})." for reason, v in by_reason.items()]


def parse_muscle(text: str, side: EventSide = "undecided") -> int:
    """Return the label of a text such as ``right TA``, ``L PL+PB`` or ``left gluteus medius``.

    Parameters
    ----------
    text
        A side, and a key of the catalogue or a name of the alias table.
    side
        Of a text that names none.

    Raises
    ------
    ConfigError
        It does not name one side and one muscle.
    """
    sides = [w for w in text.split() if w.lower() in side_words()]
    named = side_words()[sides[0].lower()] if sides else side
    key = " ".join(w for w in text.split() if w not in sides).upper()
    if len(sides) < 2 and named != "undecided":
        for muscle in (key, aliases().get(_muscle_part(text), "")):
            with suppress(LabelError):
                return label_of(recorded_muscle(muscle).key, named)
    raise ConfigError(
        f"channels: {text!r} is not a side and a muscle",
        None,
        "Write for example 'right TA' or 'right tibialis anterior'",
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


_Found = tuple[str, EventSide]


def _interpret(name: str, target: str, names: Sequence[str]) -> _Found | str:
    """Return key and side of a channel, or why it is not known."""
    by_name = _parse(name, names)
    if not target or target.lower() == "n/a":
        return by_name
    by_target = _parse(target, ())
    if isinstance(by_target, str) or isinstance(by_name, str):
        if isinstance(by_target, str):
            return by_target
        side = side_named(split_name(name)) if by_target[1] == "undecided" else by_target[1]
        return by_target[0], side
    sides = {s for s in (by_name[1], by_target[1]) if s != "undecided"}
    if len(sides) > 1:
        raise RecordingError(f"channel {name!r} has the target muscle {target!r}", None, _FIX)
    return by_target[0], sides.pop() if sides else "undecided"


def _parse(text: str, names: Sequence[str]) -> _Found | str:
    """Return what a name says; `names` are those of its recording, which may decide it."""
    found = split_name(text)
    side = side_named(found)
    if side == "undecided" and any(w in side_words() for w in found):
        return "they name both sides"
    rest = _muscle_part(text)
    glued = {} if side != "undecided" else _glued(rest)
    if rest in aliases() and not glued:
        return aliases()[rest], side
    if rest in aliases():
        # LGAS: the lateral gastrocnemius of some leg, or the gastrocnemius of the left one.
        places = [place for place in glued if _is_place_of_side(place, rest, names)]
        if len(places) == 1:
            return glued[places[0]]
        return "they can be read in more than one way"
    readings = set(glued.values())
    if len(readings) == 1:
        return readings.pop()
    return "they can be read in more than one way" if readings else UNKNOWN


def _is_place_of_side(place: int, rest: str, names: Sequence[str]) -> bool:
    """Whether a recording writes the side as the first (0) or last (-1) letter of its names.

    It does where the same name with the other letter is there, or where every other muscle that
    it names has its side at this place and nowhere else.
    """
    parts = [_muscle_part(name) for name in names]
    other = "r" if rest[place] == "l" else "l"
    if (other + rest[1:] if place == 0 else rest[:-1] + other) in parts:
        return True
    others = [p for p in parts if p != rest and (p in aliases() or _glued(p))]
    return bool(others) and all(list(_glued(p)) == [place] for p in others)


def _muscle_part(text: str) -> str:
    return "".join(w for w in split_name(text) if w not in side_words() and w not in _FILLERS)


def _glued(text: str) -> dict[int, _Found]:
    """Return readings with the side as first (0) or last (-1) letter: ``LTA``, ``TAr``."""
    sides: dict[str, EventSide] = {"l": "left", "r": "right"}
    found: dict[int, _Found] = {}
    for place, rest in ((0, text[1:]), (-1, text[:-1])):
        if text and text[place] in sides and rest in aliases():
            found[place] = (aliases()[rest], sides[text[place]])
    return found
