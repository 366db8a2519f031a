"""Label maps drawn by a person: put on the anatomical grid, taken before anything automatic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImageError, LabelError
from imaging.image import Image, resample
from imaging.muscles import SIDE_CODES, Side, structure, structure_of
from imaging.segmentation.sparse import Drawn, slice_axis

COMPLETE = 9  # single muscles on a side from which a map counts as complete
_IN_AIR = 0.5  # of a drawing


def manual_labels(drawn: Image, like: Image, path: str | Path) -> NDArray[np.int16]:
    """Return a drawn label map on the grid of the anatomical image.

    Parameters
    ----------
    drawn
        Labels of the catalogue in any grid of the same world.
    like
        The anatomical image.
    path
        Where the map was read from, for messages.

    Raises
    ------
    LabelError
        The map lies outside the image.
    """
    placed = resample(drawn, like, order=0).data
    if not placed.any():
        raise LabelError(
            "does not overlap the anatomical image", path, "Draw it on an image of the same session"
        )
    return placed


def air_warning(labels: NDArray[np.int16], leg: NDArray[np.bool_], name: str) -> str | None:
    """Return a warning where most of what is drawn lies in air, or None.

    Parameters
    ----------
    labels : (I, J, K)
        Drawn labels on the grid of the anatomical image.
    leg : (I, J, K) bool
        Where that image shows more than air.
    name
        Of the drawn map.
    """
    drawn = labels > 0
    share = float(np.mean(~leg[drawn])) if drawn.any() else 0.0
    if share <= _IN_AIR:
        return None
    return (
        f"{name}: {100 * share:.0f} % of what is drawn lies in air on the anatomical image. It was "
        "drawn on another image, or one of the two lies in the wrong place: look at both together."
    )


def no_leg_warning(error: ImageError) -> str:
    """Return what to say where an image is judged to show no leg, but a person drew on it."""
    return (
        f"The anatomical image {error.what}. Muscles were drawn on it, so it was used as it is: "
        "only what is drawn is labelled. Check that it is the image that was drawn on."
    )


def is_complete(labels: NDArray[np.int16]) -> bool:
    """Tell whether a drawn map needs no automatic labels: nine muscles on each side it shows.

    A few slices are never complete, however many muscles are drawn in them.
    """
    if any(slice_axis((labels > 0) & (labels // 100 == s)) is not None for s in range(3)):
        return False
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


def overlay(
    automatic: NDArray[np.int16], drawn: Drawn, side: Side, like: Image
) -> NDArray[np.int16]:
    """Put drawn slices of one leg over automatic labels; other slices stay as they are.

    In a drawn slice an automatic label of a structure that is drawn anywhere gives way, also where
    nothing is drawn: the slice is complete for what is drawn.

    Parameters
    ----------
    automatic : (I, J, K)
        Labels of the catalogue.
    drawn
        Drawn slices of the leg.
    side
        Side of the leg.
    like
        Grid of `automatic`, any grid of the world of the drawing.
    """
    code = 100 * SIDE_CODES[side]
    slab = np.zeros(drawn.labels.shape, np.uint8)
    slab[..., drawn.planes] = 1
    within = resample(drawn.labels.with_data(slab), like, order=0).data > 0
    placed = resample(drawn.labels, like, order=0).data
    own = [code + structure(key).index for key in drawn.keys]
    out = np.where(within & np.isin(automatic, own), 0, automatic)
    return np.where(placed > 0, placed + code, out).astype(np.int16)
