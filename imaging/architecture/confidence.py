"""Confidence intervals of a muscle's means: how far noise, method and border may have moved them.

A subset of points is followed again through fields with other noise (spread and bias of noise),
through the field smoothed once more and less (bias of smoothing), through a field from voxels that
lie wholly in the muscle (bias of partial volume at its borders), against walls whose normals were
smoothed once more (bias at sharp rims), with curves of another order (bias of slopes) and against a
border moved outwards (a mask is drawn inside or outside of it). An aponeurosis that was found is
sought again in replicas. A wrong label is not seen, nor what was done to the signals before the
tensor fit: denoising by MP-PCA flattens the field by more than these intervals at low SNR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imaging.architecture.aponeurosis import find_sheet
from imaging.architecture.compartments import divide, uncut
from imaging.architecture.curves import HIGHEST_ORDER
from imaging.architecture.direction import DirectionField
from imaging.architecture.fascicles import Fascicles
from imaging.architecture.found_sheet import NoSheet
from imaging.architecture.probes import Means, Probes
from imaging.architecture.replicas import FieldReplicas
from imaging.architecture.tracer import Tracer
from imaging.architecture.uncertainty import (
    finite_samples,
    interval,
    noise_bias,
    sampling_error,
)
from imaging.arrays import FloatArray
from imaging.geometry import vertex_normals
from imaging.image import Image

_MOVED_MM = 0.5  # of the border, to see what it does to means
_NARROWER = 0.7  # of the kernel, to see which bends it flattens
_SHEETS = 8  # replicas in which an aponeurosis is sought again
_FEWEST_SHEETS = 4


def confidence(
    fascicles: Fascicles,
    seeds: FloatArray,
    without: float,
    tracer: Tracer,
    field: DirectionField,
    fields: FieldReplicas,
    probes: Probes,
    found: bool,
    line: Image | None,
    rng: np.random.Generator,
) -> dict[str, tuple[float, float]]:
    """Return the 95 % confidence intervals of a muscle's figures.

    Parameters
    ----------
    fascicles
        Its fascicles.
    seeds : (F, 3) array
        Where they were started.
    without
        Share of the muscle's points without a fascicle: that of theirs is unknown, and may differ
        from the mean by a standard deviation.
    tracer
        What they end on.
    field
        What they were followed through.
    fields, probes
        Draws of other fields, and the points that are followed through them.
    found
        Whether the internal aponeurosis was found from the data.
    line
        Sheetness of an anatomical image that it was found with.
    rng
        Source of the draws.
    """
    first = probes.follow(tracer, fields, fields.original())
    count = tracer.settings.bootstrap
    noisy = [probes.follow(tracer, fields, fields.noisy(rng)) for _ in range(count)]
    others = _other_ways(probes, tracer, field, fields)
    moved = _moved(probes, tracer, fields)
    refound = _refound(probes, tracer, fields, line, rng) if found else []
    out = {}
    for name, (values, weights) in finite_samples(fascicles.table).items():
        drawn = _drawn(noisy, name)
        if name not in first or len(drawn) < max(2, len(noisy) // 2):
            continue
        biases = [noise_bias(first[name], drawn)]
        biases += [sign * (m[name] - first[name]) for sign, m in others if name in m]
        mean = float(np.average(values, weights=weights))
        spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        biases += [without * spread, -without * spread]
        errors, count = [float(drawn.std(ddof=1))], len(drawn)
        if found:
            sheets_drawn = _drawn(refound, name)
            if len(sheets_drawn) < _FEWEST_SHEETS:
                continue
            errors = [max(errors[0], float(sheets_drawn.std(ddof=1)))]
            biases.append(float(sheets_drawn.mean()) - first[name])
            count = len(sheets_drawn)
        errors.append(sampling_error(values, weights, seeds))
        if name in moved:
            by_mm = (moved[name] - first[name]) / _MOVED_MM
            errors.append(tracer.settings.mask_error_mm * by_mm)
        out[name] = interval(mean, float(np.linalg.norm(errors)), biases, count)
    return out


def _drawn(replicas: Sequence[Means], name: str) -> FloatArray:
    return np.array([m[name] for m in replicas if name in m])


def _other_ways(
    probes: Probes, tracer: Tracer, field: DirectionField, fields: FieldReplicas
) -> list[tuple[float, Means]]:
    """Return means with one step done otherwise.

    With 1 where the step was done twice, which moves them about as far as doing it once has; with
    -1 where it was left out.
    """
    region = tracer.region
    again = probes.follow(tracer, fields, fields.smoothed_again())
    smoother = tracer.rebuilt(region, normals_twice=True)
    rims = probes.follow(smoother, fields, fields.original())
    whole = field.weights * uncut(region.share, region.affine, tracer.sheets)
    inner = FieldReplicas.build(region.tensor, region.affine, whole, fields.kernel, tracer.sheets)
    borders = probes.follow(tracer, inner, inner.original())
    narrow = replace(fields.kernel, sigma_mm=_NARROWER * fields.kernel.sigma_mm)
    sharp = FieldReplicas.build(region.tensor, region.affine, field.weights, narrow, tracer.sheets)
    bends = probes.follow(tracer, sharp, sharp.original())
    ways = [(1.0, again), (1.0, rims), (-1.0, borders), (-1.0, bends)]
    if tracer.order is not None and tracer.order < HIGHEST_ORDER:
        freer = replace(tracer, order=tracer.order + 1)
        ways.append((-1.0, probes.follow(freer, fields, fields.original())))
    return ways


def _moved(probes: Probes, tracer: Tracer, fields: FieldReplicas) -> Means:
    """Return means with the muscle's border moved outwards."""
    region = tracer.region
    points = region.points + _MOVED_MM * vertex_normals(region.points, region.faces)
    wider = tracer.rebuilt(replace(region, points=points))
    return probes.follow(wider, fields, fields.original())


def _refound(
    probes: Probes,
    tracer: Tracer,
    fields: FieldReplicas,
    line: Image | None,
    rng: np.random.Generator,
) -> list[Means]:
    """Return means with an aponeurosis sought again in tensors with other noise."""
    region, share = tracer.region, fields.share
    out = []
    for _ in range(min(_SHEETS, tracer.settings.bootstrap)):
        tensor = fields.noisy_tensor(rng)
        sheet = find_sheet(tensor, share, fields.affine, region.axis, line)
        if isinstance(sheet, NoSheet):
            continue
        weights = divide(share, fields.affine, [sheet.sheet], purity=1.0).weights
        weights *= np.any(tensor != 0, axis=-1)
        other = FieldReplicas.build(tensor, fields.affine, weights, fields.kernel, [sheet.sheet])
        ends = replace(Tracer.build(region, [sheet.sheet], tracer.settings), order=tracer.order)
        out.append(probes.follow(ends, other, other.original()))
    return out
