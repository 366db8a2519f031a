"""What continues a labelled leg beyond its ends: where knee and foot lie, and what joins them.

The tibia says where its joints are, how large and how turned; bodies come from
:mod:`imaging.training.joints`, from which shapes and sizes are. The heads of gastrocnemius go on
to the condyles under their own name, where a label map ends them early; tendons go on to the foot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from imaging.arrays import BoolArray, FloatArray
from imaging.segmentation.inputs import CLASSES, OUTSIDE
from imaging.training.joints import (
    ANKLE_AREA_MM2,
    CARTILAGE,
    FAT,
    KNEE_AREA_MM2,
    OTHER_BONE,
    TENDON,
    Joint,
    draw_foot,
    draw_knee,
    joint_frame,
)

LOW_MM, HIGH_MM = 84.0, 100.0
_TIB, _FIB, _SOL = (CLASSES.index(key) for key in ("TIB", "FIB", "SOL"))
Classes = NDArray[np.uint8]
# Where tendons pass the ankle, in halves of its width from its middle.
_PASSES = {
    "TA": (-0.6, 1.15), "EHL": (-0.1, 1.25), "EDL+PT": (0.45, 1.15), "TP": (-0.95, -0.55),
    "FDL": (-0.95, -0.85), "FHL": (-0.4, -1.1), "PL+PB": (1.0, -1.0),
}  # fmt: skip
_HEADS = {"GM": (-20.0, -40.0), "GL": (19.0, -38.0)}
_HEAD_MM = 26.0
# A head gives way to bone, cartilage and tendon, not to fat or to another muscle.
_HARD = (TENDON, OTHER_BONE, CARTILAGE)


@dataclass(frozen=True)
class Whole:
    """A leg with its knee and foot.

    Attributes
    ----------
    classes : (I, J, K) uint8
        Network classes; what was added is ``outside`` but for the heads of gastrocnemius.
    under : (I, J, K) bool
        What lies under the fascia.
    kind, part : (I, J, K) uint8
        What it is that has no class, and which body it belongs to.
    surfaces : tuple of int
        Slices of the tibia's joint surfaces at ankle and knee; malleolus and spines lie beyond.
    """

    classes: Classes
    under: BoolArray
    kind: NDArray[np.uint8]
    part: NDArray[np.uint8]
    surfaces: tuple[int, int]


def with_ends(
    rng: np.random.Generator, classes: Classes, inside: BoolArray, spacing: FloatArray
) -> Whole:
    """Add knee and foot to a leg; the grid is taken to be large enough across.

    Parameters
    ----------
    rng
        Random numbers; the knee and foot of every leg differ.
    classes, inside
        Network classes, and what lies under the fascia; right leg.
    spacing
        Voxel size, mm.
    """
    pad = (0, 0), (0, 0), (int(LOW_MM / spacing[2]), int(HIGH_MM / spacing[2]))
    classes, under = np.pad(classes, pad), np.pad(inside, pad)
    area = (classes == _TIB).sum((0, 1)) * spacing[0] * spacing[1]
    tibia = np.flatnonzero(area)
    top = _surface(area, tibia[::-1][: int(40 / spacing[2])])
    bottom = _surface(area, tibia[: int(40 / spacing[2])])
    kind, part = np.zeros_like(classes), np.zeros_like(classes)
    whole = Whole(classes, under, kind, part, (bottom, top))
    _add_knee(rng, whole, top, spacing)
    heel = _add_foot(rng, whole, bottom, spacing)
    added = (whole.part > 0) & (classes == OUTSIDE)
    for k in range(classes.shape[2]):
        here = whole.under[:, :, k] | added[:, :, k]
        if (k > top - int(45 / spacing[2]) or k < heel) and here.any():
            filled = convex_hull_image(here)
            whole.kind[:, :, k][filled & ~here] = FAT
            here = filled
        whole.under[:, :, k] = here
    return whole


def _surface(area: FloatArray, slices: NDArray[np.intp]) -> int:
    """Return the slice of a joint's surface: the first from the end in that is nearly whole."""
    return int(slices[np.argmax(area[slices] >= 0.65 * area[slices].max())])


def _middle(mask: BoolArray) -> FloatArray:
    return np.asarray(np.argwhere(mask).mean(0))


def _joint(whole: Whole, block: slice, at: NDArray[np.float32]) -> Joint:
    """Return the block of slices to draw in; what is drawn goes into `whole`."""
    free = whole.classes[:, :, block] == OUTSIDE
    first = int(whole.part.max())
    return Joint(at, free, whole.kind[:, :, block], whole.part[:, :, block], first)


def _add_knee(rng: np.random.Generator, whole: Whole, top: int, spacing: FloatArray) -> None:
    classes = whole.classes
    start = top - int(48 / spacing[2])
    # A little under its surface the tibia is widest.
    section = convex_hull_image((classes[:, :, top - 3 : top + 1] == _TIB).any(2))
    scale = _size(section, spacing, KNEE_AREA_MM2)
    axes = np.linalg.eigh(np.cov(np.argwhere(section).T))[1][:, 1]
    turn = float(np.clip(np.arctan(axes[1] / axes[0]), -0.25, 0.25)) if abs(axes[0]) > 0.5 else 0.0
    origin = np.array([*_middle(section), top - start])
    at = joint_frame(
        (*classes.shape[:2], classes.shape[2] - start), spacing, origin, scale,
        turn + rng.normal(0, 0.1), -float(rng.uniform(-0.03, 0.25)), 22.0,
    )  # fmt: skip
    joint = _joint(whole, slice(start, None), at)
    lower = classes[:, :, top - int(38 * scale / spacing[2])] == _TIB
    front = max(np.argwhere(lower), key=lambda v: v[1])
    place = at[:2, front[0], front[1], top - int(38 * scale / spacing[2]) - start] + [0, 2]
    draw_knee(rng, joint, section, place, spacing)
    for key, target in _HEADS.items():
        _continue_head(joint, classes[:, :, start:], CLASSES.index(key), target, spacing)


def _continue_head(
    joint: Joint, classes: Classes, own: int, target: tuple[float, float], spacing: FloatArray
) -> None:
    """Let a head of gastrocnemius that ends under the condyle go on to it, growing smaller."""
    area = (classes == own).sum((0, 1))
    height = joint.at[2, classes.shape[0] // 2, classes.shape[1] // 2]
    end = int(np.searchsorted(height, _HEAD_MM))
    if not area.any() or area[end - 3 :].any():
        return
    last = int(np.flatnonzero(area > 0.4 * area.max())[-1])
    section = (classes[:, :, last] == own).astype(np.float32)
    from_, to = _middle(section > 0), _voxel(joint.at[:, :, :, [end - 1]], (*target, _HEAD_MM))[:2]
    for k in range(last + 1, end):
        share = (k - last) / (end - last)
        size = np.sqrt(1 - 0.8 * share)
        centre = from_ + share * (to - from_)
        moved = ndimage.affine_transform(
            section, np.eye(2) / size, from_ - centre / size, order=1, mode="constant"
        )
        soft = (classes[:, :, k] == OUTSIDE) & ~np.isin(joint.kind[:, :, k], _HARD)
        # Where bone or another muscle lies in its way, nothing but shreds would be left.
        if (seen := (moved > 0.5) & soft).sum() < 0.5 * (moved > 0.5).sum():
            return
        classes[:, :, k][seen] = own


def _add_foot(rng: np.random.Generator, whole: Whole, bottom: int, spacing: FloatArray) -> int:
    """Add the foot; return up to which slice the tendon of the heel stands free of muscle."""
    classes = whole.classes
    stop = bottom + int(12 / spacing[2])
    section = classes[:, :, bottom + 2] == _TIB
    scale = _size(section, spacing, ANKLE_AREA_MM2)
    turn = 0.0
    if (classes[:, :, bottom + 4] == _FIB).any():
        # The fibula lies behind the axis of the ankle; the foot turns out less than both.
        across = _middle(classes[:, :, bottom + 4] == _FIB) - _middle(section)
        turn = float(np.clip(np.arctan2(across[1], across[0]) + 0.3, -0.5, 0.3))
    origin = np.array([*_middle(section), bottom])
    at = joint_frame(
        (*classes.shape[:2], stop), spacing, origin, scale, turn + rng.normal(0, 0.08),
        float(rng.uniform(-0.1, 0.7)), -12.0,
    )  # fmt: skip
    heel = _voxel(at, (3.0, -58.0, -48.0))
    passes = {
        key: _voxel(at, (20 * x, 20 * y, 2.0)) for key, (x, y) in _PASSES.items()
    }  # fmt: skip
    draw_foot(rng, _joint(whole, slice(0, stop), at), spacing)
    area = (classes == _SOL).sum((0, 1))
    end = bottom
    if area.any():
        end = int(np.flatnonzero(area > 0.05 * area.max())[0]) + 3
        x, y = np.nonzero(classes[:, :, end] == _SOL)
        _tendon(whole, np.array([x.mean(), np.percentile(y, 20), end]), heel, (7.0, 3.0), spacing)
    for key, voxel in passes.items():
        own = classes == CLASSES.index(key)
        if own.any():
            low = int(np.flatnonzero(own.any((0, 1)))[0])
            start = np.array([*_middle(own[:, :, low]), low])
            radius = float(rng.uniform(2.0, 3.5))
            _tendon(whole, start, voxel, (radius, radius), spacing)
    return end


def _size(section: BoolArray, spacing: FloatArray, mean: float) -> float:
    """Return how large a joint is against the mean."""
    area = float(section.sum() * spacing[0] * spacing[1])
    return float(np.clip(np.sqrt(area / mean), 0.85, 1.2))


def _voxel(at: NDArray[np.float32], place: tuple[float, float, float]) -> FloatArray:
    """Return the voxel next to a place of a joint's frame."""
    away = ((at - np.array(place, np.float32)[:, None, None, None]) ** 2).sum(0)
    return np.array(np.unravel_index(int(away.argmin()), away.shape), float)


def _tendon(
    whole: Whole, start: FloatArray, end: FloatArray, half: tuple[float, float],
    spacing: FloatArray,
) -> None:  # fmt: skip
    """Draw a tendon straight from the end of its muscle to where it goes, in free space."""
    part = int(whole.part.max()) + 1
    grid = np.indices(whole.classes.shape[:2])
    for k in range(int(min(start[2], end[2])), int(max(start[2], end[2])) + 1):
        share = np.clip((k - start[2]) / (end[2] - start[2] or 1.0), 0, 1)
        centre = start + share * (end - start)
        apart = [(grid[n] - centre[n]) * spacing[n] / half[n] for n in (0, 1)]
        mask = (apart[0] ** 2 + apart[1] ** 2 < 1) & (whole.classes[:, :, k] == OUTSIDE)
        mask &= whole.part[:, :, k] == 0
        whole.kind[:, :, k][mask], whole.part[:, :, k][mask] = TENDON, part
