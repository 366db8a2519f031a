"""Snakemake as the engine of a run: its files, its call, the lock, what it says."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import yaml
from tqdm import tqdm

from imaging.config import Settings
from imaging.errors import ComputationError, OutputError
from imaging.pipeline import slurm
from imaging.pipeline.digest import PACKAGE
from imaging.pipeline.links import plain_name, working_folder
from imaging.pipeline.steps import Step, Steps

_STATE = ".pennate"
# What Snakemake remembers of earlier runs; a dry run reads it.
_MEMORY = ("metadata", "incomplete")
_TAIL, _WIDE = 12, 200  # lines of the engine that are shown where it fails itself


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
            return self.out / _STATE
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
            raise OutputError(
                f"cannot be written ({error.strerror})", self.state, "Choose another --work-dir"
            ) from error

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


@contextmanager
def locked(out: Path) -> Iterator[IO[str]]:
    """Hold the output folder; the lock dies with its holders, however they end.

    Raises
    ------
    OutputError
        The folder cannot be written, or another run holds it.
    """
    folder = out / _STATE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", out, "Choose another output folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(
                "is being written by another run", out, "Wait for it to end"
            ) from error
        yield lock


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
    with log, working_folder(engine.state) as place, _shown() as tell:
        call = engine.call(targets, config, place)
        steps, tail, code = _follow(call, environment, lock.fileno(), log, tell)
    return steps, code, tail


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
        steps, tail, code = _follow(call, dict(os.environ), None, log, lambda steps, said: None)
    return list(steps.planned), code, tail


def _write_settings(settings: Settings, folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")), encoding="utf-8")
    return path


def _follow(
    call: Sequence[str],
    environment: dict[str, str],
    lock: int | None,
    log: IO[str],
    tell: Callable[[Steps, str | None], None],
) -> tuple[Steps, str, int]:
    """Run a call, copy what it says to the log and read its steps.

    Raises
    ------
    ComputationError
        It was interrupted.
    """
    process = subprocess.Popen(
        call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        encoding="utf-8", errors="replace", pass_fds=[] if lock is None else [lock],
    )  # fmt: skip
    assert process.stdout is not None
    steps, tail = Steps(), deque[str](maxlen=_TAIL)
    try:
        for line in process.stdout:
            log.write(line)
            log.flush()
            tail.append(line if len(line) <= _WIDE else f"{line[:_WIDE]}...\n")
            tell(steps, steps.read(line, time.monotonic()))
    except KeyboardInterrupt as error:  # Snakemake got it too, and ends its steps
        process.wait()
        raise ComputationError(
            "the run was interrupted: start it again, and it goes on from here"
        ) from error
    return steps, "".join(tail), process.wait()


@contextmanager
def _shown() -> Iterator[Callable[[Steps, str | None], None]]:
    """Yield what shows steps: a bar on a terminal, else a line for each step that ends."""
    if not sys.stderr.isatty():

        def line(steps: Steps, said: str | None) -> None:
            if said:
                print(said, flush=True)

        yield line
        return
    with tqdm(desc="steps", total=1, bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} {desc}") as bar:

        def move(steps: Steps, said: str | None) -> None:
            if said:
                bar.total, bar.n = max(steps.total, 1), steps.done
                bar.set_description_str(said.partition("steps, ")[2] or said, refresh=False)
                bar.refresh()

        yield move
