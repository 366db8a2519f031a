"""Snakemake as the engine of a run: its files and its call."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import yaml

from imaging.config import Settings
from imaging.disk import full_disk, is_full
from imaging.errors import ComputationError, DiskFullError, OutputError, PennateError
from imaging.pipeline import slurm
from imaging.pipeline.digest import PACKAGE
from imaging.pipeline.follow import follow, shown
from imaging.pipeline.links import plain_name, working_folder
from imaging.pipeline.lock import STATE
from imaging.pipeline.steps import Step, Steps

_PLACE = "place"  # where the results lay when they were written
# What Snakemake remembers of earlier runs; a dry run reads it.
_MEMORY = ("metadata", "incomplete")


@dataclass(frozen=True)
class Engine:
    """How Snakemake is called.

    Attributes
    ----------
    out : Path
        The output folder.
    cores : int
    mem_mb : int or None
        Memory that all steps together may take.
    profile : Path or None
        Of Snakemake, instead of cores of this machine.
    work_dir : Path or None
        For what Snakemake remembers, its log and the scratch files of stages; None: the output
        folder, and the scratch folder of this machine.
    stop_on_first_crash : bool
        Start nothing more after a failure.
    """

    out: Path
    cores: int
    mem_mb: int | None = None
    profile: Path | None = None
    work_dir: Path | None = None
    stop_on_first_crash: bool = False

    @property
    def state(self) -> Path:
        """Folder of settings, log and memory of Snakemake; one for each output folder."""
        if self.work_dir is None:
            return self.out / STATE
        return self.work_dir / f"pennate-{hashlib.sha256(os.fsencode(self.out)).hexdigest()[:12]}"

    @property
    def log(self) -> Path:
        """All that Snakemake said."""
        return self.state / "snakemake.log"

    def prepare(self) -> None:
        """Make the folders that are written beside the results.

        Raises
        ------
        OutputError
            They cannot be made.
        MissingToolError, ComputationError
            The profile sends steps to Slurm, and none can be reached from here.
        """
        if self.on_slurm:
            slurm.require_slurm()
        try:
            (self.state / "tmp" if self.work_dir else self.state).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if is_full(error):
                raise DiskFullError(self.state) from error
            place = self.state if self.work_dir else self.out
            another = "--work-dir" if self.work_dir else "output folder"
            raise OutputError(
                f"cannot be written ({error.strerror})", place, f"Choose another {another}"
            ) from error

    def forgotten(self) -> str:
        """Return a warning where nothing is remembered of the results; note where they lie now.

        Snakemake knows results by their paths and takes strange ones for up to date.
        """
        place, memory = self.state / _PLACE, self.state / ".snakemake" / "metadata"
        known, here = place.read_bytes() if place.is_file() else b"", os.fsencode(self.out)
        place.write_bytes(here)
        there = any(self.out.glob("sub-*/**/*_dseg.nii.gz"))
        if not there or known == here or (not known and memory.is_dir()):
            return ""
        before = f" (they were written as {os.fsdecode(known)})" if known else ""
        return (
            f"warning: {self.out} holds results of which nothing is remembered here{before}: they "
            "stay as they are even if inputs or settings have changed since; remove the folders "
            "sub-* to have them made anew"
        )

    def call(self, targets: Sequence[str], config: Path, place: Path) -> list[str]:
        """Return the command line."""
        call = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(snakefile())]
        call += ["--configfile", str(config), "--directory", str(place)]
        call += ["--nolock", "--rerun-incomplete", "--show-failed-logs"]
        call += [] if self.stop_on_first_crash else ["--keep-going"]
        call += ["--profile", str(self.profile)] if self.profile else ["--cores", str(self.cores)]
        call += slurm.options(self.profile_settings, self.out) if self.on_slurm else []
        return call + (["--resources", f"mem_mb={self.mem_mb}"] if self.mem_mb else [])

    @cached_property
    def profile_settings(self) -> dict[str, Any]:
        """What the profile says; empty without one."""
        return slurm.profile_settings(self.profile) if self.profile else {}

    @property
    def on_slurm(self) -> bool:
        """Whether the profile sends steps to Slurm."""
        return self.profile_settings.get("executor") == "slurm"


def snakefile() -> Path:
    """Return the Snakefile: carried by the wheel, or at the top of a source tree.

    Raises
    ------
    ComputationError
        The installation lacks it.
    """
    for folder in (PACKAGE / "pipeline", PACKAGE.parent):
        if (folder / "Snakefile").is_file() and (folder / "workflow" / "rules").is_dir():
            return folder / "Snakefile"
    raise ComputationError("the Snakefile is missing from this installation: install pennate again")


def run(
    engine: Engine, targets: Sequence[str], settings: Settings, lock: IO[str]
) -> tuple[Steps, int, str]:
    """Run Snakemake, tell how far it is, keep all it says in a log.

    Returns
    -------
    Steps
        What was done and what failed.
    int
        Exit code of Snakemake.
    str
        Its last lines.
    """
    config = _write_settings(settings, engine.state)
    environment = dict(os.environ)
    if engine.on_slurm:
        environment |= slurm.environment(engine.state)
        if count := slurm.end_earlier_jobs(engine.out):
            print(f"{count} jobs that an earlier run left behind were ended", flush=True)
    if engine.work_dir is not None:
        environment["TMPDIR"] = str(engine.state / "tmp")
    log = engine.log.open("w", encoding="utf-8")
    with log, working_folder(engine.state) as place, shown() as tell:
        call = engine.call(targets, config, place)
        steps, tail, code = follow(call, environment, lock.fileno(), log, tell)
    return steps, code, tail


@contextmanager
def on_full_disk(engine: Engine) -> Iterator[None]:
    """Name the disk where what a run remembers cannot be written."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        places: list[str | Path] = [engine.state, engine.out, tempfile.gettempdir()]
        raise full_disk(places) or DiskFullError(engine.state) from error


def why_failed(engine: Engine, code: int, tail: str) -> PennateError:
    """Return why Snakemake itself failed: no room, killed, or what it said last."""
    if found := full_disk([engine.state, engine.out]):
        return found
    if code == -signal.SIGKILL:
        return ComputationError(
            "the workflow engine was killed, as happens where memory runs out: start the run "
            "again, and it goes on from here"
        )
    return ComputationError(f"the workflow failed; its log is {engine.log}:\n{tail.rstrip()}")


def plan(engine: Engine, targets: Sequence[str], settings: Settings) -> tuple[list[Step], int, str]:
    """Return the steps that a run would do; writes nothing but a scratch folder of this machine.

    Returns
    -------
    list of Step
    int
        Exit code of Snakemake.
    str
        Its last lines.
    """
    with tempfile.TemporaryDirectory(prefix="pennate-") as scratch, ExitStack() as stack:
        place = Path(scratch)
        (place / ".snakemake").mkdir()
        for name in _MEMORY:
            memory = engine.state / ".snakemake" / name
            if memory.is_dir():
                (place / ".snakemake" / name).symlink_to(memory)
        plain = {key: plain_name(getattr(settings, key)) for key in ("bids_dir", "out_dir")}
        for key, name in plain.items():
            if name != getattr(settings, key):  # a link to a folder that need not be there
                (place / name).parent.mkdir(exist_ok=True)
                (place / name).symlink_to(getattr(settings, key))
        config = _write_settings(settings.model_copy(update=plain), place)
        log = stack.enter_context((place / "log").open("w", encoding="utf-8"))
        call = [*engine.call(targets, config, place), "--dry-run", "--quiet", "reason", "host"]
        steps, tail, code = follow(call, dict(os.environ), None, log, lambda steps, said: None)
    return list(steps.planned), code, tail


def _write_settings(settings: Settings, folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")), encoding="utf-8")
    return path
