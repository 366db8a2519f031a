"""The digital leg: labels and fibre directions at any point of the world, from a seed.

The leg is analytic, so its truth does not depend on a voxel size. ``Leg`` speaks world RAS+ mm;
the shape itself is solved in leg coordinates (x lateral, y anterior, z up from the ankle).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imaging.arrays import FloatArray
from imaging.errors import ConfigError
from imaging.image import Image
from imaging.muscles import SIDE_CODES, Side
from imaging.phantom.anatomy import Anatomy, draw_anatomy
from imaging.phantom.cells import AIR, CONNECTIVE, Tables, classify_points, direct_points
from imaging.phantom.shape import build_tables

CONNECTIVE_LABEL = -1
APART_MM = 95.0


@dataclass(frozen=True)
class Leg:
    """A leg in world RAS+ mm.

    Attributes
    ----------
    side : str
        ``left`` or ``right``.
    seed : int
        Seed it was drawn from.
    anatomy : Anatomy
        Its proportions.
    tables : Tables
        Its shape in leg coordinates.
    pose : (4, 4) array
        Leg coordinates to world; a left leg's pose holds the mirroring.
    """

    side: Side
    seed: int
    anatomy: Anatomy
    tables: Tables
    pose: FloatArray

    @property
    def bounds_mm(self) -> FloatArray:
        """World box (2, 3) that holds the leg."""
        t = self.tables
        wide = t.radius * 1.12 + t.fat * 1.4 + 4.0
        low = np.append((t.centre - wide[:, None]).min(axis=0), t.z0)
        high = np.append((t.centre + wide[:, None]).max(axis=0), t.z0 + t.dz * (len(t.radius) - 1))
        ends = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), -1).reshape(-1, 3)
        world = ends @ self.pose[:3, :3].T + self.pose[:3, 3]
        return np.stack([world.min(axis=0), world.max(axis=0)])

    def to_leg(self, points: ArrayLike) -> FloatArray:
        """Return leg coordinates (N, 3) of world points (N, 3)."""
        inverse = np.linalg.inv(self.pose)
        return np.asarray(points, dtype=float) @ inverse[:3, :3].T + inverse[:3, 3]

    def to_world(self, points: ArrayLike) -> FloatArray:
        """Return world points (N, 3) of leg coordinates (N, 3)."""
        return np.asarray(points, dtype=float) @ self.pose[:3, :3].T + self.pose[:3, 3]

    def structures(self, points: ArrayLike) -> tuple[NDArray[np.int16], FloatArray]:
        """Return structures (N,) (see ``cells.classify``) and distances to a sheet (N,) in mm."""
        return classify_points(self.tables, self.to_leg(points))

    def labels(self, points: ArrayLike) -> NDArray[np.int16]:
        """Return labels (N,) of world points (N, 3).

        100·side + catalogue index; 0 is air, ``CONNECTIVE_LABEL`` is tendon, fat and vessels
        between the muscles.
        """
        codes, _ = self.structures(points)
        labels = (codes + 100 * SIDE_CODES[self.side]).astype(np.int16)
        labels[codes == AIR] = 0
        labels[codes == CONNECTIVE] = CONNECTIVE_LABEL
        return labels

    def directions(self, points: ArrayLike, labels: NDArray[Any]) -> FloatArray:
        """Return unit fibre vectors (N, 3) in world RAS+; 0 where the label is no muscle."""
        own = np.asarray(labels) // 100 == SIDE_CODES[self.side]
        codes = np.where(own, np.asarray(labels) % 100, 0).astype(np.int16)
        return direct_points(self.tables, self.to_leg(points), codes) @ self.pose[:3, :3].T

    def grid(
        self,
        spacing_mm: ArrayLike,
        margin_mm: ArrayLike = 5.0,
        rotation: FloatArray | None = None,
    ) -> Image:
        """Return an empty grid (uint8) that covers the leg; see :func:`covering_grid`."""
        return covering_grid(self.bounds_mm, spacing_mm, margin_mm, rotation)


def covering_grid(
    bounds_mm: FloatArray,
    spacing_mm: ArrayLike,
    margin_mm: ArrayLike = 5.0,
    rotation: FloatArray | None = None,
) -> Image:
    """Return an empty grid (uint8) over a world box.

    Parameters
    ----------
    bounds_mm
        (2, 3) corners in world RAS+ mm.
    spacing_mm
        One or three voxel sizes in mm.
    margin_mm
        Added on both sides of each axis; negative cuts the box.
    rotation
        (3, 3) voxel axes in world; none: along the world axes.
    """
    spacing = np.broadcast_to(np.asarray(spacing_mm, dtype=float), (3,))
    margin = np.broadcast_to(np.asarray(margin_mm, dtype=float), (3,))
    axes = np.eye(3) if rotation is None else np.asarray(rotation, dtype=float)
    middle = bounds_mm.mean(axis=0)
    half = np.abs(axes.T) @ (np.diff(bounds_mm, axis=0)[0] / 2) + margin
    shape = np.maximum(np.ceil(2 * half / spacing), 2).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = middle - affine[:3, :3] @ ((shape - 1) / 2)
    return Image(np.zeros(shape, np.uint8), affine)


def make_leg(seed: int, side: Side = "right", variation: float = 1.0) -> Leg:
    """Make one leg.

    Parameters
    ----------
    seed
        Same seed and side, same leg.
    side
        ``left`` or ``right``; the two legs of a seed differ.
    variation
        0: the mean leg (straight along z); 1: as people differ.

    Raises
    ------
    ConfigError
        The side is not left or right.
    """
    if side not in ("left", "right"):
        raise ConfigError(f"side {side!r} is not left or right", None, "Give left or right")
    rng = np.random.default_rng([seed, SIDE_CODES[side]])
    anatomy = draw_anatomy(np.random.default_rng(seed), rng, variation)
    lateral = 1.0 if side == "right" else -1.0
    turn = variation * np.deg2rad([2.0, 2.0, 6.0]) * np.clip(rng.standard_normal(3), -2, 2)
    pose = np.eye(4)
    pose[:3, :3] = rotation_matrix(turn) @ np.diag([lateral, 1.0, 1.0])
    pose[:3, 3] = [lateral * APART_MM, 15.0, -0.5 * anatomy.length_mm]
    return Leg(side, seed, anatomy, build_tables(anatomy), pose)


def rotation_matrix(angles: ArrayLike) -> FloatArray:
    """Return the rotation (3, 3) by angles (3,) in radians about x, then y, then z."""
    (ca, cb, cc), (sa, sb, sc) = np.cos(angles), np.sin(angles)
    x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return z @ y @ x
