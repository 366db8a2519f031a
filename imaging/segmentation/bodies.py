"""Bones of a section, of any part of the body: how many, how large, how deep.

Cortex is dark in every sequence, and marrow is enclosed by it or, where fat is suppressed, dark
itself: filled dark bodies under the fascia are bones. Intensities are relative to muscle (1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.segmentation.legs import depth_in_slices
from imaging.segmentation.tissue import Tissue

_DARK = (0.25, 0.4, 0.55)
_LEAST_MM2 = 45.0
_OPENED_MM = 2.0
_RIM_MM = 4.0
_ROUND, _SOLID = 2.4, 0.5


@dataclass(frozen=True)
class Bone:
    """A bone of one section.

    Attributes
    ----------
    centre : (2,)
        Its middle, mm along the voxel axes.
    area_mm2 : float
        With its cortex.
    depth : float
        Least depth under the fascia, in parts of the radius of the section inside it.
    """

    centre: FloatArray
    area_mm2: float
    depth: float


def bones_of_section(
    intensity: NDArray[np.float32], inside: BoolArray, spacing: FloatArray
) -> list[Bone]:
    """Return the bones of one section, largest first.

    Parameters
    ----------
    intensity : (I, J)
        Relative to muscle.
    inside : (I, J) bool
        What lies under the subcutaneous fat, holes filled.
    spacing : (2,)
        Voxel size, mm.
    """
    if inside.sum() < 20:
        return []
    voxel = float(spacing[0] * spacing[1])
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing)[1:-1, 1:-1]
    radius = np.sqrt(inside.sum() * voxel / np.pi)
    taken = np.zeros_like(inside)
    out: list[Bone] = []
    for threshold in _DARK:
        dark = inside & (intensity < threshold)
        bodies, _ = ndimage.label(_opened(ndimage.binary_fill_holes(dark), spacing))
        for label, box in enumerate(ndimage.find_objects(bodies), 1):
            body = bodies[box] == label
            area = float(body.sum()) * voxel
            if area < _LEAST_MM2 or taken[box][body].any() or not _compact(body, spacing):
                continue
            if area > 0.5 * inside.sum() * voxel:
                continue
            taken[box] |= body
            at = np.argwhere(body) + [box[0].start, box[1].start]
            edge = max(float(depth[tuple(at.T)].min()) - float(max(spacing)), 0.0)
            out.append(Bone(at.mean(0) * spacing, area, edge / radius))
    return sorted(out, key=lambda bone: -bone.area_mm2)


def bones_of_slices(tissue: Tissue, spacing: FloatArray) -> dict[int, list[Bone]]:
    """Return the bones of every slice with signal."""
    inside = tissue.envelope | tissue.tibia | tissue.fibula
    return {
        int(k): bones_of_section(tissue.intensity[:, :, k], inside[:, :, k], spacing[:2])
        for k in np.flatnonzero(tissue.valid & inside.any((0, 1)))
    }


def enclosed_by_bone(tissue: Tissue, spacing: FloatArray) -> float:
    """Return the share of the section that one dark ring encloses, median over slices.

    A skull encloses most of the section; the bones of a leg enclose little.
    """
    shares = []
    # A mask is a little larger than the leg: what is dark at its rim is air.
    under = depth_in_slices(tissue.leg, spacing) > _RIM_MM
    for k in np.flatnonzero(tissue.valid & tissue.leg.any((0, 1))):
        leg = tissue.leg[:, :, k]
        best = 0.0
        for threshold in _DARK:
            dark = under[:, :, k] & (tissue.intensity[:, :, k] < threshold)
            holes = ndimage.binary_fill_holes(dark) & ~dark
            bodies, count = ndimage.label(holes)
            if count:
                sizes = ndimage.sum_labels(holes, bodies, range(1, count + 1))
                best = max(best, float(sizes.max()) / float(leg.sum()))
        shares.append(best)
    return float(np.median(shares)) if shares else 0.0


def _opened(mask: BoolArray, spacing: FloatArray) -> BoolArray:
    n, m = (max(1, int(_OPENED_MM / s)) for s in spacing)
    x, y = np.mgrid[-n : n + 1, -m : m + 1]
    return np.asarray(ndimage.binary_opening(mask, np.hypot(x / n, y / m) <= 1.05))


def _compact(body: BoolArray, spacing: FloatArray) -> bool:
    extent = np.sort([n * s for n, s in zip(body.shape, spacing, strict=True)])
    return bool(extent[1] < _ROUND * extent[0] and body.sum() > _SOLID * body.size)
