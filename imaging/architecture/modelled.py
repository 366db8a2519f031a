"""Fascicles of a muscle whose diffusion data say too little: modelled, never measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imaging.anatomy import expected_direction, leg_axes
from imaging.architecture.compartments import divide, off_sheets
from imaging.architecture.laplace import laplacian_directions
from imaging.architecture.region import MuscleRegion, open_faces
from imaging.architecture.seeds import muscle_share, spread_seeds
from imaging.architecture.tracer import Traced, Tracer
from imaging.arrays import FloatArray, IntArray
from imaging.config import FibreSettings
from imaging.geometry import AponeurosisSurface, principal_axis
from imaging.image import Image, apply_affine, regrid
from imaging.measures import Measure
from imaging.muscles import is_known, structure_of

Expected = Callable[[FloatArray], FloatArray | None]
"""Mean fibre direction (3,) of a part of the muscle that lies so far (3,) from its middle, world
RAS+ mm; none where anatomy does not tell."""

_GRID_MM = 2.0
_EVERY = 7  # voxel of a mask says where a muscle lies
_MARGIN_VOXELS = 3


@dataclass(frozen=True)
class Modelled:
    """Fascicles in a modelled field.

    Attributes
    ----------
    traced
        Fascicles; their status is ``modelled``.
    seeds : (F, 3) array
        All points from which they were sought.
    """

    traced: Traced
    seeds: FloatArray


def expected_directions(masks: Mapping[int, Image]) -> dict[int, Expected]:
    """Return for muscles of the catalogue in which direction anatomy expects their fascicles.

    Parameters
    ----------
    masks
        Label of the catalogue to mask, several muscles of a leg: from where they lie it is known
        which way is anterior.
    """
    points = {
        label: mask.to_world(some)
        for label, mask in masks.items()
        if is_known(label) and len(some := np.argwhere(mask.data)[::_EVERY])
    }
    expected: dict[int, Expected] = {}
    for side in {label // 100 for label in points}:
        own = {label: p for label, p in points.items() if label // 100 == side}
        axes = leg_axes(
            np.repeat(list(own), [len(p) for p in own.values()]), np.concatenate(list(own.values()))
        )
        if axes is not None:
            for label in own:
                expected[label] = partial(expected_direction, structure_of(label).key, axes)
    return expected


def model_fascicles(
    label: int,
    mask: Image,
    surface: tuple[FloatArray, IntArray],
    sheets: Sequence[AponeurosisSurface],
    expected: Expected,
    settings: FibreSettings,
    rng: np.random.Generator,
) -> Modelled | None:
    """Model the fascicles of a muscle from its shape and the direction that anatomy expects.

    Parameters
    ----------
    label
        Label of the muscle.
    mask
        (I, J, K), true inside; on any grid.
    surface
        Its vertices and faces, world mm.
    sheets
        Internal aponeuroses.
    expected
        Mean direction of each part of the muscle.
    settings
        Step, limits and distance of seeds.
    rng
        Places the seeds.

    Returns
    -------
    Modelled or None
        None where the direction of a part of the muscle is not known.
    """
    region = _region(label, mask, surface)
    parts = divide(region.share, region.affine, sheets)
    inside = region.share > 0.5
    side = parts.weights.argmax(axis=0)
    directions = _expected_directions(inside, side, region.affine, len(parts.weights), expected)
    if directions is None:
        return None
    vectors = laplacian_directions(inside, side, region.affine, directions)
    seeds = spread_seeds(*surface, settings.seed_spacing_mm, rng)
    seeds = seeds[off_sheets(seeds, sheets)]
    tracer = Tracer.build(region, sheets, settings)
    traced = tracer.trace(seeds, vectors, parts.side_mm, region.affine)
    traced.fascicles.table["status"] = "modelled"
    return Modelled(traced, seeds)


def as_modelled(measures: Sequence[Measure], why: str) -> list[Measure]:
    """Return a muscle's figures marked as modelled, with the reason; counts stay as they are."""
    note = f"modelled from shape and textbook directions, not measured: {why}"
    return [
        m
        if m.value is None
        else replace(m, status="modelled", note=note, ci_low=None, ci_high=None)
        for m in measures
    ]


def _region(label: int, mask: Image, surface: tuple[FloatArray, IntArray]) -> MuscleRegion:
    """Return the muscle on a grid of its own, without diffusion data."""
    points, faces = surface
    grid = regrid(mask, _GRID_MM)
    shape = np.array(grid.shape) + 2 * _MARGIN_VOXELS
    affine = grid.affine.copy()
    affine[:3, 3] = apply_affine(affine, np.full(3, -float(_MARGIN_VOXELS)))
    share = muscle_share(mask.data, mask.affine, tuple(shape), affine)
    return MuscleRegion(
        label, points, faces, open_faces(points, faces, mask), principal_axis(points),
        float(mask.data.astype(bool).sum()) * mask.voxel_ml,
        (slice(0, int(shape[0])), slice(0, int(shape[1])), slice(0, int(shape[2]))),
        affine, np.zeros((*shape, 6), np.float32), share, np.zeros(tuple(shape), bool), 0.0,
    )  # fmt: skip


def _expected_directions(
    inside: NDArray[np.bool_], side: IntArray, affine: FloatArray, count: int, expected: Expected
) -> FloatArray | None:
    """Return the expected direction (C, 3) of each compartment, or None if one is not known."""
    points = apply_affine(affine, np.argwhere(inside))
    middle, own = points.mean(axis=0), side[inside]
    found = []
    for c in range(count):
        if not (own == c).any():
            found.append(np.array([0.0, 0.0, 1.0]))
            continue
        direction = expected(points[own == c].mean(axis=0) - middle)
        if direction is None:
            return None
        found.append(direction)
    return np.array(found)
