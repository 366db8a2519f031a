"""Synergies against known weights, against those published for real walks, and of a raw recording.

``python -m benchmarks.synergies`` prints three tables. `known`: envelopes made from 3, 4 or 5
synergies of 12 muscles over 20 strides, whose amplitude and time vary and which carry noise. Where
they overlap in time, or every muscle has a share in all (dense), a little of one synergy added to
another fits as well, also without noise: `gain` is the R2 of what was found less that of a fit
that starts from the truth, so above 0 the solver missed nothing. `published`: the eight persons of
``../shared/data/emg`` at the criterion of those who published them. `raw`: the thirteen muscles of
the same place from the raw signals on.
"""

from __future__ import annotations

import gzip
import json
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.segmentation import ANATOMY
from imaging.config import FunctionSettings
from imaging.function.analysis import analyse
from imaging.function.matching import match
from imaging.function.recording import Event, Recording
from imaging.function.synergies import (
    PERCENT_STEP,
    explained,
    factorise,
    find_synergies,
    prepare,
    rank_curve,
    ranks_by_criterion,
    refine,
)

EMG = ANATOMY.parent / "emg"
PERCENT = np.arange(101)


def known(
    rank: int, seed: int, width: float, *, dense: bool = False, noise: float = 0.03
) -> tuple[np.ndarray, np.ndarray]:
    """Return envelopes (12, 20, 101) and the weights (12, rank) that they were made from."""
    rng = np.random.default_rng([seed, rank])
    weights = rng.uniform(0.0, 0.15, (12, rank)) if dense else np.zeros((12, rank))
    if not dense:
        second = rng.random((12, rank)) < 0.3
        weights[second] = rng.uniform(0.1, 0.4, second.sum())
    for muscle in range(12):
        weights[muscle, muscle % rank] = rng.uniform(0.5, 1.0)
    centres = np.linspace(8, 92, rank)
    cycles = np.empty((12, 20, 101))
    for stride in range(20):
        middle = centres + 1.5 * rng.standard_normal(rank)
        away = (PERCENT - middle[:, None] + 50) % 100 - 50
        height = 1 + 0.15 * rng.standard_normal((rank, 1))
        active = height * np.exp(-0.5 * (away / width) ** 2)
        cycles[:, stride] = weights @ active + noise * np.abs(rng.standard_normal((12, 101)))
    return cycles, weights


KINDS = {"apart": (5.0, False), "overlapping": (7.0, False), "dense": (7.0, True)}


def of_known(seeds: range) -> None:
    print("known: kind, rank, found by criterion (of data sets), cosine least, median, least gain")
    for kind, rank in product(KINDS, (3, 4, 5)):
        hits = {"straight_line": 0, "vaf": 0, "vaf_muscle": 0}
        cosines: list[float] = []
        gains = []
        for seed in seeds:
            cycles, weights = known(rank, seed, KINDS[kind][0], dense=KINDS[kind][1])
            reach = (cycles.max(axis=(1, 2)) - cycles.min(axis=(1, 2)))[:, None]
            matrix = prepare(cycles)[:, :, ::PERCENT_STEP].reshape(12, -1)
            found = ranks_by_criterion([q for q, _ in rank_curve(matrix, seed)])
            for name, value in found.items():
                hits[name] += value == rank
            best = factorise(matrix, rank, seed)
            cosines += match(weights / reach, best.weights).cosine.tolist()
            truth = weights / reach / np.linalg.norm(weights / reach, axis=0)
            gains.append(best.r2 - explained(matrix, np.matmul(*refine(matrix, truth, 500))))
        shares = ", ".join(f"{name} {hit}/{len(seeds)}" for name, hit in hits.items())
        cosine = f"{min(cosines):.4f} {np.median(cosines):.4f}"
        print(f"{kind:12s} {rank}  {shares}  {cosine}  {min(gains):+.0e}")


def of_published() -> None:
    print("\npublished: person, rank published, found, R2 published, found, least cosine, others")
    persons = json.loads(gzip.decompress((EMG / "walking_synergies_8persons.json.gz").read_bytes()))
    for name, person in persons.items():
        matrix = np.asarray(person["V"], float)
        ranks = ranks_by_criterion([q for q, _ in rank_curve(matrix, 1)])
        factors = factorise(matrix, ranks["straight_line"], 1)
        cosine = match(np.asarray(person["W"], float), factors.weights).cosine.min()
        print(
            f"{name}  {person['rank']} {ranks['straight_line']}  {person['R2']:.5f} "
            f"{factors.r2:.5f}  {cosine:.3f}  vaf {ranks['vaf']}, vaf_muscle {ranks['vaf_muscle']}"
        )


def raw_recording() -> Recording:
    """Return the recording of thirteen muscles of one leg, with its events."""
    frame = pd.read_csv(EMG / "walking_raw_13muscles_emg.tsv.gz", sep="\t")
    cycles = pd.read_csv(EMG / "walking_raw_13muscles_cycles.tsv", sep="\t")
    names = {
        "ME": "gluteus medius", "MA": "gluteus maximus", "FL": "tensor fasciae latae",
        "RF": "rectus femoris", "VM": "vastus medialis", "VL": "vastus lateralis",
        "ST": "semitendinosus", "BF": "biceps femoris", "TA": "tibialis anterior",
        "PL": "peroneus longus", "GM": "gastrocnemius medialis",
        "GL": "gastrocnemius lateralis", "SO": "soleus",
    }  # fmt: skip
    events = [Event(t, "right", "foot_strike", "file") for t in cycles["touchdown_s"]]
    events += [Event(t, "right", "foot_off", "file") for t in cycles["toe_off_s"]]
    return Recording(
        tuple(names),
        np.array([frame[n].to_numpy(float) for n in names]),
        1000.0,
        float(frame["time"].iloc[0]),
        {key: f"right {name}" for key, name in names.items()},
        events=tuple(sorted(events, key=lambda e: e.time_s)),
    )


def of_raw() -> None:
    muscles = analyse(raw_recording(), FunctionSettings()).muscles
    cycles = np.stack([m.per_stride for m in muscles])
    print(f"\nraw: {len(muscles)} muscles, {cycles.shape[1]} strides; rank, R2, VAF, least VAF")
    found = find_synergies(cycles, "straight_line", 1)
    for quality in found.curve:
        print(f"{quality.rank:2d}  {quality.r2:.3f}  {quality.vaf:.3f}  {quality.vaf_muscle:.3f}")
    print(f"by criterion {found.by_criterion}")
    print(f"cosine over restarts {found.agreement.round(2)}, resamples {found.similarity.round(2)}")


def main() -> None:
    of_known(range(10))
    if EMG.is_dir():
        of_published()
        of_raw()
    else:
        print("no real recordings beside the project (../shared/data/emg)")


if __name__ == "__main__":
    main()
