"""Label maps drawn by a person: put on the anatomical grid, taken before anything automatic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import LabelError
from imaging.image import Image, resample
from imaging.muscles import structure_of
from imaging.schemes import CATALOGUE, load_lookup, relabel, translate

COMPLETE = 9  # single muscles on a side from which a map counts as complete


def manual_labels(
    drawn: Image, like: Image, lookup: str | Path | None, path: str | Path
) -> NDArray[np.int16]:
    """Return a drawn label map on the grid of the anatomical image, in catalogue labels.

    Parameters
    ----------
    drawn
        Label map in any grid of the same world.
    like
        The anatomical image.
    lookup
        Table with index and name; none: the labels are those of the catalogue.
    path
        Where the map was read from, for messages.

    Raises
    ------
    LabelError
        A label or name is not in the catalogue, or the map lies outside the image.
    """
    if lookup is None:
        labels = translate(drawn.data, CATALOGUE)
    else:
        labels = relabel(drawn.data, load_lookup(lookup), lookup)
    placed = resample(drawn.with_data(labels), like, order=0).data
    if not placed.any():
        raise LabelError(
            "does not overlap the anatomical image", path, "Draw it on an image of the same session"
        )
    return placed


def is_complete(labels: NDArray[np.int16]) -> bool:
    """Tell whether a drawn map needs no automatic labels: nine muscles on each side it shows."""
    present = [int(v) for v in np.unique(labels) if v > 0 and structure_of(int(v)).is_muscle]
    sides = {v // 100 for v in present}
    return bool(sides) and all(sum(v // 100 == s for v in present) >= COMPLETE for s in sides)


def merge(automatic: NDArray[np.int16], drawn: NDArray[np.int16]) -> NDArray[np.int16]:
    """Put drawn labels over automatic ones; automatic labels of a drawn muscle disappear.

    Automatic labels of the same group as a drawn one (``PL+PB`` beside a drawn ``PL``) stay.
    """
    out = automatic.copy()
    present = [int(v) for v in np.unique(drawn) if v > 0]
    out[np.isin(out, present)] = 0
    return np.where(drawn > 0, drawn, out)
