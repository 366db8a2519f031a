"""Dice of a network on synthetic images of legs that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from imaging.segmentation.inputs import CLASSES
from imaging.training.batches import draw_image
from imaging.training.legs import TrainingLeg

LARGE = ("TA", "EDL+PT", "PL+PB", "GM", "GL", "SOL", "FHL", "TP")
SINGLE = (*LARGE, "EHL", "PLA", "POP", "FDL")
MILD, FULL = 0.3, 1.0


def class_dice(
    net: nn.Module, legs: Sequence[TrainingLeg], difficulty: float, *,
    known: bool = True, slices: int = 24, seed: int = 7,
) -> dict[str, float]:  # fmt: skip
    """Return Dice per class, voxels of all slices taken together.

    Parameters
    ----------
    net
        Network in evaluation mode.
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
    """
    counts = np.zeros((3, len(CLASSES)))
    for n, leg in enumerate(legs):
        for s, height in enumerate(np.linspace(0.02, 0.98, slices)):
            rng = np.random.default_rng([seed, n, s])
            x, y = draw_image(rng, leg, difficulty, float(height), known)
            with torch.inference_mode():
                found = net(torch.from_numpy(x[None]))[0].argmax(0).numpy()
            for c in range(len(CLASSES)):
                counts[:, c] += ((found == c) & (y == c)).sum(), (found == c).sum(), (y == c).sum()
    shared, a, b = counts
    return {
        key: float(2 * shared[c] / (a[c] + b[c])) if b[c] else float("nan")
        for c, key in enumerate(CLASSES)
    }


def summary(dice: dict[str, float]) -> tuple[float, float]:
    """Return the mean Dice of the larger eight muscles, and of all single ones."""
    return tuple(float(np.nanmean([dice[k] for k in keys])) for keys in (LARGE, SINGLE))  # type: ignore[return-value]
