"""One muscle from its mask and tensors to fascicles and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imaging.architecture.aponeurosis import find_sheet
from imaging.architecture.compartments import divide
from imaging.architecture.direction import fit_directions
from imaging.architecture.ends import build_walls, extend_to_surface
from imaging.architecture.fascicles import Fascicles, choose, describe, no_fascicles
from imaging.architecture.measures import muscle_measures, nothing_measured
from imaging.architecture.seeds import crop_to, muscle_share, spread_seeds
from imaging.architecture.tracking import track
from imaging.config import FibreSettings
from imaging.geometry import Sheet, mask_surface, mesh_volume, principal_axis
from imaging.image import Image
from imaging.measures import Measure
from imaging.muscles import is_bipennate

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

_MARGIN_MM = 6.0  # of directions known beyond the mask, so that tracts reach the surface
_FEWEST_VOXELS, _LEAST_COVERAGE = 30, 0.3
_FEWEST_FASCICLES = 10
_SUPPORT = 0.5
_FILLED_WITHIN_MM = 3.0
_BLEND_MM = 5.0  # beyond a sheet's rim, after which its two sides are one
_NO_SHEET = (
    "its internal aponeurosis was not given and not found in the data, "
    "so where fascicles end is not known"
)


@dataclass(frozen=True)
class MuscleArchitecture:
    """What is known of one muscle.

    Attributes
    ----------
    label : int
        Its label.
    points, faces
        Its surface, world mm.
    fascicles
        Its fascicles.
    measures
        Its rows of the long table.
    box : tuple of slices or None
        Part of the tensor's grid that the next three arrays (I, J, K[, 3]) cover.
    directions, dispersion_deg, share
        Smooth directions, their dispersion, and the share of each voxel in the muscle.
    seeds : (F, 3) array or None
        Where each fascicle was started: points spread evenly in the muscle.
    facts : dict
        Counts of seeds and of the reasons for which streamlines were dropped.
    sheets : tuple of Sheet
        Internal aponeuroses that were used.
    sheets_found : bool
        Whether they were found from the data rather than given.
    ends_unknown : str
        Why it is not known where fascicles end; empty where it is.
    """

    label: int
    points: FloatArray
    faces: IntArray
    fascicles: Fascicles
    measures: list[Measure]
    box: tuple[slice, slice, slice] | None = None
    directions: FloatArray | None = None
    dispersion_deg: FloatArray | None = None
    share: FloatArray | None = None
    seeds: FloatArray | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    sheets: tuple[Sheet, ...] = ()
    sheets_found: bool = False
    ends_unknown: str = ""


def reconstruct_muscle(
    label: int,
    mask: Image,
    tensor: Image,
    settings: FibreSettings,
    sheets: Sequence[Sheet] = (),
) -> MuscleArchitecture:
    """Reconstruct the architecture of one muscle.

    Parameters
    ----------
    label
        100 * side + index.
    mask
        (I, J, K), true inside; on any grid.
    tensor
        (I', J', K', 6) xx xy yy xz yz zz in the world frame; zero where there is no data.
    settings
        See :class:`imaging.config.FibreSettings`.
    sheets
        Internal aponeuroses, on which fascicles end; for a bipennate muscle without any they are
        looked for.

    Returns
    -------
    MuscleArchitecture
        Without fascicles, and with the reason in its measures, where too little is known.
    """
    points, faces = mask_surface(mask.data, mask.affine)

    def nothing(why: str) -> MuscleArchitecture:
        return MuscleArchitecture(
            label, points, faces, no_fascicles(), nothing_measured(label, why), sheets=tuple(sheets)
        )

    cropped = crop_to(mask.data, mask.affine, tensor.shape, tensor.affine, _MARGIN_MM)
    if cropped is None:
        return nothing("the diffusion image does not cover the muscle")
    box, affine = cropped
    tensors = tensor.data[box]
    share = muscle_share(mask.data, mask.affine, tensors.shape[:3], affine)
    measured = np.any(tensors != 0, axis=-1)
    spacing = tensor.spacing
    covered = float((share * measured).sum() * np.prod(spacing)) / mesh_volume(points, faces)
    if covered < _LEAST_COVERAGE:
        return nothing(f"the diffusion image covers {100 * covered:.0f} % of the muscle")
    if (count := int(((share > _SUPPORT) & measured).sum())) < _FEWEST_VOXELS:
        return nothing(f"{count} voxels of the diffusion image lie in the muscle: too few")

    rng = np.random.default_rng([settings.seed, label])
    axis = principal_axis(points)
    found = None
    if is_bipennate(label) and not sheets:
        found = find_sheet(tensors, share, affine, axis)
        sheets = () if found is None else (found.sheet,)
    parts = divide(share, affine, sheets, _BLEND_MM)
    directions = fit_directions(tensors, parts.weights, spacing, settings.smoothing_mm)
    ends_unknown = _NO_SHEET if is_bipennate(label) and not sheets else ""
    walls, normals = build_walls(points, faces, sheets)
    seeds = spread_seeds(points, faces, settings.seed_spacing_mm, rng)
    lines = track(
        seeds, directions.vectors, parts.side_mm, affine, walls, first_end=-axis,
        step_mm=settings.step_mm, max_angle_deg_per_mm=settings.max_angle_deg_per_mm,
        max_length_mm=settings.max_length_mm,
    )  # fmt: skip
    lines = extend_to_surface(lines, walls)
    support = (share > _SUPPORT) & measured
    open_faces = _open_faces(points, faces, mask)
    wall_open = np.append(open_faces, np.zeros(len(walls.corners) - len(faces) + 1, bool))
    kept, dropped = choose(lines, wall_open, settings.min_length_mm, settings.max_length_mm)
    fascicles = describe(
        label, lines, kept, normals, axis, (support, affine), settings.seed_spacing_mm
    )
    if ends_unknown:
        fascicles.table["status"] = "not_measured"
    facts = {"seeds": len(seeds), "covered": round(covered, 4), **dropped}
    if found is not None:
        facts["aponeurosis_jump_deg"] = round(found.jump_deg, 1)
        facts["aponeurosis_evidence"] = round(found.evidence, 1)
    facts["smoothing_mm"] = directions.kernel.sigma_mm
    facts["polynomial_order"] = directions.kernel.order
    smooth, owner = directions.vectors, parts.weights.argmax(axis=0)
    one = np.take_along_axis(smooth, owner[None, ..., None], axis=0)[0]
    if len(kept) < _FEWEST_FASCICLES:
        why = f"{len(kept)} of {len(seeds)} streamlines ran from surface to surface"
        measures, fascicles = nothing_measured(label, why), no_fascicles()
    else:
        unfilled = _unfilled(seeds, fascicles.points)
        volume_ml = float(mask.data.astype(bool).sum()) * mask.voxel_ml
        measures = muscle_measures(
            label, fascicles.table, seeds[kept], volume_ml, unfilled, rng, ends_unknown
        )
    return MuscleArchitecture(
        label, points, faces, fascicles, measures, box, one, directions.dispersion_deg, share,
        seeds[kept], facts, tuple(sheets), found is not None, ends_unknown,
    )  # fmt: skip


def _open_faces(points: FloatArray, faces: IntArray, mask: Image) -> NDArray[np.bool_]:
    """Tell which faces lie where the image of the muscle ends, not the muscle."""
    voxels = mask.to_voxels(points[faces].mean(axis=1))
    last = np.array(mask.shape) - 1
    return np.any((voxels < 0.0) | (voxels > last), axis=1)


def _unfilled(seeds: FloatArray, points: FloatArray) -> float:
    distance, _ = cKDTree(points).query(seeds, distance_upper_bound=_FILLED_WITHIN_MM)
    return float(np.mean(~np.isfinite(distance)))
