"""Share of force with known truth: how often the 95 % interval holds it.

    python -m benchmarks.load [--legs 200] [--strides 4 8 20]
    python -m benchmarks.load --map OUT/sub-01/map --truth BIDS/.../sub-01_desc-truth_measures.tsv

Known: activation of each muscle as it is over endless strides, its PCSA and its pennation. Seen:
mean and SD over a few strides whose amplitude (SD 25 %) and timing (SD 2 % of the cycle) vary,
PCSA and pennation with errors of the size that their intervals say. With `--map`, PCSA and
pennation are those that the workflow measured on a digital leg, against that leg's own truth
(`pennate phantom`); only activation is drawn. Deep muscles have no EMG, as with surface electrodes.

Goal: the truth in at least 90 % of the intervals, shares that sum to one. `share`, `force`: over
muscles and places in the cycle; `peak`, `cycle`: figures of the table of measures. `width`: median
width of the interval of the share at the peak of force, percent of force.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.measures import Measure, read_measures
from imaging.musclemap.load import share_load
from imaging.muscles import label_of, structure_of

SEED = 20
PERCENT = np.arange(101.0)
# PCSA (cm2), pennation (deg), centre and SD (percent of the cycle) of the main burst.
MUSCLES = {
    "TA": (20.0, 10.0, 4.0, 9.0), "PL": (14.0, 14.0, 45.0, 12.0), "GM": (45.0, 25.0, 42.0, 9.0),
    "GL": (25.0, 15.0, 40.0, 10.0), "SOL": (100.0, 28.0, 44.0, 12.0),
    "FHL": (14.0, 17.0, 50.0, 9.0), "TP": (25.0, 14.0, 25.0, 15.0),
}  # fmt: skip
DEEP = ("FHL", "TP")
AMPLITUDE_SD, TIMING_SD, ENDLESS = 0.25, 2.0, 3000
PCSA_SD, LINE_SD = 0.06, 1.5
TENSION = 60.0
GOAL = 90.0
_TABLE = {"share": ("share", "share_low", "share_high"), "force": ("force_n", "force_low",
          "force_high")}  # fmt: skip
_MEASURES = {"peak": "force_share_peak", "cycle": "force_share_mean"}


def strides(burst: tuple[float, float, float], count: int, rng: np.random.Generator) -> np.ndarray:
    """Return strides (K, T), percent of MVC, of a burst of some size, place and width."""
    size, centre, width = burst
    sigma = np.sqrt(np.log1p(AMPLITUDE_SD**2))
    amplitude = size * rng.lognormal(-0.5 * sigma**2, sigma, count)[:, None]
    away = PERCENT - centre - rng.normal(0, TIMING_SD, count)[:, None]
    away = (away + 50) % 100 - 50  # the cycle closes
    return amplitude * (0.04 + np.exp(-0.5 * (away / width) ** 2))


def architecture(
    rng: np.random.Generator,
) -> tuple[dict[int, tuple[float, float]], list[Measure]]:
    """Return true PCSA and pennation of each muscle of a leg, and what is measured of them."""
    truth, seen = {}, []
    for key, (area, angle, *_) in MUSCLES.items():
        label = label_of(key, "right")
        pcsa, line = area * rng.lognormal(0, 0.2), angle + rng.normal(0, 4)
        truth[label] = (pcsa, line)
        found, off = pcsa * rng.lognormal(0, PCSA_SD), line + rng.normal(0, LINE_SD)
        reach = np.exp(1.96 * PCSA_SD)
        seen += [
            Measure(label, "pcsa_anatomical", found, "cm2", 9, None, found / reach, found * reach),
            Measure(label, "pennation_line", off, "deg", 9, None, off - 1.96 * LINE_SD,
                    off + 1.96 * LINE_SD),
        ]  # fmt: skip
    return truth, seen


def of_map(folder: Path, table: Path) -> tuple[dict[int, tuple[float, float]], list[Measure]]:
    """Return true PCSA and pennation of a digital leg, and what its map has of them."""
    path = next(folder.glob("*_measures.tsv"))
    seen = read_measures(path)
    rows = {(m.label, m.measure): m.value for m in read_measures(table)}
    measured = {m.label for m in seen if m.measure == "pcsa_anatomical" and m.value is not None}
    truth = {
        label: (10 * rows[label, "volume"] / rows[label, "fascicle_length"],
                rows[label, "pennation_line"])
        for label in measured if (label, "volume") in rows
    }  # fmt: skip
    wanted = ("pcsa_anatomical", "pennation_line")
    return truth, [m for m in seen if m.label in truth and m.measure in wanted]


def recording(
    labels: list[int], count: int, rng: np.random.Generator
) -> tuple[dict[int, np.ndarray], pd.DataFrame]:
    """Return the true activation (T,) of muscles with EMG, and their mean cycles over strides."""
    truth, frames = {}, []
    for label in labels:
        _, _, centre, width = MUSCLES[structure_of(label).key]
        burst = (100 * rng.uniform(0.1, 0.9), centre + rng.normal(0, 3), width)
        truth[label] = strides(burst, ENDLESS, rng).mean(axis=0)
        seen = strides(burst, count, rng)
        frames.append(pd.DataFrame({
            "label": label, "percent": PERCENT, "mean": seen.mean(axis=0),
            "sd": seen.std(axis=0, ddof=1), "n": count, "unit": "% of MVC",
        }))  # fmt: skip
    return truth, pd.concat(frames, ignore_index=True)


def true_shares(
    areas: Mapping[int, tuple[float, float]], active: Mapping[int, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return forces (M, T) in N and shares in percent."""
    pull = [areas[v][0] * np.cos(np.radians(areas[v][1])) for v in active]
    forces = 0.01 * TENSION * np.array(pull)[:, None] * np.array(list(active.values()))
    return forces, 100 * forces / forces.sum(axis=0)


def held(
    measures: list[Measure], areas: Mapping[int, tuple[float, float]], count: int,
    rng: np.random.Generator,
) -> dict[str, list[float]]:  # fmt: skip
    """Return of one leg how often intervals hold the truth, how far sums are off, and widths."""
    labels = [v for v in sorted(areas) if structure_of(v).key in MUSCLES
              and structure_of(v).key not in DEEP]  # fmt: skip
    active, curves = recording(labels, count, rng)
    found = share_load(measures, curves, sorted(areas), ends={}, tension_n_cm2=TENSION)
    forces, shares = true_shares(areas, active)
    truth = {"share": shares, "force": forces}
    out: dict[str, list[float]] = {}
    for name, (_, low, high) in _TABLE.items():
        lows, highs = (found.cycle.pivot(index="label", columns="percent", values=c).to_numpy()
                       for c in (low, high))  # fmt: skip
        out[name] = ((lows <= truth[name]) & (truth[name] <= highs)).ravel().tolist()
    whole = np.trapezoid(forces, PERCENT, axis=1)
    at_peak = found.cycle.loc[found.cycle.groupby("label")["force_n"].idxmax(), "percent"]
    expected = {
        "peak": shares[np.arange(len(labels)), at_peak.to_numpy(int)],
        "cycle": 100 * whole / whole.sum(),
    }
    rows = {(m.label, m.measure): m for m in found.measures}
    for name, measure in _MEASURES.items():
        limits = [(rows[v, measure].ci_low, rows[v, measure].ci_high) for v in labels]
        out[name] = [bool(a <= t <= b) for (a, b), t in zip(limits, expected[name], strict=True)]
        if name == "peak":
            out["width"] = [b - a for a, b in limits]
    out["sum"] = (found.cycle.groupby("percent")["share"].sum() - 100).abs().tolist()
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description="Share of force with known truth")
    parser.add_argument("--legs", type=int, default=200)
    parser.add_argument("--strides", type=int, nargs="+", default=[4, 8, 20])
    parser.add_argument("--map", type=Path)
    parser.add_argument("--truth", type=Path)
    given = parser.parse_args()
    of = f"the map of {given.map}" if given.map else "drawn architecture"
    print(f"{given.legs} legs, {of}; truth inside the 95 % interval, percent (goal {GOAL:g})")
    print("strides  share  force   peak  cycle  width  largest error of the sum")
    for count in given.strides:
        rng = np.random.default_rng([SEED, count])
        every: dict[str, list[float]] = {}
        for _ in range(given.legs):
            areas, seen = of_map(given.map, given.truth) if given.map else architecture(rng)
            for name, values in held(seen, areas, count, rng).items():
                every.setdefault(name, []).extend(values)
        inside = [100 * np.mean(every[name]) for name in ("share", "force", "peak", "cycle")]
        print(f"{count:7d} " + " ".join(f"{v:6.1f}" for v in inside)
              + f" {np.median(every['width']):6.1f}  {max(every['sum']):.1e}")  # fmt: skip


if __name__ == "__main__":
    main()
