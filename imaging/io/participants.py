"""``participants.tsv`` of a BIDS data set: who is who in a cohort."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from imaging.errors import InputError, MissingFileError

_HOW = "Write one line for each participant, tab-separated, as BIDS has it"


def read_participants(path: Path) -> pd.DataFrame:
    """Read the table of participants, all columns as text.

    Raises
    ------
    MissingFileError
        No such file.
    InputError
        Not a table, or without participant_id, or a participant stands twice.
    """
    if not path.is_file():
        raise MissingFileError("no such table of participants", path, _HOW)
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"is not a table ({error})", path, _HOW) from error
    if "participant_id" not in table:
        raise InputError("has no column participant_id", path, _HOW)
    names = table["participant_id"].str.strip().str.removeprefix("sub-")
    double = table.loc[names.duplicated(), "participant_id"]
    if len(double):
        raise InputError(f"names {double.iloc[0]} twice", path, "Keep one line for each")
    return table
