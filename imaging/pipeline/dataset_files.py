"""The files that make an output folder a BIDS derivative and tell how its study stands."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imaging import __version__
from imaging.dataset import Session
from imaging.disk import is_held
from imaging.errors import InputError, OutputError
from imaging.formats.json import read_json
from imaging.pipeline import outcome
from imaging.pipeline import resources as cost
from imaging.pipeline.table import table, with_others
from imaging.provenance import staged, write_json

# What BIDS has no name for yet. Folders stand without a closing slash: the validator wants it so.
_BIDSIGNORE = """\
*.html
/sub-*.json
/sub-*.tsv
/group*
inputs.tsv
summary.*
logs
dwi
fibre
comp
mre
us
func
map
export
*_anat.*
*_probseg.*
*_measures.*
*_notes.json
"""


def check_output(out: Path, bids: Path) -> None:
    """Refuse an output folder that holds the input, or another data set.

    Raises
    ------
    OutputError
        Nothing of others is written over.
    """
    if out == bids or out in bids.parents:
        raise OutputError("contains the input data", out, "Choose another output folder")
    description = out / "dataset_description.json"
    if not description.is_file():
        return
    try:
        made_by = read_json(description).get("GeneratedBy") or [{}]
        ours = any(isinstance(by, dict) and by.get("Name") == "pennate" for by in made_by)
    except (InputError, TypeError):
        ours = False
    if not ours:
        raise OutputError(
            "holds a data set that pennate did not write", out, "Choose another output folder"
        )


def describe(out: Path, bids: Path, sessions: Sequence[Session], *, part: bool = False) -> None:
    """Write what describes the run: the data set, what BIDS need not check, the inputs.

    Parameters
    ----------
    part
        Only some participants or sessions were asked for: rows of others are kept.
    """
    from imaging.formats.tsv import write_tsv  # loads pandas

    description: dict[str, Any] = {
        "Name": "Muscle maps",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "pennate", "Version": __version__}],
        "SourceDatasets": [{"URL": bids.as_uri()}],
    }
    with staged(out, "run") as scratch:
        inputs = with_others(table(sessions), out) if part else table(sessions)
        write_tsv(inputs, scratch / "inputs.tsv")
        write_json(scratch / "dataset_description.json", description)
        (scratch / ".bidsignore").write_text(_BIDSIGNORE, encoding="utf-8")


def clear_up(out: Path) -> None:
    """Remove what killed steps left half-written, where they were not done again since."""
    for place in (".", "sub-*/*", "sub-*/ses-*/*"):
        for left in out.glob(f"{place}/.partial-*"):
            if left.is_dir() and not left.is_symlink() and not is_held(left):
                shutil.rmtree(left, ignore_errors=True)
            elif left.is_file():
                left.unlink(missing_ok=True)


def conclude(out: Path, rows: Sequence[outcome.Outcome]) -> None:
    """Write how every session stands, and what every step cost."""
    from imaging.formats.tsv import write_tsv  # loads pandas

    with staged(out, "summary") as scratch:
        write_tsv(outcome.summary_table(rows), scratch / "summary.tsv")
        write_json(scratch / "summary.json", {"Columns": outcome.DICTIONARY})
        (scratch / "logs").mkdir()
        write_tsv(cost.resources(out / "logs"), scratch / "logs" / "resources.tsv")
        write_json(scratch / "logs" / "resources.json", {"Columns": cost.DICTIONARY})
