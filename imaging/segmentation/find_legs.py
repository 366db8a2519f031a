"""Which parts of a mask are legs: one, two, two that no waist parts, and what lies beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.image import Image
from imaging.segmentation.apart import apart, as_wide_as_two
from imaging.segmentation.bodies import Bone, bones_of_section
from imaging.segmentation.legs import depth_in_slices, hulls, split_legs, three_dimensional_bodies

_MOSTLY, _SOME = 0.5, 0.2
_APART_MM = (55.0, 150.0)
_SECTION_CM2 = 300.0
# A femoral head is larger.
_TIBIA_MM2 = 1400.0
_SKIN_MM = 4.0
_BESIDE = 0.05
# Range of the intensity of a bottle, in parts of its median.
_UNIFORM = 0.25


@dataclass(frozen=True)
class Legs:
    """The legs of an image.

    Attributes
    ----------
    masks : list of (I, J, K) bool
        One per leg, by rising x.
    warnings : list of str
        What a reader must know about legs that may be missed and things left out.
    """

    masks: list[BoolArray]
    warnings: list[str] = field(default_factory=list)


def find_legs(image: Image, mask: BoolArray) -> Legs:
    """Return the legs in a mask, and say where one may be lost.

    Parameters
    ----------
    image
        3-D, any contrast, canonical axis order.
    mask : (I, J, K) bool
        Everything that is not air.
    """
    legs = split_legs(mask, image.spacing, image.data)
    said: list[str] = []
    if len(legs) == 1:
        wide = as_wide_as_two(legs[0], image.spacing)
        middles = middles_from_bones(image, legs[0]) if wide > _MOSTLY else None
        if middles is not None:
            legs = hulls(apart(legs[0], image.spacing, image.data, middles))
        elif wide > _SOME:
            said.append(
                f"In {100 * wide:.0f} % of the slices the section is as wide as two legs, but only "
                "one leg was found: if two are in view they press each other too flat to be told "
                "apart, and the labels are wrong."
            )
    found = len(legs)
    whole = [leg for leg in legs if not _homogeneous(image, leg)]
    if len(whole) == 1 and len(legs) == 2:
        legs = whole
        said.append(
            "A homogeneous object beside the leg, as large as a leg, was left out: a bottle or a "
            "phantom."
        )
    left_out = _left_out(mask, legs, image)
    if left_out > _BESIDE and len(legs) == found:
        said.append(
            f"Something beside the legs was left out ({100 * left_out:.0f} % of what is no air): "
            "a hand, a phantom, or a piece of a leg that hangs together with none."
        )
    if len(legs) == 2:
        said += _lost_in_some(legs, image.spacing)
    return Legs(legs, said)


def middles_from_bones(image: Image, mask: BoolArray) -> FloatArray | None:
    """Return the middles (2, K, 2) of two legs from their bones, mm; none without two pairs.

    Parameters
    ----------
    image
        Any contrast.
    mask : (I, J, K) bool
        One body that may hold two legs.
    """
    spacing = image.spacing
    depth = depth_in_slices(mask, spacing)
    found = np.full((2, mask.shape[2], 2), np.nan)
    for k in np.flatnonzero(mask.any((0, 1))):
        section = mask[:, :, k]
        if section.sum() * spacing[0] * spacing[1] / 200 > _SECTION_CM2:
            continue
        deep = depth[:, :, k] > 0.3 * float(depth[:, :, k].max())
        level = float(np.median(image.data[:, :, k][deep]))
        inside = depth[:, :, k] > _SKIN_MM
        relative = np.asarray(image.data[:, :, k] / max(level, 1e-6), np.float32)
        bones = bones_of_section(relative, inside, spacing[:2])
        pair = _one_on_each_side(bones, section, spacing)
        if pair is not None:
            found[:, k] = pair
    seen = np.isfinite(found[0, :, 0])
    filled = int(mask.any((0, 1)).sum())
    if seen.sum() < max(_MOSTLY * filled, 1):
        return None
    at = np.arange(mask.shape[2])
    return np.stack(
        [np.stack([np.interp(at, at[seen], leg[seen, a]) for a in (0, 1)], -1) for leg in found]
    )


def _one_on_each_side(
    bones: list[Bone], section: BoolArray, spacing: FloatArray
) -> FloatArray | None:
    """Return the middles (2, 2) of the largest bones on both sides of a section, mm."""
    at = np.argwhere(section) * spacing[:2]
    middle = at.mean(0)
    long = np.linalg.eigh(np.cov((at - middle).T))[1][:, 1]
    long = long * (1.0 if long[0] >= 0 else -1.0)
    sides: tuple[list[Bone], list[Bone]] = ([], [])
    for bone in bones:
        sides[int((bone.centre - middle) @ long >= 0)].append(bone)
    if not all(sides) or max(side[0].area_mm2 for side in sides) > _TIBIA_MM2:
        return None
    pair = np.stack([side[0].centre for side in sides])
    away = float(np.hypot(*(pair[1] - pair[0])))
    return pair if _APART_MM[0] < away < _APART_MM[1] else None


def _homogeneous(image: Image, leg: BoolArray) -> bool:
    """Tell whether something has no bones and no muscles: a bottle."""
    depth = depth_in_slices(leg, image.spacing)
    inside = depth > min(8.0, 0.4 * float(depth.max()))
    if not inside.any():
        return False
    sigma = (*(2.5 / image.spacing[:2]), 0.0)
    smooth = ndimage.gaussian_filter(np.asarray(image.data, np.float32), sigma)[inside]
    low, middle, high = np.percentile(smooth, [2, 50, 98])
    return bool(high - low < _UNIFORM * max(float(middle), 1e-6))


def _left_out(mask: BoolArray, legs: list[BoolArray], image: Image) -> float:
    """Return the share of the mask, in bodies of some size, that no leg holds."""
    rest = mask & ~np.any(legs, axis=0)
    _, sizes = three_dimensional_bodies(rest)
    large = sizes[sizes * image.voxel_ml > 20.0]
    return float(large.sum() / max(mask.sum(), 1))


def _lost_in_some(legs: list[BoolArray], spacing: FloatArray) -> list[str]:
    """Say where one of two legs is missing while the other is as large as both."""
    areas: NDArray[np.float64] = np.stack([leg.sum((0, 1)).astype(float) for leg in legs])
    usual = [np.median(area[area > 0]) for area in areas]
    lost = [int(((areas[a] == 0) & (areas[b] > 1.6 * usual[b])).sum()) for a, b in ((0, 1), (1, 0))]
    count = sum(lost)
    if count * spacing[2] < 10.0:
        return []
    return [
        f"In {count} slices one leg is not seen while the other is nearly as large as both: two "
        "legs may have been taken for one there."
    ]
