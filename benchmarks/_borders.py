"""Muscles with one smooth true border, and masks cut from it on rotated grids.

Real muscles are label maps at 0.6 x 0.6 x 1 mm (``../shared/data/anatomy``); their border is the
level one half of the mask smoothed by 1 mm, read between voxels by cubic splines. The others are
the formulas of ``benchmarks._muscles``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pyvista as pv
from scipy import ndimage
from skimage.measure import marching_cubes

from benchmarks._muscles import MUSCLES
from benchmarks.segmentation import ANATOMY
from imaging.geometry import polydata
from imaging.image import apply_affine

Array = np.ndarray
LABELS = {"TA": 1, "PL+PB": 4, "GM": 5, "GL": 6, "SOL": 7, "TP": 12}
GRIDS = {
    "1 mm": (1.0, 1.0, 1.0),
    "1.5x1.5x5": (1.5, 1.5, 5.0),
    "1.9x1.9x5": (1.875, 1.875, 5.0),
    "3x3x6": (3.0, 3.0, 6.0),
}
_BORDER_MM = 1.0  # smoothing that takes the stairs of the label map away
_TRUTH_MM = 0.6  # edges of the true mesh
_RIM_MM, _RIM_SHARE = 3.0, 0.8


@dataclass(frozen=True)
class Border:
    """One muscle: `level` of world points (P, 3) is positive inside; the mesh is its zero."""

    name: str
    low: Array
    high: Array
    level: Callable[[Array], Array]
    points: Array
    faces: Array
    normals: Array  # (N, 3) outwards
    rim: Array  # (N,) bool: a ball of 3 mm does not fit in there

    def mesh(self) -> pv.PolyData:
        """Return the true surface as VTK data."""
        return polydata(self.points, self.faces)


def _border(name: str, low: Array, high: Array, level: Callable[[Array], Array]) -> Border:
    count = np.ceil((high - low) / _TRUTH_MM).astype(int) + 1
    values = np.empty(count, np.float32)
    axes = [low[a] + _TRUTH_MM * np.arange(count[a]) for a in range(3)]
    for i, x in enumerate(axes[0]):  # one plane at a time keeps memory small
        plane = np.stack(np.meshgrid([x], axes[1], axes[2], indexing="ij"), -1).reshape(-1, 3)
        values[i] = level(plane).reshape(count[1:])
    islands, _ = ndimage.label(values > 0)
    values[(values > 0) & (islands != np.bincount(islands.ravel())[1:].argmax() + 1)] *= -1
    corners, faces, _, _ = marching_cubes(values, 0.0, spacing=(_TRUTH_MM,) * 3)
    points, faces = corners + low, faces[:, ::-1].astype(np.int64)
    e = 0.02 * np.eye(3)
    slope = np.stack([level(points + a) - level(points - a) for a in e], axis=1)
    normals = -slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
    depth = ndimage.distance_transform_edt(values > 0, sampling=_TRUTH_MM) - _TRUTH_MM / 2
    within = (points - _RIM_MM * normals - low).T / _TRUTH_MM
    rim = ndimage.map_coordinates(depth, within, order=1) < _RIM_SHARE * _RIM_MM
    return Border(name, low, high, level, points, faces, normals, rim)


def real_border(body: str, side: str, key: str) -> Border:
    """Return the border of one muscle of a real leg, in mm from the corner of its own box."""
    image = nib.load(ANATOMY / f"{body}_{side}_dseg.nii.gz")
    mask = np.asarray(image.dataobj) == LABELS[key]
    spacing = np.asarray(image.header.get_zooms()[:3], float)
    margin = np.ceil(8.0 / spacing).astype(int)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    mask = np.pad(mask[box], [(m, m) for m in margin]).astype(np.float32)
    smooth = ndimage.gaussian_filter(mask, _BORDER_MM / spacing)
    spline = ndimage.spline_filter(smooth, 3, output=np.float32)

    def level(points: Array) -> Array:
        at = (points / spacing).T
        return ndimage.map_coordinates(spline, at, order=3, prefilter=False, mode="nearest") - 0.5

    high = (np.array(mask.shape) - 1) * spacing
    return _border(f"{body} {key}", np.full(3, 4.0), high - 4.0, level)


def analytic_border(name: str) -> Border:
    """Return the border of a muscle of ``benchmarks._muscles``."""
    muscle = MUSCLES[name]()
    half = np.array(muscle.half)
    # The grid of the true mesh is shifted, lest its planes lie in the faces of a plate.
    return _border(name, -half - 0.13, half + 0.13, muscle.room)


def borders(group: str, side: str = "right") -> Iterator[Border]:
    """Yield the muscles of a body (``vhm``, ``vhf``) or the ``analytic`` ones."""
    if group == "analytic":
        for name in ("plate", "spindle", "bipennate"):
            yield analytic_border(name)
    else:
        for key in LABELS:
            yield real_border(group, side, key)


def grid_about(border: Border, spacing: tuple[float, ...], seed: int) -> tuple[Array, tuple]:
    """Return affine and shape of a grid turned against the muscle that holds it."""
    rng = np.random.default_rng([seed, *(round(1000 * s) for s in spacing)])
    turn = (0.6, 0.45, 0.3) if spacing[0] == spacing[2] else (0.1, 0.2, 0.3)
    a, b, c = np.array(turn) * rng.uniform(0.5, 1.5, 3) * rng.choice([-1, 1], 3)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    rotation = about_x @ about_y @ about_z
    step = np.array(spacing)
    local = border.points @ rotation
    low = local.min(axis=0) - step * rng.uniform(2, 3, 3)
    shape = np.ceil((local.max(axis=0) - low) / step).astype(int) + 3
    affine = np.eye(4)
    affine[:3, :3] = rotation * step
    affine[:3, 3] = rotation @ low
    return affine, tuple(int(n) for n in shape)


def inside_grid(border: Border, affine: Array, shape: tuple, split: tuple) -> Array:
    """Return the share of each voxel's `split` inner points that lie inside (1, 1, 1: centres)."""
    count = np.array(split)
    fine = tuple(np.array(shape) * count)
    share = np.zeros(shape, np.float32)
    for i in range(fine[0]):
        voxels = np.stack(np.meshgrid([i], *(np.arange(n) for n in fine[1:]), indexing="ij"), -1)
        world = apply_affine(affine, (voxels.reshape(-1, 3) + 0.5) / count - 0.5)
        held = ((world >= border.low) & (world <= border.high)).all(axis=1)
        values = np.zeros(len(world), bool)
        values[held] = border.level(world[held]) > 0
        blocks = values.reshape(shape[1], split[1], shape[2], split[2])
        share[i // split[0]] += blocks.sum(axis=(1, 3)) / count.prod()
    if split == (1, 1, 1):
        islands, _ = ndimage.label(share > 0)
        share *= islands == np.bincount(islands.ravel())[1:].argmax() + 1
    return share
