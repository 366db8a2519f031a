"""Write ``docs/measures.md`` from the data dictionary: ``python docs/make_measures.py``."""

from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
HEAD = """# Every measure, with its formula and source

Written by `make schema` from `imaging/data/measures.tsv`; the same words stand in the data
dictionary beside each table. A star stands for the quantity or method a map was declared with.
Lengths are world millimetres. Means over a muscle are over its volume: every point counts once,
with the fascicle that runs through it, unless the name says otherwise.

Status: **measured**; **extrapolated** (beyond the data); **modelled** (no measurement behind it);
**assumed** (a value from elsewhere); **not_measured** (missing, with the reason; never 0). Fewer
samples (voxels, of fascicles fascicles) than the column *fewest* says are `not_measured`, and so
are moduli and loss angles that are not above 0.
"""
STAGES = {
    "anat": "Segmentation",
    "dwi": "Diffusion",
    "fibre": "Fascicles",
    "mre": "Elastography",
    "us": "Ultrasound elastography",
    "func": "Function",
}


def render() -> str:
    """Return the text of the page."""
    table = pd.read_csv(ROOT / "imaging" / "data" / "measures.tsv", sep="\t", keep_default_na=False)
    parts = [HEAD]
    for stage, rows in table.groupby("stage", sort=False):
        parts.append(f"\n## {STAGES.get(str(stage), 'Joined')}\n")
        parts.append("| measure | called | unit | what it is | formula | fewest | source |")
        parts.append("|---|---|---|---|---|---|---|")
        for row in rows.to_dict("records"):
            cells = [f"`{row['name']}`"]
            cells += [row[c] for c in ("title", "unit", "definition", "formula")]
            cells += ["" if row[c] == "n/a" else row[c] for c in ("fewest", "source")]
            parts.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "measures.md").write_text(render(), encoding="utf-8")
