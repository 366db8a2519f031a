"""Contexts on a person's page: what differs between rest, contraction and fatigue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from imaging.formats.tsv import Kind, read_tsv
from imaging.report.contexts.effects import DIFFER

_HOW = "Run pennate contexts again"
_COLUMNS: dict[str, Kind] = {
    "compared": "text", "context": "text", "label": "whole", "muscle": "text", "method": "text",
    "measure": "text", "unit": "text", "a": "text", "b": "text", "value_a": "number",
    "value_b": "number", "ratio": "number", "ratio_ci_low": "number", "ratio_ci_high": "number",
    "status": "text", "verdict": "text", "note": "text",
}  # fmt: skip
# Of each method the figure that names its stiffness; the table beside holds all others.
_SHOWN = (
    "stiffness_vfm_magnitude", "stiffness_mdev_magnitude", "stiffness_ti_mu_perp_muscle",
    "stiffness_swe_shear", "stiffness_swe_corrected",
)  # fmt: skip


@dataclass(frozen=True)
class ContextRow:
    """One muscle by one method in two contexts, or on two sides, as printed."""

    muscle: str
    method: str
    first: str
    second: str
    ratio: str
    verdict: str
    differs: bool
    note: str


@dataclass(frozen=True)
class ContextTable:
    """One table: its title, the heads of its two figures, and its rows."""

    title: str
    heads: tuple[str, str]
    rows: Sequence[ContextRow]


@dataclass(frozen=True)
class ContextPart:
    """What the page shows of contexts.

    Attributes
    ----------
    tables : list of ContextTable
    files : list of Path
        What was read.
    """

    tables: Sequence[ContextTable]
    files: Sequence[Path]


def read_context_part(folders: Sequence[Path], prefix: str) -> ContextPart:
    """Read what ``pennate contexts`` wrote.

    Raises
    ------
    MissingFileError, InputError
        A table is not there, cut off, or of another kind.
    """
    paths = [folder / f"{prefix}_contexts.tsv" for folder in folders]
    found = [t for path in paths for t in context_tables(read_tsv(path, _COLUMNS, _HOW))]
    return ContextPart(found, paths)


def context_tables(table: pd.DataFrame) -> list[ContextTable]:
    """Return a table for every pair of contexts, and of sides in every context."""
    out = []
    own = table[table["measure"].isin(_SHOWN)].fillna({"context": ""})
    for (compared, context, a, b), rows in own.groupby(
        ["compared", "context", "a", "b"], sort=False
    ):
        told = f"{b} against {a}" if compared == "contexts" else f"right against left, {context}"
        told += ", ultrasound" if set(rows["method"]) == {"swe"} else ", MR elastography"
        printed = [_printed(row) for _, row in rows.iterrows()]
        out.append(ContextTable(told[0].upper() + told[1:], (str(a), str(b)), printed))
    return out


def _printed(row: pd.Series) -> ContextRow:
    ratio = "–" if pd.isna(row["ratio"]) else f"{row['ratio']:.2f}"
    if not pd.isna(row["ratio_ci_low"]) and not pd.isna(row["ratio_ci_high"]):
        ratio += f" [{row['ratio_ci_low']:.2f}, {row['ratio_ci_high']:.2f}]"
    figures = [
        "–" if pd.isna(row[k]) else f"{row[k] / 1000:.2f} kPa" if row["unit"] == "Pa"
        else f"{row[k]:.3g} {row['unit']}" for k in ("value_a", "value_b")
    ]  # fmt: skip
    note = "" if pd.isna(row["note"]) else str(row["note"])
    verdict = str(row["verdict"])
    return ContextRow(
        str(row["muscle"]), str(row["method"]), figures[0], figures[1], ratio, verdict,
        verdict == DIFFER, note,
    )  # fmt: skip
