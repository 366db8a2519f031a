"""How each session of a study stands after a run: finished, refused, failed, or not run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from imaging.dataset import Session
from imaging.errors import DiskFullError, InputError
from imaging.pipeline import slurm
from imaging.pipeline.steps import Failure

if TYPE_CHECKING:
    import pandas as pd

_SAID = re.compile(r"pennate \w+( failed)?: (.+)")
_RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt)\b.*")
_TAIL_BYTES = 50_000
_LITTLE_ROOM = 50e6
NONE = "n/a"


class Status(StrEnum):
    """How a session stands; ``refused``: its inputs cannot be used, ``failed``: a computation."""

    finished = "finished"
    refused = "refused"
    failed = "failed"
    not_run = "not_run"


DICTIONARY = {
    "participant_id": {"Description": "Participant"},
    "session_id": {"Description": "Session; n/a where the subject has none"},
    "status": {
        "Description": "How the session stands",
        "Levels": {
            "finished": "Map, page and export are there",
            "refused": "Its inputs cannot be used",
            "failed": "A computation failed",
            "not_run": "Not run yet, or the run was stopped before",
        },
    },
    "stage": {"Description": "The stage that refused or failed; inputs: before anything ran"},
    "reason": {"Description": "What the stage says"},
    "log": {"Description": "All that the stage said, below this folder"},
    "report": {"Description": "Page of the session, below this folder"},
}


@dataclass(frozen=True)
class Outcome:
    """One row of the summary; the columns are explained in `DICTIONARY`."""

    participant_id: str
    session_id: str
    status: Status
    stage: str = NONE
    reason: str = NONE
    log: str = NONE
    report: str = NONE

    @property
    def prefix(self) -> str:
        """``sub-01`` or ``sub-01_ses-02``."""
        parts = (self.participant_id, self.session_id)
        return "_".join(part for part in parts if part != NONE)

    def line(self, out: Path) -> str:
        """Return the outcome in one line for people."""
        stage = "" if self.stage in (NONE, "inputs") else f" by {self.stage}"
        log = "" if self.log == NONE else f" Log: {out / self.log}"
        reason = "" if self.reason == NONE else f": {self.reason}"
        return f"{self.prefix} {self.status.replace('_', ' ')}{stage}{reason}{log}"


def outcomes(
    sessions: Iterable[Session],
    refused: Mapping[str, str],
    failures: Sequence[Failure],
    finished: Iterable[str],
    out: Path,
) -> list[Outcome]:
    """Return how each session stands.

    Parameters
    ----------
    sessions
        All that were asked for.
    refused
        Why sessions could not be run, by prefix, without a full stop.
    failures
        Steps that failed in this run.
    finished
        Prefixes of sessions of which everything asked for is there.
    out
        The output folder, with the logs.
    """
    whole = set(finished)
    failed: dict[str, list[Failure]] = {}
    for failure in failures:
        failed.setdefault(failure.step.prefix, []).append(failure)
    rows = []
    for session in sessions:
        names = _names(session)
        if why := refused.get(session.prefix):
            rows.append(Outcome(*names, Status.refused, "inputs", " ".join(f"{why}.".split())))
        elif found := failed.get(session.prefix):
            rows.append(_failed(names, found, out))
        elif session.prefix in whole:
            rows.append(Outcome(*names, Status.finished, report=f"{session.prefix}.html"))
        else:
            rows.append(Outcome(*names, Status.not_run, reason="The run ended before it."))
    return rows


def standing(sessions: Iterable[Session], with_map: Iterable[str], out: Path) -> list[Outcome]:
    """Return how each session stands before the group: as the last run left it, if it did."""
    mapped, before = set(with_map), {row.prefix: row for row in read_summary(out)}
    rows = []
    for session in sessions:
        row = before.get(session.prefix)
        if row is None or (row.status is Status.finished and session.prefix not in mapped):
            there = session.prefix in mapped
            status = Status.finished if there else Status.not_run
            reason = NONE if there else "It has no map yet."
            page = f"{session.prefix}.html"
            report = page if (out / page).is_file() else NONE
            row = Outcome(*_names(session), status, reason=reason, report=report)
        rows.append(row)
    return rows


def _names(session: Session) -> tuple[str, str]:
    return f"sub-{session.subject}", f"ses-{session.session}" if session.session else NONE


def _failed(names: tuple[str, str], failures: Sequence[Failure], out: Path) -> Outcome:
    """Return the row of a session: the first failure in full, the others by name."""
    first, *others = failures
    status, reason = why_failed(first, out)
    if others:
        reason += f" Also: {', '.join(f.step.stage for f in others)}."
    return Outcome(*names, status, first.step.stage, reason, f"logs/{first.step.log}")


def why_failed(failure: Failure, out: Path) -> tuple[Status, str]:
    """Return whether the input or the computation is at fault, and the sentence in the log."""
    try:
        with (out / "logs" / failure.step.log).open("rb") as file:
            file.seek(max(file.seek(0, 2) - _TAIL_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in (" ".join(line.split()) for line in reversed(lines)):
        if found := _SAID.fullmatch(line):
            return (Status.failed if found[1] else Status.refused), found[2]
        if _RAISED.fullmatch(line):
            return Status.failed, f"It ended with {line}"
    beside = Path(failure.cluster_log) if failure.cluster_log else None
    said = slurm.reason(failure.message, failure.given, beside) or failure.message
    if not said and (left := shutil.disk_usage(out).free) < _LITTLE_ROOM:
        # There was no room for what it said, either; by now its half-written files are gone.
        return Status.failed, str(DiskFullError(out, f"{left / 1e6:.1f} MB are left"))
    said = said or "it ended without a word"
    return Status.failed, f"{said[0].upper()}{said[1:]}."


def merged(rows: Sequence[Outcome], before: Iterable[Outcome]) -> list[Outcome]:
    """Return rows with those of earlier runs for the sessions that this one did not look at."""
    own = {row.prefix for row in rows}
    kept = [row for row in before if row.prefix not in own]
    return sorted([*kept, *rows], key=lambda row: (row.participant_id, row.session_id))


def summary_table(rows: Sequence[Outcome]) -> pd.DataFrame:
    """Return the summary, one row per session."""
    import pandas as pd  # a third of a second, at the end of a run only

    return pd.DataFrame([asdict(row) for row in rows], columns=list(DICTIONARY), dtype=object)


def read_summary(out: Path) -> list[Outcome]:
    """Return the summary of the last run; empty where there is none that can be read."""
    from imaging.formats.tsv import read_tsv

    path = out / "summary.tsv"
    if not path.is_file():
        return []
    try:
        table = read_tsv(path, dict.fromkeys(DICTIONARY, "text"), "Run the study again")
        known = table[list(DICTIONARY)].fillna(NONE).astype(str)
        rows = known.itertuples(index=False, name=None)
        return [Outcome(a, b, Status(c), *rest) for a, b, c, *rest in rows]
    except (InputError, ValueError):
        return []


def exit_code(rows: Iterable[Outcome]) -> int:
    """Return 1 where a computation failed, else 2 where inputs cannot be used, else 0."""
    states = {row.status for row in rows}
    return 1 if Status.failed in states else 2 if Status.refused in states else 0
