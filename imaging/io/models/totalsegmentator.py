"""TotalSegmentator: bones, subcutaneous fat and muscle as a whole; it has no calf muscles.

Masks are asked for one by one and told by their file names, so that no number can mislead.
Source: Wasserthal et al., Radiol Artif Intell 5, 2023.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imaging.errors import ComputationError, MissingFileError, MissingToolError
from imaging.image import Image
from imaging.io.models.card import ModelOptions, ModelResult
from imaging.io.models.tools import find_tool, read_answer, run_tool, write_input
from imaging.muscles import structure

COMMAND = "TotalSegmentator"
# Bones last: they lie over muscle where both are claimed.
TASKS: Mapping[str, Mapping[str, str]] = {
    "tissue_types_mr": {"skeletal_muscle": "MUSCLE", "subcutaneous_fat": "SAT"},
    "appendicular_bones_mr": {"tibia": "TIB", "fibula": "FIB"},
}
_INSTALL = "Run in an environment of its own: pip install TotalSegmentator, then activate it"
_LICENCE = (
    "Get a licence number (free for non-commercial use) at "
    "backend.totalsegmentator.com/license-academic and run: totalseg_set_license -l NUMBER"
)


def run(image: Image, path: Path | None, options: ModelOptions) -> ModelResult:
    """Label bones, subcutaneous fat and muscle (not told apart) by TotalSegmentator.

    Parameters
    ----------
    image
        3-D MR image.
    path
        Must be none: TotalSegmentator keeps its weights itself.
    options
        `orientation`, `device` and `timeout_s` (for each of two tasks) are used.

    Raises
    ------
    MissingToolError
        TotalSegmentator, or the licence number that its tasks need, is missing.
    ComputationError
        It failed.
    """
    if path is not None:
        raise MissingFileError("totalsegmentator takes no weights", path, "Leave the path out")
    program = find_tool(COMMAND, _INSTALL)
    labels = np.zeros(image.shape, np.int16)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        version = _version(program, work)
        given = write_input(image, work / "leg.nii.gz", options.orientation)
        for task, masks in TASKS.items():
            log = _run_task(program, task, work, options)
            for name, key in masks.items():
                written = work / task / f"{name}.nii.gz"
                mask = read_answer(written, given, image, options.orientation, log)
                labels[mask > 0] = structure(key).index
    return ModelResult(
        image.with_data(labels), None, COMMAND, version, "names of its mask files",
        "tasks under a licence number of their own",
        "No calf muscles: MUSCLE holds all of them.",
    )  # fmt: skip


def _version(program: str, work: Path) -> str:
    """Return the version that the program says it has."""
    found = re.findall(r"\d+\.\d+(?:\.\d+)*", run_tool([program, "--version"], work, 300.0))
    if not found:
        raise ComputationError("TotalSegmentator --version gives no version")
    return str(found[-1])


def _run_task(program: str, task: str, work: Path, options: ModelOptions) -> str:
    device = "cpu" if options.device == "cpu" else "gpu"
    command = [
        program, "-i", str(work / "leg.nii.gz"), "-o", str(work / task), "--task", task,
        "--device", device, "--nr_thr_saving", "1",
    ]  # fmt: skip
    try:
        log = run_tool(command, work, options.timeout_s)
    except ComputationError as error:
        if "licen" in str(error).lower():
            raise MissingToolError(
                f"TotalSegmentator's task {task} needs a licence number", None, _LICENCE
            ) from error
        raise
    if not (work / task).is_dir() and "licen" in log.lower():
        raise MissingToolError(
            f"TotalSegmentator's task {task} needs a licence number", None, _LICENCE
        )
    return log
