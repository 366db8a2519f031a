"""What each step of a study cost: the measurements beside the logs, joined into one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_SESSION = (
    r"(?P<participant_id>sub-[A-Za-z0-9]+)(?:_(?P<session_id>ses-[A-Za-z0-9]+))?_(?P<stage>.+)"
)
# What is measured by Snakemake (psutil), and how the table calls it.
_COLUMNS = {
    "s": "wall_s",
    "cpu_time": "cpu_s",
    "max_rss": "max_memory_mb",
    "io_in": "read_mb",
    "io_out": "written_mb",
}
DICTIONARY = {
    "participant_id": {"Description": "Participant; n/a for the group"},
    "session_id": {"Description": "Session; n/a where the subject has none"},
    "stage": {"Description": "Stage, as in the names of the logs"},
    "wall_s": {"Description": "Time from start to end", "Units": "s"},
    "cpu_s": {"Description": "Processor time of all threads", "Units": "s"},
    "max_memory_mb": {"Description": "Most memory held at once (resident)", "Units": "MB"},
    "read_mb": {"Description": "Read from disk; 0 where files were in memory", "Units": "MB"},
    "written_mb": {"Description": "Written to disk", "Units": "MB"},
}


def resources(logs: Path) -> pd.DataFrame:
    """Return one row per step that has ended; NaN where nothing was measured.

    Parameters
    ----------
    logs
        Folder with ``sub-01/sub-01_fibres.tsv``, ``sub-01_report.tsv``, ``group.tsv``.
    """
    import pandas as pd  # a third of a second, at the end of a run only

    frames = []
    for path in sorted(logs.rglob("*.tsv")):
        if path == logs / "resources.tsv":
            continue
        try:
            measured = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        except (OSError, ValueError):
            continue  # cut off when its run was killed
        if set(_COLUMNS) <= set(measured):
            frames.append(measured[list(_COLUMNS)].tail(1).assign(name=path.stem))
    if not frames:
        return pd.DataFrame(columns=list(DICTIONARY))
    table = pd.concat(frames, ignore_index=True).rename(columns=_COLUMNS)
    names = table["name"].str.extract(f"^{_SESSION}$")
    names["stage"] = names["stage"].fillna(table["name"])  # of the group
    return pd.concat([names, table], axis=1)[list(DICTIONARY)]
