"""A MONAI bundle: ``configs/metadata.json``, ``configs/inference.json``, ``models/model.ts``.

The TorchScript network is run in Pennate's own tiles. The bundle's transforms are read as data and
its Python expressions are never run. What is not understood is refused by name: a network that is
fed otherwise than it was trained gives labels that look right and are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import Float32
from imaging.errors import ConfigError, LabelError, MissingFileError, MissingToolError
from imaging.formats.json import read_json
from imaging.image import Image
from imaging.io.models.card import ModelOptions, ModelResult
from imaging.io.models.files import model_folder
from imaging.io.models.grid import check_axis_codes
from imaging.io.models.names import LabelTable, table_of_names, table_of_scheme
from imaging.io.models.recipe import Recipe, Step, apply
from imaging.io.models.tiles import Predict
from imaging.threads import threads

_HOW = "Give monai:FOLDER, the bundle with configs/metadata.json and models/model.ts"
_EXPORT = (
    "Export it in the environment of MONAI: python -m monai.bundle ckpt_export --bundle_root "
    "FOLDER --filepath FOLDER/models/model.ts"
)
_TORCH = "Run: pip install 'pennate[train]'"
# Transforms that change neither intensities nor place.
_NEUTRAL = {
    "LoadImage", "EnsureChannelFirst", "AddChannel", "AsChannelFirst", "EnsureType", "ToTensor",
    "CastToType", "ToDevice", "SelectItems", "DeleteItems", "SpatialPad", "DivisiblePad",
}  # fmt: skip


def run(image: Image, path: Path | None, options: ModelOptions) -> ModelResult:
    """Label an image by a MONAI bundle.

    Parameters
    ----------
    image
        3-D image.
    path
        Folder of the bundle.
    options
        `scheme` is used; overlap and everything else is the bundle's.

    Raises
    ------
    MissingFileError, MissingToolError
        A file of the bundle, or PyTorch, is missing.
    ConfigError, LabelError
        The bundle asks for what is not understood, or does not name its labels.
    """
    folder = model_folder(path, "monai", _HOW)
    about = folder / "configs" / "metadata.json"
    metadata = read_json(about, _HOW)
    version = metadata.get("version")
    if not version:
        raise ConfigError("gives no version", about, "Get the bundle again")
    recipe = read_recipe(read_json(folder / "configs" / "inference.json", _HOW), folder)
    table, count = read_labels(metadata, options.scheme, about)
    labels = [table.labels.get(n, 0) for n in range(count)]
    network = load_network(folder / "models" / "model.ts", options.device)
    winner, best = apply(recipe, network, image, labels, str(folder / "models" / "model.ts"))
    name = str(metadata.get("name") or metadata.get("task") or folder.name)
    return ModelResult(
        image.with_data(winner), best, name, str(version), table.scheme,
        str(metadata.get("license", "")), table.note(),
    )  # fmt: skip


def read_labels(
    metadata: Mapping[str, Any], scheme: str | None, path: Path
) -> tuple[LabelTable, int]:
    """Return what the channels of the answer mean, and how many there are.

    Raises
    ------
    ConfigError, LabelError
        The metadata do not describe one image in and one segmentation out, or no name is known.
    """
    data_format = metadata.get("network_data_format", {})
    inputs, outputs = data_format.get("inputs", {}), data_format.get("outputs", {})
    images = [v for v in inputs.values() if v.get("type") == "image"]
    answers = [v for v in outputs.values() if v.get("format") == "segmentation"] or list(
        outputs.values()
    )
    if len(images) != 1 or int(images[0].get("num_channels", 1)) != 1:
        raise ConfigError("does not take one image of one channel", path, "Use another bundle")
    if len(answers) != 1 or not answers[0].get("channel_def"):
        raise ConfigError(
            "does not name the channels of one segmentation", path, "Use another bundle"
        )
    names = {int(k): str(v) for k, v in answers[0]["channel_def"].items()}
    count = int(answers[0].get("num_channels", max(names) + 1))
    if max(names) >= count:
        raise LabelError(f"names channel {max(names)} of {count}", path, "Get the bundle again")
    return (table_of_scheme(scheme) if scheme else table_of_names(names, path)), count


def read_recipe(config: Mapping[str, Any], folder: Path) -> Recipe:
    """Read how the bundle prepares an image and tiles it.

    Raises
    ------
    ConfigError
        A transform or number that is not understood.
    """
    path = folder / "configs" / "inference.json"
    transforms = _value(config, config.get("preprocessing", {}), path).get("transforms", [])
    codes = "RAS"
    spacing: tuple[float | None, float | None, float | None] = (None, None, None)
    steps: list[Step] = []
    cropped = False
    for entry in _value(config, transforms, path):
        transform = _resolved(config, entry, path)
        if transform.get("_disabled_") is True:
            continue
        name = str(transform.get("_target_", "")).rpartition(".")[2].removesuffix("d")
        if name == "Orientation":
            codes = check_axis_codes(str(transform.get("axcodes", "RAS")))
        elif name == "Spacing":
            spacing = _spacing(transform.get("pixdim"), path)
        elif name == "CropForeground":
            cropped = True
        elif name not in _NEUTRAL:
            steps.append(_step(name, transform, path))
            _refuse_after_crop(steps[-1], cropped, path)
    _refuse_sigmoid(config, path)
    patch, overlap = _tiling(_resolved(config, config.get("inferer", {}), path), path)
    return Recipe(codes, spacing, tuple(steps), patch, 1, "logits", overlap)


def _value(config: Mapping[str, Any], value: Any, path: Path) -> Any:
    """Follow ``@name`` references; a Python expression is refused."""
    if not isinstance(value, str):
        return value
    if value.startswith("@"):
        found: Any = config
        for part in value[1:].replace("#", "::").split("::"):
            try:
                found = found[int(part)] if isinstance(found, list) else found[part]
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise ConfigError(
                    f"{value} points to nothing", path, "Get the bundle again"
                ) from error
        return _value(config, found, path)
    if value.startswith("$"):
        raise ConfigError(
            f"holds the Python expression {value!r}, which Pennate does not run",
            path,
            "Write its value there instead",
        )
    return value


def _resolved(config: Mapping[str, Any], entry: Any, path: Path) -> dict[str, Any]:
    """Return an entry with the values that matter resolved; neutral ones may stay expressions."""
    table = _value(config, entry, path)
    if not isinstance(table, dict):
        raise ConfigError(f"{table!r} is not a transform", path, "Get the bundle again")
    name = str(table.get("_target_", "")).rpartition(".")[2].removesuffix("d")
    if name in _NEUTRAL:
        return dict(table)
    skipped = {"keys", "device", "sw_device", "mode", "progress", "cache_coeff", "prob"}
    return {k: v if k in skipped else _value(config, v, path) for k, v in table.items()}


def _refuse_after_crop(step: Step, cropped: bool, path: Path) -> None:
    """Refuse statistics over a cropped image: here nothing is cropped, so they would differ."""
    if cropped and step.kind != "scaled" and not step.numbers.get("nonzero"):
        raise ConfigError(
            "takes intensity statistics after CropForegroundd, which is not understood",
            path,
            "Put CropForegroundd last",
        )


def _refuse_sigmoid(config: Mapping[str, Any], path: Path) -> None:
    """Refuse overlapping classes: a label map holds one structure per voxel."""
    after = _value(config, config.get("postprocessing", {}), path)
    for entry in after.get("transforms", []) if isinstance(after, dict) else []:
        if isinstance(entry, dict) and entry.get("sigmoid"):
            raise ConfigError("its classes overlap (sigmoid)", path, "Use a bundle with softmax")


def _spacing(value: Any, path: Path) -> tuple[float | None, float | None, float | None]:
    """Return voxel sizes; MONAI keeps an axis where the size is not positive."""
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ConfigError(f"Spacingd has pixdim {value!r}", path, "Three numbers are needed")
    i, j, k = (float(v) if float(v) > 0 else None for v in value)
    return i, j, k


def _step(name: str, transform: Mapping[str, Any], path: Path) -> Step:
    """Translate an intensity transform of MONAI."""
    get = transform.get
    ends = {"b_min": get("b_min"), "b_max": get("b_max"), "clip": bool(get("clip", False))}
    if name == "NormalizeIntensity" and get("subtrahend") is None and get("divisor") is None:
        return Step("zscore", {"nonzero": bool(get("nonzero", False))})
    if name == "ScaleIntensity" and get("factor") is None:
        return Step("minmax", {"b_min": get("minv", 0.0), "b_max": get("maxv", 1.0)})
    if name == "ScaleIntensityRange" and None not in ends.values():
        return Step("scaled", {"a_min": get("a_min"), "a_max": get("a_max"), **ends})
    if name == "ScaleIntensityRangePercentiles" and not get("relative", False):
        return Step("percentiles", {"lower": get("lower"), "upper": get("upper"), **ends})
    raise ConfigError(
        f"the transform {name} with these settings is not understood",
        path,
        "Use the bundle in MONAI and give its label map with --manual and a look-up table",
    )


def _tiling(inferer: Mapping[str, Any], path: Path) -> tuple[tuple[int, ...], float]:
    name = str(inferer.get("_target_", "")).rpartition(".")[2]
    size = inferer.get("roi_size")
    wanted = {"SlidingWindowInferer": (3,), "SliceInferer": (2,)}.get(name, ())
    if not isinstance(size, list | tuple) or len(size) not in wanted:
        raise ConfigError(
            f"the inferer {name or 'of this bundle'} with roi_size {size!r} is not understood",
            path,
            "SlidingWindowInferer with three numbers or SliceInferer with two is needed",
        )
    if name == "SliceInferer" and inferer.get("spatial_dim", 0) != 2:
        raise ConfigError(
            "SliceInferer does not cut along the third axis", path, "Set spatial_dim 2"
        )
    return tuple(int(n) for n in size), float(inferer.get("overlap", 0.25))


def load_network(path: Path, device: str) -> Predict:
    """Return a TorchScript network as a function.

    Raises
    ------
    MissingFileError, MissingToolError
        No such file, or no PyTorch.
    ConfigError
        Not TorchScript.
    """
    if not path.is_file():
        raise MissingFileError("no TorchScript network", path, _EXPORT)
    try:
        import torch
    except ImportError as error:
        raise MissingToolError("PyTorch is not installed", None, _TORCH) from error
    torch.set_num_threads(threads())
    try:
        network = torch.jit.load(str(path), map_location=device).eval()
    except RuntimeError as error:
        raise ConfigError("is not a TorchScript network", path, _EXPORT) from error

    def predict(tile: Float32) -> Float32:
        with torch.inference_mode():
            try:
                answer = network(torch.from_numpy(tile).to(device))
            except RuntimeError as error:
                last = str(error).strip().splitlines()[-1][:200]
                raise ConfigError(
                    f"fails on a tile of {tile.shape} ({last})", path, _HOW
                ) from error
        return np.asarray((answer[0] if isinstance(answer, tuple | list) else answer).cpu())

    return predict
