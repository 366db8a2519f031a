"""Effects of conditions in sentences, for the page of a group or of a person."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from imaging.musclemap.titles import capital
from imaging.muscles import side_and_key
from imaging.report.profile import number

STANDS_OUT = 0.05
# Outcome: what is said of the muscle, with the words for more and for less.
_WORDS = {
    "onset": ("begins {size} ms {word}", "later", "earlier"),
    "onset_percent": ("begins {size} % of the cycle {word}", "later", "earlier"),
    "peak_percent": ("peaks {size} % of the cycle {word}", "later", "earlier"),
    "duration": ("is active {size} ms {word}", "longer", "shorter"),
    "amplitude": ("has a mean amplitude {word} by {size} {unit}", "higher", "lower"),
    "peak": ("has a peak {word} by {size} {unit}", "higher", "lower"),
}


def condition_lines(effects: pd.DataFrame | None) -> list[tuple[str, list[str], int]]:
    """Return per task, factor and level a title, what stands out, and how many were tried.

    Parameters
    ----------
    effects
        Columns task, factor, level, against, label, phase, outcome, unit, effect, ci_low,
        ci_high, p_holm.
    """
    if effects is None or effects.empty:
        return []
    out = []
    for (task, factor, level, against), rows in effects.groupby(
        ["task", "factor", "level", "against"], sort=True
    ):
        known = [r for r in rows.to_dict("records") if pd.notna(r["effect"])]
        told = [r for r in known if pd.notna(r["p_holm"]) and r["p_holm"] < STANDS_OUT]
        # Onset in ms says the same as in percent.
        told = [r for r in told if r["outcome"] != "onset_percent"]
        title = f"{task}, {factor}: {level} compared with {against}"
        out.append((title, [s for r in told if (s := _sentence(r))], len(known)))
    return out


def _sentence(row: dict[Any, Any]) -> str:
    if row["outcome"] not in _WORDS:
        return ""
    said, more, less = _WORDS[row["outcome"]]
    percent = row["outcome"] in ("amplitude", "peak")
    factor = 100.0 if percent else 1.0
    effect, low, high = (factor * float(row[k]) for k in ("effect", "ci_low", "ci_high"))
    if effect < 0:
        low, high = -high, -low
    words = said.format(
        size=number(abs(effect)),
        unit=f"% of {row['unit']}" if percent else "",
        word=more if effect > 0 else less,
    )
    if not all(map(math.isfinite, (effect, low, high))):
        return ""
    phase = f", burst of {row['phase']}," if isinstance(row["phase"], str) and row["phase"] else ""
    who = side_and_key(int(row["label"])) if int(row["label"]) else str(row["muscle"])
    said = f"{who}{phase} {words} (95 % interval {number(low)} to {number(high)})."
    return capital(said)
