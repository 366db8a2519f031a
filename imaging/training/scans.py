"""Real images with labels as training material: a site's own legs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from imaging.arrays import BoolArray, Float32
from imaging.image import Image, resample
from imaging.segmentation.inputs import CLASSES, OUTSIDE, REST, SAT, SLICES_MM, channels
from imaging.segmentation.legs import leg_grid, leg_mask, split_legs
from imaging.segmentation.network import LegSlices, leg_slices
from imaging.training.legs import to_classes
from imaging.training.shape import SIZE, smooth_noise

IGNORED = 255
"""Of classes: not known, nothing is learnt from it."""
_FEW = 3


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
    """
    labels = resample(indices, image, order=0).data
    legs = split_legs(leg_mask(image), image.spacing, image.data)
    leg = max(legs, key=lambda mask: int((labels[mask] > 0).sum()))
    grid, mask = leg_grid(image, leg)
    slices = leg_slices(grid, mask)
    classes = to_classes(resample(indices, grid, order=0).data)
    classes = _around(classes, mask)
    if not right:
        slices = LegSlices(slices.data[::-1].copy(), slices.levels, grid)
        classes = classes[::-1].copy()
    return ScannedLeg(name, body, slices, classes)


def _around(classes: NDArray[np.uint8], mask: BoolArray) -> NDArray[np.uint8]:
    """Say what the voxels without a label are, as far as it is known.

    Under the fascia they are the rest; but where whole muscles or the bones were not drawn they may
    be those as well, and nothing is to be learnt from them.
    """
    bare = (classes == OUTSIDE) & mask
    out = np.where(bare, SAT, classes).astype(np.uint8)
    if is_partial(classes):
        near = ndimage.binary_dilation(_hulls(classes > 0), np.ones((5, 5, 1), bool))
        out[bare & near] = IGNORED
    else:
        out[bare & ndimage.binary_closing(classes > 0, np.ones((5, 5, 1), bool))] = REST
    return out


def is_partial(classes: NDArray[np.uint8]) -> bool:
    """Tell whether bones or more than a few muscles were left out of a drawing."""
    missing = set(range(REST + 1, len(CLASSES))) - set(np.unique(classes).tolist())
    return len(missing) > _FEW or CLASSES.index("TIB") in missing


def _hulls(inside: BoolArray) -> BoolArray:
    """Return the convex hull of every slice."""
    out = inside.copy()
    for k in np.flatnonzero(inside.sum((0, 1)) > 2):
        out[:, :, k] = convex_hull_image(inside[:, :, k])
    return out


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
