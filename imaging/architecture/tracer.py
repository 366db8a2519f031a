"""From seeds and a direction field to the fascicles of one muscle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imaging.architecture.ends import NORMAL_SMOOTHING_MM, build_walls, extend_to_surface
from imaging.architecture.fascicles import Fascicles, choose, chosen_places, describe, figures
from imaging.architecture.region import MuscleRegion
from imaging.architecture.tracking import Streamlines, track
from imaging.arrays import FloatArray, IntArray
from imaging.config import FibreSettings
from imaging.geometry import AponeurosisSurface, TriangleIndex


@dataclass(frozen=True)
class Traced:
    """Fascicles, and which seeds they came from.

    Attributes
    ----------
    fascicles
        In the order of `kept`.
    kept : (F,) int array
        Numbers of the seeds whose streamline is a fascicle.
    dropped : dict
        For how many seeds which reason spoke against.
    """

    fascicles: Fascicles
    kept: IntArray
    dropped: dict[str, int]


@dataclass(frozen=True)
class Tracer:
    """What ends a fascicle of one muscle, and how it is followed and described.

    Attributes
    ----------
    region
        The muscle.
    walls, normals
        Its surface and internal aponeuroses as one set of triangles, with unit normals (M, 3).
    sheets
        The internal aponeuroses.
    settings
        Step and limits.
    order
        Of the curves whose slopes are taken; none: chosen from the fascicles alone.
    """

    region: MuscleRegion
    walls: TriangleIndex
    normals: FloatArray
    sheets: Sequence[AponeurosisSurface]
    settings: FibreSettings
    order: int | None = None

    @classmethod
    def build(
        cls,
        region: MuscleRegion,
        sheets: Sequence[AponeurosisSurface],
        settings: FibreSettings,
        *,
        normals_twice: bool = False,
    ) -> Tracer:
        """Return the tracer of a muscle with its internal aponeuroses.

        With `normals_twice` the normals of its walls are smoothed as if twice.
        """
        widths = NORMAL_SMOOTHING_MM * (np.sqrt(2.0) if normals_twice else 1.0)
        walls, normals = build_walls(region.points, region.faces, sheets, float(widths))
        return cls(region, walls, normals, sheets, settings)

    def rebuilt(self, region: MuscleRegion, *, normals_twice: bool = False) -> Tracer:
        """Return the same for a muscle with another border, or with smoother normals."""
        other = Tracer.build(region, self.sheets, self.settings, normals_twice=normals_twice)
        return replace(other, order=self.order)

    def trace(
        self, seeds: FloatArray, vectors: FloatArray, side_mm: FloatArray, affine: FloatArray
    ) -> Traced:
        """Return the fascicles of seeds.

        Parameters
        ----------
        seeds : (F, 3) array
            World mm.
        vectors : (C, I, J, K, 3) array
            Unit directions per compartment, world frame.
        side_mm : (S, I, J, K) array
            Height above each sheet; 2^S = C.
        affine : (4, 4) array
            Voxels of these arrays to world mm.
        """
        region = self.region
        lines, kept, dropped = self.follow(seeds, vectors, side_mm, affine)
        fascicles = describe(
            region.label, lines, kept, (self.walls, self.normals), region.axis,
            (region.support, region.affine), 1000.0 * region.volume_ml, self.order,
        )  # fmt: skip
        return Traced(fascicles, kept, dropped)

    def columns(
        self, seeds: FloatArray, vectors: FloatArray, side_mm: FloatArray, affine: FloatArray
    ) -> Mapping[str, Any]:
        """Return the measures of the fascicles of seeds, without a table around them.

        Parameters are those of :meth:`trace`.
        """
        region = self.region
        lines, kept, _ = self.follow(seeds, vectors, side_mm, affine)
        return figures(
            region.label, lines, kept, self.normals, region.axis, (region.support, region.affine),
            1000.0 * region.volume_ml, self.order,
        ).columns  # fmt: skip

    def coarser(self) -> Tracer:
        """Return the same with steps of twice the length, for means of many fields."""
        steps = {"step_mm": 2.0 * self.settings.step_mm}
        return replace(self, settings=self.settings.model_copy(update=steps))

    def follow(
        self, seeds: FloatArray, vectors: FloatArray, side_mm: FloatArray, affine: FloatArray
    ) -> tuple[Streamlines, IntArray, dict[str, int]]:
        """Return streamlines, the numbers of those that are fascicles, and why others are not.

        Parameters are those of :meth:`trace`.
        """
        region, limits = self.region, self.settings
        lines = track(
            seeds, vectors, side_mm, affine, self.walls, first_end=-region.axis,
            step_mm=limits.step_mm, max_angle_deg_per_mm=limits.max_angle_deg_per_mm,
            max_length_mm=limits.max_length_mm,
        )  # fmt: skip
        lines = extend_to_surface(lines, self.walls)
        # The last entry stands for no face; sheets, which come after the surface, are never open.
        wall_open = np.zeros(len(self.walls.corners) + 1, bool)
        wall_open[: len(region.faces)] = region.open_faces
        return lines, *choose(lines, wall_open, limits.min_length_mm, limits.max_length_mm)

    def places(
        self, seeds: FloatArray, vectors: FloatArray, side_mm: FloatArray, affine: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        """Return the numbers of seeds with a fascicle, and these at even places (F, P, 3)."""
        lines, kept, _ = self.follow(seeds, vectors, side_mm, affine)
        return kept, chosen_places(lines, kept)
