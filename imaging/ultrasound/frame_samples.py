"""Frames read, placed and joined with the fibres: all that is known of every sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.stiffness import to_pascal
from imaging.ultrasound.angles import Correction, FibreAngles, Ratios, correction, fibre_angles
from imaging.ultrasound.colour_bar import (
    ColourBar,
    crop,
    ends_off,
    read_bar,
    runs_red_to_blue,
    unreadable,
)
from imaging.ultrasound.colour_box import BoxCells, box_cells
from imaging.ultrasound.declaration import FrameDeclaration
from imaging.ultrasound.directions import SampledFibres
from imaging.ultrasound.notes import (
    UNCHECKED_OPACITY,
    bar_ends_warning,
    hidden_warning,
    opacity_warning,
    reversed_bar_warning,
)
from imaging.ultrasound.overlay import fitting_opacity, read_overlay
from imaging.ultrasound.samples import FramePlane, Samples, cells
from imaging.ultrasound.values import reading_of

# An opacity this far from all that fit is named; if so many fit, none can be checked.
_APART, _UNSURE = 0.03, 0.12
_HIDDEN_SHARE = 0.05
_OFF_PX = 2


@dataclass(frozen=True)
class FrameSamples:
    """All that is known of the samples.

    Attributes
    ----------
    samples : Samples
    angles : FibreAngles or None
        None without fibre directions.
    correction : Correction or None
        None without ratios or directions.
    why_uncorrected : str
        Reason where `correction` is None.
    """

    samples: Samples
    angles: FibreAngles | None
    correction: Correction | None
    why_uncorrected: str


@dataclass(frozen=True)
class Limits:
    """When a correction is admissible; see :func:`imaging.ultrasound.angles.correction`."""

    small_deg: float
    largest_deg: float
    tolerance: float
    direction_error_deg: float


def read_frame(
    frame: NDArray[np.uint8],
    declared: FrameDeclaration,
    plane: FramePlane,
    number: int,
    cell_mm: float,
) -> tuple[Samples, BoxCells, list[str]]:
    """Read the values of one frame.

    Parameters
    ----------
    frame : (H, W, 3) array
    declared
        From its JSON.
    plane
        Its place.
    number
        Given to its samples.
    cell_mm
        Edge of a sample.

    Returns
    -------
    samples : Samples
    box : BoxCells
        All cells of its colour box.
    warnings : list of str
        What does not fit the declaration.

    Raises
    ------
    ImageError
        The colour bar cannot be read.
    """
    bar = read_bar(frame, declared.bar, declared.rises)
    part = crop(frame, declared.overlay)
    reading = read_overlay(part, bar, declared.opacity)
    values = declared.values(reading.position)
    found = cells(reading, values, declared.overlay, plane, number, cell_mm)
    box = box_cells(reading, declared.overlay, plane, number, cell_mm)
    return (
        found,
        box,
        [*_bar_warnings(frame, bar, declared), *_overlay_warnings(part, bar, declared)],
    )


def read_values(
    shown: FloatArray,
    ends: tuple[float, float],
    declared: FrameDeclaration,
    plane: FramePlane,
    number: int,
    cell_mm: float,
) -> tuple[Samples, BoxCells]:
    """Take the samples of one map of values.

    Parameters
    ----------
    shown : (H, W) array
        In the unit that is declared; NaN or 0 where there is no value.
    ends
        See :func:`imaging.ultrasound.values.ends_of`.
    declared, plane, number, cell_mm
        As in :func:`read_frame`.
    """
    reading = reading_of(shown, *ends)
    pascal = to_pascal(np.nan_to_num(shown), declared.quantity, declared.unit, declared.density)[0]
    found = cells(reading, pascal, declared.overlay, plane, number, cell_mm)
    return found, box_cells(reading, declared.overlay, plane, number, cell_mm)


def join_fibres(
    samples: Samples,
    planes: list[FramePlane],
    turn_deg: FloatArray,
    fibres: SampledFibres | None,
    ratios: Ratios | None,
    limits: Limits,
) -> FrameSamples:
    """Join samples with the angles of the fibres, and correct where that is admissible.

    Parameters
    ----------
    samples, planes
        Samples and the places of the frames they name.
    turn_deg : (N,) array
        Uncertainty of the rotation of each sample's frame.
    fibres
        None if unknown.
    ratios
        None if unknown: no correction.
    limits
    """
    if fibres is None:
        return FrameSamples(samples, None, None, "fibre directions were not given")
    lateral = np.array([p.lateral for p in planes])[samples.frame]
    depth = np.array([p.depth for p in planes])[samples.frame]
    angles = fibre_angles(fibres.vectors, lateral, depth)
    if ratios is None:
        why = "the ratio of the moduli along and across the fibre is not known (along_ratio)"
        return FrameSamples(samples, angles, None, why)
    own = np.full(len(samples), limits.direction_error_deg)
    if fibres.uncertainty_deg is not None:
        own = fibres.uncertainty_deg
    found = correction(
        angles, np.hypot(own, turn_deg), ratios, small_deg=limits.small_deg,
        largest_deg=limits.largest_deg, tolerance=limits.tolerance,
    )  # fmt: skip
    return FrameSamples(samples, angles, found, "")


def _bar_warnings(
    frame: NDArray[np.uint8], bar: ColourBar, declared: FrameDeclaration
) -> list[str]:
    """Say where the colour bar does not fit its declaration."""
    off = ends_off(frame, declared.bar, declared.rises)
    out = []
    if np.nanmax(np.abs([0.0, *off])) >= _OFF_PX:
        out.append(bar_ends_warning(off))
    if runs_red_to_blue(bar):
        out.append(reversed_bar_warning(declared.rises))
    return out


def _overlay_warnings(
    part: NDArray[np.uint8], bar: ColourBar, declared: FrameDeclaration
) -> list[str]:
    """Say where the colours of the overlay do not fit the bar under the declared opacity."""
    out = []
    best, low, high = fitting_opacity(part, bar)
    if not low - _APART <= declared.opacity <= high + _APART:
        out.append(opacity_warning(declared.opacity, best))
    elif high - low > _UNSURE:
        out.append(UNCHECKED_OPACITY)
    hidden = unreadable(bar, declared.opacity)
    if hidden.size > _HIDDEN_SHARE * 2048:
        low, high = (declared.low + v * (declared.high - declared.low)
                     for v in (hidden.min(), hidden.max()))  # fmt: skip
        out.append(hidden_warning(hidden.size / 2048, low, high, declared.unit))
    return out
