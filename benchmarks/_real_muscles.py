"""Real muscle shapes filled with smooth fascicle fields that are formulas.

The border is that of the label maps of two bodies (``../shared/data/anatomy``), made smooth once
and taken as the truth. Fascicles are no flow through the shape: their angle to the muscle's middle
surface is a formula of place, so that neither the phantom's nor the product's own way of filling a
shape judges itself. Lengths in mm; x, y, z are right, anterior, superior about the middle of the
shape's box.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.polynomial import legendre
from scipy import ndimage

from benchmarks._muscles import Array, Muscle

ANATOMY = Path(__file__).parents[1].parent / "shared" / "data" / "anatomy"
BODIES = ("vhm", "vhf")  # the second is held out: nothing may be tuned to it
SIDES = ("left", "right")
_BORDER_MM = 2.0  # of the Gaussian that makes the border smooth: .8 leaves 2 deg of voxel steps
_MARGIN_MM = 6.0
_DEGREES = (5, 3)  # of the middle surface, along and across
_WAVES_MM = (60.0, 150.0)
_REACH, _PLACES = 1.05, (401, 201)
_FADE_MM, _BLUNT = 15.0, 3.0  # past the rim of a sheet; depth there, in 1 / distance to the rim


@dataclass(frozen=True)
class Filling:
    """Label in the anatomy, and how fascicles lean from the middle surface: degrees.

    `lean` in the middle, and how much more at the proximal end, per mm of depth and at the sides;
    `wave` is the root mean square of smooth differences from place to place that follow no rule.
    """

    label: int
    lean: float
    along: float = -4.0
    depth: float = 0.5
    splay: float = 7.0
    wave: float = 2.0
    bipennate: bool = False


FILLINGS = {
    "GM": Filling(5, 21.0),
    "GL": Filling(6, 16.0),
    "PL": Filling(4, 15.0, depth=0.3),
    "TA": Filling(1, 13.0, depth=0.6, bipennate=True),
    "SOL": Filling(7, 22.0, depth=0.4, bipennate=True),
    "TP": Filling(12, 16.0, depth=0.5, bipennate=True),
}


@dataclass(frozen=True)
class Part:
    """How far an internal aponeurosis reaches: from -1, distal or at one side, to 1."""

    along: tuple[float, float] = (-1.0, 1.0)
    across: tuple[float, float] = (-1.0, 1.0)


PARTS = {"lower": Part((-1.2, 0.33)), "middle": Part((-0.6, 0.6), (-0.7, 0.7))}


@dataclass(frozen=True)
class PartlyBipennate(Muscle):
    """A muscle whose internal aponeurosis has a rim inside it, past which both sides are one.

    `sheet` is about the signed distance to it; `beyond_mm` that to its rim, 0 over it.
    """

    beyond_mm: Callable[[Array], Array] = lambda p: np.zeros(len(p))

    def space(self, p: Array, side: Array) -> Array:
        """Return how far (P,) points are from any surface that ends a fascicle."""
        room, over = self.room(p), self.beyond_mm(p) <= 0
        return np.where(over, np.minimum(room, side * (self.sheet or self.room)(p)), room)


def real_muscle(
    key: str, body: str, side: str, lean_factor: float = 1.0, part: Part | None = None
) -> Muscle:
    """Return a real shape filled with fascicles.

    Parameters
    ----------
    key
        Of ``FILLINGS``.
    body, side
        Whose leg.
    lean_factor
        Leans are multiplied by it.
    part
        Over which a bipennate muscle has its aponeurosis: all of it, or a
        :class:`PartlyBipennate`.
    """
    points, shape = _border(key, body, side)
    frame = _Frame.fit(points)
    filling = FILLINGS[key]
    rng = np.random.default_rng([ord(c) for c in key + body + side])
    waves = rng.standard_normal((4, 3))
    waves *= 2 * np.pi / (rng.uniform(*_WAVES_MM, (4, 1)) * np.linalg.norm(waves, axis=1)[:, None])
    phases = rng.uniform(0, 2 * np.pi, 4)

    def direction(p: Array, side_of: Array) -> Array:
        here = frame.local(p)
        away = np.clip(side_of * here.depth if filling.bipennate else here.depth, -15, 25)
        wave = np.sin(p @ waves.T + phases).sum(axis=1) / np.sqrt(2.0)
        lean = filling.lean + filling.along * here.u + filling.depth * away + filling.wave * wave
        lean = np.radians(lean_factor * lean) * (side_of if filling.bipennate else 1.0)
        along, across, out = frame.axes_at(here)
        middle = along + np.tan(np.radians(filling.splay) * here.w)[:, None] * across
        middle /= np.linalg.norm(middle, axis=1, keepdims=True)
        return np.cos(lean)[:, None] * middle + np.sin(lean)[:, None] * out

    def sheet(p: Array) -> Array:
        return frame.local(p).depth

    half = tuple(float(h) for h in shape.half)
    if part is not None:
        return _partly(Muscle(f"{key} {body} {side}", half, shape.room, direction, sheet),
                       frame, part)  # fmt: skip
    return Muscle(
        f"{key} {body} {side}", half, shape.room, direction, sheet if filling.bipennate else None
    )


def _partly(whole: Muscle, frame: _Frame, part: Part) -> PartlyBipennate:
    """Return a bipennate muscle with part of its aponeurosis."""

    def beyond_mm(p: Array) -> Array:
        here = frame.local(p)
        past = [
            np.maximum(np.maximum(low - place, place - high), 0.0) * half
            for place, (low, high), half in zip(
                (here.u, here.w), (part.along, part.across), frame.half[:2], strict=True
            )
        ]
        return np.hypot(*past)

    def sheet(p: Array) -> Array:
        depth = frame.local(p).depth
        return np.where(depth >= 0, 1.0, -1.0) * np.hypot(depth, beyond_mm(p))

    def direction(p: Array, side: Array) -> Array:
        beyond = beyond_mm(p)
        fade = np.clip(beyond / _FADE_MM, 0.0, 1.0)
        blunt = np.tanh(_BLUNT * frame.local(p).depth / np.maximum(beyond, 1e-6))
        kept = np.where(beyond > 0, (1 - fade**2 * (3 - 2 * fade)) * blunt, side)[:, None]
        ones = np.ones(len(p))
        up, down = whole.direction(p, ones), whole.direction(p, -ones)
        return 0.5 * ((1 + kept) * up + (1 - kept) * down)

    return PartlyBipennate(whole.name, whole.half, whole.room, direction, sheet, beyond_mm)


@dataclass(frozen=True)
class _Shape:
    """A smooth border: about the distance to it at the voxels of a grid, positive inside."""

    distance: Array  # (I, J, K), spline coefficients
    spacing: Array
    origin: Array  # of voxel 0 in the muscle's frame

    @property
    def half(self) -> Array:
        return -self.origin + self.spacing / 2

    def room(self, p: Array) -> Array:
        """Return how far (P,) points are inside."""
        at = ((p - self.origin) / self.spacing).T
        return ndimage.map_coordinates(
            self.distance, at, order=3, mode="nearest", prefilter=False
        ).astype(float)


@lru_cache(maxsize=8)
def _border(key: str, body: str, side: str) -> tuple[Array, _Shape]:
    """Return points inside (P, 3) and the smooth border of a real muscle."""
    image = nib.load(ANATOMY / f"{body}_{side}_dseg.nii.gz")
    spacing = np.array(image.header.get_zooms()[:3], float)
    mask = np.asanyarray(image.dataobj) == FILLINGS[key].label
    pieces, _ = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    mask = pieces == sizes.argmax()
    margin = np.ceil(_MARGIN_MM / spacing).astype(int)
    mask = np.pad(mask[ndimage.find_objects(mask.astype(np.uint8))[0]], [(m, m) for m in margin])
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    # Distances to voxel centres jump by a voxel at the border; half of it belongs to each side.
    distance = np.where(mask, inside - spacing[0] / 2, spacing[0] / 2 - outside)
    distance = ndimage.gaussian_filter(distance, _BORDER_MM / spacing).astype(np.float32)
    origin = -spacing * (np.array(mask.shape) - 1) / 2
    points = np.argwhere(distance > 0) * spacing + origin
    return points, _Shape(ndimage.spline_filter(distance, 3, np.float32), spacing, origin)


@dataclass(frozen=True)
class _Place:
    """Where points (P,) are: -1 to 1 along and across, mm above the middle surface, its slopes."""

    u: Array
    w: Array
    depth: Array
    by_u: Array
    by_w: Array


@dataclass(frozen=True)
class _Frame:
    """Axes of a muscle and its middle surface: the height over the plane of the first two axes."""

    centre: Array
    axes: Array  # rows: along (upwards), across, through the thin side
    half: Array  # half lengths along the first two
    table: Array  # (3, U, W): height, and its slope along and across, on even places

    @classmethod
    def fit(cls, points: Array) -> _Frame:
        centre = points.mean(axis=0)
        _, _, axes = np.linalg.svd(points[:: max(1, len(points) // 20_000)] - centre, False)
        axes = axes * np.sign([axes[0, 2], 1.0, axes[2, 1]])[:, None]
        axes[1] = np.cross(axes[2], axes[0])
        local = (points - centre) @ axes.T
        half = np.abs(local[:, :2]).max(axis=0)
        cells = np.floor(local[:, :2] / 3.0).astype(int)
        _, own, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
        mean = np.stack([np.bincount(own.ravel(), local[:, a]) for a in range(3)], 1)
        mean /= count[:, None]
        design = legendre.legvander2d(*(mean[:, :2] / half).T, _DEGREES)
        weight = np.sqrt(count)[:, None]
        ridge = 0.02 * np.sqrt(len(points)) * np.eye(design.shape[1])
        ridge[0] = 0.0
        left = np.concatenate([design * weight, ridge])
        right = np.concatenate([mean[:, 2] * weight[:, 0], np.zeros(len(ridge))])
        found = np.linalg.lstsq(left, right, rcond=None)[0]
        c = found.reshape(_DEGREES[0] + 1, _DEGREES[1] + 1)
        u, w = (np.linspace(-_REACH, _REACH, n) for n in _PLACES)
        by_u = legendre.leggrid2d(u, w, legendre.legder(c, axis=0)) / half[0]
        by_w = legendre.leggrid2d(u, w, legendre.legder(c, axis=1)) / half[1]
        return cls(centre, axes, half, np.stack([legendre.leggrid2d(u, w, c), by_u, by_w]))

    def local(self, p: Array) -> _Place:
        """Return where points (P, 3) are."""
        local = (p - self.centre) @ self.axes.T
        place = np.clip(local[:, :2] / self.half, -_REACH, _REACH).T
        at = (place + _REACH) / (2 * _REACH) * (np.array(_PLACES)[:, None] - 1)
        height, by_u, by_w = (
            ndimage.map_coordinates(t, at, order=1, mode="nearest") for t in self.table
        )
        return _Place(*place, local[:, 2] - height, by_u, by_w)

    def axes_at(self, here: _Place) -> tuple[Array, Array, Array]:
        """Return unit vectors (P, 3) along and across the middle surface, and its normal."""
        along = self.axes[0] + here.by_u[:, None] * self.axes[2]
        across = self.axes[1] + here.by_w[:, None] * self.axes[2]
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        out = np.cross(along, across)
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        return along, np.cross(out, along), out
