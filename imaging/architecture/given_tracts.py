"""Tracts of other programs as fascicles: cut at the muscle's surface, extended to it, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imaging.architecture.compartments import off_sheets
from imaging.architecture.ends import build_walls, extend_to_surface
from imaging.architecture.fascicles import Fascicles, choose, describe, no_fascicles
from imaging.architecture.left_out import FACT, LeftOut
from imaging.architecture.measures import muscle_measures, nothing_measured
from imaging.architecture.muscle import MuscleArchitecture
from imaging.architecture.notes import with_warning
from imaging.architecture.packed import lengths
from imaging.architecture.region import open_faces, too_small
from imaging.architecture.seeds import spread_seeds
from imaging.architecture.tracking import MET_SURFACE, NO_FIELD, Streamlines
from imaging.architecture.uncertainty import SAMPLING_ONLY, sampling_limits
from imaging.arrays import FloatArray, IntArray
from imaging.config import FibreSettings
from imaging.formats.tracts import Tracts
from imaging.geometry import (
    AponeurosisSurface,
    TriangleIndex,
    first_hits,
    inside,
    mask_surface,
    principal_axis,
)
from imaging.image import Image
from imaging.muscles import is_bipennate

_FEWEST_FASCICLES = 10
_FILLED_WITHIN_MM = 3.0
_MOSTLY_EXTENDED = 0.5
_HAIR_MM = 0.01
_NO_SHEET = "its internal aponeurosis was not given, so where fascicles end is not known"


def measure_tracts(
    label: int,
    mask: Image,
    tracts: Tracts,
    settings: FibreSettings,
    sheets: Sequence[AponeurosisSurface] = (),
    *,
    bipennate: bool = False,
) -> MuscleArchitecture:
    """Return the architecture of one muscle that tracts of another program tell.

    Tracts are cut where they cross the muscle's surface or an internal aponeurosis; each piece
    inside the muscle is a fascicle of its own. Ends inside the muscle are extended straight on to
    the surface; the extended share of the length is `extrapolated_fraction`. Means are over the
    volume however densely the tracts lie: every point of the muscle counts once, with the tract
    next to it.

    Where more than a fifth of the tracts inside the muscle are no fascicles, every figure says so
    in its note; where it is more than half, length, pennation and curvature are not measured.

    Parameters
    ----------
    label
        100 * side + index, or of a muscle outside the catalogue.
    mask
        (I, J, K), true inside; on any grid.
    tracts
        World RAS+ mm.
    settings
        Limits of length, spacing of the points that are averaged, and seed.
    sheets
        Internal aponeuroses, on which fascicles end.
    bipennate
        Whether fascicles end inside the muscle although the catalogue does not say so.

    References
    ----------
    Bolsterlee et al., J Appl Physiol 2017;122:727-738 (tracts cut at and extended to the surface).
    """
    points, faces = mask_surface(mask.data, mask.affine)
    if why := too_small(mask):
        return MuscleArchitecture(
            label, points, faces, no_fascicles(), nothing_measured(label, why), sheets=tuple(sheets)
        )
    walls, normals = build_walls(points, faces, sheets)
    axis = principal_axis(points)
    short, owners = cut_at_walls(tracts, walls, TriangleIndex.build(points, faces), axis, sheets)
    own = lengths(short.points, short.offsets)
    lines = extend_to_surface(short, walls)
    wall_open = np.zeros(len(walls.corners) + 1, bool)  # the last one: no face
    wall_open[: len(faces)] = open_faces(points, faces, mask)
    kept, dropped = choose(lines, wall_open, settings.min_length_mm, settings.max_length_mm)
    outside = len(tracts) - len(np.unique(owners))
    crossing: NDArray[np.bool_] = np.any(short.face >= 0, axis=1)
    left = _left_out(lines, crossing, kept, wall_open, (len(tracts), outside), settings)
    facts = {"tracts": len(tracts), "pieces": len(short)} | {
        "end too far from a surface": dropped["no direction"],
        "cut by the image": dropped["cut by the image"],
        "length out of limits": dropped["length out of limits"],
        "outside the muscle": outside,
        "left out share": round(left.share, 4),
        FACT: left.text(),
    }
    ends_unknown = _NO_SHEET if (bipennate or is_bipennate(label)) and not sheets else ""
    if len(kept) < _FEWEST_FASCICLES:
        why = f"{len(kept)} tracts run from surface to surface of the muscle; {left.text()}"
        return MuscleArchitecture(
            label, points, faces, no_fascicles(), nothing_measured(label, why), facts=facts,
            sheets=tuple(sheets),
        )  # fmt: skip
    few = f"{left.text()}; the rest cannot stand for the muscle" if left.too_many else ""
    unknown = "; ".join(filter(None, (ends_unknown, few)))
    everywhere = np.ones((1, 1, 1), bool), mask.affine
    volume_ml = float(mask.data.astype(bool).sum()) * mask.voxel_ml
    volume_mm3 = 1000.0 * volume_ml
    fascicles = describe(label, lines, kept, (walls, normals), axis, everywhere, volume_mm3)
    rng = np.random.default_rng([settings.seed, label])
    spread = spread_seeds(points, faces, settings.seed_spacing_mm, rng)
    spread = spread[off_sheets(spread, sheets)]
    weight, unfilled = _weights(fascicles, spread, volume_mm3)
    table = _judge(fascicles.table, own[kept], weight, bool(unknown))
    middle = fascicles.points[(fascicles.offsets[:-1] + fascicles.offsets[1:]) // 2].astype(float)
    limits = sampling_limits(table, middle, rng)
    measures = muscle_measures(
        label, table, limits, SAMPLING_ONLY, volume_ml, unfilled, unknown,
        settings.sarcomere_length_um,
    )  # fmt: skip
    result = MuscleArchitecture(
        label, points, faces, replace(fascicles, table=table), measures, seeds=middle,
        facts=facts, sheets=tuple(sheets), ends_unknown=ends_unknown,
    )  # fmt: skip
    return with_warning([result], left.text() if left.named else "")[0]


def _left_out(
    lines: Streamlines,
    crossing: NDArray[np.bool_],
    kept: IntArray,
    open_faces: NDArray[np.bool_],
    tracts: tuple[int, int],
    settings: FibreSettings,
) -> LeftOut:
    """Return which pieces of tracts are no fascicles.

    Parameters
    ----------
    lines
        The pieces, extended.
    crossing : (F,) bool array
        Whether a piece crosses a wall without being extended.
    kept, open_faces
        See :func:`choose`.
    tracts
        How many were given, and how many of them lie outside.
    settings
        Limits of length.
    """
    length = lengths(lines.points, lines.offsets)
    left = np.ones(len(lines), bool)
    left[kept] = False
    touching = left & crossing & (length < settings.min_length_mm)
    left &= ~touching
    reached = (lines.stop == MET_SURFACE).all(axis=1)
    cut = left & reached & open_faces[lines.face].any(axis=1)
    return LeftOut(
        kept=len(kept),
        deep=int((left & ~reached).sum()),
        cut=int(cut.sum()),
        length=int((left & reached & ~cut).sum()),
        touching=int(touching.sum()),
        tracts=tracts[0],
        outside=tracts[1],
        limits_mm=(settings.min_length_mm, settings.max_length_mm),
    )


def _judge(
    table: pd.DataFrame, own_mm: FloatArray, weight: FloatArray, ends_unknown: bool
) -> pd.DataFrame:
    """Return a table of fascicles with their weight, extended share and status."""
    extended = np.clip(1.0 - own_mm / table["length_mm"].to_numpy(float), 0.0, 1.0)
    status = np.where(extended > _MOSTLY_EXTENDED, "extrapolated", "measured")
    return table.assign(
        extrapolated_fraction=extended.astype(np.float32),
        weight=weight.astype(np.float32),
        status="not_measured" if ends_unknown else status,
    )


def cut_at_walls(
    tracts: Tracts,
    walls: TriangleIndex,
    surface: TriangleIndex,
    axis: FloatArray,
    sheets: Sequence[AponeurosisSurface] = (),
) -> tuple[Streamlines, IntArray]:
    """Return the pieces of tracts that lie inside a muscle, between the walls they cross.

    With them comes the number (F,) of the tract that each is a piece of.

    Parameters
    ----------
    tracts
        World mm.
    walls
        All that ends a fascicle: the muscle's surface and its internal aponeuroses.
    surface
        The muscle's closed surface alone.
    axis : (3,) array
        A piece begins at the end that lies against this axis.
    sheets
        Internal aponeuroses; what lies inside one that has a thickness is no piece.
    """
    points, offsets = _reaching(tracts), tracts.offsets
    count = len(points)
    joined = np.ones(count - 1, bool)  # from each point to the next
    joined[offsets[1:-1] - 1] = False
    here = np.flatnonzero(joined)
    ahead, ahead_face = np.full(count - 1, 2.0), np.full(count - 1, -1)
    back, back_face = ahead.copy(), ahead_face.copy()
    ahead[here], ahead_face[here] = first_hits(walls, points[here], points[here + 1])
    back[here], back_face[here] = first_hits(walls, points[here + 1], points[here])
    parted = ~joined | (ahead_face >= 0) | (back_face >= 0)
    first = np.concatenate([[0], np.flatnonzero(parted) + 1])
    last = np.concatenate([first[1:], [count]]) - 1
    middle = points[(first + last) // 2]
    within = inside(surface, middle) & off_sheets(middle, sheets)
    first, last = first[within], last[within]
    pieces, stop, face, owner = [], [], [], []
    for a, b in zip(first, last, strict=True):
        start = _meeting(points, a - 1, back, back_face, backwards=True) if a else None
        end = _meeting(points, b, ahead, ahead_face) if b < count - 1 else None
        parts = [p[0][None] for p in (start,) if p] + [points[a : b + 1]]
        piece = np.concatenate(parts + [p[0][None] for p in (end,) if p])
        if len(piece) < 2:
            continue
        turned = (piece[-1] - piece[0]) @ axis < 0
        faces = [-1 if p is None else p[1] for p in (start, end)][:: -1 if turned else 1]
        owner.append(int(np.searchsorted(offsets, a, side="right")) - 1)
        pieces.append(piece[::-1] if turned else piece)
        face.append(faces)
        stop.append([MET_SURFACE if f >= 0 else NO_FIELD for f in faces])
    counts = np.array([len(p) for p in pieces], np.int64)
    cut = Streamlines(
        np.concatenate([np.zeros((0, 3)), *pieces]).astype(np.float32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array(stop, np.int64).reshape(-1, 2),
        np.array(face, np.int64).reshape(-1, 2),
        np.array([p[len(p) // 2] for p in pieces]).reshape(-1, 3),
    )
    return cut, np.array(owner, np.int64)


def _reaching(tracts: Tracts) -> FloatArray:
    """Return all points, both ends a hair longer, so that an end on a wall surely meets it."""
    points = tracts.points.astype(float)
    first, last = tracts.offsets[:-1], tracts.offsets[1:] - 1
    for end, behind in ((first, first + 1), (last, last - 1)):
        out = points[end] - points[behind]
        norm = np.linalg.norm(out, axis=1, keepdims=True)
        points[end] += _HAIR_MM * np.divide(out, norm, out=np.zeros_like(out), where=norm > 0)
    return points


def _meeting(
    points: FloatArray, n: int, share: FloatArray, face: IntArray, backwards: bool = False
) -> tuple[FloatArray, int] | None:
    """Return where the segment from point n to the next meets a wall, and which triangle."""
    if face[n] < 0:
        return None
    p, q = (points[n + 1], points[n]) if backwards else (points[n], points[n + 1])
    return p + share[n] * (q - p), int(face[n])


def _weights(
    fascicles: Fascicles, places: FloatArray, volume_mm3: float
) -> tuple[FloatArray, float]:
    """Return the volume (F,) each fascicle stands for, and the share of places without any.

    Each place counts for the nearest fascicle only: a mean over all in reach would favour long
    ones, of which more are tracked.
    """
    of_point = np.repeat(np.arange(len(fascicles)), np.diff(fascicles.offsets))
    reach = _FILLED_WITHIN_MM
    distance, nearest = cKDTree(fascicles.points).query(places, distance_upper_bound=reach)
    filled = np.isfinite(distance)
    counts = np.bincount(of_point[nearest[filled]], minlength=len(fascicles))
    return counts * volume_mm3 / len(places), float(np.mean(~filled))
