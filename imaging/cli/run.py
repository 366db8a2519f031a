"""``pennate run``: the whole workflow with the arguments of a BIDS-App."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer
import yaml
from tqdm import tqdm

from imaging import __version__
from imaging.cli.check import Participants, Sessions
from imaging.config import Settings, parse_settings, settings_file
from imaging.dataset import Session, find_sessions
from imaging.errors import ComputationError, DatasetError, OutputError
from imaging.pipeline.digest import PACKAGE
from imaging.pipeline.links import plain_name, working_folder
from imaging.pipeline.plan import Plan
from imaging.pipeline.sessions import usable_sessions
from imaging.pipeline.table import as_text, not_taken, table
from imaging.provenance import staged, write_json

# What BIDS has no name for yet. Folders stand without a closing slash: the validator wants it so.
_BIDSIGNORE = """\
*.html
/sub-*.json
/group*
inputs.tsv
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
_PROGRESS = re.compile(r"^(\d+) of (\d+) steps")


class Level(StrEnum):
    """Levels of analysis of a BIDS-App."""

    participant = "participant"
    group = "group"


def snakefile() -> Path:
    """Return the Snakefile: carried by the wheel, or at the top of a source tree.

    Raises
    ------
    ComputationError
        The installation lacks it.
    """
    package = PACKAGE
    for folder in (package / "pipeline", package.parent):
        if (folder / "Snakefile").is_file() and (folder / "workflow" / "rules").is_dir():
            return folder / "Snakefile"
    raise ComputationError("the Snakefile is missing from this installation: install pennate again")


def command(
    bids_dir: Annotated[Path, typer.Argument(help="BIDS folder")],
    out_dir: Annotated[Path, typer.Argument(help="Folder to write")],
    level: Annotated[Level, typer.Argument(help="Level of analysis")],
    participant_label: Participants = None,
    session_id: Sessions = None,
    nprocs: Annotated[int, typer.Option(min=1, help="Cores to use")] = os.cpu_count() or 1,
    mem_mb: Annotated[int | None, typer.Option(min=500, help="Memory to use at most, MB")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML with settings")] = None,
    profile: Annotated[Path | None, typer.Option(help="Snakemake profile, e.g. Slurm")] = None,
    skip_bids_validation: Annotated[
        bool, typer.Option(help="Do not open the inputs before the start")
    ] = False,
    reports_only: Annotated[bool, typer.Option(help="Write the reports of finished maps")] = False,
    dry_run: Annotated[bool, typer.Option(help="List what would be done")] = False,
) -> None:
    """Run the whole workflow on a BIDS folder (BIDS-App arguments)."""
    settings = _settings(bids_dir, out_dir, config, participant_label, session_id)
    if skip_bids_validation:
        settings = settings.model_copy(update={"open_inputs": False})
    everyone = find_sessions(
        settings.bids_dir, settings.participants, settings.sessions, settings.select
    )
    usable = usable_sessions(settings)
    refused = {s.prefix for s in everyone} - {s.prefix for s in usable} - set(settings.leave_out)
    if reports_only:
        usable = _with_map(settings, usable)
    left_out = sorted({s.prefix for s in everyone} - {s.prefix for s in usable})
    # The inputs have been opened here: Snakemake need not do it again.
    planned = settings.model_copy(update={"open_inputs": False, "leave_out": left_out})
    print(as_text(usable, ["found"]))
    if left := not_taken(usable):
        print(left, file=sys.stderr)
    out, bids = Path(settings.out_dir), Path(settings.bids_dir)
    if out == bids or out in bids.parents:
        raise OutputError("contains the input data", out, "Choose another output folder")
    state = out / ".pennate"
    targets = _targets(level, reports_only, Path(plain_name(settings.out_dir)), usable)
    with _locked(state) as lock:
        _prepare(out, bids, planned, usable)
        _snakemake(state, targets, nprocs, mem_mb, profile, dry_run, lock)
    if level is Level.participant and not dry_run:
        _say_where(out, usable)
    if refused:
        raise DatasetError(
            f"{len(refused)} of {len(everyone)} sessions were left out",
            bids_dir,
            "See the lines above; the others are done",
        )


def _settings(
    bids_dir: Path,
    out_dir: Path,
    config: Path | None,
    participants: list[str] | None,
    sessions: list[str] | None,
) -> Settings:
    """Return the settings of a file, overruled by the arguments."""
    content = settings_file(config)
    content["bids_dir"] = str(bids_dir.resolve())
    content["out_dir"] = str(out_dir.resolve())
    if participants:
        content["participants"] = participants
    if sessions:
        content["sessions"] = sessions
    settings = parse_settings(Settings, content, str(config or "arguments"))
    section = settings.segmentation
    # The stages run in another folder.
    update = {k: str(Path(v).resolve()) for k in ("atlas", "network") if (v := getattr(section, k))}
    if section.model and ":" in section.model:
        kind, _, path = section.model.partition(":")
        update["model"] = f"{kind}:{Path(path).expanduser().resolve()}"
    return settings.model_copy(update={"segmentation": section.model_copy(update=update)})


def _with_map(settings: Settings, sessions: list[Session]) -> list[Session]:
    """Return the sessions whose map is finished."""
    plan = Plan(settings, sessions)
    found = [s for s in sessions if all(Path(f).is_file() for f in plan.files("map", s))]
    if not found:
        raise OutputError("has no finished map", settings.out_dir, "Leave out --reports-only")
    return found


def _prepare(out: Path, bids: Path, settings: Settings, sessions: list[Session]) -> None:
    """Write what describes the run."""
    with staged(out, "run") as scratch:
        (scratch / ".pennate").mkdir()
        state = scratch / ".pennate" / "config.yaml"
        state.write_text(yaml.safe_dump(settings.model_dump(mode="json")), encoding="utf-8")
        table(sessions).to_csv(scratch / "inputs.tsv", sep="\t", index=False)
        description = {
            "Name": "Muscle maps",
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "pennate", "Version": __version__}],
            "SourceDatasets": [{"URL": bids.as_uri()}],
        }
        write_json(scratch / "dataset_description.json", description)
        (scratch / ".bidsignore").write_text(_BIDSIGNORE, encoding="utf-8")


def _targets(level: Level, reports_only: bool, out: Path, sessions: list[Session]) -> list[str]:
    """Return what Snakemake is asked for; maps are left as they are where only reports are."""
    if not reports_only:
        return [level.value]
    pages = ["group"] if level is Level.group else [s.prefix for s in sessions]
    return [*(str(out / f"{p}.html") for p in pages), "--allowed-rules", "report", "group_report"]


@contextmanager
def _locked(folder: Path) -> Iterator[IO[str]]:
    """Hold the output folder; the lock dies with its holders, however they end."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", folder.parent, "Choose another output folder"
        ) from error
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(
                "is being written by another run", folder.parent, "Wait for it to end"
            ) from error
        yield lock


def _snakemake(
    folder: Path,
    targets: list[str],
    cores: int,
    mem_mb: int | None,
    profile: Path | None,
    dry_run: bool,
    lock: IO[str],
) -> None:
    """Run Snakemake, show its progress as a bar, keep all it says in a log."""
    call = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(snakefile())]
    call += ["--configfile", str(folder / "config.yaml")]
    call += ["--nolock", "--rerun-incomplete", "--keep-going", "--show-failed-logs"]
    call += ["--profile", str(profile)] if profile else ["--cores", str(cores)]
    call += ["--resources", f"mem_mb={mem_mb}"] if mem_mb else []
    call += ["--dry-run"] if dry_run else []
    log = folder / "snakemake.log"
    with log.open("w", encoding="utf-8") as file, working_folder(folder) as place:
        process = subprocess.Popen(
            [*call, "--directory", str(place)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, pass_fds=[lock.fileno()], errors="replace",
        )  # fmt: skip
        assert process.stdout is not None
        said = _follow(process.stdout, file, echo=dry_run)
        code = process.wait()
    if code:
        raise ComputationError(f"the workflow failed; its log is {log}:\n{said}")


def _follow(stream: IO[str], log: IO[str], *, echo: bool) -> str:
    """Copy Snakemake's output to the log and its steps to a bar; return its last lines."""
    tail: list[str] = []
    with tqdm(desc="steps", unit="step", total=1, disable=True if echo else None) as bar:
        for line in stream:
            log.write(line)
            log.flush()
            tail = [*tail[-39:], line]
            if echo:
                print(line, end="")
            if done := _PROGRESS.match(line):
                bar.total = int(done[2])
                bar.n = int(done[1])
                bar.refresh()
            elif line.startswith(("rule ", "localrule ")):
                bar.set_postfix_str(line.split()[1].rstrip(":"))
    return "".join(tail)


def _say_where(out: Path, sessions: list[Session]) -> None:
    """Print where the results lie."""
    for session in sessions:
        base = out / session.folder
        files = {
            "report": out / f"{session.prefix}.html",
            "viewer": base / "export" / f"{session.prefix}_viewer.html",
            "table": base / "map" / f"{session.prefix}_muscles.tsv",
            "map": base / "map" / f"{session.prefix}_map.vti",
        }
        print(f"\n{session.prefix}")
        for name, path in files.items():
            if path.is_file():
                print(f"  {name:7} {path}")
