"""Fat fraction as a flag of quality: what diffusion tells of a fatty muscle is not of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imaging.composition.muscles import FATTY_PERCENT
from imaging.measures import Measure
from imaging.musclemap.table import definition_of

_STAGES = ("dwi", "fibre")


def flag_fatty(measures: Sequence[Measure]) -> list[Measure]:
    """Return the measures, those of diffusion and fascicles of a fatty muscle with a note of it.

    A muscle is fatty from :data:`~imaging.composition.muscles.FATTY_PERCENT` on.
    """
    fat = {
        m.label: m.value
        for m in measures
        if m.measure == "fat_fraction" and m.value is not None and m.value > FATTY_PERCENT
    }
    return [
        replace(m, note="; ".join(filter(None, [m.note, _said(fat[m.label])])))
        if m.label in fat and m.value is not None and _rests_on_diffusion(m)
        else m
        for m in measures
    ]


def _said(percent: float) -> str:
    return f"of the muscle left between the fat (fat fraction {percent:.0f} %)"


def _rests_on_diffusion(measure: Measure) -> bool:
    found = definition_of(measure.measure)
    return found is not None and found.stage in _STAGES
