"""What one drawn image shows: its kind of contrast, and the rarer things that happen to a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FAMILIES = ("t1", "opposed", "water", "t2", "fat", "random", "echo_planar")


@dataclass(frozen=True)
class Choices:
    """What an image shows.

    Attributes
    ----------
    family : str
        Kind of contrast, of ``FAMILIES``.
    septa : bool
        Whether anything is seen between muscles.
    pressed : bool
        Whether the leg lies on something or is pressed against the other.
    touching : bool
        Whether a part of the other leg is taken for this one.
    apart_mm : float
        Distance of slices where they are too thick to be read where the network looks; else 0.
    """

    family: str
    septa: bool = True
    pressed: bool = False
    touching: bool = False
    apart_mm: float = 0.0


def draw_choices(rng: np.random.Generator, difficulty: float) -> Choices:
    """Draw what an image shows; rarer things grow with the difficulty (0 to 1)."""
    chances = np.array([0.27, 0.18, 0.16, 0.10, 0.05, 0.12 * difficulty, 0.20])
    family = FAMILIES[int(rng.choice(len(FAMILIES), p=chances / chances.sum()))]
    chance = rng.random(4)
    thick = chance[3] < 0.1 + 0.15 * difficulty
    return Choices(
        family, bool(chance[0] > 0.1 + 0.15 * difficulty), bool(chance[1] < 0.3 * difficulty),
        bool(chance[2] < 0.12 * difficulty),
        float(rng.uniform(8.0, 12.0 + 10.0 * difficulty)) if thick else 0.0,
    )  # fmt: skip
