"""Automatic labels and drawn ones, joined, cleaned and judged: what the stage gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, Float32
from imaging.image import Image
from imaging.measures import Measure
from imaging.segmentation import checks
from imaging.segmentation.notes import label_warnings
from imaging.segmentation.quality import expected_rows
from imaging.segmentation.segment import Segmentation


@dataclass(frozen=True)
class Finished:
    """Labels of a leg with their figures.

    Attributes
    ----------
    image : Image
        The reference image, on whose grid the rest lies.
    labels : (I, J, K) int16
        Of the catalogue.
    probability : (I, J, K) float32
        Of the label given; 0 outside labels, 1 where a person drew.
    rows : list of Measure
    warnings : list of str
    """

    image: Image
    labels: NDArray[np.int16]
    probability: Float32
    rows: list[Measure]
    warnings: list[str]


def finish(
    image: Image, mask: BoolArray, found: Segmentation, way: str, drawn: NDArray[np.int16],
    drawn_whole: Sequence[int],
    over: Callable[[NDArray[np.int16], Image], NDArray[np.int16]],
) -> Finished:  # fmt: skip
    """Join automatic and drawn labels, and measure them.

    Parameters
    ----------
    image
        The reference image.
    mask : (I, J, K) bool
        Legs.
    found
        Automatic labels.
    way
        Where they come from, in few words.
    drawn : (I, J, K) int16
        What a person drew; 0 where nothing.
    drawn_whole
        Labels of muscles that are drawn wholly.
    over
        Puts what is drawn over automatic labels.
    """
    seen = np.asarray(mask.any((0, 1)))
    labels, islands = checks.remove_islands(found.labels)
    labels = over(labels, image)
    probability = np.where(labels > 0, found.confidence, 0).astype(np.float32)
    probability[(drawn > 0) & (labels == drawn)] = 1.0
    segmented = image.with_data(labels)
    rows = checks.measures(segmented, probability, islands, seen, list(drawn_whole), way)
    sides = checks.side_warnings(found.labels, drawn)
    warnings = [*found.warnings, *sides, *label_warnings(segmented, rows, seen)]
    present = set(np.unique(labels).tolist())
    expected = {k: v for k, v in found.expected_dice.items() if k in present}
    rows += expected_rows(expected, list(drawn_whole))
    rows += [r for r in found.rows if r.label in present and r.label not in drawn_whole]
    return Finished(image, labels, probability, rows, warnings)
