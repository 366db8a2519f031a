"""A network in a folder of ``model.onnx`` and ``model.json``, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from imaging.arrays import Float32
from imaging.config import Section, parse_settings
from imaging.errors import ConfigError, LabelError, MissingFileError, MissingToolError
from imaging.formats.json import read_json
from imaging.image import Image
from imaging.io.models.card import ModelOptions, ModelResult
from imaging.io.models.files import model_folder
from imaging.io.models.grid import check_axis_codes
from imaging.io.models.names import LabelTable, table_of_names, table_of_scheme
from imaging.io.models.recipe import STEPS, Recipe, Step, apply
from imaging.io.models.tiles import Predict
from imaging.threads import threads

_HOW = "See docs/models.md for what the folder holds"


class OnnxInput(Section):
    """What the network wants."""

    orientation: str = "RAS"
    spacing: tuple[float | None, float | None, float | None] = (None, None, None)
    normalisation: list[dict[str, Any]] = Field(default_factory=list)
    patch: tuple[int, ...] = Field(..., min_length=2, max_length=3)
    context: int = Field(1, ge=1)


class OnnxCard(Section):
    """Content of ``model.json``."""

    name: str
    version: str = Field(..., min_length=1)
    licence: str = ""
    input: OnnxInput
    output: Literal["logits", "probabilities", "labels"] = "logits"
    labels: dict[int, str] = Field(default_factory=dict)
    scheme: str | None = None
    channels: list[int] | None = None


def run(image: Image, path: Path | None, options: ModelOptions) -> ModelResult:
    """Label an image by a network of the user's own.

    Parameters
    ----------
    image
        3-D image.
    path
        Folder with ``model.onnx`` and ``model.json``.
    options
        `scheme` and `overlap` are used.

    Raises
    ------
    MissingFileError, MissingToolError
        A file of the folder, or onnxruntime, is missing.
    ConfigError, LabelError
        ``model.json`` lacks something or contradicts the network.
    """
    folder = model_folder(path, "onnx", _HOW)
    card = read_card(folder / "model.json")
    table = _table(card, options.scheme, folder / "model.json")
    channels = channel_labels(card, table, folder / "model.json")
    recipe = _recipe(card, options.overlap, folder / "model.json")
    network = load_network(folder / "model.onnx", recipe)
    labels, confidence = apply(recipe, network, image, channels, str(folder / "model.onnx"))
    return ModelResult(
        image.with_data(labels), confidence, card.name, card.version, table.scheme, card.licence,
        table.note(),
    )  # fmt: skip


def read_card(path: Path) -> OnnxCard:
    """Read ``model.json``."""
    content = read_json(path, _HOW)
    try:
        return parse_settings(OnnxCard, content, str(path))
    except ConfigError as error:
        raise ConfigError(error.what, path, _HOW) from error


def _table(card: OnnxCard, scheme: str | None, path: Path) -> LabelTable:
    if scheme or card.scheme:
        return table_of_scheme(scheme or str(card.scheme))
    if not card.labels:
        raise ConfigError("labels: neither labels nor a scheme are given", path, _HOW)
    return table_of_names({0: "background", **card.labels}, path)


def channel_labels(card: OnnxCard, table: LabelTable, path: Path) -> list[int]:
    """Return the catalogue label of each channel of the network's answer.

    Channel n has label n of the table, unless ``channels`` lists them.

    Raises
    ------
    LabelError
        A channel without a label.
    """
    known = {0: 0, **table.labels}
    values = card.channels if card.channels is not None else list(range(max(known) + 1))
    if unknown := [v for v in values if v not in known]:
        raise LabelError(
            f"channels {unknown[:10]} have no name", path, "Name each channel in labels or channels"
        )
    return [known[v] for v in values]


def _recipe(card: OnnxCard, overlap: float, path: Path) -> Recipe:
    if card.input.context % 2 == 0 or (len(card.input.patch) == 3 and card.input.context > 1):
        raise ConfigError("input.context: must be odd, and 1 for a 3-D patch", path, _HOW)
    steps = []
    for step in card.input.normalisation:
        numbers = {k: v for k, v in step.items() if k != "kind"}
        if step.get("kind") not in STEPS:
            raise ConfigError(
                f"input.normalisation: kind {step.get('kind')!r} is not known",
                path,
                f"Use one of {', '.join(STEPS)}",
            )
        steps.append(Step(step["kind"], numbers))
        _try_step(steps[-1], path)
    return Recipe(
        check_axis_codes(card.input.orientation), card.input.spacing, tuple(steps),
        card.input.patch, card.input.context, card.output, overlap,
    )  # fmt: skip


def _try_step(step: Step, path: Path) -> None:
    try:
        STEPS[step.kind](np.arange(8, dtype=np.float32), **step.numbers)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"input.normalisation: {error}", path, _HOW) from error


def load_network(path: Path, recipe: Recipe) -> Predict:
    """Return an ONNX network as a function.

    Raises
    ------
    MissingToolError, MissingFileError
        No onnxruntime, or no such file.
    ConfigError
        Not a network, or one that takes other inputs than described.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingToolError(
            "onnxruntime is not installed", None, "Run: pip install onnxruntime"
        ) from error
    if not path.is_file():
        raise MissingFileError("no such network", path, _HOW)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads()
    settings.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), settings, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises kinds of its own, all alike
        raise ConfigError(f"is not an ONNX network ({_first_line(error)})", path, _HOW) from error
    inputs = session.get_inputs()
    _check_input(inputs, recipe, path)

    def predict(tile: Float32) -> Float32:
        try:
            return np.asarray(session.run(None, {inputs[0].name: tile})[0])
        except Exception as error:
            raise ConfigError(
                f"fails on a tile of {tile.shape} ({_first_line(error)})", path, _HOW
            ) from error

    return predict


def _check_input(inputs: list[Any], recipe: Recipe, path: Path) -> None:
    if len(inputs) != 1:
        raise ConfigError(f"takes {len(inputs)} inputs, one image is given", path, _HOW)
    shape, wanted = inputs[0].shape, (1, recipe.context, *recipe.patch)
    fits = len(shape) == len(wanted) and all(
        not isinstance(n, int) or n in (w, -1) for n, w in zip(shape, wanted, strict=True)
    )
    if not fits:
        raise ConfigError(f"takes an input of {shape}, model.json says {wanted}", path, _HOW)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
