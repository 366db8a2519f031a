"""Repeat scans of digital legs: the table of repeatability, and how well it judges other legs.

    python -m benchmarks.comparison table WORK --legs 301 302 303 [--write FILE]
    python -m benchmarks.comparison judge WORK --legs 401 402 403
    python -m benchmarks.comparison cross WORK --legs 301 302 401

Each leg is scanned twice (`benchmarks._repeat_scans`: put back by hand, other noise) and goes
through the verbs of the command line; scans are kept in WORK, about five minutes each. `table`
pools the differences of the two scans over legs and muscles, small muscles apart, into
``imaging/data/repeatability.tsv``. `judge` compares the scans of other legs as ``pennate compare``
does; `cross` judges each leg by a table of the others. Goal: the change is within the smallest
detectable change in 93 % of muscles. `silent`: the share that is not called larger than the SDC;
that asks for a change beyond the intervals of both figures, too, where scans have them.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from benchmarks._repeat_scans import visit
from imaging.muscles import catalogue
from imaging.report.comparison.changes import changes
from imaging.report.comparison.repeatability import (
    ALL,
    FEWEST_PAIRS,
    Repeatability,
    RepeatabilityTable,
    built_in,
    within_subject_sd,
)
from imaging.report.comparison.verdict import LARGER, NOT_COMPARABLE
from imaging.report.comparison.visits import read_visit
from imaging.stage_files import write_tsv

#: Muscles of fewer than 50 ml in a typical adult, whose borders weigh more.
SMALL_ML = 50
# Spread that does not grow with the figure.
ABSOLUTE = ("fat_fraction", "fa", "pennation_start", "pennation_end", "curvature")
OF = "digital leg: a lower bound for people"
GOAL = 93.0


def small_muscles() -> list[str]:
    """Return the keys of the small muscles of the catalogue."""
    return [s.key for s in catalogue() if s.is_muscle and 0 < s.typical_ml < SMALL_ML]


def pairs(work: Path, legs: list[int], known: RepeatabilityTable) -> pd.DataFrame:
    """Return every pair of figures that compares, of all legs."""
    visits = [[read_visit(visit(work, leg, k)) for k in (1, 2)] for leg in legs]
    found = pd.concat([changes(before, after, known) for before, after in visits])
    return found[found["verdict"] != NOT_COMPARABLE]


def table(work: Path, legs: list[int]) -> list[Repeatability]:
    """Return the repeatability of every measure, over legs and muscles.

    That of volume comes first: it tells of which cut muscles as much is in view at both scans.
    """
    whole = pairs(work, legs, RepeatabilityTable(()))
    volume = RepeatabilityTable(tuple(_rows("volume", whole, len(legs))))
    every = pairs(work, legs, volume)
    names = dict.fromkeys(every["measure"])
    return [row for name in names for row in _rows(name, every, len(legs))]


def _rows(name: str, every: pd.DataFrame, legs: int) -> list[Repeatability]:
    own = every[every["measure"] == name]
    scale = "absolute" if name in ABSOLUTE else "percent"
    small = own["muscle"].isin(small_muscles())
    source = (
        f"benchmarks/comparison.py: {legs} legs scanned twice at 1 x 1 x 3 mm and 2 x 2 x 5 mm "
        "(diffusion), SNR 40"
    )
    if len(own) < FEWEST_PAIRS:
        return []
    rows = []
    parts = [(small_muscles(), own[small]), ([ALL], own[~small])]
    if min(len(part) for _, part in parts) < FEWEST_PAIRS:
        parts = [([ALL], own)]
    for muscles, part in parts:
        values = part[["before", "after"]].to_numpy(float)
        if scale == "percent":
            values = 100 * values / values.mean(axis=1, keepdims=True)
        sd = float(f"{within_subject_sd(*values.T):.3g}")
        unit = str(part["unit"].iloc[0])
        rows.append(Repeatability(name, tuple(muscles), unit, scale, sd, len(part), OF, source))
    return rows


def judged(work: Path, legs: list[int], known: RepeatabilityTable) -> pd.DataFrame:
    """Return the changes between two scans of legs that have an SDC."""
    frames = [
        changes(*(read_visit(visit(work, leg, k)) for k in (1, 2)), known).assign(leg=leg)
        for leg in legs
    ]
    every = pd.concat(frames)
    return every[every["sdc"].notna()]


def summary(every: pd.DataFrame) -> pd.DataFrame:
    """Return how many changes lie within their SDC, by measure; print those that do not."""
    inside = every["change"].abs() <= every["sdc"]
    silent = 100.0 * (every["verdict"] != LARGER)
    told = every.assign(
        within=100.0 * inside, silent=silent, ratio=every["change"].abs() / every["sdc"]
    )
    columns = {
        "n": ("within", "size"), "within": ("within", "mean"), "silent": ("silent", "mean"),
        "median": ("ratio", "median"), "worst": ("ratio", "max"),
    }  # fmt: skip
    out = told.groupby("measure", sort=False).agg(**columns)
    whole = told.assign(measure="all figures").groupby("measure").agg(**columns)
    print(told.loc[~inside, ["leg", "muscle", "measure", "before", "after", "sdc"]].to_string())
    return pd.concat([out, whole])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["scan", "table", "judge", "cross"])
    parser.add_argument("work", type=Path)
    parser.add_argument("--legs", type=int, nargs="+", required=True)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    if given.what == "table":
        rows = [asdict(row) for row in table(given.work, given.legs)]
        found = pd.DataFrame([row | {"muscles": " ".join(row["muscles"])} for row in rows])
        print(found.drop(columns=["of", "source"]).to_string(index=False))
        if given.write:
            write_tsv(found, given.write)
    elif given.what in ("judge", "cross"):
        if given.what == "judge":
            every = judged(given.work, given.legs, built_in())
        else:
            every = pd.concat([
                judged(given.work, [leg], RepeatabilityTable(tuple(
                    table(given.work, [other for other in given.legs if other != leg])
                )))
                for leg in given.legs
            ])  # fmt: skip
        found = summary(every)
        print(found.round(2).to_string())
        last = found.loc["all figures"]
        n = int(last["n"])
        low, high = proportion_confint(round(n * last["within"] / 100), n, method="wilson")
        print(f"\nwithin the SDC: {last['within']:.1f} % (95 % interval {100 * low:.0f} to "
              f"{100 * high:.0f} if figures were independent), goal {GOAL:g} %")  # fmt: skip
    else:
        for leg in given.legs:
            for k in (1, 2):
                print(visit(given.work, leg, k), flush=True)


if __name__ == "__main__":
    main()
