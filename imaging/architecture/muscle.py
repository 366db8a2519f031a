"""One muscle from its mask and tensors to fascicles and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from imaging.architecture.aponeurosis import find_sheet
from imaging.architecture.compartments import divide, off_sheets
from imaging.architecture.confidence import confidence
from imaging.architecture.direction import DirectionField, fit_directions
from imaging.architecture.dropped import Dropped, noted
from imaging.architecture.fascicles import Fascicles, no_fascicles
from imaging.architecture.found_sheet import FoundSheet, NoSheet
from imaging.architecture.measures import muscle_measures, nothing_measured
from imaging.architecture.modelled import Expected, as_modelled, model_fascicles
from imaging.architecture.probes import Probes
from imaging.architecture.region import MuscleRegion, find_region, too_small
from imaging.architecture.replicas import FieldReplicas
from imaging.architecture.seeds import spread_seeds
from imaging.architecture.sheetness import sheetness
from imaging.architecture.tracer import Traced, Tracer
from imaging.arrays import FloatArray, IntArray
from imaging.config import FibreSettings
from imaging.geometry import AponeurosisSurface, mask_surface
from imaging.image import Image
from imaging.measures import Measure
from imaging.muscles import is_bipennate

_FEWEST_FASCICLES = 10
_FILLED_WITHIN_MM = 3.0
_MOST_SCATTER_DEG = 50.0  # of single voxels about the smooth field; 57 for pure noise
_MEANING = "95 % interval of noise, smoothing, sampling and a border known to {:g} mm (SD)"
_MEANING_FOUND = _MEANING.replace(" and", ", finding of the aponeurosis and")
_NO_SHEET = (
    "its internal aponeurosis was not given and not found in the data ({}), "
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
    sheets : tuple of AponeurosisSurface
        Internal aponeuroses that were used.
    sheets_found : bool
        Whether they were found from the data rather than given.
    ends_unknown : str
        Why it is not known where fascicles end; empty where it is.
    modelled : str
        Why its fascicles are modelled rather than measured; empty where they are measured.
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
    sheets: tuple[AponeurosisSurface, ...] = ()
    sheets_found: bool = False
    ends_unknown: str = ""
    modelled: str = ""


def reconstruct_muscle(
    label: int,
    mask: Image,
    tensor: Image,
    settings: FibreSettings,
    sheets: Sequence[AponeurosisSurface] = (),
    *,
    bipennate: bool = False,
    anatomy: Image | None = None,
    expected: Expected | None = None,
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
    bipennate
        Whether fascicles end inside the muscle although the catalogue does not say so.
    anatomy
        3-D image in which a found aponeurosis is looked for, too.
    expected
        Direction that anatomy expects of parts of the muscle. Where diffusion data say too
        little, fascicles are modelled with it.

    Returns
    -------
    MuscleArchitecture
        Modelled, or without fascicles, and with the reason in its measures, where too little is
        known.
    """
    surface = mask_surface(mask.data, mask.affine)
    if why_not := too_small(mask):
        return _nothing(label, surface, tuple(sheets), why_not)
    needs_sheet = (bipennate or is_bipennate(label)) and not sheets

    def without_data(why: str) -> MuscleArchitecture:
        if expected is None or needs_sheet or not settings.model:
            return _nothing(label, surface, tuple(sheets), why)
        return _modelled(label, mask, surface, sheets, expected, settings, why)

    region = find_region(label, mask, surface, tensor)
    if isinstance(region, str):
        return without_data(region)
    rng = np.random.default_rng([settings.seed, label])
    sought: FoundSheet | NoSheet | None = None
    line = None
    if needs_sheet:
        line = None if anatomy is None else sheetness(anatomy, mask)
        sought = find_sheet(region.tensor, region.share, region.affine, region.axis, line)
    found = sought if isinstance(sought, FoundSheet) else None
    used = tuple(sheets) if found is None else (found.sheet,)
    ends_unknown = _NO_SHEET.format(sought.why) if isinstance(sought, NoSheet) else ""
    parts = divide(region.share, region.affine, used)
    directions = fit_directions(region.tensor, parts.weights, region.spacing, settings.smoothing_mm)
    scatter = float(np.median(directions.dispersion_deg[region.support]))
    if scatter > _MOST_SCATTER_DEG:
        return without_data(f"directions scatter by {scatter:.0f} degrees: noise")
    tracer = Tracer.build(region, used, settings)
    fields = FieldReplicas.of(region.tensor, region.affine, directions, used, rng)
    probes = Probes.spread(region, used, rng)
    tracer = probes.with_order(tracer, fields, rng)
    seeds = spread_seeds(*surface, settings.seed_spacing_mm, rng)
    seeds = seeds[off_sheets(seeds, used)]
    traced = tracer.trace(seeds, directions.vectors, parts.side_mm, region.affine)
    fascicles = traced.fascicles
    dropped = Dropped(len(seeds), len(fascicles), traced.dropped)
    unknown = "; ".join(filter(None, (ends_unknown, dropped.why_not())))
    if unknown:
        fascicles.table["status"] = "not_measured"
    if len(fascicles) < _FEWEST_FASCICLES:
        return without_data(
            f"{len(fascicles)} of {len(seeds)} streamlines ran from surface to surface"
        )
    limits = {}
    if settings.bootstrap > 1 and not unknown:
        limits = confidence(
            fascicles, seeds[traced.kept], dropped.share, tracer, directions, fields, probes,
            found is not None, line, rng,
        )  # fmt: skip
    measures = muscle_measures(
        label, fascicles.table, limits,
        (_MEANING if found is None else _MEANING_FOUND).format(settings.mask_error_mm),
        region.volume_ml, _unfilled(seeds, fascicles.points), unknown,
        settings.sarcomere_length_um,
    )  # fmt: skip
    return MuscleArchitecture(
        label, *surface, fascicles, noted(measures, dropped.text()), region.box,
        directions.own(parts.weights), directions.dispersion_deg, region.share, seeds[traced.kept],
        _facts(region, dropped, traced, directions, sought), used, found is not None,
        ends_unknown,
    )  # fmt: skip


def _nothing(
    label: int,
    surface: tuple[FloatArray, IntArray],
    sheets: tuple[AponeurosisSurface, ...],
    why: str,
) -> MuscleArchitecture:
    measures = nothing_measured(label, why)
    return MuscleArchitecture(label, *surface, no_fascicles(), measures, sheets=sheets)


def _modelled(
    label: int,
    mask: Image,
    surface: tuple[FloatArray, IntArray],
    sheets: Sequence[AponeurosisSurface],
    expected: Expected,
    settings: FibreSettings,
    why: str,
) -> MuscleArchitecture:
    """Return a muscle with modelled fascicles; without any where that is not possible either."""
    rng = np.random.default_rng([settings.seed, label])
    model = model_fascicles(label, mask, surface, sheets, expected, settings, rng)
    if model is None or len(model.traced.fascicles) < _FEWEST_FASCICLES:
        return _nothing(label, surface, tuple(sheets), why)
    fascicles = model.traced.fascicles
    measures = muscle_measures(
        label, fascicles.table, {}, "", float(mask.data.astype(bool).sum()) * mask.voxel_ml,
        _unfilled(model.seeds, fascicles.points), "", settings.sarcomere_length_um,
    )  # fmt: skip
    return MuscleArchitecture(
        label, *surface, fascicles, as_modelled(measures, why), sheets=tuple(sheets),
        seeds=model.seeds[model.traced.kept], modelled=why,
        facts={"seeds": len(model.seeds), **model.traced.dropped, "modelled": why},
    )  # fmt: skip


def _facts(
    region: MuscleRegion,
    dropped: Dropped,
    traced: Traced,
    directions: DirectionField,
    sought: FoundSheet | NoSheet | None,
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "seeds": dropped.seeds, "covered": round(region.covered, 4), **traced.dropped,
        **dropped.facts(),
    }  # fmt: skip
    if sought is not None:
        facts |= sought.facts()
    if directions.kernel is not None:
        facts["smoothing_mm"] = directions.kernel.sigma_mm
        facts["polynomial_order"] = directions.kernel.order
    facts["curve_order"] = traced.fascicles.order
    return facts


def _unfilled(seeds: FloatArray, points: FloatArray) -> float:
    distance, _ = cKDTree(points).query(seeds, distance_upper_bound=_FILLED_WITHIN_MM)
    return float(np.mean(~np.isfinite(distance)))
