"""MuscleMap: ``mm_segment`` as the user has it installed.

The trap: up to model version 1.3 and from 1.4 on the same numbers mean other muscles, and
``mm_segment`` falls back to whatever weights it has at hand when it cannot fetch the version that
was asked for. So the version is read from what it prints (or the labels from the weights' own
JSON), and a version that is not known is refused.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ComputationError, ConfigError, LabelError, MissingFileError
from imaging.formats.json import read_json
from imaging.image import Image
from imaging.io.models.card import ModelOptions, ModelResult
from imaging.io.models.files import weights_version
from imaging.io.models.names import LabelTable, table_of_names, table_of_scheme
from imaging.io.models.tools import find_tool, read_answer, run_tool, write_input
from imaging.schemes import relabel

COMMAND = "mm_segment"
SCHEMES = {
    "1.0": "musclemap-1.3",
    "1.1": "musclemap-1.3",
    "1.2": "musclemap-1.3",
    "1.3": "musclemap-1.3",
    "1.4": "musclemap-1.4",
}
DEFAULT_VERSION = "1.4"
_LEG = range(8000, 9000)
_INSTALL = (
    "Install MuscleMap (github.com/MuscleMap/MuscleMap) in an environment of its own: "
    "pip install -e . there, then activate it"
)
_WEIGHTS = (
    "Run mm_segment once with an internet connection so that it fetches its weights, or give "
    "musclemap:FILE.pth with the FILE.json that was downloaded with it"
)
_USED = re.compile(r"'wholebody' model \(?v(\d+(?:\.\d+)*)")


def run(image: Image, path: Path | None, options: ModelOptions) -> ModelResult:
    """Label an image by MuscleMap's whole-body model.

    Parameters
    ----------
    image
        3-D image, any contrast.
    path
        Weights ``.pth`` with their ``.json`` beside; none: those of the installed MuscleMap.
    options
        `version` (default 1.4), `orientation`, `overlap`, `device` and `timeout_s` are used.

    Raises
    ------
    MissingToolError, MissingFileError
        MuscleMap or its weights are missing.
    LabelError
        The version is not known, or not the one asked for was used.
    ComputationError
        MuscleMap failed.
    """
    weights = None if path is None else _weights(path)
    table, version = _of_weights(weights, options) if weights else _of_version(options)
    program = find_tool(COMMAND, _INSTALL)
    which = ["-m", str(weights.resolve())] if weights else ["--model_version", version]
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        given = write_input(image, work / "leg.nii.gz", options.orientation)
        command = [
            program, "-i", str(work / "leg.nii.gz"), "-o", str(work / "out"),
            "-s", f"{100 * options.overlap:g}", "-c", "auto",
            "-g", "N" if options.device == "cpu" else "Y", *which,
        ]  # fmt: skip
        log = _run(command, work, options.timeout_s)
        if weights is None:
            check_version(log, version)
        written = work / "out" / "leg_dseg.nii.gz"
        answer = read_answer(written, given, image, options.orientation, log)
    labels = relabel(*_leg_only(answer, table), f"the scheme {table.scheme}")
    return ModelResult(
        image.with_data(labels), None, "MuscleMap wholebody", version, table.scheme, "MIT",
        f"Labels as of MuscleMap {version}; other versions give the same numbers other meanings.",
    )  # fmt: skip


def _run(command: list[str], work: Path, timeout_s: float) -> str:
    """Run mm_segment; say plainly when it lacks weights or is too old."""
    try:
        log = run_tool(command, work, timeout_s)
    except ComputationError as error:
        if "unrecognized arguments" in str(error) or "invalid int value" in str(error):
            raise ConfigError(
                "this mm_segment is too old to say which model version it uses",
                None,
                "Update MuscleMap, or use labels it has written with --manual and a look-up table",
            ) from error
        if "No cached model" in str(error) or "internet connection" in str(error):
            raise MissingFileError("MuscleMap has no weights", None, _WEIGHTS) from error
        raise
    return log


def check_version(log: str, wanted: str) -> None:
    """Check that mm_segment used the model version that was asked for.

    Raises
    ------
    LabelError
        Another version was used, or it did not say which.
    """
    used = _USED.findall(log)
    if not used:
        raise LabelError(
            "mm_segment did not say which model version it used, so its labels are not known",
            None,
            "Update MuscleMap, or give musclemap:FILE.pth with its FILE.json",
        )
    if used[-1] != wanted:
        fix = f"Ask for version {used[-1]}, or fetch {wanted} with an internet connection"
        raise LabelError(
            f"mm_segment used model version {used[-1]} instead of {wanted}; "
            "the same labels mean other muscles there",
            None,
            fix,
        )


def _of_version(options: ModelOptions) -> tuple[LabelTable, str]:
    version = options.version or DEFAULT_VERSION
    if options.scheme:
        return table_of_scheme(options.scheme), version
    if version not in SCHEMES:
        raise LabelError(
            f"the labels of MuscleMap version {version!r} are not known",
            None,
            f"Ask for one of {', '.join(SCHEMES)}, or give its weights: musclemap:FILE.pth",
        )
    return table_of_scheme(SCHEMES[version]), version


def _weights(path: Path) -> Path:
    if not path.is_file():
        raise MissingFileError("no such weights", path, _WEIGHTS)
    return path


def _of_weights(weights: Path, options: ModelOptions) -> tuple[LabelTable, str]:
    """Return what the JSON beside the weights says of their labels and version."""
    path = weights.with_suffix(".json")
    content = read_json(path, _WEIGHTS)
    said = content.get("model", {}).get("version", content.get("version"))
    folder = re.fullmatch(r"v(\d+(?:\.\d+)*)", weights.resolve().parent.name)
    version = options.version or (str(said) if said is not None else None)
    version = version or (folder[1] if folder else None) or weights_version([weights])
    entries = content.get("labels")
    if not entries and version in SCHEMES:
        return table_of_scheme(SCHEMES[version]), version
    if not entries:
        raise LabelError(
            "does not name its labels", path, "Get the JSON of the same version as the weights"
        )
    # Muscles of other regions share words with those of the leg.
    names = {
        int(e["value"]): f"{e.get('side', '')} {e['anatomy']}"
        for e in entries
        if e.get("region") in ("leg", None)
    }
    rest = {int(e["value"]) for e in entries} - set(names)
    table = table_of_names(names, path)
    called = {**table.names, **dict.fromkeys(rest, "of another region")}
    return LabelTable({**table.labels, **dict.fromkeys(rest, 0)}, called, path.name), version


def _leg_only(
    answer: NDArray[np.int32], table: LabelTable
) -> tuple[NDArray[np.int32], dict[int, int]]:
    """Return labels and table with the other regions of the body as background."""
    others = {int(v) for v in np.unique(answer)} - set(table.labels)
    return answer, {**{v: 0 for v in others if v not in _LEG}, **table.labels}
