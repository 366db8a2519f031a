"""Files of a comparison: page and tables with their sidecars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imaging.report.comparison.visits import Visit
from imaging.stage_files import StageFiles

_COLUMNS = {
    "label": "100 times side (1 left, 2 right) plus index in the catalogue",
    "muscle": "Key of the muscle in the catalogue",
    "side": "left, right or undecided",
    "visit": "Session of the figures",
    "measure": "Name of the measure in docs/measures.md",
    "unit": "Unit of every figure of the row",
    "before": "Value at the first visit",
    "after": "Value at the second visit",
    "left": "Value of the left leg",
    "right": "Value of the right leg",
    "change": "After minus before; n/a where the two are not comparable",
    "change_percent": "Change in percent of before; n/a for shares in percent",
    "right_minus_left": "Right minus left; n/a where the two are not comparable",
    "asymmetry_percent": "100 times right minus left over the mean of both sides",
    "sdc": "Smallest detectable change, t times root 2 times the within-subject SD; t of Student, "
    "1.96 for many pairs",
    "ci_low": "Lower end of the 95 % interval of the difference",
    "ci_high": "Upper end of the 95 % interval of the difference",
    "interval_from": "What the interval rests on: repeatability, or intervals of both figures",
    "verdict": "larger than SDC, within SDC, no SDC known, not comparable",
    "sdc_of": "What was repeated for the SDC, and the source",
    "reason": "Why the two are not comparable, or what a reader must know",
}


def write_comparison(
    folder: Path, prefix: str, page: str, changes: pd.DataFrame,
    sides: Sequence[tuple[Visit, pd.DataFrame]], inputs: Sequence[Path],
) -> None:  # fmt: skip
    """Write page and tables into a scratch folder.

    Parameters
    ----------
    folder, prefix
        Where, and how names begin.
    page
        HTML.
    changes, sides
        The tables; an empty table of sides is not written.
    inputs
        Files that everything was made from.
    """
    files = StageFiles("compare", folder, prefix, inputs)
    files.path("comparison", ".html").write_text(page, encoding="utf-8")
    _table(files, "comparison", changes)
    both = [own for _, own in sides if len(own)]
    if both:
        _table(files, "sides", pd.concat(both, ignore_index=True))


def _table(files: StageFiles, key: str, frame: pd.DataFrame) -> None:
    columns = {str(c): {"Description": _COLUMNS[str(c)]} for c in frame.columns}
    files.table(key, frame.replace({"": None}), Columns=columns)
