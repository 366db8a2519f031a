"""The personal model in the report: generic against personal, per muscle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from imaging.formats.tsv import Kind, read_tsv
from imaging.muscles import side_and_key

_HOW = "Run pennate model again"
_COLUMNS: dict[str, Kind] = {
    "label": "whole", "muscle": "text", "parameter": "text", "unit": "text", "generic": "number",
    "personal": "number", "ci_low": "number", "ci_high": "number", "status": "text",
    "in_model": "text", "implausible": "text", "note": "text",
}  # fmt: skip
#: Parameter to its title, unit and decimals, in the order of the columns.
SHOWN = {
    "optimal_fibre_length": ("optimal fibre length, mm", 1),
    "pennation_at_optimal": ("pennation at optimal length, deg", 1),
    "tendon_slack_length": ("tendon slack length, mm", 1),
    "max_isometric_force": ("maximal force, N", 0),
    "rest_passive_share": ("passive force at rest, share of maximal", 3),
}


@dataclass(frozen=True)
class ModelCell:
    """One parameter of one muscle.

    Attributes
    ----------
    generic, personal : str
        As printed; a dash where there is none.
    is_odd : bool
        More than twice or less than half the generic value.
    note : str
        Status and assumption, or why the generic value stays.
    """

    generic: str
    personal: str
    is_odd: bool
    note: str


@dataclass(frozen=True)
class ModelRow:
    """One muscle; `cells` in the order of ``SHOWN``."""

    muscle: str
    cells: Sequence[ModelCell]


def read_model_table(path: Path) -> pd.DataFrame:
    """Read the parameters that ``pennate model`` wrote.

    Raises
    ------
    MissingFileError, InputError
        Not there, cut off, or of another kind.
    """
    return read_tsv(path, _COLUMNS, _HOW)


def model_rows(table: pd.DataFrame) -> list[ModelRow]:
    """Return a row per muscle that has at least one personal value in the model.

    Parameters
    ----------
    table
        As :func:`read_model_table` gives it.
    """
    rows = []
    for label, own in table.groupby("label", sort=True):
        shown = own.set_index("parameter")
        if not (own["personal"].notna() & ~own["parameter"].str.startswith("rest_")).any():
            continue
        cells = [_cell(shown.loc[name], SHOWN[name][1]) if name in shown.index else _NONE
                 for name in SHOWN]  # fmt: skip
        rows.append(ModelRow(side_and_key(int(str(label))), cells))
    return rows


_NONE = ModelCell("–", "–", False, "not measured")


def _cell(row: pd.Series, decimals: int) -> ModelCell:
    personal = _text(row["personal"], decimals)
    if pd.notna(row["personal"]) and pd.notna(row["ci_low"]):
        low, high = _text(row["ci_low"], decimals), _text(row["ci_high"], decimals)
        personal = f"{personal} ({low} to {high})"
    kept = "" if row["in_model"] == "yes" else "generic value in the model; "
    status = str(row["status"]).replace("_", " ")
    return ModelCell(
        _text(row["generic"], decimals), personal, row["implausible"] == "yes",
        f"{kept}{status}: {row['note']}",
    )  # fmt: skip


def _text(value: float, decimals: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{decimals}f}"
