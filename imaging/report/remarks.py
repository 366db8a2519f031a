"""What the stages warned of, by stage in the order of the page, each sentence once."""

from __future__ import annotations

from imaging.musclemap.inputs import STAGE_TITLES
from imaging.musclemap.read.notes import MapNotes
from imaging.musclemap.titles import capital
from imaging.report.verdicts import NOTES_OF, TITLES

_REST = "All stages together"


def remarks(notes: MapNotes) -> list[tuple[str, list[str]]]:
    """Return the title of each stage that has something to say, and its sentences.

    What is missing and has no verdict of its own, such as fibre-aware stiffness, is among them.

    Parameters
    ----------
    notes
        Of all stages.
    """
    title_of = {name: TITLES[stage] for stage, name in NOTES_OF.items()}
    out: dict[str, list[str]] = {title: [] for title in (*TITLES.values(), _REST)}
    for stage, sentence in notes.warnings:
        out[title_of.get(stage, _REST)].append(sentence)
    for stage, why in notes.missing.items():
        if stage not in TITLES:
            out[_REST].append(f"{STAGE_TITLES.get(stage, capital(stage))}: {why}.")
    return [(title, said) for title, said in out.items() if said]
