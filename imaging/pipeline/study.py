"""A run from its first line to its last: who is run, what is asked of the engine, how it ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from imaging import __version__
from imaging.config import Settings
from imaging.dataset import Session, find_sessions
from imaging.disk import full_disk
from imaging.errors import ComputationError, DiskFullError, OutputError
from imaging.pipeline import engine as snakemake
from imaging.pipeline.clock import bring_back, dated_ahead
from imaging.pipeline.dataset_files import check_output, clear_up, conclude, describe
from imaging.pipeline.links import plain_name
from imaging.pipeline.lock import locked
from imaging.pipeline.outcome import (
    Outcome,
    Status,
    exit_code,
    merged,
    outcomes,
    read_summary,
    standing,
    why_failed,
)
from imaging.pipeline.plan import Plan
from imaging.pipeline.sessions import nothing_to_run, triage
from imaging.pipeline.start import check_models
from imaging.pipeline.steps import Failure
from imaging.pipeline.table import brief, not_taken

_FEW = 5  # finished sessions of which each file is named

#: ``reports``: pages of finished maps; ``group``: tables and page of finished maps.
Wanted = Literal["participant", "reports", "group"]


class Study:
    """The sessions of a run.

    Parameters
    ----------
    settings
        With absolute folders.
    wanted
        What is to be made.
    """

    def __init__(self, settings: Settings, wanted: Wanted):
        self.wanted = wanted
        self.out, self.bids = Path(settings.out_dir), Path(settings.bids_dir)
        found = find_sessions(self.bids, settings.participants, settings.sessions, settings.select)
        self.everyone = [s for s in found if s.prefix not in settings.leave_out]
        check_output(self.out, self.bids)
        count = _count(len(self.everyone), "session")
        print(
            f"pennate {__version__}, {wanted}: {count} in {self.bids}, into {self.out}", flush=True
        )
        if wanted != "participant":  # what was computed stands, whatever became of the inputs
            settings = settings.model_copy(update={"open_inputs": False})
        self.usable, self.refused = triage(self.everyone, settings)
        if wanted == "participant":
            self._refuse_dated_ahead()
        if not self.usable:
            raise nothing_to_run(settings, self.refused)
        self.before: list[Outcome] = []
        if wanted == "participant":
            print(brief(self.usable), flush=True)
            if left := not_taken(self.usable):
                print(left, file=sys.stderr)
        else:
            self._keep_mapped(Plan(settings, self.usable))
        keep = {s.prefix for s in self.usable}
        left_out = sorted({s.prefix for s in found} - keep)
        # The inputs have been opened here: Snakemake need not do it again.
        self.settings = settings.model_copy(update={"open_inputs": False, "leave_out": left_out})
        self.plan = Plan(self.settings, self.usable)
        if wanted == "group" and (why := self.plan.not_compared()):
            print(why, file=sys.stderr)
        if settings.model.file is not None:
            check_models(self.plan)

    def _refuse_dated_ahead(self) -> None:
        now = time.time()
        ahead = {s.prefix: why for s in self.usable if (why := dated_ahead(s, self.bids, now))}
        for prefix, why in ahead.items():
            print(f"{prefix} is left out: {why}.", file=sys.stderr)
        self.refused |= ahead
        self.usable = [s for s in self.usable if s.prefix not in ahead]

    def _keep_mapped(self, plan: Plan) -> None:
        """Keep the sessions with a finished map, and say who is missing."""
        mapped = [s for s in self.usable if _all_there(plan.files("map", s))]
        names = {s.prefix for s in mapped}
        self.before = standing(self.everyone, names, self.out)
        missing = [row for row in self.before if row.prefix not in names]
        for row in missing:
            print(f"missing: {row.line(self.out)}", file=sys.stderr)
        for row in self.before:
            if row.prefix in names and row.status is not Status.finished:
                print(f"older map: {row.line(self.out)}", file=sys.stderr)
        if not mapped:
            raise OutputError("has no finished map", self.out, "Run the level participant first")
        part = _names_some(plan.settings)
        if self.wanted == "group" and not part and (others := self._other_maps()):
            print(
                f"also on the page of the group, as {self.out} holds their maps: "
                f"{', '.join(others)}. Move what does not belong to it.",
                file=sys.stderr,
            )
        print(f"{_count(len(mapped), 'session')} with a map, {len(missing)} without", flush=True)
        self.usable = mapped

    def _other_maps(self) -> list[str]:
        """Return the prefixes of maps in the output folder that are not of this run."""
        found = [*self.out.glob("sub-*/map"), *self.out.glob("sub-*/ses-*/map")]
        names = {"_".join(f.relative_to(self.out).parts[:-1]) for f in found}
        return sorted(names - {s.prefix for s in self.everyone})

    def targets(self) -> list[str]:
        """Return what Snakemake is asked for; maps are left as they are where only pages are."""
        if self.wanted == "participant":
            return ["participant"]
        out = Path(plain_name(self.settings.out_dir))
        pages = [str(out / f"{s.prefix}.html") for s in self.usable]
        if self.wanted == "group":
            visits = (Path(f).name for f in self.plan.comparisons() if f.endswith(".html"))
            pages = [str(out / name) for name in ("group.html", *visits)]
        return [*pages, "--allowed-rules", "report", "group_report", "compare"]

    def list_steps(self, engine: snakemake.Engine) -> int:
        """Print what a run would do; return the exit code.

        Raises
        ------
        ComputationError
            It cannot be planned.
        """
        steps, code, tail = snakemake.plan(engine, self.targets(), self.settings)
        if code:
            raise ComputationError(f"the workflow cannot be planned:\n{tail.rstrip()}")
        stages: dict[str, list[str]] = {}
        for step in steps:
            stages.setdefault(step.prefix or "group", []).append(step.stage)
        for prefix, names in sorted(stages.items()):
            print(f"  {prefix}: {', '.join(names)}")
        print(f"{_count(len(steps), 'step')} would be done; nothing was written.")
        return 2 if self.refused else 0

    def run(self, engine: snakemake.Engine) -> int:
        """Run the study, say how it ended, return the exit code.

        Raises
        ------
        ComputationError, DiskFullError
            Snakemake itself failed.
        """
        engine.prepare()
        part = _names_some(self.settings)
        full = None
        with locked(self.out) as lock, snakemake.on_full_disk(engine):
            if said := engine.forgotten():
                print(said, file=sys.stderr)
            bring_back(self.out, time.time())
            if self.wanted == "participant":
                describe(self.out, self.bids, self.usable, part=part)
            done, code, tail = snakemake.run(engine, self.targets(), self.settings, lock)
            failures = list(done.failures)
            settings = self._with_pages(failures)
            if self.wanted == "group" and settings and not engine.stop_on_first_crash:
                again, *_ = snakemake.run(engine, self._group_page(), settings, lock)
                failures += again.failures
            rows = self._rows(failures)
            clear_up(self.out)
            try:
                conclude(self.out, merged(rows, read_summary(self.out) if part else []))
            except DiskFullError as error:  # who is finished must be told nevertheless
                full = error
        if code and not failures:
            raise snakemake.why_failed(engine, code, tail)
        waits = any(f.step.rule == "report" for f in failures) and settings is None
        stopped = engine.stop_on_first_crash and bool(failures)
        code = self._say_end(rows, failures, with_group=not (waits or stopped))
        if failures and full is None:
            full = full_disk([self.out, engine.state])
        if full is not None:
            raise full
        return code

    def _with_pages(self, failures: Sequence[Failure]) -> Settings | None:
        """Return settings without those whose pages failed; None where nobody or all are left.

        The page of the group waits for the pages that it links to, but for no failed one.
        """
        lost = {f.step.prefix for f in failures if f.step.rule == "report"}
        if not lost or lost >= {s.prefix for s in self.usable}:
            return None
        left_out = sorted({*self.settings.leave_out, *lost})
        return self.settings.model_copy(update={"leave_out": left_out})

    def _group_page(self) -> list[str]:
        """Return the target of the group's page alone."""
        page = Path(plain_name(self.settings.out_dir)) / "group.html"
        return [str(page), "--allowed-rules", "group_report"]

    def _rows(self, failures: Sequence[Failure]) -> list[Outcome]:
        if self.wanted == "participant":
            whole = [s.prefix for s in self.usable if _all_there(self.plan.targets_of(s))]
            rows = outcomes(self.everyone, self.refused, failures, whole, self.out)
        else:
            failed = {f.step.prefix for f in failures}
            again = [s for s in self.everyone if s.prefix in failed]
            new = {row.prefix: row for row in outcomes(again, {}, failures, (), self.out)}
            rows = [new.get(row.prefix, row) for row in self.before]
        # The same study has the same summary wherever it lies.
        return [replace(row, reason=row.reason.replace(f"{self.bids}/", "")) for row in rows]

    def _say_end(
        self, rows: Sequence[Outcome], failures: Sequence[Failure], *, with_group: bool
    ) -> int:
        """Print who is not finished and why, and where the results lie; return the exit code."""
        code = exit_code(rows)
        sessions = {s.prefix for s in self.everyone}
        for failure in failures:
            if failure.step.prefix not in sessions or failure.step.stage == "compare":
                status, reason = why_failed(failure, self.out)
                who = f"visits of {failure.step.prefix}" if failure.step.prefix else "group"
                log = self.out / "logs" / failure.step.log
                print(f"{who} {status}: {reason} Log: {log}", file=sys.stderr)
                code = 1 if status is Status.failed else code or 2
        finished = [row for row in rows if row.status is Status.finished]
        others = [row for row in rows if row.status is not Status.finished]
        for row in others:
            if row not in self.before:
                print(row.line(self.out), file=sys.stderr)
        sys.stderr.flush()
        if self.wanted != "group" and len(finished) <= _FEW:
            by_prefix = {s.prefix: s for s in self.everyone}
            for row in finished:
                _say_where(self.out, by_prefix[row.prefix])
        if with_group and self.wanted == "group" and all(f.step.prefix for f in failures):
            print(f"The page of the group: {self.out / 'group.html'}")
        if self.wanted == "group":
            for page in (f for f in self.plan.comparisons() if f.endswith(".html")):
                if Path(page).is_file():
                    print(f"Two visits: {page}")
        print(f"{len(finished)} of {_count(len(rows), 'session')} finished, in {self.out}", end="")
        print(f"; why {len(others)} are not: {self.out / 'summary.tsv'}" if others else "")
        return code


def _names_some(settings: Settings) -> bool:
    """Tell whether only some participants or sessions were asked for."""
    return bool(settings.participants or settings.sessions)


def _all_there(files: Sequence[str]) -> bool:
    return all(Path(file).is_file() for file in files)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _say_where(out: Path, session: Session) -> None:
    """Print where the results of a session lie."""
    base = out / session.folder
    files = {
        "report": out / f"{session.prefix}.html",
        "viewer": base / "export" / f"{session.prefix}_viewer.html",
        "table": base / "map" / f"{session.prefix}_muscles.tsv",
        "map": base / "map" / f"{session.prefix}_map.vti",
    }
    print(session.prefix)
    for name, path in files.items():
        if path.is_file():
            print(f"  {name:7} {path}")
