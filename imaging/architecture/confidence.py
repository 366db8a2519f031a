"""Confidence intervals of a muscle's means: how far noise and method may have moved them.

A subset of points is followed again through fields with other noise (spread and bias of noise),
through the field smoothed once more (bias of smoothing), through a field from voxels that lie
wholly in the muscle (bias of partial volume at its borders), and against walls whose normals were
smoothed once more (bias at sharp rims). An aponeurosis that was found is sought again in replicas.
All is for the boundary that was given; what was done to the signals before the tensor fit is not
seen: denoising by MP-PCA flattens the field by more than these intervals at low SNR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.architecture.aponeurosis import find_sheet
from imaging.architecture.compartments import divide, off_sheets, uncut
from imaging.architecture.direction import DirectionField
from imaging.architecture.fascicles import Fascicles
from imaging.architecture.replicas import FieldReplicas
from imaging.architecture.seeds import spread_seeds
from imaging.architecture.tracer import Tracer
from imaging.architecture.uncertainty import (
    finite_samples,
    interval,
    means,
    noise_bias,
    sampling_error,
)
from imaging.arrays import FloatArray
from imaging.image import Image

Means = dict[str, float]

_PROBES = 400  # points that are followed through every replica
_FEWEST_PROBES = 20  # that must have a fascicle
_SHEETS = 8  # replicas in which an aponeurosis is sought again
_FEWEST_SHEETS = 4


@dataclass(frozen=True)
class Probes:
    """Points (P, 3), world mm, spread evenly in a muscle and followed through many fields."""

    points: FloatArray

    def follow(self, tracer: Tracer, fields: FieldReplicas, vectors: FloatArray) -> Means:
        """Return the means over the points' fascicles in a field; none if too few have one."""
        traced = tracer.trace(self.points, vectors, fields.side_mm, fields.affine, elsewhere=False)
        enough = len(traced.kept) >= _FEWEST_PROBES
        return means(traced.fascicles.table) if enough else {}


def confidence(
    fascicles: Fascicles,
    seeds: FloatArray,
    tracer: Tracer,
    field: DirectionField,
    found: bool,
    line: Image | None,
    rng: np.random.Generator,
) -> dict[str, tuple[float, float]]:
    """Return the 95 % confidence intervals of a muscle's figures, none for a modelled field.

    Parameters
    ----------
    fascicles
        Its fascicles.
    seeds : (F, 3) array
        Where they were started.
    tracer
        What they end on.
    field
        What they were followed through.
    found
        Whether the internal aponeurosis was found from the data.
    line
        Sheetness of an anatomical image that it was found with.
    rng
        Source of the draws.
    """
    if field.kernel is None:
        return {}
    region, sheets = tracer.region, tracer.sheets
    spacing = (1000.0 * region.volume_ml / _PROBES) ** (1 / 3)
    points = spread_seeds(region.points, region.faces, spacing, rng)
    probes = Probes(points[off_sheets(points, sheets)])
    fields = FieldReplicas.build(region.tensor, region.affine, field.weights, field.kernel, sheets)
    growth = fields.common_noise(rng)
    first = probes.follow(tracer, fields, fields.original())
    noisy = [
        probes.follow(tracer, fields, fields.noisy(rng, growth))
        for _ in range(tracer.settings.bootstrap)
    ]
    others = _other_ways(probes, tracer, field, fields)
    refound = _refound(probes, tracer, fields, growth, line, rng) if found else []
    out = {}
    for name, (values, weights) in finite_samples(fascicles.table).items():
        drawn = _drawn(noisy, name)
        if name not in first or len(drawn) < max(2, len(noisy) // 2):
            continue
        biases = [noise_bias(first[name], drawn)]
        biases += [sign * (m[name] - first[name]) for sign, m in others if name in m]
        spread, count = float(drawn.std(ddof=1)), len(drawn)
        if found:
            sheets_drawn = _drawn(refound, name)
            if len(sheets_drawn) < _FEWEST_SHEETS:
                continue
            spread = max(spread, float(sheets_drawn.std(ddof=1)))
            biases.append(float(sheets_drawn.mean()) - first[name])
            count = len(sheets_drawn)
        error = float(np.hypot(spread, sampling_error(values, weights, seeds)))
        out[name] = interval(float(np.average(values, weights=weights)), error, biases, count)
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
    smoother = Tracer.build(region, tracer.sheets, tracer.settings, normals_twice=True)
    rims = probes.follow(smoother, fields, fields.original())
    whole = field.weights * uncut(region.share, region.affine, tracer.sheets)
    inner = FieldReplicas.build(region.tensor, region.affine, whole, fields.kernel, tracer.sheets)
    borders = probes.follow(tracer, inner, inner.original())
    return [(1.0, again), (1.0, rims), (-1.0, borders)]


def _refound(
    probes: Probes,
    tracer: Tracer,
    fields: FieldReplicas,
    growth: float,
    line: Image | None,
    rng: np.random.Generator,
) -> list[Means]:
    """Return means with an aponeurosis sought again in tensors with other noise."""
    region, share = tracer.region, fields.share
    out = []
    for _ in range(min(_SHEETS, tracer.settings.bootstrap)):
        tensor = fields.noisy_tensor(rng, growth)
        sheet = find_sheet(tensor, share, fields.affine, region.axis, line)
        if sheet is None:
            continue
        weights = divide(share, fields.affine, [sheet.sheet], purity=1.0).weights
        weights *= np.any(tensor != 0, axis=-1)
        other = FieldReplicas.build(tensor, fields.affine, weights, fields.kernel, [sheet.sheet])
        ends = Tracer.build(region, [sheet.sheet], tracer.settings)
        out.append(probes.follow(ends, other, other.original()))
    return out
