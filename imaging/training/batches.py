"""Batches of synthetic images; batch number n of a seed is always the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, Float32
from imaging.segmentation.inputs import (
    OUTSIDE,
    PIXEL_MM,
    PLACE_CHANNELS,
    SLICES_MM,
    channels,
    level,
)
from imaging.training.acquire import acquire
from imaging.training.appearance import Appearance, cortex_at, draw_appearance, draw_fields
from imaging.training.choices import Choices, draw_choices
from imaging.training.echo_planar import phase_distortion
from imaging.training.legs import TrainingLeg
from imaging.training.pressed import beside, draw_press
from imaging.training.render import AT_SKIN, T_FAT, draw_slices
from imaging.training.scans import ScannedLeg, draw_scan
from imaging.training.shape import SIZE, draw_frame, draw_height, draw_stack, draw_warp

KNOWN_HEIGHT = 0.6
# Fat darker than this, against muscle, may be taken for air.
_DARK = 0.3


@dataclass(frozen=True)
class Batch:
    """Input (B, S + 2, N, M) float32 and classes (B, N, M) uint8."""

    x: Float32
    y: NDArray[np.uint8]


def draw_image(
    rng: np.random.Generator, leg: TrainingLeg, difficulty: float, height: float | None = None,
    known: bool | None = None, *, slices_mm: Sequence[float] = SLICES_MM,
    choices: Choices | None = None,
) -> tuple[Float32, NDArray[np.uint8]]:  # fmt: skip
    """Draw one synthetic slice with its neighbours.

    Parameters
    ----------
    rng
        Random numbers.
    leg
        The leg to draw.
    difficulty
        0 (as it is) to 1.
    height
        Height along the leg; drawn where none is given.
    known
        Whether the network is told the height; drawn where none is given.
    slices_mm
        Slices that the network sees.
    choices
        What the image shows; drawn where none is given.

    Returns
    -------
    Input (S + 2, SIZE, SIZE) and classes (SIZE, SIZE).
    """
    height = draw_height(rng, leg) if height is None else height
    choices = choices or draw_choices(rng, difficulty)
    appearance = draw_appearance(rng, choices, difficulty)
    image, label, depth, thickness = _scan(
        rng, leg, difficulty, height, appearance, choices, slices_mm
    )
    mask = _seen(rng, depth, appearance, thickness, difficulty)
    if choices.touching:
        # A part of the other leg is taken for this one where they touch.
        image, other = beside(image, depth, mask, int(rng.integers(-4, 3)))
        near = ndimage.binary_dilation(mask, iterations=int(rng.integers(1, 9)))
        mask |= other & near
        label[other] = OUTSIDE
    image *= mask
    inner = ndimage.distance_transform_edt(np.pad(mask & (depth > 0), 1))[1:-1, 1:-1] * PIXEL_MM
    scale = level(image[len(image) // 2], inner.astype(np.float32))
    scale *= float(np.exp(0.12 * difficulty * rng.standard_normal()))
    told = rng.random() < KNOWN_HEIGHT if known is None else known
    given = height + 0.04 * float(rng.standard_normal()) if told else None
    x = channels(image, scale, given)
    return x, np.where(mask, label, OUTSIDE).astype(np.uint8)


def _scan(
    rng: np.random.Generator, leg: TrainingLeg, difficulty: float, height: float,
    appearance: Appearance, choices: Choices, slices_mm: Sequence[float],
) -> tuple[Float32, NDArray[np.uint8], Float32, Float32]:  # fmt: skip
    """Return slices (S, N, M), classes, depth under the skin, and how thick fat is (N, M)."""
    fields = draw_fields(rng, appearance, difficulty)
    frame, warp = draw_frame(rng, leg, height, difficulty), draw_warp(rng, difficulty)
    if choices.pressed:
        draw_press(rng, warp, leg, frame, appearance.fat_mm)
    piled = np.ones(1, np.float32)
    shift = np.zeros(2, np.float32)
    if appearance.echo_planar:
        moved, piled = phase_distortion(rng, rng.uniform(0.5, 1.5 + 2.5 * difficulty))
        warp[:2] += moved
        shift[rng.integers(2)] = rng.choice([-1, 1]) * rng.uniform(2.0, 5.0 + 10.0 * difficulty)
    elif rng.random() < 0.25:
        shift[rng.integers(2)] = rng.uniform(-2.0, 2.0) * (0.3 + 0.7 * difficulty)
    stack = draw_stack(rng, slices_mm, choices.apart_mm, difficulty)
    signal, label, depth = draw_slices(
        leg.packed, frame, warp, fields, stack.samples, stack.middle, appearance.water,
        appearance.fats, cortex_at(appearance.widths, height), appearance.fat_mm,
        appearance.muscles, appearance.sheet, shift,
    )  # fmt: skip
    image = acquire(rng, signal * piled, depth, appearance, difficulty)
    return np.tensordot(stack.mix, image, 1), label, depth, fields[0]


def _seen(
    rng: np.random.Generator,
    depth: Float32,
    appearance: Appearance,
    thickness: Float32,
    difficulty: float,
) -> BoolArray:
    """Return what counts as leg: to the skin or a little farther, or without fat that is dark."""
    beyond = -rng.uniform(0.0, 5.0) + 1.5 * difficulty * rng.uniform(0, 1)
    if appearance.water[T_FAT] + appearance.fats[T_FAT] < _DARK and rng.random() < 0.5:
        return np.asarray(
            depth > appearance.fat_mm * thickness + appearance.widths[AT_SKIN] + beyond
        )
    return np.asarray(depth > beyond)


def draw_batch(
    seed: int, step: int, legs: Sequence[TrainingLeg | ScannedLeg], weights: NDArray[np.floating],
    size: int, difficulty: float, slices_mm: Sequence[float] = SLICES_MM,
) -> Batch:  # fmt: skip
    """Draw a batch.

    Parameters
    ----------
    seed, step
        What the batch follows from.
    legs
        Legs to draw from, with the `weights` of being drawn.
    size
        Number of images.
    difficulty
        Hardest difficulty of the batch; images are spread below it.
    slices_mm
        Slices that the network sees.
    """
    rng = np.random.default_rng([seed, step])
    x = np.zeros((size, len(slices_mm) + PLACE_CHANNELS, SIZE, SIZE), np.float32)
    y = np.zeros((size, SIZE, SIZE), np.uint8)
    for n in range(size):
        leg = legs[rng.choice(len(legs), p=weights)]
        hard = difficulty * rng.uniform(0.5, 1.0)
        if isinstance(leg, ScannedLeg):
            x[n], y[n] = draw_scan(rng, leg, hard, slices_mm)
        else:
            x[n], y[n] = draw_image(rng, leg, hard, slices_mm=slices_mm)
    return Batch(x, y)
