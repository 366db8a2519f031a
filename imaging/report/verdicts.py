"""Whether each stage can be used, looked at, or not: one word and the one most important reason.

Figures come from the measures and from the facts of the stages (``verdict_facts``). What is asked
of them, in which order, with which limits and from where, stands in ``imaging/data/verdicts.tsv``:
the worst grade wins; of reasons of one grade, the first of the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from imaging.measures import Measure
from imaging.musclemap.read.notes import MapNotes
from imaging.musclemap.titles import capital
from imaging.muscles import NO_NAMES, Names
from imaging.report.verdict_facts import FACTS, facts_of

USABLE, LOOK, NOT_USABLE, NOT_THERE = "usable", "look", "not usable", "not there"
# Told apart by shape and word as well as by colour.
SYMBOLS = {USABLE: "✓", LOOK: "!", NOT_USABLE: "✕", NOT_THERE: "–"}
TITLES = {
    "anat": "Muscle outlines",
    "dwi": "Diffusion images",
    "fibre": "Fibres (fascicles)",
    "mre": "Stiffness, MR elastography",
    "us": "Stiffness, ultrasound",
    "func": "EMG and motion",
    "comp": "Fat fraction and T2",
}
NOTES_OF = {
    "anat": "segmentation", "dwi": "diffusion", "fibre": "fibres", "mre": "elastography",
    "us": "ultrasound", "func": "function", "comp": "composition",
}  # fmt: skip
_PLACE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Check:
    """One row of the table of limits.

    Attributes
    ----------
    stage, check : str
        Key of the stage, and the figure that is asked.
    when : str
        ``below`` or ``above`` a number, ``is`` a word; ``good`` is the sentence of a stage of
        which nothing else is to be said.
    look, not_usable : str
        The limits; empty for none.
    reason : str
        With the stage's figures to be filled in.
    source : str
        Where the limit comes from.
    """

    stage: str
    check: str
    when: str
    look: str
    not_usable: str
    reason: str
    source: str

    @property
    def asked(self) -> str:
        """The figure in words."""
        words = self.check.replace("_", " ").replace("snr", "signal-to-noise ratio")
        return capital(words)

    @property
    def outline(self) -> str:
        """The sentence with its figures left open."""
        return _PLACE.sub("…", self.reason)

    def limit(self, value: str) -> str:
        """Return a limit in words: ``below 20``; a dash for none."""
        return f"{self.when} {value.replace('_', ' ')}" if value else "–"


@dataclass(frozen=True)
class Verdict:
    """What is said of one stage: its title, one of the four words, a symbol, and why."""

    stage: str
    title: str
    word: str
    reason: str

    @property
    def symbol(self) -> str:
        """Sign that stands beside the word."""
        return SYMBOLS[self.word]

    @property
    def key(self) -> str:
        """The word without a space, for the style."""
        return self.word.replace(" ", "-")


@cache
def checks() -> tuple[Check, ...]:
    """Return the table of limits in its order."""
    with resources.as_file(resources.files("imaging") / "data" / "verdicts.tsv") as path:
        frame = pd.read_csv(path, sep="\t", dtype=str, na_values=["n/a"], keep_default_na=False)
    rows = frame.fillna("").to_dict("records")
    return tuple(Check(**{str(k): v for k, v in row.items()}) for row in rows)


def verdicts(
    measures: Sequence[Measure], notes: MapNotes, names: Names = NO_NAMES
) -> list[Verdict]:
    """Return one verdict per stage, in the order of the page.

    Parameters
    ----------
    measures
        The long table.
    notes
        Of all stages, with what is missing.
    names
        Of muscles that the catalogue does not know.
    """
    done = {stage.stage for stage in notes.stages}
    out = []
    for stage, title in TITLES.items():
        if stage in notes.missing:
            out.append(Verdict(stage, title, NOT_THERE, f"{capital(notes.missing[stage])}."))
            continue
        facts = facts_of(stage, measures, notes, names)
        if not facts.get(FACTS[stage]) and NOTES_OF[stage] not in done and stage != "anat":
            out.append(Verdict(stage, title, NOT_THERE, "Nothing of it is in the map."))
            continue
        out.append(judged(stage, facts))
    return out


def judged(stage: str, facts: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a stage from its figures; what is not known is not held against it.

    Examples
    --------
    >>> judged("dwi", {"snr": 12.0, "gradient": "ok", "motion": 0.2}).word
    'look'
    >>> judged("dwi", {"snr": 8.0, "gradient": "undecided"}).reason
    'Signal-to-noise ratio 8: fibre directions need about 20.'
    """
    rows = [c for c in checks() if c.stage == stage]
    for word, limit in ((NOT_USABLE, "not_usable"), (LOOK, "look")):
        for check in rows:
            if _hit(facts.get(check.check), check.when, getattr(check, limit)):
                return Verdict(stage, TITLES[stage], word, _filled(check.reason, facts))
    good = next(c for c in rows if c.when == "good")
    return Verdict(stage, TITLES[stage], USABLE, _filled(good.reason, facts))


def _hit(value: Any, when: str, limit: str) -> bool:
    if value is None or not limit or when == "good":
        return False
    if when == "is":
        return bool(value == limit)
    return bool(value < float(limit) if when == "below" else value > float(limit))


def _filled(reason: str, facts: Mapping[str, Any]) -> str:
    """Fill figures in; a clause whose figure is not known falls away."""
    try:
        return reason.format_map(facts).strip()
    except KeyError:
        clauses = [c for part in reason.rstrip(".").split("; ") for c in part.split(", ")]
        known = []
        for clause in clauses:
            try:
                known.append(clause.format_map(facts))
            except KeyError:
                continue
        text = ", ".join(known).strip()
        return f"{capital(text)}." if text else "Done; nothing stands out."
