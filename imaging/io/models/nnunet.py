"""nnU-Net v2: a trained-model folder, run by the user's own nnU-Net.

Known best: Bolsterlee's leg model (dataset 205). Labels are named by the folder's ``dataset.json``.
Source: Isensee et al., Nat Methods 18, 2021.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imaging.errors import ConfigError, LabelError, MissingFileError
from imaging.formats.json import read_json
from imaging.image import Image
from imaging.io.models.card import ModelOptions, ModelResult
from imaging.io.models.files import weights_version
from imaging.io.models.names import (
    LabelTable,
    label_of_foreign_name,
    table_of_names,
    table_of_scheme,
)
from imaging.io.models.tools import find_tool, read_answer, run_tool, write_input
from imaging.muscles import structure_of
from imaging.schemes import relabel

COMMAND = "nnUNetv2_predict_from_modelfolder"
LEG_DATASET = "Dataset205"
LEG_SCHEME = "nnunet_leg_205"
_HOW = (
    "Install a trained model with nnUNetv2_install_pretrained_model_from_zip FILE.zip and give "
    "nnunet:FOLDER, the folder that holds dataset.json, plans.json and fold_*"
)
_INSTALL = "Run in an environment of its own: pip install nnunetv2, then activate it"
_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")


def run(image: Image, path: Path | None, options: ModelOptions) -> ModelResult:
    """Label an image by a trained nnU-Net.

    Parameters
    ----------
    image
        3-D image of the contrast that the model was trained on.
    path
        Trained-model folder, or the dataset folder above it; none: dataset 205 in
        ``$nnUNet_results``.
    options
        `version`, `scheme`, `orientation`, `device`, `overlap`, `timeout_s` are used.

    Raises
    ------
    MissingToolError, MissingFileError
        nnU-Net, or a file of the folder, is missing.
    ConfigError, LabelError
        The model wants several images, or its labels cannot be told.
    ComputationError
        nnU-Net failed.
    """
    folder = trained_folder(path)
    dataset = read_json(folder / "dataset.json", _HOW)
    plans = read_json(folder / "plans.json", _HOW)
    check_channels(dataset, folder / "dataset.json")
    folds, checkpoint = find_folds(folder)
    name = str(plans.get("dataset_name", folder.parent.name))
    table = label_table(dataset, name, options.scheme, folder / "dataset.json")
    ending = str(dataset.get("file_ending", ".nii.gz"))
    if ending not in (".nii.gz", ".nii"):
        raise ConfigError(f"reads {ending} files", folder / "dataset.json", "Give a NIfTI model")
    program = find_tool(COMMAND, _INSTALL)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "in").mkdir()
        given = write_input(image, work / "in" / f"leg_0000{ending}", options.orientation)
        log = run_tool(
            [
                program, "-i", str(work / "in"), "-o", str(work / "out"), "-m", str(folder),
                "-f", *folds, "-chk", checkpoint, "-device", options.device,
                "-step_size", f"{1.0 - options.overlap:g}", "-npp", "1", "-nps", "1",
                "--disable_progress_bar",
            ],
            work, options.timeout_s,
        )  # fmt: skip
        answer = read_answer(work / "out" / f"leg{ending}", given, image, options.orientation, log)
    labels = relabel(answer, dict(table.labels), folder / "dataset.json")
    weights = [folder / f"fold_{fold}" / checkpoint for fold in folds]
    return ModelResult(
        image.with_data(labels), None, name,
        options.version or str(dataset.get("release") or weights_version(weights)),
        table.scheme, str(dataset.get("licence", dataset.get("license", ""))), table.note(),
    )  # fmt: skip


def trained_folder(path: Path | None) -> Path:
    """Return the folder with ``dataset.json`` that is meant by a path, or by none.

    Raises
    ------
    MissingFileError
        No such folder, or none with a trained model in it.
    ConfigError
        Several trained models lie in it.
    """
    if path is None:
        results = Path(os.environ.get("nnUNet_results", ""))  # noqa: SIM112
        found = sorted(results.glob(f"{LEG_DATASET}*")) if results != Path() else []
        if not found:
            raise MissingFileError(f"no {LEG_DATASET} in $nnUNet_results", None, _HOW)
        path = found[0]
    if (path / "dataset.json").is_file() and (path / "plans.json").is_file():
        return path.resolve()
    if not path.is_dir():
        raise MissingFileError("no such model folder", path, _HOW)
    inside = sorted(p.parent for p in path.glob("*/plans.json"))
    if len(inside) > 1:
        names = ", ".join(p.name for p in inside)
        raise ConfigError("holds several trained models", path, f"Give one of {names}")
    if not inside:
        raise MissingFileError("has no dataset.json and plans.json", path, _HOW)
    return inside[0].resolve()


def find_folds(folder: Path) -> tuple[list[str], str]:
    """Return the folds that have weights, and the name of their checkpoint.

    Raises
    ------
    MissingFileError
        No weights.
    """
    for checkpoint in _CHECKPOINTS:
        found = sorted(p.parent.name.removeprefix("fold_") for p in folder.glob(f"*/{checkpoint}"))
        if "all" in found:
            return ["all"], checkpoint
        if found:
            return found, checkpoint
    raise MissingFileError(f"has no fold_*/{_CHECKPOINTS[0]} (the weights)", folder, _HOW)


def check_channels(dataset: Mapping[str, Any], path: Path) -> None:
    """Check that the model wants one image.

    Raises
    ------
    ConfigError
        Of nnU-Net v1, or several images are wanted.
    """
    channels = dataset.get("channel_names")
    if not isinstance(channels, dict):
        raise ConfigError(
            "has no channel_names: it is not of nnU-Net v2", path, "Give a model trained by v2"
        )
    if len(channels) != 1:
        names = ", ".join(str(n) for n in channels.values())
        raise ConfigError(
            f"wants {len(channels)} images ({names}), one is given",
            path,
            "Use a model of one contrast",
        )


def written_names(dataset: Mapping[str, Any], path: Path) -> dict[int, str]:
    """Return what each number in nnU-Net's label maps is called.

    With regions (labels that are lists) the numbers written are those of ``regions_class_order``.

    Raises
    ------
    ConfigError
        ``labels`` cannot be read.
    """
    labels = dataset.get("labels")
    fix = "Give the dataset.json that lies beside the weights"
    if not isinstance(labels, dict) or any(str(name).isdigit() for name in labels):
        raise ConfigError("labels: not a table name → number", path, fix)
    named = {n: v for n, v in labels.items() if n not in ("background", "ignore")}
    if not any(isinstance(v, list) for v in named.values()):
        return {0: "background"} | {int(v): str(n) for n, v in named.items()}
    order = dataset.get("regions_class_order")
    if not isinstance(order, list) or len(order) != len(named):
        raise ConfigError("regions_class_order: one number per region is needed", path, fix)
    return {0: "background"} | {int(v): str(n) for v, n in zip(order, named, strict=True)}


def label_table(
    dataset: Mapping[str, Any], name: str, scheme: str | None, path: Path
) -> LabelTable:
    """Return what the numbers of a model mean.

    Raises
    ------
    LabelError
        Names in ``dataset.json`` contradict the scheme, or none is known.
    """
    names = written_names(dataset, path)
    if scheme is None and not name.startswith(LEG_DATASET):
        return table_of_names(names, path)
    table = table_of_scheme(scheme or LEG_SCHEME)
    if unknown := sorted(set(names) - set(table.labels) - {0}):
        raise LabelError(f"labels {unknown} are not in {table.scheme}", path, "Give another scheme")
    for value, called in names.items() if scheme is None else ():
        own, theirs = table.labels.get(value, 0), label_of_foreign_name(called)
        if theirs is not None and not _agree(own, theirs):
            raise LabelError(
                f"label {value} is {called!r} here but {table.names[value]!r} in {table.scheme}",
                path,
                "Say which scheme belongs to these weights",
            )
    return table


def _agree(own: int, theirs: int) -> bool:
    """Tell whether two labels may be the same structure: a merged one may be named by a part."""
    if own == 0 or theirs == 0:
        return own == theirs
    one, other = structure_of(own), structure_of(theirs)
    return one == other or ("group" in (one.tissue, other.tissue) and one.group == other.group)
