"""Points of a muscle that are followed through many fields, and the curves' order told by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imaging.architecture.compartments import off_sheets
from imaging.architecture.region import MuscleRegion
from imaging.architecture.replicas import FieldReplicas
from imaging.architecture.seeds import spread_seeds
from imaging.architecture.slopes import common_places, slope_order
from imaging.architecture.tracer import Tracer
from imaging.architecture.uncertainty import means
from imaging.arrays import FloatArray
from imaging.geometry import AponeurosisSurface

Means = dict[str, float]

_PROBES = 400
_FEWEST = 20  # that must have a fascicle
_REPLICAS = 4  # behind the choice of the order


@dataclass(frozen=True)
class Probes:
    """Points (P, 3), world mm, spread evenly in a muscle."""

    points: FloatArray

    @classmethod
    def spread(
        cls, region: MuscleRegion, sheets: Sequence[AponeurosisSurface], rng: np.random.Generator
    ) -> Probes:
        """Return points of a muscle, none within its aponeuroses."""
        spacing = (1000.0 * region.volume_ml / _PROBES) ** (1 / 3)
        points = spread_seeds(region.points, region.faces, spacing, rng)
        return cls(points[off_sheets(points, sheets)])

    def follow(self, tracer: Tracer, fields: FieldReplicas, vectors: FloatArray) -> Means:
        """Return the means over the points' fascicles in a field; none if too few have one."""
        columns = tracer.coarser().columns(self.points, vectors, fields.side_mm, fields.affine)
        return means(columns) if len(columns["weight"]) >= _FEWEST else {}

    def with_order(self, tracer: Tracer, fields: FieldReplicas, rng: np.random.Generator) -> Tracer:
        """Return a tracer that knows which order of curves gives the best slopes at ends."""
        drawn = [fields.original(), *(fields.noisy(rng) for _ in range(_REPLICAS))]
        places = common_places(
            lambda v: tracer.places(self.points, v, fields.side_mm, fields.affine), drawn
        )
        return replace(tracer, order=slope_order(places[0], places[1:])) if places else tracer
