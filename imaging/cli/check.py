"""``pennate check``: the table of inputs, and every contradiction, before anything runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
import yaml
from tqdm import tqdm

from imaging.cli.inspection import INSPECTIONS
from imaging.config import Settings, parse_settings
from imaging.dataset import Finding, Session, find_sessions
from imaging.errors import ConfigError, DatasetError, OutputError, PennateError

Participants = Annotated[
    list[str] | None,
    typer.Option(
        "--participant-label", "--participant_label", help="Only these participants: 01 02 ..."
    ),
]
Sessions = Annotated[
    list[str] | None,
    typer.Option("--session-id", "--session-label", "--session_label", help="Only these sessions"),
]


def settings_file(path: Path | None) -> dict[str, Any]:
    """Return what a YAML file of settings holds, unchecked; nothing without a file.

    Raises
    ------
    ConfigError
        Not readable, or not a table of settings.
    """
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("cannot be read as YAML", path, "Check the file") from error
    if not isinstance(content, dict):
        raise ConfigError("is not a table of settings", path, "See config/default.yaml")
    return content


def inspect(session: Session) -> Session:
    """Open every input of a session and return it with one finding more per contradiction."""
    problems = []
    for name, check in INSPECTIONS.items():
        try:
            check(session)
        except PennateError as error:
            problems.append(
                Finding(session.subject, session.session, name, "contradiction", (), str(error))
            )
    return replace(session, findings=(*session.findings, *problems))


def refusal(session: Session) -> str | None:
    """Return why a session cannot be run, or None."""
    for finding in session.findings:
        if finding.state in ("ambiguous", "contradiction"):
            files = f" ({', '.join(finding.files)})" if finding.files else ""
            return f"{finding.input} is {finding.state}: {finding.message}{files}"
    if session.anat is None:
        return "no anatomical image"
    return None


def usable_sessions(settings: Settings) -> list[Session]:
    """Return the sessions that can be run; the others are named on standard error.

    Raises
    ------
    DatasetError
        None can be run.
    """
    sessions = find_sessions(
        settings.bids_dir, settings.participants, settings.sessions, settings.select
    )
    sessions = [s for s in sessions if s.prefix not in settings.leave_out]
    if settings.open_inputs:
        sessions = [inspect(s) for s in _with_progress(sessions)]
    refused = {s.prefix: why for s in sessions if (why := refusal(s))}
    for prefix, why in refused.items():
        print(f"{prefix} is left out: {why}", file=sys.stderr)
    usable = [s for s in sessions if s.prefix not in refused]
    if not usable:
        first = next(iter(refused.values()), "all are left out by the settings")
        raise DatasetError(
            f"no session can be run; the first: {first.rstrip('.')}",
            settings.bids_dir,
            "See the table of pennate check",
        )
    return usable


def table(sessions: Iterable[Session]) -> pd.DataFrame:
    """Return the table of inputs, one row per finding."""
    columns = ["subject", "session", "input", "state", "files", "message"]
    frame = pd.DataFrame([asdict(f) for s in sessions for f in s.findings], columns=columns)
    frame["files"] = frame["files"].map(" ".join)
    return frame


def _with_progress(sessions: Sequence[Session]) -> Iterable[Session]:
    return tqdm(sessions, desc="reading inputs", unit="session", disable=None, leave=False)


def command(
    bids_dir: Annotated[Path, typer.Argument(help="BIDS folder")],
    participant_label: Participants = None,
    session_id: Sessions = None,
    names_only: Annotated[bool, typer.Option(help="Look at file names, open nothing")] = False,
    config: Annotated[Path | None, typer.Option(help="YAML with settings, for select")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the table as TSV")] = None,
) -> None:
    """List found, missing and ambiguous inputs, and every contradiction."""
    content = {**settings_file(config), "bids_dir": str(bids_dir), "out_dir": str(out or "")}
    settings = parse_settings(Settings, content, str(config or "arguments"))
    sessions = find_sessions(
        bids_dir,
        participant_label or settings.participants,
        session_id or settings.sessions,
        settings.select,
    )
    if not names_only:
        sessions = [inspect(s) for s in _with_progress(sessions)]
    frame = table(sessions)
    print(frame.to_string(index=False, justify="left", max_colwidth=120))
    if out is not None:
        try:
            frame.to_csv(out, sep="\t", index=False)
        except OSError as error:
            raise OutputError("cannot be written", out, "Choose another file") from error
    refused = {s.prefix: why for s in sessions if (why := refusal(s))}
    print(f"{len(sessions) - len(refused)} of {len(sessions)} sessions can be run.")
    if refused:
        lines = [f"{prefix}: {why}" for prefix, why in refused.items()]
        raise DatasetError("; ".join(lines).rstrip("."), bids_dir, "Mend these, then check again")
