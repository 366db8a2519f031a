"""The personal model in the report: generic against personal, per muscle and per joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from imaging.formats.tsv import Kind, read_tsv
from imaging.measures import Notes, read_notes
from imaging.muscles import side_and_key

_HOW = "Run pennate model again"
_PARAMETERS: dict[str, Kind] = {
    "label": "whole", "muscle": "text", "parameter": "text", "unit": "text", "generic": "number",
    "personal": "number", "ci_low": "number", "ci_high": "number", "status": "text",
    "in_model": "text", "implausible": "text", "note": "text",
}  # fmt: skip
_FORCES: dict[str, Kind] = {
    "model": "text", "time_s": "number", "muscle": "text", "activation": "number",
    "active_force_n": "number", "passive_force_n": "number",
}  # fmt: skip
_MOMENTS: dict[str, Kind] = {
    "model": "text", "time_s": "number", "joint": "text", "moment_nm": "number",
    "muscles_nm": "number", "reserve_nm": "number",
}  # fmt: skip
#: Parameter to its title and decimals, in the order of the columns.
SHOWN = {
    "optimal_fibre_length": ("optimal fibre length, mm", 1),
    "pennation_at_optimal": ("pennation at optimal length, °", 1),
    "tendon_slack_length": ("tendon slack length, mm", 1),
    "max_isometric_force": ("maximal force, N", 0),
    "rest_passive_share": ("passive force at rest, share of maximal", 3),
}
FORCE_TITLES = ("mean activation", "peak activation", "peak force, N", "peak passive force, N")
MODELS = ("generic", "personal")


@dataclass(frozen=True)
class ModelCell:
    """One figure with both models.

    Attributes
    ----------
    generic, personal : str
        As printed; a dash where there is none.
    note : str
        Status and assumption, or why the generic value stays.
    is_odd : bool
        More than twice or less than half the generic value.
    """

    generic: str
    personal: str
    note: str = ""
    is_odd: bool = False


Row = tuple[str, Sequence[ModelCell]]


@dataclass(frozen=True)
class ModelPart:
    """What the page shows of a personal model.

    Attributes
    ----------
    parameters : list of (str, list of ModelCell)
        Muscle and its parameters, in the order of ``SHOWN``.
    forces : list of (str, list of ModelCell)
        Muscle and its figures in a motion, in the order of ``FORCE_TITLES``; empty without one.
    reserves : list of (str, str, ModelCell)
        Joint, peak moment and largest reserve, N m.
    notes : Notes
        Method and warnings.
    files : list of Path
        What was read.
    """

    parameters: Sequence[Row]
    forces: Sequence[Row]
    reserves: Sequence[tuple[str, str, ModelCell]]
    notes: Notes
    files: Sequence[Path]


def read_model_part(folder: Path, prefix: str) -> ModelPart:
    """Read what ``pennate model`` wrote.

    Raises
    ------
    MissingFileError, InputError
        A table is not there, cut off, or of another kind.
    """
    paths = {name: folder / f"{prefix}_{name}.tsv" for name in ("model", "forces", "moments")}
    parameters = read_tsv(paths["model"], _PARAMETERS, _HOW)
    notes = folder / f"{prefix}_desc-model_notes.json"
    files = [paths["model"], notes]
    forces: list[Row] = []
    reserves: list[tuple[str, str, ModelCell]] = []
    if paths["forces"].is_file():
        names = dict(zip(parameters["muscle"], parameters["label"], strict=True))
        forces = force_rows(read_tsv(paths["forces"], _FORCES, _HOW), names)
        reserves = reserve_rows(read_tsv(paths["moments"], _MOMENTS, _HOW))
        files += [paths["forces"], paths["moments"]]
    return ModelPart(parameter_rows(parameters), forces, reserves, read_notes(notes, _HOW), files)


def parameter_rows(table: pd.DataFrame) -> list[Row]:
    """Return a row for each muscle that has at least one figure of the person."""
    rows: list[Row] = []
    for label, own in table.groupby("label", sort=True):
        shown = {str(row["parameter"]): row for _, row in own.iterrows()}
        if not (own["personal"].notna() & ~own["parameter"].str.startswith("rest_")).any():
            continue
        cells = [_cell(shown[name], decimals) if name in shown else _NONE
                 for name, (_, decimals) in SHOWN.items()]  # fmt: skip
        rows.append((side_and_key(int(str(label))), cells))
    return rows


def force_rows(forces: pd.DataFrame, labels: dict[str, int]) -> list[Row]:
    """Return mean and peak activation, peak force and peak passive force of each muscle.

    Parameters
    ----------
    forces
        Activation and forces (N) over the moments of a motion, with both models.
    labels
        Muscle of the model to its label; others are left out.
    """
    forces = forces.assign(force=forces["active_force_n"] + forces["passive_force_n"])
    grouped = forces.groupby(["muscle", "model"])
    figures = (
        (grouped["activation"].mean(), 2), (grouped["activation"].max(), 2),
        (grouped["force"].max(), 0), (grouped["passive_force_n"].max(), 0),
    )  # fmt: skip
    held = set(forces["muscle"])
    return [
        (side_and_key(int(label)),
         [_both([f[muscle, m] for m in MODELS], digits) for f, digits in figures])
        for muscle, label in sorted(labels.items(), key=lambda item: item[1]) if muscle in held
    ]  # fmt: skip


def reserve_rows(moments: pd.DataFrame) -> list[tuple[str, str, ModelCell]]:
    """Return, for each joint, its peak moment and the largest reserve with both models, N m."""
    moments = moments.assign(peak=moments["moment_nm"].abs(), most=moments["reserve_nm"].abs())
    largest = moments.groupby(["joint", "model"], sort=False)[["peak", "most"]].max()
    return [
        (joint.replace("_", " "), _text(largest.loc[(joint, MODELS[1]), "peak"], 1),
         _both([largest.loc[(joint, m), "most"] for m in MODELS], 2))
        for joint in dict.fromkeys(moments["joint"])
    ]  # fmt: skip


_NONE = ModelCell("–", "–", "not measured")


def _cell(row: pd.Series, decimals: int) -> ModelCell:
    personal = _text(row["personal"], decimals)
    if pd.notna(row["personal"]) and pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
        low, high = _text(row["ci_low"], decimals), _text(row["ci_high"], decimals)
        personal = f"{personal} [{low}, {high}]"
    kept = "" if row["in_model"] == "yes" else "generic value in the model; "
    status = str(row["status"]).replace("_", " ")
    return ModelCell(
        _text(row["generic"], decimals), personal, f"{kept}{status}: {row['note']}",
        row["implausible"] == "yes",
    )  # fmt: skip


def _both(values: Sequence[float], decimals: int) -> ModelCell:
    generic, personal = (_text(value, decimals) for value in values)
    return ModelCell(generic, personal)


def _text(value: float, decimals: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{decimals}f}"
