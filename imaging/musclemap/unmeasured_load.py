"""What is left out of force shares: PCSA of muscles without EMG, and sentences about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from imaging.measures import Measure, not_measured
from imaging.musclemap.cross_section import Area
from imaging.musclemap.forces import DRAWS, LIMITS, Activity
from imaging.muscles import side_and_key, side_of, structure_of


def without_emg(
    labels: Sequence[int],
    areas: Mapping[int, Area],
    recorded: Collection[int],
    rng: np.random.Generator,
) -> list[Measure]:
    """Return which share of the PCSA of one leg, and of its calf, has no EMG.

    Parameters
    ----------
    labels
        Muscles of the leg; the calf is those of its superficial and deep posterior compartments.
    areas
        Cross-sections that are known; muscles without one are not counted, and named.
    recorded
        Labels with EMG.
    rng
        For the draws behind the interval.
    """
    calf = [v for v in labels if "posterior" in structure_of(v).compartment]
    parts = {"leg": labels, "calf": calf}
    return [
        _share(f"pcsa_without_emg_{place}_{side_of(part[0])}", part, areas, recorded, rng)
        for place, part in parts.items()
        if part
    ]


def _share(
    name: str,
    part: Sequence[int],
    areas: Mapping[int, Area],
    recorded: Collection[int],
    rng: np.random.Generator,
) -> Measure:
    counted = [v for v in part if v in areas]
    passed_over = [structure_of(v).key for v in part if v not in areas]
    said = f"; PCSA not known, not counted: {', '.join(passed_over)}" if passed_over else ""
    if not counted:
        return not_measured(0, name, "percent", "no muscle with a PCSA" + said)
    silent = np.array([v not in recorded for v in counted])
    cm2 = np.array([areas[v].pcsa_cm2 for v in counted])
    drawn = np.stack([areas[v].draws_of_pcsa(rng, DRAWS) for v in counted], axis=1)
    value = float(100 * cm2[silent].sum() / cm2.sum())
    shares = 100 * drawn[:, silent].sum(axis=1) / drawn.sum(axis=1)
    low = high = None
    if np.isfinite(shares).all():
        ends = np.percentile(shares, LIMITS)
        low, high = min(float(ends[0]), value), max(float(ends[1]), value)
    keys = [structure_of(v).key for v, without in zip(counted, silent, strict=True) if without]
    note = f"n muscles; without EMG: {', '.join(keys) or 'none'}{said}"
    return Measure(0, name, value, "percent", len(counted), None, low, high, note=note)


def sentences(
    labels: Sequence[int],
    in_sum: Sequence[int],
    active: Mapping[int, Activity],
    areas: Mapping[int, Area],
    silent: Sequence[Measure],
) -> list[str]:
    """Return what a reader of the force shares of one leg must know.

    Parameters
    ----------
    labels
        Muscles of the leg.
    in_sum
        Those whose force is known.
    active, areas
        What is known of their EMG and cross-section.
    silent
        See :func:`without_emg`.
    """
    side = side_of(labels[0])
    leg = "the leg" if side == "undecided" else f"the {side} leg"
    recorded = [v for v in labels if v in active and v in areas]
    if not recorded:
        return []
    said = []
    if not in_sum:
        said.append(
            f"Force shares between muscles of {leg} are not measured: without MVC recordings EMG "
            "amplitudes of two muscles cannot be compared."
        )
    elif no_mvc := [side_and_key(v) for v in recorded if v not in in_sum]:
        said.append(f"No force of muscles without MVC: {', '.join(no_mvc)}.")
    if above := [side_and_key(v) for v in in_sum if active[v].mean.max() > 100]:
        said.append(f"EMG exceeds MVC, so that force is overestimated: {', '.join(above)}.")
    return said + _without(leg, labels, active, silent)


def _without(
    leg: str, labels: Sequence[int], active: Collection[int], silent: Sequence[Measure]
) -> list[str]:
    """Return the sentence that names the muscles without EMG and the share of their PCSA."""
    missing = [structure_of(v).key for v in labels if v not in active]
    shares = [
        f"{m.value:.0f} % of that of the {'calf' if '_calf_' in m.measure else 'whole leg'}"
        for m in reversed(silent)
        if m.value is not None
    ]
    if not missing or not shares:
        return []
    return [
        f"Muscles of {leg} without EMG ({', '.join(missing)}) are no part of force shares; of the "
        f"PCSA they have {', '.join(shares)}."
    ]
