"""For a research group: the figures of one muscle, with what each of them can be trusted with.

    python examples/one_muscle.py OUT sub-01 GM [--picture lengths.png]

Prints every architectural figure of the muscle on each side: value, 95 % interval, how many
fascicles or voxels, status. A mean over the volume and a mean per fascicle are two different
figures: fascicles are started evenly through the muscle, so a long one is met more often. The
script shows how both follow from the table of fascicles.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

MEASURES = (
    "volume", "fascicle_length", "fascicle_length_per_fascicle", "pennation_start",
    "pennation_end", "curvature", "pcsa_anatomical", "fa",
)  # fmt: skip


def figures(folder: Path, prefix: str, key: str) -> pd.DataFrame:
    """Return the rows of a muscle's measures on both sides."""
    wide = pd.read_csv(folder / f"{prefix}_muscles.tsv", sep="\t", na_values=["n/a"])
    sides = dict(wide.loc[wide["muscle"] == key, ["label", "side"]].itertuples(index=False))
    if not sides:
        raise SystemExit(f"{folder}: no muscle {key}; there are {', '.join(wide['muscle'])}")
    rows = pd.read_csv(folder / f"{prefix}_measures.tsv", sep="\t", na_values=["n/a"])
    rows = rows[rows["label"].isin(sides) & rows["measure"].isin(MEASURES)]
    rows.insert(0, "side", rows["label"].map(sides))
    return rows.drop(columns=["label", "sd"])


def main() -> None:
    """Print the table and, where wanted, draw how lengths are spread."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="output folder of pennate run")
    parser.add_argument("prefix", help="such as sub-01 or sub-01_ses-02")
    parser.add_argument("muscle", help="key of the muscle, such as GM")
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    folder = given.out / given.prefix.replace("_", "/") / "map"
    rows = figures(folder, given.prefix, given.muscle)
    print(rows.to_string(index=False, max_colwidth=60, na_rep="-"))
    fascicles = pd.read_parquet(folder / f"{given.prefix}_fascicles.parquet")
    own = fascicles[fascicles["muscle"] == given.muscle]
    for side, part in own.groupby("side"):
        volume, length = part["weight"], part["length_mm"]  # mm3 that a row stands for, mm
        print(
            f"{side}: {len(part)} fascicles; length {np.average(length, weights=volume):.1f} mm "
            f"over the volume, {np.average(length, weights=volume / length):.1f} mm per fascicle; "
            f"{np.average(part['extrapolated_fraction'], weights=part['weight']):.0%} extrapolated"
        )
    if given.picture:
        figure = Figure(figsize=(5, 3), layout="constrained")
        axes = figure.add_subplot()
        for side, part in own.groupby("side"):
            axes.hist(
                part["length_mm"], 30, weights=part["weight"] / 1000, histtype="step", label=side
            )
        axes.set(xlabel="fascicle length (mm)", ylabel="muscle (ml)", title=given.muscle)
        axes.legend(frameon=False)
        figure.savefig(given.picture, dpi=150)


if __name__ == "__main__":
    main()
