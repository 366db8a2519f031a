"""Every person of the group held against its controls."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from imaging.errors import ConfigError
from imaging.measures import Measure
from imaging.report.group.subjects import Subject
from imaging.report.norms import FEWEST_CONTROLS, Norms, gather
from imaging.report.profile import (
    CONTROLS,
    Sentence,
    circular_measures,
    expected_by_chance,
    profile,
)


def norms_of_group(subjects: Sequence[Subject], controls: Collection[str]) -> Norms:
    """Return the norms from the controls among the participants.

    Raises
    ------
    ConfigError
        Fewer than five controls have a map.
    """
    own: dict[str, list[list[Measure]]] = {}
    for s in subjects:
        if s.participant in controls:
            own.setdefault(s.participant, []).append(s.measures)
    if len(own) < FEWEST_CONTROLS:
        raise ConfigError(
            f"controls: {len(own)} of them have a muscle map, norms need {FEWEST_CONTROLS}",
            None,
            "Run more controls, or leave the setting out",
        )
    return gather(own, circular_measures(sorted({m.measure for s in subjects for m in s.measures})))


def against_controls(
    subjects: Sequence[Subject], norms: Norms
) -> list[tuple[str, list[Sentence], list[tuple[str, int, int, float]]]]:
    """Return of each session what stands out against controls, and how much would by chance."""
    found = []
    for s in subjects:
        told = profile(s.measures, norms, s.participant, s.names)
        against = [t for t in told if t.against == CONTROLS]
        found.append((s.prefix, [t for t in against if t.stands_out], expected_by_chance(against)))
    return found
