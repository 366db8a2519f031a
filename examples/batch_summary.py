"""For a core facility: who finished, what was measured, what was not and why.

    python examples/batch_summary.py OUT [--measure fascicle_length]

Reads the long table of every subject in the output folder of ``pennate run`` and prints one row
per subject and muscle for one measure, and every reason why it was not measured. Nothing but
pandas is needed: the tables are plain text.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd


def read_measures(out: Path) -> pd.DataFrame:
    """Return the long tables of all subjects under one another, with a column ``subject``."""
    tables = {
        path.name.removesuffix("_measures.tsv"): pd.read_csv(path, sep="\t", na_values=["n/a"])
        for path in sorted(out.glob("sub-*/**/map/*_measures.tsv"))
    }
    if not tables:
        raise SystemExit(f"{out}: no finished subject in it; run pennate run first")
    return pd.concat(tables, names=["subject"]).reset_index(level="subject")


def muscle_names(out: Path) -> dict[int, str]:
    """Return the name of each label, from the wide tables."""
    names: dict[int, str] = {}
    for path in sorted(out.glob("sub-*/**/map/*_muscles.tsv")):
        wide = pd.read_csv(path, sep="\t", na_values=["n/a"])
        names |= dict(zip(wide["label"], wide["side"] + " " + wide["muscle"], strict=True))
    return names


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="output folder of pennate run")
    parser.add_argument("--measure", default="fascicle_length")
    given = parser.parse_args()
    rows = read_measures(given.out)
    rows = rows[(rows["measure"] == given.measure) & (rows["label"] > 0)]
    rows["muscle"] = rows["label"].map(muscle_names(given.out))
    measured = rows[rows["status"] != "not_measured"]
    print(f"{given.measure} ({', '.join(measured['unit'].unique())}), by subject:")
    print(measured.pivot_table("value", "muscle", "subject").round(1).to_string())
    missing = rows[rows["status"] == "not_measured"]
    print("\nNot measured:")
    for (subject, why), part in missing.groupby(["subject", "note"], sort=False):
        print(f"  {subject}: {', '.join(part['muscle'])}: {why}")


if __name__ == "__main__":
    main()
