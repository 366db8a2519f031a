"""Real images with labels as training material: a site's own legs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from imaging.arrays import BoolArray, Float32
from imaging.errors import LabelError
from imaging.image import Image, resample
from imaging.segmentation.inputs import (
    CLASSES,
    OUTSIDE,
    PLACE_CHANNELS,
    REST,
    SAT,
    SLICES_MM,
    channels,
)
from imaging.segmentation.legs import leg_grid, leg_mask, split_legs
from imaging.segmentation.network import LegSlices, leg_slices
from imaging.training.legs import to_classes
from imaging.training.shape import SIZE, smooth_noise

IGNORED = 255
"""Of classes: not known, nothing is learnt from it."""
Predict = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""Takes the input (S + 2, N, M) of one slice to logits (C, N, M)."""
_FEW = 3
_TILE = 16
_SURE = 0.95


@dataclass(frozen=True)
class ScannedLeg:
    """One leg of a real image with its labels, as a right leg.

    Attributes
    ----------
    name, body : str
        Its name; whose leg it is.
    slices : LegSlices
        What the network sees.
    classes : (I, J, K) uint8
        Network classes on the same grid; ``IGNORED`` where it is not known.
    """

    name: str
    body: str
    slices: LegSlices
    classes: NDArray[np.uint8]

    @property
    def drawn(self) -> NDArray[np.intp]:
        """Slices in which something was drawn and muscle is seen."""
        labelled = (self.classes > REST) & (self.classes != IGNORED)
        return np.flatnonzero(labelled.any((0, 1)) & (self.slices.levels > 0))


def scanned_leg(name: str, body: str, image: Image, indices: Image, right: bool) -> ScannedLeg:
    """Prepare one leg of a real image.

    Parameters
    ----------
    name, body
        Its name, and whose leg it is.
    image
        Bias-corrected image, canonical axis order.
    indices
        Catalogue indices without side, in the same world.
    right
        Whether it is a right leg; a left one is mirrored.

    Raises
    ------
    LabelError
        Nothing was drawn in a leg, or it is that of the other side.
    """
    labels = resample(as_thick(indices, image), image, order=0).data
    legs = split_legs(leg_mask(image), image.spacing, image.data)
    leg = max(legs, key=lambda mask: int((labels[mask] > 0).sum()))
    if not labels[leg].any():
        raise LabelError("lies beside the leg that its image shows", None, "Draw on that image")
    _check_side(image, legs, leg, right)
    grid, mask = leg_grid(image, leg)
    slices = leg_slices(grid, mask)
    classes = to_classes(resample(as_thick(indices, grid), grid, order=0).data)
    classes = _around(classes, mask)
    if not right:
        slices = LegSlices(slices.data[::-1].copy(), slices.levels, grid)
        classes = classes[::-1].copy()
    return ScannedLeg(name, body, slices, classes)


def as_thick(labels: Image, grid: Image) -> Image:
    """Let every drawn slice reach as far as a slice of a grid, lest none of that meets it."""
    drawn = np.flatnonzero(labels.data.any((0, 1)))
    reach = 0.5 * float(grid.spacing[2]) / float(labels.spacing[2])
    if not drawn.size or reach <= 0.5:
        return labels
    every = np.arange(labels.shape[2])
    nearest = drawn[np.abs(every[:, None] - drawn).argmin(1)]
    data = labels.data[:, :, nearest].copy()
    data[:, :, np.abs(every - nearest) > reach] = 0
    return labels.with_data(data)


def _check_side(image: Image, legs: Sequence[BoolArray], leg: BoolArray, right: bool) -> None:
    """Raise if the drawn leg lies where the other one must lie."""
    if len(legs) != 2:
        return
    x = [image.to_world(np.argwhere(mask[::4, ::4]) * [4, 4, 1])[:, 0].mean() for mask in legs]
    own = [mask is leg for mask in legs].index(True)
    if (x[own] > x[1 - own]) != right:
        raise LabelError(
            "lies in the leg of the other side",
            None, "Name the other side, or look whether the image is stored mirrored",
        )  # fmt: skip


def _around(classes: NDArray[np.uint8], mask: BoolArray) -> NDArray[np.uint8]:
    """Say what the voxels without a label are, as far as it is known.

    Under the fascia they are the rest, above it fat. Where whole muscles or the bones were not
    drawn they may be those as well, and nothing is to be learnt from them: a drawing that stops
    short of the rim teaches that muscle is fat.
    """
    bare = (classes == OUTSIDE) & mask
    if is_partial(classes):
        return np.where(bare, IGNORED, classes).astype(np.uint8)
    out = np.where(bare, SAT, classes).astype(np.uint8)
    out[bare & ndimage.binary_closing(classes > 0, np.ones((5, 5, 1), bool))] = REST
    return out


def is_partial(classes: NDArray[np.uint8]) -> bool:
    """Tell whether bones or more than a few muscles were left out of a drawing."""
    missing = set(range(REST + 1, len(CLASSES))) - set(np.unique(classes).tolist())
    return len(missing) > _FEW or CLASSES.index("TIB") in missing


def slice_input(leg: ScannedLeg, k: int, slices_mm: Sequence[float]) -> Float32:
    """Return what the network sees of a slice (S + 2, N, M); N and M are filled up to its tiles."""
    shape = leg.classes.shape
    padded = [-(-n // _TILE) * _TILE for n in shape[:2]]
    x = np.zeros((len(slices_mm) + PLACE_CHANNELS, *padded), np.float32)
    x[:-PLACE_CHANNELS] = -1.0
    near = leg.slices.around(k, slices_mm, False)
    x[:, : shape[0], : shape[1]] = channels(near, float(leg.slices.levels[k]), None)
    return x


def with_fat(leg: ScannedLeg, predict: Predict, slices_mm: Sequence[float]) -> ScannedLeg:
    """Return a leg with fat where nothing is known and a network is sure of it.

    Else nothing would keep muscles from growing into it.

    Parameters
    ----------
    leg
        Leg of which muscles were left out of the drawing; another one stays as it is.
    predict
        The network that is gone on with.
    slices_mm
        Slices that it sees.
    """
    classes = leg.classes.copy()
    for k in map(int, leg.drawn):
        share = special.softmax(predict(slice_input(leg, k, slices_mm)), axis=0)[SAT]
        share = share[: classes.shape[0], : classes.shape[1]]
        classes[:, :, k][(classes[:, :, k] == IGNORED) & (share > _SURE)] = SAT
    return replace(leg, classes=classes)


def draw_scan(
    rng: np.random.Generator, leg: ScannedLeg, difficulty: float,
    slices_mm: Sequence[float] = SLICES_MM,
) -> tuple[Float32, NDArray[np.uint8]]:  # fmt: skip
    """Draw one slice of a real image, a little deformed, scaled and shaded.

    Returns
    -------
    Input (S + 2, SIZE, SIZE) and classes (SIZE, SIZE).
    """
    k = int(rng.choice(leg.drawn))
    points = _points(rng, leg, k, difficulty)
    near = leg.slices.around(k, slices_mm, False)
    near = np.stack([ndimage.map_coordinates(s, points, order=1) for s in near])
    classes = ndimage.map_coordinates(leg.classes[:, :, k], points, order=0)
    near *= np.exp(0.3 * difficulty * smooth_noise(rng, 2, 1)[0])
    scale = float(leg.slices.levels[k] * np.exp(0.1 * difficulty * rng.standard_normal()))
    noise = 0.04 * difficulty * rng.random() * scale
    near += np.float32(noise) * rng.standard_normal(near.shape, dtype=np.float32)
    return channels(np.maximum(near, 0), scale, None), classes


def _points(rng: np.random.Generator, leg: ScannedLeg, k: int, difficulty: float) -> Float32:
    """Return where the pixels of a drawn slice lie in the leg's slice (2, SIZE, SIZE)."""
    middle = np.argwhere(leg.classes[:, :, k] > OUTSIDE).mean(0)
    turn = difficulty * np.deg2rad(12.0) * rng.standard_normal()
    size = np.exp(difficulty * 0.1 * rng.standard_normal())
    matrix = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    at = np.indices((SIZE, SIZE), dtype=np.float32) - 0.5 * (SIZE - 1)
    at += rng.uniform(-8, 8, 2)[:, None, None]
    points = np.tensordot(matrix, at, 1) + middle[:, None, None]
    return np.asarray(points + difficulty * 1.2 * smooth_noise(rng, 4, 2), np.float32)
