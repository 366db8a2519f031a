"""Left or right, from anatomy: the fibula is lateral of the tibia, the tibia in front.

World x points to the person's right, so a right leg has its fibula at larger x than its tibia, and
of two legs the one at larger x is the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.errors import SideError
from imaging.image import voxel_size
from imaging.muscles import Side

_MIN_SLICES_MM = 30.0
_MIN_APART_MM = 6.0


def side_from_bones(tibia: BoolArray, fibula: BoolArray, affine: FloatArray) -> Side:
    """Tell the side of one leg from its bones.

    Parameters
    ----------
    tibia, fibula : (I, J, K) bool
        Masks on one grid; empty where not found.
    affine : (4, 4)
        Voxels to world RAS+ mm.

    Returns
    -------
    str
        ``undecided`` unless the fibula lies clearly and steadily on one side of the tibia over
        30 mm of leg.
    """
    both = tibia.any((0, 1)) & fibula.any((0, 1))
    if both.sum() * voxel_size(affine)[2] < _MIN_SLICES_MM:
        return "undecided"
    shifts = [_centre(fibula, int(k)) - _centre(tibia, int(k)) for k in np.flatnonzero(both)]
    apart = np.stack(shifts) @ affine[0, :3]
    steady = float((np.sign(apart) == np.sign(np.median(apart))).mean())
    if abs(np.median(apart)) < _MIN_APART_MM or steady < 0.8:
        return "undecided"
    return "right" if np.median(apart) > 0 else "left"


def decide_sides(
    found: Sequence[Side], given: str = "auto", path: str | Path | None = None
) -> list[Side]:
    """Settle the sides of the legs in view, ordered by rising world x.

    Parameters
    ----------
    found
        Side of each leg from its bones.
    given
        ``left`` or ``right`` from the user or the sidecar, or ``auto``.
    path
        The image, for messages.

    Raises
    ------
    SideError
        Anatomy, place in the scanner and what was given contradict each other.
    """
    fix = (
        "Check the orientation in the header and the given side, and that the image shows lower "
        "legs, not knees or thighs"
    )
    if len(found) == 2:
        if given != "auto":
            raise SideError(
                f"side {given!r} was given but both legs are in view", path, "Leave the side out"
            )
        places: tuple[Side, Side] = ("left", "right")
        for place, side in zip(places, found, strict=True):
            if side not in ("undecided", place):
                raise SideError(
                    f"the {place} leg by its place in the affine is a {side} leg by its anatomy "
                    "(fibula lateral of tibia)", path, fix,
                )  # fmt: skip
        return list(places)
    (side,) = found
    if given == "auto":
        return [side]
    if side not in ("undecided", given):
        raise SideError(
            f"was given as {given} leg but is a {side} leg by its anatomy (fibula lateral of "
            "tibia) and affine", path, fix,
        )  # fmt: skip
    return [cast(Side, given)]


def _centre(mask: BoolArray, k: int) -> FloatArray:
    """Return the centre (3,) of a mask in slice k, voxels."""
    x, y = np.nonzero(mask[:, :, k])
    return np.array([x.mean(), y.mean(), float(k)])
