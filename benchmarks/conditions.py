"""How often an interval of a condition's effect holds the truth, and how often none is found.

``python -m benchmarks.conditions`` simulates onsets of six muscles, each with its spread of 12 to
25 ms over strides, and 12 strides per recording. One muscle begins 20 ms later, or none does.
`neighbours`: correlation of neighbouring strides. `recordings`: per condition; where there are
several, each has a shift of its own of 6 ms. `holds`: share of the simulations in which the
interval of the shifted muscle holds 20 ms; `found`: in which it leaves 0 out; `false`: share of
the intervals of unshifted muscles that leave 0 out; `any false`: share of the simulations without
any shift in which some muscle's p after Holm is below .05. The same across subjects, whose effects
vary by 8 ms.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from imaging.function.conditions import compare, compare_subjects

SPREAD_MS = np.array([12.0, 15.0, 18.0, 20.0, 22.0, 25.0])
SHIFT_MS = 20.0
BETWEEN_MS = 6.0
EFFECT_SD_MS = 8.0


def strides(rng: np.random.Generator, n: int, neighbours: float) -> np.ndarray:
    """Return values of SD 1 whose neighbours correlate."""
    out = rng.standard_normal(n)
    for i in range(1, n):
        out[i] = neighbours * out[i - 1] + np.sqrt(1 - neighbours**2) * out[i]
    return out


def table(trial: str, muscle: int, values: np.ndarray) -> pd.DataFrame:
    """Return onsets of one muscle in one recording."""
    return pd.DataFrame(
        {
            "trial": trial, "label": muscle, "muscle": f"M{muscle}", "side": "right",
            "phase": "main", "stride": np.arange(len(values)), "outcome": "onset",
            "value": values, "unit": "ms",
        }
    )  # fmt: skip


def session(
    rng: np.random.Generator, shifted: bool, neighbours: float, recordings: int, n: int = 12
) -> pd.DataFrame:
    """Return the comparison of one simulated session; the first muscle is the shifted one."""
    parts, conditions = [], {}
    for level in ("before", "after"):
        for run in range(recordings):
            name = f"task-walk_acq-{level}_run-{run}"
            conditions[name] = {"fatigue": level}
            for muscle, spread in enumerate(SPREAD_MS):
                own = BETWEEN_MS * rng.standard_normal() if recordings > 1 else 0.0
                shift = SHIFT_MS * (shifted and level == "after" and muscle == 0)
                values = own + shift + spread * strides(rng, n, neighbours)
                parts.append(table(name, muscle, values))
    return compare(pd.concat(parts), conditions, dict.fromkeys(conditions, "walking"))


def cohort(rng: np.random.Generator, shifted: bool, subjects: int, n: int = 12) -> pd.DataFrame:
    """Return the comparison across simulated subjects."""
    parts = []
    for subject in range(subjects):
        for muscle, spread in enumerate(SPREAD_MS):
            level_ms, effect = 30 * rng.standard_normal(), EFFECT_SD_MS * rng.standard_normal()
            effect += SHIFT_MS * (shifted and muscle == 0)
            for level in ("before", "after"):
                values = level_ms + effect * (level == "after") + spread * rng.standard_normal(n)
                found = table("", muscle, values)
                parts.append(found.assign(subject=f"{subject:02d}", level=level))
    return compare_subjects(pd.concat(parts), "before")


def tell(name: str, shifted: list[pd.DataFrame], same: list[pd.DataFrame]) -> None:
    """Print one row."""
    first = pd.concat([f[f["label"] == 0] for f in shifted])
    holds = ((first["ci_low"] <= SHIFT_MS) & (first["ci_high"] >= SHIFT_MS)).mean()
    found = ((first["ci_low"] > 0) | (first["ci_high"] < 0)).mean()
    everything = pd.concat(same)
    false = ((everything["ci_low"] > 0) | (everything["ci_high"] < 0)).mean()
    any_false = np.mean([(f["p_holm"] < 0.05).any() for f in same])
    width = (first["ci_high"] - first["ci_low"]).median()
    print(
        f"{name:44s} {holds:6.3f} {found:6.3f} {false:6.3f} {any_false:9.3f} {width:9.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=200)
    n = parser.parse_args().simulations
    print(f"{'':44s} {'holds':>6s} {'found':>6s} {'false':>6s} {'any false':>9s} {'width, ms':>9s}")
    for recordings, neighbours in ((1, 0.0), (1, 0.3), (1, 0.5), (2, 0.0), (3, 0.3)):
        results = [
            [
                session(np.random.default_rng([7, k, shifted]), shifted, neighbours, recordings)
                for k in range(n)
            ]
            for shifted in (True, False)
        ]
        tell(f"recordings {recordings}, neighbours {neighbours:.1f}", *results)
    for subjects in (6, 12):
        results = [
            [cohort(np.random.default_rng([8, k, shifted]), shifted, subjects) for k in range(n)]
            for shifted in (True, False)
        ]
        tell(f"subjects {subjects}", *results)


if __name__ == "__main__":
    main()
