"""Words of names that people gave to channels and events, and the side they name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

import pandas as pd

from imaging.function.recording import EventSide


@cache
def side_words() -> dict[str, EventSide]:
    """Return word → side from ``imaging/data/side_words.tsv``."""
    rows = table("side_words.tsv").to_dict("records")
    return {str(r["word"]): "left" if r["side"] == "left" else "right" for r in rows}


def table(name: str) -> pd.DataFrame:
    """Return one of the package's own tables of words."""
    with resources.as_file(resources.files("imaging") / "data" / name) as path:
        return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def split_name(text: str) -> list[str]:
    """Return the words of a name: lower case, without accents, ``LeftSoleus`` as two."""
    text = text.replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    return re.findall(r"[a-z0-9]+", plain.lower())


def hidden_words(private: Iterable[str]) -> set[str]:
    """Return words, as :func:`split_name` gives them, that may name a person and are not repeated.

    Parameters
    ----------
    private
        Texts of a file that name a person, or may. Words of fewer than three letters, and those
        that name sides and muscles, do not count.
    """
    words = {word for text in private for word in split_name(text) if len(word) > 2}
    return words - _PLAIN - set(side_words()) - _muscle_words()


_PLAIN = {
    "sub", "subject", "patient", "unknown", "anonymous", "name", "first", "last", "emg", "muscle",
    "sensor", "channel", "time", "walk", "walking", "run", "running", "trial",
}  # fmt: skip


@cache
def _muscle_words() -> set[str]:
    """Return the words of muscles: those of the catalogue's names, and aliases."""
    names = [str(n) for n in table("muscles.tsv")["name"]]
    return {w for n in names for w in split_name(n)} | set(table("emg_aliases.tsv")["alias"])


def side_named(found: Sequence[str]) -> EventSide:
    """Return the one side that is named, else undecided."""
    sides = {side_words()[w] for w in found if w in side_words()}
    return sides.pop() if len(sides) == 1 else "undecided"
