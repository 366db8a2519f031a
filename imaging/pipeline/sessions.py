"""Sessions that can be run, and why others cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import pandas as pd
from tqdm import tqdm

from imaging.config import Settings
from imaging.dataset import Finding, Session, find_sessions
from imaging.errors import DatasetError, PennateError
from imaging.pipeline.inspection import inspections


def inspect(session: Session, settings: Settings | None = None) -> Session:
    """Open every input of a session and return it with one finding more per contradiction."""
    problems = []
    for name, check in inspections(settings).items():
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
        sessions = [inspect(s, settings) for s in with_progress(sessions)]
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


def with_progress(sessions: Sequence[Session]) -> Iterable[Session]:
    """Show how far the reading of sessions is, where a person looks on."""
    return tqdm(sessions, desc="reading inputs", unit="session", disable=None, leave=False)
