"""For a movement lab: when each muscle is on, left beside right, and what conditions change.

    python examples/gait_timing.py FUNC sub-01 [--trial task-walk]

Reads the folder of ``pennate function`` (in the workflow OUT/sub-01/func). Prints how many strides
there are, the bursts of every muscle in percent of its own foot's cycle, right against left with
the 95 % interval, and which effects of a condition stand out. Nothing but pandas is needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

SIDES = ("left", "right")


def read(folder: Path, prefix: str, name: str) -> pd.DataFrame:
    """Return one of the tables of the folder."""
    path = folder / f"{prefix}_{name}.tsv"
    if not path.is_file():
        raise SystemExit(f"{path}: no such table; run pennate function first")
    return pd.read_csv(path, sep="\t", na_values=["n/a"])


def bursts(timing: pd.DataFrame) -> pd.DataFrame:
    """Return one row per muscle and phase: begin and end on each side, mean ± SD, n strides."""
    rows = timing[timing["measure"].isin(["onset", "offset"]) & timing["value"].notna()].copy()
    spread = rows["sd"].map("{:.1f}".format).where(rows["sd"].notna(), "?")
    strides = rows["n"].astype(int).astype(str)
    rows["text"] = rows["value"].map("{:.1f}".format) + " ± " + spread + " (" + strides + ")"
    wide = rows.pivot_table("text", ["muscle", "phase"], ["side", "measure"], aggfunc="first")
    return wide.sort_index(axis=1, ascending=[True, False]).fillna("-")


def sides(measures: pd.DataFrame) -> pd.DataFrame:
    """Return right minus left of onsets, in percent of the cycle, with its 95 % interval."""
    start = "emg_onset_right_minus_left_"
    rows = measures[measures["measure"].str.startswith(start) & measures["value"].notna()].copy()
    rows["burst"] = rows["measure"].str.removeprefix(start)
    apart = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    rows["stands out"] = apart.map({True: "yes", False: ""})
    rows.loc[rows["ci_low"].isna(), "stands out"] = "no interval"
    return rows[["burst", "value", "ci_low", "ci_high", "stands out"]]


def effects(conditions: pd.DataFrame) -> pd.DataFrame:
    """Return the effects of conditions that stand out after Holm's correction."""
    rows = conditions[conditions["p_holm"] < 0.05]
    columns = ["factor", "level", "against", "muscle", "side", "phase", "outcome"]
    return rows[[*columns, "unit", "effect", "ci_low", "ci_high"]]


def as_text(rows: pd.DataFrame, form: str) -> str:
    """Return a table as text, a dash where it is empty."""
    return rows.to_string(index=False, float_format=form, na_rep="-") if len(rows) else "-"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("func", type=Path, help="folder of pennate function")
    parser.add_argument("prefix", help="start of the file names, such as sub-01")
    parser.add_argument("--trial", help="a recording; none: the one that stands for the person")
    given = parser.parse_args()
    trials = read(given.func, given.prefix, "trials")
    chosen = trials[trials["trial"] == given.trial if given.trial else trials["reference"] == 1]
    if len(chosen) != 1:
        raise SystemExit(f"no such recording of walking; there are {', '.join(trials['trial'])}")
    name = chosen["trial"].iloc[0]
    left, right = (chosen[f"strides_{side}"].fillna(0).astype(int).iloc[0] for side in SIDES)
    print(f"{name}: {left} strides of the left foot, {right} of the right")
    if 0 < min(left, right) < 5:
        print("Few strides: intervals are wide, and a difference may be that of one step.")
    timing = read(given.func, given.prefix, "timing")
    print("\nBursts, % of the cycle of the muscle's own foot: mean ± SD (strides); above 100 or")
    print("below 0: past the strike")
    print(bursts(timing[timing["trial"] == name]).to_string())
    if not given.trial or chosen["reference"].iloc[0]:
        measures = read(given.func, given.prefix, "desc-function_measures")
        print("\nOnset right minus left, % of the cycle, positive: right is later")
        print(as_text(sides(measures), "%.1f"))
    changed = effects(read(given.func, given.prefix, "conditions"))
    print("\nWhat conditions change: level less against, after Holm's correction")
    print(as_text(changed, "%.3g"))


if __name__ == "__main__":
    main()
