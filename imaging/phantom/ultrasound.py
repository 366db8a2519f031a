"""Shear-wave frames of the digital leg: where a probe stands and what its screen shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.errors import ComputationError
from imaging.muscles import Side, label_of, structure_of
from imaging.phantom.colour_frames import Layout, Screen, compressed, draw_screen
from imaging.phantom.leg import rotation_matrix
from imaging.phantom.shear_speed import shown_pa

RANGE_KPA = (0.0, 50.0)
OPACITY, JPEG_QUALITY = 0.5, 85
# What a scanner shows is smooth over about this length.
_BLUR_MM = 0.8
_SWEEP_MM, _WOBBLE_DEG = 2.0, 3.0


class LegLike(Protocol):
    """What the frames need of a leg."""

    @property
    def side(self) -> Side:
        """``left`` or ``right``."""

    @property
    def bounds_mm(self) -> FloatArray:
        """World box (2, 3)."""

    def labels(self, points: FloatArray) -> NDArray[np.int16]:
        """Return labels of world points."""

    def directions(self, points: FloatArray, labels: NDArray[Any]) -> FloatArray:
        """Return fibre directions at world points."""


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes
    ----------
    screen : (H, W, 3) uint8 array
    place : (4, 4) array
        Pixel (x, y, 0, 1) to world RAS+ mm; its third axis is the unit normal.
    labels : (h, w) array
        Of the overlay's pixels.
    shown_pa, mu_par_pa : (h, w) arrays
        rho c^2 as shown, and mu_par.
    """

    screen: Screen
    place: FloatArray
    labels: NDArray[np.int16]
    shown_pa: FloatArray
    mu_par_pa: FloatArray


def probe_place(leg: LegLike, key: str, layout: Layout) -> FloatArray:
    """Return the place (4, 4) of a frame along the fibres of a muscle's belly.

    The probe stands on the skin nearest to the belly, its face along the fibres as seen from there.

    Raises
    ------
    ComputationError
        The leg does not hold the muscle.
    """
    label = label_of(key, leg.side)
    low, high = np.asarray(leg.bounds_mm, dtype=float)
    axes = [np.arange(a, b, 4.0) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    own = points[leg.labels(points) == label]
    if not len(own):
        raise ComputationError(f"the leg holds no {key}")
    sizes = np.array([(own[:, 2] == z).sum() for z in axes[2]])
    thick = axes[2][sizes >= 0.95 * sizes.max()]
    level = thick[len(thick) // 2]
    slice_ = own[own[:, 2] == level]
    middle = slice_[np.argmin(np.linalg.norm(slice_ - slice_.mean(axis=0), axis=1))]
    turns = np.radians(np.arange(0, 360, 5))
    rays = np.stack([np.cos(turns), np.sin(turns), np.zeros(len(turns))], axis=1)
    reach = np.arange(0, 120, 1.0)
    outside = leg.labels((middle + rays[:, None] * reach[:, None]).reshape(-1, 3)) == 0
    skin = np.argmax(outside.reshape(len(turns), -1), axis=1)
    skin[~outside.reshape(len(turns), -1).any(axis=1)] = len(reach)
    best = int(np.argmin(skin))
    depth = -rays[best]
    fibre = leg.directions(middle[None], np.array([label]))[0]
    lateral = fibre - (fibre @ depth) * depth
    lateral *= np.sign(lateral[2]) / np.linalg.norm(lateral)
    x0, y0, x1, y1 = layout.overlay
    place = np.eye(4)
    place[:3, 0] = lateral * layout.pixel_mm
    place[:3, 1] = depth * layout.pixel_mm
    place[:3, 2] = np.cross(lateral, depth)
    place[:3, 3] = middle - place[:3, :2] @ [(x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2]
    return place


def make_frame(leg: LegLike, place: FloatArray, layout: Layout, rng: np.random.Generator) -> Frame:
    """Draw what the scanner shows at a place; bone, air and a random patch stay without colour."""
    x0, y0, x1, y1 = layout.overlay
    y, x = np.mgrid[y0:y1, x0:x1]
    shape = x.shape
    points = np.stack([x.ravel(), y.ravel()], axis=1) @ place[:3, :2].T + place[:3, 3]
    labels = leg.labels(points)
    lateral, depth = (place[:3, k] / np.linalg.norm(place[:3, k]) for k in (0, 1))
    along_mm = (x.ravel() - (x0 + x1 - 1) / 2) * layout.pixel_mm
    fibres = leg.directions(points, labels)
    shown, along = shown_pa(labels, fibres, along_mm, lateral, depth)
    shown = ndimage.gaussian_filter(shown.reshape(shape), _BLUR_MM / layout.pixel_mm)
    position = (3e-3 * shown - RANGE_KPA[0]) / (RANGE_KPA[1] - RANGE_KPA[0])
    labels = labels.reshape(shape)
    hard = np.array([v > 0 and structure_of(int(v)).tissue == "bone" for v in np.unique(labels)])
    coloured = ~np.isin(labels, [0, *np.unique(labels)[hard]])
    patch = ndimage.gaussian_filter(rng.standard_normal(shape), 12)
    coloured &= patch > np.quantile(patch, 0.05)
    screen = draw_screen(position, coloured, layout, opacity=OPACITY, rng=rng)
    return Frame(compressed(screen, JPEG_QUALITY), place, labels, shown, along.reshape(shape))


def sweep(place: FloatArray, count: int, rng: np.random.Generator) -> list[FloatArray]:
    """Return places of a hand-held sweep across a muscle, around a first place."""
    out = []
    for k in range(count):
        turn = rotation_matrix(np.radians(rng.normal(0, _WOBBLE_DEG / 2, 3)))
        moved = place.copy()
        moved[:3, :3] = turn @ place[:3, :3]
        moved[:3, 3] += place[:3, 2] * _SWEEP_MM * (k - (count - 1) / 2)
        out.append(moved)
    return out


def skin_landmarks(
    leg: LegLike, count: int, error_mm: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return points on the skin (count, 3), true and as found in the scan with an error.

    `error_mm` is the root mean square distance between the two.
    """
    low, high = np.asarray(leg.bounds_mm, dtype=float)
    centre, reach = (low + high) / 2, np.arange(10, 120, 0.5)
    turns = 2 * np.pi * (np.arange(count) * 0.382 % 1)
    levels = low[2] + (high[2] - low[2]) * (0.25 + 0.5 * (np.arange(count) + 0.5) / count)
    rays = np.stack([np.cos(turns), np.sin(turns), np.zeros(count)], axis=1)
    start = np.column_stack([np.tile(centre[:2], (count, 1)), levels])
    ray = start[:, None] + rays[:, None] * reach[:, None]
    air = leg.labels(ray.reshape(-1, 3)).reshape(count, -1) == 0
    true = start + rays * reach[np.argmax(air, axis=1)][:, None]
    return true, true + rng.normal(0, error_mm / np.sqrt(3), true.shape)
