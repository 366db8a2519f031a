"""Dafne: a ``.model`` file, run by the Python in which the user has Dafne.

Dafne's packages bring no command that segments an image, so a small runner is given to its Python.
A ``.model`` file holds code: only files from Dafne's own server or of one's own should be run.
Source: Santini et al., arXiv 2302.06352, 2023.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ComputationError, LabelError, MissingFileError, MissingToolError
from imaging.image import Image
from imaging.io.models.card import ModelOptions, ModelResult
from imaging.io.models.grid import oriented, turned_back
from imaging.io.models.names import LabelTable, table_of_names
from imaging.io.models.tools import run_tool

# Axes of an axial DICOM series, which Dafne hands on as they are.
ORIENTATION = "LPS"
_INSTALL = (
    "Run in an environment of its own: pip install dafne dafne-models dafne-monai-inference, then "
    "activate it, or name its Python as the option python"
)
_WEIGHTS = (
    "Start Dafne and segment one image with the model Leg, so that it fetches the file, then give "
    "dafne:FILE.model from the folder of models that its settings show"
)
_CODE = "import dafne_dl.model_loaders"


def run(image: Image, path: Path | None, options: ModelOptions) -> ModelResult:
    """Label an image by a model of Dafne.

    Parameters
    ----------
    image
        3-D image, axial slices.
    path
        The ``.model`` file.
    options
        `python`, `side`, `version` and `timeout_s` are used.

    Raises
    ------
    MissingFileError, MissingToolError
        The file, or a Python with Dafne, is missing.
    LabelError
        None of its masks is a structure of the leg.
    ComputationError
        The model failed.
    """
    if path is None or not path.is_file():
        raise MissingFileError("no Dafne model", path, _WEIGHTS)
    python = dafne_python(options.python)
    turned = oriented(image, ORIENTATION)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        np.savez(
            work / "image.npz",
            image=turned.data.astype(np.float32),
            affine=turned.affine,
            resolution=turned.spacing,
            classification="Leg" if options.side == "undecided" else f"Leg, {options.side}",
        )
        runner = Path(__file__).with_name("dafne_runner.py")
        log = run_tool(
            [
                python, str(runner), str(work / "image.npz"), str(path.resolve()),
                str(work / "answer.npz"),
            ],
            work, options.timeout_s,
        )  # fmt: skip
        answer, table = _read_answer(work / "answer.npz", turned, path)
    labels = turned_back(answer, image, ORIENTATION)
    name, version = _identity(path, log)
    return ModelResult(
        image.with_data(labels), None, f"Dafne {name}", options.version or version, table.scheme,
        "", table.note(),
    )  # fmt: skip


def dafne_python(given: str | None) -> str:
    """Return a Python interpreter that has Dafne.

    The one given; else that beside the command ``dafne`` on the PATH; else Pennate's own.

    Raises
    ------
    MissingToolError
        There is none.
    """
    command = shutil.which("dafne")
    beside = Path(command).resolve().with_name("python") if command else None
    python = given or (str(beside) if beside and beside.is_file() else sys.executable)
    try:
        outcome = subprocess.run([python, "-c", _CODE], capture_output=True, timeout=600)
    except OSError as error:
        raise MissingToolError(f"cannot run {python} ({error.strerror})", None, _INSTALL) from error
    if outcome.returncode != 0:
        raise MissingToolError(f"Dafne is not installed for {python}", None, _INSTALL)
    return python


def _read_answer(path: Path, turned: Image, model: Path) -> tuple[NDArray[np.int16], LabelTable]:
    """Return labels on the turned grid, and what the masks were called."""
    if not path.is_file():
        raise ComputationError("the Dafne model gave no masks")
    with np.load(path) as content:
        names, masks = [str(n) for n in content["names"]], content["masks"]
    if masks.shape[1:] != turned.shape:
        raise ComputationError(f"the Dafne model gave masks of {masks.shape[1:]}")
    table = table_of_names(dict(enumerate(names, 1)), model)
    labels = np.zeros(turned.shape, np.int16)
    for number, mask in enumerate(masks, 1):
        if table.labels[number]:
            labels[mask] = table.labels[number]
    if not labels.any():
        raise LabelError("found no muscle in the image", model, "Check that it shows a lower leg")
    return labels, table


def _identity(path: Path, log: str) -> tuple[str, str]:
    """Return name and version (Dafne's time stamp) of a model file ``Leg_1669385545.model``."""
    match = re.fullmatch(r"(.+)_(\d+)", path.stem)
    said = re.findall(r"^timestamp (\S+)$", log, re.MULTILINE)
    version = said[-1] if said and said[-1] != "unknown" else (match[2] if match else "")
    if not version:
        raise LabelError(
            "does not say its version", path, "Keep Dafne's file name, such as Leg_1669385545.model"
        )
    return (match[1] if match else path.stem), version
