"""The files that make an output folder a BIDS derivative and tell how its study stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imaging import __version__
from imaging.dataset import Session
from imaging.errors import InputError, OutputError
from imaging.formats.json import read_json
from imaging.pipeline import outcome
from imaging.pipeline import resources as cost
from imaging.pipeline.table import table
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


def describe(out: Path, bids: Path, sessions: Sequence[Session]) -> None:
    """Write what describes the run: the data set, what BIDS need not check, the inputs."""
    from imaging.formats.tsv import write_tsv  # loads pandas

    description: dict[str, Any] = {
        "Name": "Muscle maps",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "pennate", "Version": __version__}],
        "SourceDatasets": [{"URL": bids.as_uri()}],
    }
    with staged(out, "run") as scratch:
        write_tsv(table(sessions), scratch / "inputs.tsv")
        write_json(scratch / "dataset_description.json", description)
        (scratch / ".bidsignore").write_text(_BIDSIGNORE, encoding="utf-8")


def conclude(out: Path, rows: Sequence[outcome.Outcome]) -> None:
    """Write how every session stands, and what every step cost."""
    from imaging.formats.tsv import write_tsv  # loads pandas

    with staged(out, "summary") as scratch:
        write_tsv(outcome.summary_table(rows), scratch / "summary.tsv")
        write_json(scratch / "summary.json", {"Columns": outcome.DICTIONARY})
        (scratch / "logs").mkdir()
        write_tsv(cost.resources(out / "logs"), scratch / "logs" / "resources.tsv")
        write_json(scratch / "logs" / "resources.json", {"Columns": cost.DICTIONARY})
