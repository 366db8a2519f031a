"""Files of a comparison of contexts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imaging.report.contexts.table import COLUMNS
from imaging.stage_files import StageFiles


def write_contexts(
    folder: Path, prefix: str, table: pd.DataFrame, picture: bytes, inputs: Sequence[Path]
) -> None:
    """Write table and picture into a scratch folder.

    Parameters
    ----------
    folder, prefix
        Where, and how names begin.
    table
        See :func:`imaging.report.contexts.table.context_table`.
    picture
        SVG; empty where there is nothing to draw.
    inputs
        Files that everything was made from.
    """
    files = StageFiles("contexts", folder, prefix, inputs)
    columns = {name: {"Description": text} for name, text in COLUMNS.items()}
    files.table("contexts", table, Columns=columns)
    if picture:
        files.path("picture").write_bytes(picture)
        files.describe("picture")
