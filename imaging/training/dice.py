"""Dice of a network on synthetic images of legs that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from imaging.segmentation.inputs import CLASSES, SLICES_MM
from imaging.training.batches import draw_image
from imaging.training.choices import Choices, draw_choices
from imaging.training.legs import TrainingLeg
from imaging.training.scans import IGNORED, Predict, ScannedLeg, slice_input

Choose = Callable[[np.random.Generator, float], Choices]
LARGE = ("TA", "EDL+PT", "PL+PB", "GM", "GL", "SOL", "FHL", "TP")
SINGLE = (*LARGE, "EHL", "PLA", "POP", "FDL")
MILD, FULL = 0.3, 1.0


def class_dice(
    predict: Predict, legs: Sequence[TrainingLeg], difficulty: float, *,
    known: bool = True, slices: int = 24, seed: int = 7, slices_mm: Sequence[float] = SLICES_MM,
    choose: Choose = draw_choices,
) -> dict[str, float]:  # fmt: skip
    """Return Dice per class, voxels of all slices taken together.

    Parameters
    ----------
    predict
        The network.
    legs
        Legs to draw.
    difficulty
        Of the images.
    known
        Whether the network is told the height along the leg.
    slices
        Slices per leg, evenly spread from ankle to knee.
    seed
        Of the images.
    slices_mm
        Slices that the network sees.
    choose
        Draws what an image shows.
    """
    counts = np.zeros((3, len(CLASSES)))
    for n, leg in enumerate(legs):
        for s, height in enumerate(np.linspace(0.02, 0.98, slices)):
            rng = np.random.default_rng([seed, n, s])
            choices = choose(np.random.default_rng([seed, n, s, 1]), difficulty)
            x, y = draw_image(
                rng, leg, difficulty, float(height), known, slices_mm=slices_mm, choices=choices
            )
            found = predict(x).argmax(0)
            for c in range(len(CLASSES)):
                counts[:, c] += ((found == c) & (y == c)).sum(), (found == c).sum(), (y == c).sum()
    return _dice(counts)


def scan_dice(
    predict: Predict, legs: Sequence[ScannedLeg], slices_mm: Sequence[float] = SLICES_MM
) -> dict[str, float]:
    """Return Dice per class on real images, voxels of all drawn slices taken together."""
    counts = np.zeros((3, len(CLASSES)))
    for leg in legs:
        shape = leg.classes.shape
        for k in leg.drawn:
            found = predict(slice_input(leg, int(k), slices_mm)).argmax(0)
            found = found[: shape[0], : shape[1]]
            y = leg.classes[:, :, k]
            found = np.where(y == IGNORED, IGNORED, found)
            for c in range(len(CLASSES)):
                counts[:, c] += ((found == c) & (y == c)).sum(), (found == c).sum(), (y == c).sum()
    return _dice(counts)


def _dice(counts: np.ndarray) -> dict[str, float]:
    shared, a, b = counts
    return {
        key: float(2 * shared[c] / (a[c] + b[c])) if b[c] else float("nan")
        for c, key in enumerate(CLASSES)
    }


def summary(dice: dict[str, float]) -> tuple[float, float]:
    """Return the mean Dice of the larger eight muscles, and of all single ones."""
    return tuple(float(np.nanmean([dice[k] for k in keys])) for keys in (LARGE, SINGLE))  # type: ignore[return-value]
