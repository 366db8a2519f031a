"""A call of Snakemake followed to its end: what it says, how far it is, how it is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import psutil
from tqdm import tqdm

from imaging.disk import is_full
from imaging.errors import ComputationError
from imaging.pipeline.steps import Steps

_TAIL, _WIDE = 12, 200  # lines of the engine that are shown where it fails itself
_PATIENCE_S = 20.0  # for steps to clear up after themselves

#: Takes the steps so far and, where there is something to tell, a line for people.
Tell = Callable[[Steps, str | None], None]


def follow(
    call: Sequence[str], environment: dict[str, str], lock: int | None, log: IO[str], tell: Tell
) -> tuple[Steps, str, int]:
    """Run a call, copy what it says to the log and read its steps.

    Returns
    -------
    Steps
        What was done and what failed.
    str
        Its last lines.
    int
        Its exit code.

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
            _keep(line, log)
            tail.append(line if len(line) <= _WIDE else f"{line[:_WIDE]}...\n")
            tell(steps, steps.read(line, time.monotonic()))
    except KeyboardInterrupt as error:
        _stop(process, log)
        raise ComputationError(
            "the run was interrupted: start it again, and it goes on from here"
        ) from error
    return steps, "".join(tail), process.wait()


def _keep(line: str, log: IO[str]) -> None:
    """Write a line to the log; a full disk must not stop what reads Snakemake."""
    try:
        log.write(line)
        log.flush()
    except OSError as error:
        if not is_full(error):
            raise


def _stop(process: subprocess.Popen[str], log: IO[str]) -> None:
    """End Snakemake and its steps, which may not have got the signal that we got."""
    assert process.stdout is not None
    begun: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        begun = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)  # it starts nothing more, and ends jobs on a cluster
    for step in begun:
        with suppress(psutil.NoSuchProcess):
            step.terminate()
    _, left = psutil.wait_procs(begun, _PATIENCE_S)
    for step in left:  # deep in a library that hears no signal
        with suppress(psutil.NoSuchProcess):
            step.kill()
    for line in process.stdout:
        _keep(line, log)
    process.wait()


@contextmanager
def shown() -> Iterator[Tell]:
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
