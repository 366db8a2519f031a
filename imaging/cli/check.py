"""``pennate check``: the table of inputs, and every contradiction, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imaging.config import Settings, parse_settings, settings_file
from imaging.dataset import find_sessions
from imaging.disk import is_full
from imaging.errors import DatasetError, DiskFullError, OutputError
from imaging.pipeline.sessions import inspect_all, refusal, say_warnings
from imaging.pipeline.table import as_text, not_taken, table

Participants = Annotated[
    list[str] | None,
    typer.Option("--participant-label", help="Only these participants: 01 02 ..."),
]
Sessions = Annotated[list[str] | None, typer.Option("--session-id", help="Only these sessions")]


def command(
    bids_dir: Annotated[Path, typer.Argument(help="BIDS folder")],
    participant_label: Participants = None,
    session_id: Sessions = None,
    names_only: Annotated[bool, typer.Option(help="Look at file names, open nothing")] = False,
    config: Annotated[Path | None, typer.Option(help="YAML with settings, for select")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the table as TSV")] = None,
) -> None:
    """List found, missing and ambiguous inputs, what is not read, and every contradiction."""
    content = {**settings_file(config), "bids_dir": str(bids_dir), "out_dir": str(out or "")}
    settings = parse_settings(Settings, content, str(config or "arguments"))
    sessions = find_sessions(
        bids_dir,
        participant_label or settings.participants,
        session_id or settings.sessions,
        settings.select,
    )
    if not names_only:
        sessions = inspect_all(sessions, settings)
    print(as_text(sessions))
    if out is not None:
        from imaging.formats.tsv import write_tsv  # loads pandas

        try:
            write_tsv(table(sessions), out)
        except OSError as error:
            if is_full(error):
                out.unlink(missing_ok=True)
                raise DiskFullError(out.parent) from error
            raise OutputError("cannot be written", out, "Choose another file") from error
    say_warnings(sessions)
    refused = {s.prefix: why for s in sessions if (why := refusal(s))}
    if left := not_taken(sessions):
        print(left)
    print(f"{len(sessions) - len(refused)} of {len(sessions)} sessions can be run.")
    if refused:
        lines = [f"{prefix}: {why}" for prefix, why in refused.items()]
        raise DatasetError("; ".join(lines), bids_dir, "Correct these, then check again")
