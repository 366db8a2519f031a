"""Pixel size of an ultrasound frame from its calibrated regions (DICOM 0018,6011)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imaging.errors import ImageError

_CENTIMETRE = 3
_TWO_DIMENSIONAL = 1


@dataclass(frozen=True)
class Region:
    """One item of the Sequence of Ultrasound Regions.

    Attributes
    ----------
    box : tuple of int
        x0, y0, x1, y1 in pixels, ends inclusive as DICOM has them.
    spatial_format : int
        1: two-dimensional (tissue or flow); others are traces and graphics.
    units : tuple of int
        Physical units along x and y; 3: centimetres.
    delta : tuple of float
        Physical size of a pixel along x and y in these units; its sign tells the direction.
    """

    box: tuple[int, int, int, int]
    spatial_format: int
    units: tuple[int, int]
    delta: tuple[float, float]


def pixel_size_mm(regions: Sequence[Region], box: tuple[int, int, int, int]) -> tuple[float, float]:
    """Return the width and height in mm of a pixel inside the overlay's box.

    Parameters
    ----------
    regions
        Of one frame.
    box
        Overlay: x0, y0, x1, y1 in pixels, ends exclusive.

    Raises
    ------
    ImageError
        No two-dimensional region in centimetres holds the whole box, or several disagree.
    """
    x0, y0, x1, y1 = box
    holding = [
        r
        for r in regions
        if r.spatial_format == _TWO_DIMENSIONAL and r.units == (_CENTIMETRE, _CENTIMETRE)
        and r.box[0] <= x0 and r.box[1] <= y0 and r.box[2] >= x1 - 1 and r.box[3] >= y1 - 1
    ]  # fmt: skip
    sizes = {(round(abs(r.delta[0]) * 10, 6), round(abs(r.delta[1]) * 10, 6)) for r in holding}
    sizes = {s for s in sizes if min(s) > 0}
    if len(sizes) != 1:
        found = "several, of different pixel sizes, hold" if sizes else "none holds"
        raise ImageError(
            f"of {len(regions)} ultrasound regions (0018,6011) {found} the whole ColorBox "
            f"{list(box)}",
            None,
            "Correct ColorBox, or declare PixelSpacing [mm across, mm down]",
        )
    return sizes.pop()
