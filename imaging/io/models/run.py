"""One way in to every model: ``run_model(kind, image, path, options)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from imaging.errors import ConfigError
from imaging.image import Image
from imaging.io.models import dafne, monai_bundle, musclemap, nnunet, onnx, totalsegmentator
from imaging.io.models.card import ModelOptions, ModelResult

MODELS: Mapping[str, Callable[[Image, Path | None, ModelOptions], ModelResult]] = {
    "onnx": onnx.run,
    "monai": monai_bundle.run,
    "nnunet": nnunet.run,
    "musclemap": musclemap.run,
    "totalsegmentator": totalsegmentator.run,
    "dafne": dafne.run,
}


# What the files of a model hold that can run, once opened; ONNX holds numbers and sums alone.
_CODE: Mapping[str, str] = {
    "monai": "TorchScript, which can read and write files",
    "nnunet": "pickled Python",
    "musclemap": "pickled Python",
    "dafne": "Python",
}


def parse_model(text: str) -> tuple[str, Path | None]:
    """Split ``KIND`` or ``KIND:PATH``.

    Raises
    ------
    ConfigError
        No such kind of model.
    """
    kind, _, path = text.partition(":")
    if kind not in MODELS:
        raise ConfigError(f"no model {kind!r}", None, f"Use one of {', '.join(MODELS)}")
    return kind, Path(path).expanduser() if path else None


def run_model(
    kind: str, image: Image, path: Path | None = None, options: ModelOptions | None = None
) -> ModelResult:
    """Label an image by a model that the user has.

    Parameters
    ----------
    kind
        One of :data:`MODELS`.
    image
        3-D anatomical image, any axis order.
    path
        Folder or file of the model; none where the tool has its own.
    options
        What the user tells the model.

    Returns
    -------
    ModelResult
        Labels of the catalogue on the grid of `image`.

    Raises
    ------
    ConfigError
        Its files can run code, and the user did not say that they are to be trusted.
    MissingToolError, MissingFileError
        A program or weights are missing; the message says how to get them.
    ConfigError, LabelError
        The model's description cannot be used, or its version is not known.
    ComputationError
        The tool failed.
    """
    if kind not in MODELS:
        raise ConfigError(f"no model {kind!r}", None, f"Use one of {', '.join(MODELS)}")
    options = options or ModelOptions()
    # MuscleMap without a path brings its own weights.
    if kind in _CODE and not options.trusted and (path is not None or kind != "musclemap"):
        raise ConfigError(
            f"the files of a model of {kind} hold {_CODE[kind]}, so whoever made them can do "
            "here what you can",
            path,
            "If you know where they come from, add --trust-model (segmentation: trust_model)",
        )
    return MODELS[kind](image, path, options)
