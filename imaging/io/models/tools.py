"""Programs of others: found, run in a folder of their own, and checked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ComputationError, LabelError, MissingToolError
from imaging.formats.nifti import load_image, save_image
from imaging.image import Image, same_grid
from imaging.io.models.grid import check_axis_codes, oriented, turned_back
from imaging.threads import threads

_LAST_LINES = 3


def find_tool(name: str, how: str) -> str:
    """Return the path of a program.

    Raises
    ------
    MissingToolError
        It is not on the path; `how` says how to install it.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(f"the program {name} is not installed or not on the PATH", None, how)
    return found


def run_tool(command: Sequence[str], folder: Path, timeout_s: float) -> str:
    """Run a program and return all that it printed.

    Parameters
    ----------
    command
        Program and arguments.
    folder
        Where it runs.
    timeout_s
        After so many seconds it and what it started are ended.

    Raises
    ------
    ComputationError
        It failed or took too long; its last lines are in the message.
    """
    name = Path(command[0]).name
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads()), "PYTHONUNBUFFERED": "1"}
    log = folder / "log.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            with _told_to_end():
                code = process.wait(timeout_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise ComputationError(f"{name} took longer than {timeout_s:g} s") from error
            raise
    text = log.read_text(encoding="utf-8", errors="replace")
    if code != 0:
        raise ComputationError(f"{name} failed with code {code}: {last_lines(text)}")
    return text


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Turn the signal to end into an exception, so that no program outlives Pennate."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def last_lines(text: str) -> str:
    """Return the last lines of a log as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LAST_LINES:])[-500:] or "it printed nothing"


def write_input(image: Image, path: Path, orientation: str | None) -> Image:
    """Write an image for a program, in axis order `orientation` (none: RAS), and return it."""
    turned = oriented(image, check_axis_codes(orientation or "RAS"))
    turned = turned.with_data(turned.data.astype(np.float32))
    save_image(turned, path)
    return turned


def read_answer(
    path: Path, given: Image, image: Image, orientation: str | None, log: str
) -> NDArray[np.int32]:
    """Read the label map that a program wrote, on the grid of the image it was made for.

    Parameters
    ----------
    path
        The label map.
    given
        The image as it was given to the program.
    image
        The image that labels are wanted for.
    orientation
        Axis order of `given`.
    log
        What the program printed, for the message.

    Raises
    ------
    ComputationError
        There is no label map, or it has another grid.
    LabelError
        It does not hold whole numbers.
    """
    if not path.is_file():
        raise ComputationError(f"no label map {path.name} was written: {last_lines(log)}")
    answer = load_image(path)
    if not same_grid(answer, given):
        raise ComputationError(
            f"the label map {path.name} has {answer.shape} voxels in another place than the "
            f"image of {given.shape}"
        )
    labels = np.rint(answer.data)
    if np.abs(labels - answer.data).max() > 1e-3 or labels.min() < 0:
        raise LabelError("holds values that are not labels", path.name, "Check the program")
    return turned_back(labels.astype(np.int32), image, orientation or "RAS")
