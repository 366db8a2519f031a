"""Length and pennation as other tools define them, so that figures can be compared with theirs.

Pennation of this package is the slope of the fascicle at its end against the plane tangent to the
wall there. Chord pennation (MuscleDTI_Toolbox) averages the angles of all chords from that end, so
that curved fascicles give another figure. Slope pennation (Bolsterlee) takes the slope of a cubic
fitted to the whole fascicle and the median over the faces near its end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from imaging.architecture.curves import fit_curves
from imaging.architecture.packed import mean_per_curve
from imaging.arrays import FloatArray, IntArray
from imaging.geometry import TriangleIndex, first_hits

_NEAR_MM = 1.5
_REACH_MM = 30.0  # fascicles that graze the wall are extended far


def chord_pennation_deg(
    points: FloatArray, offsets: IntArray, normals: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the mean angle (F,) of a fascicle's chords from its first and from its last point.

    Mean over the other points i of asin(r_i . n), where r_i is the unit vector from the end to
    point i; n points to the side on which the mean is positive.

    Parameters
    ----------
    points, offsets
        Packed fascicles at even steps, world mm: (P, 3), (F + 1,).
    normals : (F, 2, 3) array
        Unit normal of the wall at the first and the last point.

    References
    ----------
    Damon et al., Magn Reson Imaging 2021;81:87-104 (MuscleDTI_Toolbox: there the end is the seed
    on the aponeurosis).
    """
    points = points.astype(float)
    counts = np.diff(offsets)
    out = []
    for side, ends in enumerate((offsets[:-1], offsets[1:] - 1)):
        chords = points - np.repeat(points[ends], counts, axis=0)
        length = np.linalg.norm(chords, axis=1)
        along = np.sum(chords * np.repeat(normals[:, side], counts, axis=0), axis=1)
        sine = np.divide(along, length, out=np.zeros_like(along), where=length > 0)
        # The end itself counts 0 in the sum and is not one of the points.
        mean = mean_per_curve(np.degrees(np.arcsin(np.clip(sine, -1, 1))), offsets)
        out.append(np.abs(mean) * counts / (counts - 1))
    return out[0], out[1]


@dataclass(frozen=True)
class CubicFigures:
    """Figures of cubics fitted to fascicles and extended straight to the walls; NaN if not met.

    Attributes
    ----------
    length_mm : (F,) array
        Arc length of cubic and extensions.
    extended_fraction : (F,) array
        Share of the length that is extension.
    pennation_deg : (F, 2) array
        Median angle at both ends between the slope and the faces within 1.5 mm.
    """

    length_mm: FloatArray
    extended_fraction: FloatArray
    pennation_deg: FloatArray


def cubic_figures(places: FloatArray, walls: TriangleIndex) -> CubicFigures:
    """Return length and pennation of fascicles as straightly extended cubics.

    The cubic, one polynomial per axis of normalised arc length, need not pass through the ends of
    the fascicle. Where it ends short of the wall it is extended along its slope; where it has
    overshot it is drawn back along its slope.

    Parameters
    ----------
    places : (F, P, 3) array
        Each fascicle at even steps of arc length, world mm.
    walls
        Surface of the muscle and internal aponeuroses.

    References
    ----------
    Bolsterlee et al., J Appl Physiol 2017;122:727-738.
    """
    curves = fit_curves(places, 3, through_ends=False)
    tangents = curves.end_tangents()
    length, extended = curves.lengths(), np.zeros(len(places))
    pennation = np.empty((len(places), 2))
    for side, outwards in enumerate((-tangents[:, 0], tangents[:, 1])):
        last = curves.points[:, -side]
        beyond = _nearest_meeting(walls, last, outwards)
        length = length + beyond
        extended += np.abs(beyond)
        ends = last + beyond[:, None] * outwards
        pennation[:, side] = _median_angle_deg(walls, ends, outwards)
    return CubicFigures(length, extended / length, pennation)


def _nearest_meeting(walls: TriangleIndex, points: FloatArray, along: FloatArray) -> FloatArray:
    """Return the signed distance (F,) along a line to the nearest triangle; NaN beyond 30 mm."""
    ahead, _ = first_hits(walls, points, points + _REACH_MM * along)
    behind, _ = first_hits(walls, points, points - _REACH_MM * along)
    nearest = np.where(ahead <= behind, ahead, -behind)
    return np.where(np.minimum(ahead, behind) <= 1.0, _REACH_MM * nearest, np.nan)


def _median_angle_deg(walls: TriangleIndex, ends: FloatArray, slopes: FloatArray) -> FloatArray:
    """Return the median angle (F,) between slopes and the planes of the faces near the ends."""
    corners = walls.corners
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    met = np.flatnonzero(np.isfinite(ends).all(axis=1))
    out = np.full(len(ends), np.nan)
    if not len(met):
        return out
    near = cKDTree(corners.mean(axis=1)).query_ball_point(ends[met], _NEAR_MM)
    count = np.array([len(n) for n in near])
    met, near, count = met[count > 0], near[count > 0], count[count > 0]
    if not len(met):
        return out
    faces = np.concatenate(near).astype(np.int64)
    owner = np.repeat(np.arange(len(met)), count)
    sine = np.abs(np.sum(normals[faces] * slopes[met][owner], axis=1))
    # Sorted within each end, the median lies in its middle.
    sine = sine[np.lexsort((sine, owner))]
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    middle = np.degrees(np.arcsin(np.clip(sine, 0, 1)))
    out[met] = (middle[start + (count - 1) // 2] + middle[start + count // 2]) / 2.0
    return out
