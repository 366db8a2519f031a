"""Synergies of every recording and side of a session, matched with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imaging.function.analysis import Analysis, MuscleActivity
from imaging.function.matching import match_by_name
from imaging.function.recording import Foot
from imaging.function.session import SessionAnalysis
from imaging.function.strides import SIDES
from imaging.function.synergies import (
    FEWEST_MUSCLES,
    FEWEST_STRIDES,
    Synergies,
    find_synergies,
)
from imaging.measures import Measure, not_measured
from imaging.muscles import label_of, recorded_of, side_of

COLUMNS = (
    "trial", "side", "part", "synergy", "label", "muscle", "percent", "value", "ci_low", "ci_high",
    "matched", "cosine", "n",
)  # fmt: skip


@dataclass(frozen=True)
class SideSynergies:
    """Synergies of one side in one recording; `keys` of the muscles in the order of the weights."""

    trial: str
    side: Foot
    keys: tuple[str, ...]
    found: Synergies


def why_none(analysis: Analysis, side: Foot) -> str:
    """Return why a side's synergies cannot be found; empty where they can."""
    muscles = _usable(analysis, side)
    strides = len(analysis.strides[side])
    if strides < FEWEST_STRIDES:
        return f"{strides} strides of the {side} foot, {FEWEST_STRIDES} needed"
    if len(muscles) < FEWEST_MUSCLES:
        return f"{len(muscles)} muscles of the {side} leg, {FEWEST_MUSCLES} needed"
    return ""


def _usable(analysis: Analysis, side: Foot) -> list[MuscleActivity]:
    """Return the activities of a side that vary over its strides."""
    own = [m for m in analysis.muscles if side_of(m.label) == side and len(m.per_stride)]
    return [m for m in own if np.ptp(m.per_stride) > 0]


def session_synergies(session: SessionAnalysis, criterion: str, seed: int) -> list[SideSynergies]:
    """Return the synergies of every recording and side that has enough muscles and strides."""
    out = []
    for trial, analysis in session.analyses.items():
        for side in SIDES:
            if why_none(analysis, side):
                continue
            own = _usable(analysis, side)
            cycles = np.stack([m.per_stride for m in own])
            keys = tuple(recorded_of(m.label).key for m in own)
            out.append(SideSynergies(trial, side, keys, find_synergies(cycles, criterion, seed)))
    return out


def synergy_table(sets: Sequence[SideSynergies]) -> pd.DataFrame:
    """Return all synergies, long.

    `part` ``weight``: one row per synergy and muscle, with its interval over resampled strides;
    ``activation``: per synergy and percent of the cycle; ``agreement`` and ``similarity``: mean
    cosine of the weights over random starts and over resampled strides; ``r2``, ``vaf`` and
    ``vaf_muscle``: of as many synergies as `synergy` says; ``rank_`` and a criterion: their number
    by it, empty where none of the numbers that were tried fulfils it.
    `matched` is the number of the synergy of the first set which it is, `cosine` that of their
    weights over the muscles that both have.
    """
    rows: list[dict[str, object]] = []
    for own in sets:
        pairs, _ = match_by_name(own.found.weights, own.keys, sets[0].found.weights, sets[0].keys)
        base = {"trial": own.trial, "side": own.side, "n": own.found.n}
        for k in range(own.found.rank):
            partner = int(pairs.second[k])
            what = {
                **base,
                "synergy": k + 1,
                "matched": partner + 1 if partner >= 0 else None,
                "cosine": pairs.cosine[k],
            }
            rows += [{**what, **row} for row in _one(own, k)]
        rows += [{**base, **row} for row in _ranks(own.found)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = ["synergy", "label", "percent", "matched", "n"]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def _one(own: SideSynergies, k: int) -> list[dict[str, object]]:
    found = own.found
    rows: list[dict[str, object]] = [
        {
            "part": "weight",
            "label": label_of(key, own.side),
            "muscle": key,
            "value": found.weights[i, k],
            "ci_low": found.weights_low[i, k],
            "ci_high": found.weights_high[i, k],
        }
        for i, key in enumerate(own.keys)
    ]
    rows += [
        {"part": "activation", "percent": percent, "value": value}
        for percent, value in enumerate(found.activation[k])
    ]
    rows.append({"part": "agreement", "value": found.agreement[k]})
    rows.append({"part": "similarity", "value": found.similarity[k]})
    return rows


def _ranks(found: Synergies) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for q in found.curve:
        for part, value in (("r2", q.r2), ("vaf", q.vaf), ("vaf_muscle", q.vaf_muscle)):
            rows.append({"part": part, "synergy": q.rank, "value": value})
    for name, rank in found.by_criterion.items():
        rows.append({"part": f"rank_{name}", "value": rank})
    return rows


def measures(session: SessionAnalysis, sets: Sequence[SideSynergies]) -> list[Measure]:
    """Return number and quality of the synergies of the reference recording; label 0."""
    rows = []
    for side in SIDES:
        own = next((s for s in sets if (s.trial, s.side) == (session.reference, side)), None)
        names = {f"synergies_{side}": "1", f"synergies_r2_{side}": "1"}
        if own is None:
            known = session.analyses.get(session.reference)
            why = why_none(known, side) if known else "no recording of walking"
            rows += [not_measured(0, name, unit, why) for name, unit in names.items()]
            continue
        found = own.found
        others = ", ".join(
            f"{name}: {'none' if rank is None else rank}"
            for name, rank in found.by_criterion.items()
        )
        note = f"n strides; {len(own.keys)} muscles; criterion {found.criterion}; by {others}"
        r2 = found.curve[found.rank - 1].r2
        rows.append(Measure(0, f"synergies_{side}", float(found.rank), "1", n=found.n, note=note))
        rows.append(Measure(0, f"synergies_r2_{side}", r2, "1", n=found.n, note=note))
    return rows
