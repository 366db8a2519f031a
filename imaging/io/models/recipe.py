"""How an image is prepared for a network and what its answer is: data, not code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import Float32
from imaging.errors import LabelError
from imaging.image import Image
from imaging.io.models.grid import likeliest, on_spacing, oriented, turned_back
from imaging.io.models.tiles import Predict, over_slices, over_volume


@dataclass(frozen=True)
class Step:
    """One step of intensity preparation: its name in :data:`STEPS` and its numbers."""

    kind: str
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What a network wants and yields.

    Attributes
    ----------
    orientation : str
        Axis codes of its input, for example ``RAS``; slices lie along the third axis.
    spacing : (3,) of float or None
        Voxel size along those axes, mm; None keeps the image's own.
    steps : tuple of Step
        Preparation of intensities, in order, over the whole volume.
    patch : tuple of int
        Size of a tile: two numbers for a network of slices, three for one of volumes.
    context : int
        Neighbouring slices given as channels, odd; 1 for a 3-D network.
    output : str
        ``logits``, ``probabilities``, or ``labels`` (one channel of whole numbers).
    overlap : float
        Share by which tiles overlap.
    """

    orientation: str
    spacing: tuple[float | None, float | None, float | None]
    steps: tuple[Step, ...]
    patch: tuple[int, ...]
    context: int = 1
    output: str = "logits"
    overlap: float = 0.5


def apply(
    recipe: Recipe, predict: Predict, image: Image, labels: Sequence[int], source: str
) -> tuple[NDArray[np.int16], Float32]:
    r"""Run a network over an image.

    Parameters
    ----------
    recipe
        What it wants.
    predict
        The network: (1, channels, \*patch) in, (1, C, \*patch) out.
    image
        3-D image in any axis order.
    labels : (C,)
        Catalogue label of each output channel (of each value for ``output="labels"``).
    source
        The model's file, for messages.

    Returns
    -------
    (I, J, K) int16, (I, J, K) float32
        Labels of the catalogue and their probabilities on the image's own grid.

    Raises
    ------
    LabelError
        The network's answer does not have one channel per label, or another size than its input.
    """
    turned = oriented(image, recipe.orientation)
    grid = on_spacing(turned, recipe.spacing)
    volume = prepared(grid.data, recipe.steps)
    checked = _checked(predict, recipe, len(labels), source)
    if len(recipe.patch) == 2:
        slices = over_slices(checked, volume, recipe.patch, recipe.overlap, recipe.context)
    else:
        slices = over_volume(checked, volume, recipe.patch, recipe.overlap)
    winner, best = likeliest(slices, labels, grid, turned)
    codes = recipe.orientation
    return turned_back(winner, image, codes), turned_back(best, image, codes)


def _checked(predict: Predict, recipe: Recipe, count: int, source: str) -> Predict:
    """Return the network with its answer checked and turned into probabilities."""

    def run(tile: Float32) -> Float32:
        out = np.asarray(predict(tile))
        wanted = (1, 1 if recipe.output == "labels" else count, *tile.shape[2:])
        if recipe.output == "labels" and out.shape == (1, *tile.shape[2:]):
            out = out[:, None]
        if out.shape != wanted:
            raise LabelError(
                f"the network answers with shape {out.shape} where {wanted} is needed "
                f"({count} labels with background)",
                source,
                "Check labels, patch and output in the model's description",
            )
        if recipe.output == "labels":
            return _one_hot(out[0, 0], count, source)[None]
        return _softmax(out) if recipe.output == "logits" else out.astype(np.float32)

    return run


def _softmax(logits: NDArray[Any]) -> Float32:
    shifted = np.exp(logits.astype(np.float32) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _one_hot(values: NDArray[Any], count: int, source: str) -> Float32:
    whole = np.rint(values).astype(int)
    if whole.min() < 0 or whole.max() >= count:
        raise LabelError(
            f"the network answers with label {whole.max()}, but {count - 1} are described",
            source,
            "Describe every label",
        )
    return (whole[None] == np.arange(count).reshape(-1, *[1] * whole.ndim)).astype(np.float32)


def prepared(data: NDArray[Any], steps: Sequence[Step]) -> Float32:
    """Prepare the intensities of a volume, step by step."""
    out = data.astype(np.float32)
    for step in steps:
        out = STEPS[step.kind](out, **step.numbers)
    return out.astype(np.float32, copy=False)


def zscore(data: Float32, nonzero: bool = False) -> Float32:
    """Subtract the mean and divide by the standard deviation, of voxels that are not 0 if asked."""
    chosen = data != 0 if nonzero else np.ones(data.shape, bool)
    if not chosen.any():
        return data
    mean, sd = float(data[chosen].mean()), float(data[chosen].std())
    return np.where(chosen, (data - mean) / (sd if sd > 0 else 1.0), data).astype(np.float32)


def scaled(
    data: Float32, a_min: float, a_max: float, b_min: float = 0.0, b_max: float = 1.0,
    clip: bool = False,
) -> Float32:  # fmt: skip
    """Map intensities a_min..a_max onto b_min..b_max."""
    span = a_max - a_min
    unit = (data - a_min) / (span if span != 0 else 1.0)
    if clip:
        unit = np.clip(unit, 0.0, 1.0)
    return (unit * (b_max - b_min) + b_min).astype(np.float32)


def percentiles(
    data: Float32, lower: float, upper: float, b_min: float = 0.0, b_max: float = 1.0,
    clip: bool = True,
) -> Float32:  # fmt: skip
    """Map two percentiles of the volume onto b_min..b_max."""
    low, high = np.percentile(data, [lower, upper])
    return scaled(data, float(low), float(high), b_min, b_max, clip)


def minmax(data: Float32, b_min: float = 0.0, b_max: float = 1.0) -> Float32:
    """Map the least and the largest intensity onto b_min..b_max."""
    return scaled(data, float(data.min()), float(data.max()), b_min, b_max)


STEPS: Mapping[str, Callable[..., Float32]] = {
    "zscore": zscore,
    "scaled": scaled,
    "percentiles": percentiles,
    "minmax": minmax,
}
