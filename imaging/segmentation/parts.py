"""What else an image may show: another part of the body, or fat alone; each by its own mark.

A calf has two unlike bones, the larger right under the skin, in a section that is nearly round. A
thigh and an upper arm have one bone deep in the middle, a forearm two that are alike, a hand and a
foot many or a flat section, a hip a very wide one, a head one bone around all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.segmentation.apart import waist
from imaging.segmentation.bodies import Bone, bones_of_slices, enclosed_by_bone
from imaging.segmentation.legs import depth_in_slices
from imaging.segmentation.tissue import Tissue

_MOSTLY, _SOME = 0.5, 0.2
_WIDE_MM, _FLAT = 260.0, 1.75
_DEEP, _LARGE_MM2 = 0.33, 220.0
_MANY = 3
_ALIKE, _FOREARM_MM2, _FOREARM_CM2 = 0.7, (90.0, 330.0), 80.0
_ENCLOSED, _BRIGHT_SCALP = 0.5, 0.8
_FAT_MM = (2.0, 5.0)
# What is as bright as fat deep in a leg, in an image of fat: marrow and septa.
_INSIDE_MM, _MARROW = 10.0, 0.25
_FAT_DOUBTFUL, _FAT_ALONE = 6.0, 10.0


@dataclass(frozen=True)
class Sections:
    """What the sections of one object measure, medians over slices.

    Attributes
    ----------
    area_cm2, long, width_mm : float
        Area, length over width, and length.
    one_deep, many, alike : float
        Shares of slices with a large bone deep in the middle; with three bones or more; with two
        of nearly one size.
    enclosed : float
        Share of the section that one ring of bone encloses.
    tibia : float
        Share of slices with what may be a tibia.
    fat : float
        Signal of what lies under the skin beside that of the deep part; 1 where much of the deep
        part is as bright, as where the deep part is dark bone and not muscle.
    """

    area_cm2: float
    long: float
    width_mm: float
    one_deep: float
    many: float
    alike: float
    enclosed: float
    tibia: float
    fat: float


def measure_sections(
    tissue: Tissue, spacing: FloatArray, slices: BoolArray | None = None
) -> Sections | None:
    """Measure the sections of one object; none where there are none.

    Parameters
    ----------
    tissue
        Its tissue classes, any contrast.
    spacing : (3,)
        Voxel size, mm.
    slices : (K,) bool
        Slices to judge; all with signal otherwise.
    """
    use = tissue.valid & tissue.leg.any((0, 1))
    if slices is not None:
        use &= slices
    if not use.any():
        return None
    shown = Tissue(
        tissue.intensity, tissue.leg, tissue.envelope, tissue.tibia, tissue.fibula, tissue.fat, use
    )
    area = float(np.median(tissue.leg.sum((0, 1))[use])) * float(spacing[0] * spacing[1]) / 100
    shapes = [waist(tissue.leg[:, :, k], spacing) for k in np.flatnonzero(use)]
    long = float(np.median([s.long for s in shapes if s is not None] or [1.0]))
    bones = list(bones_of_slices(shown, spacing).values())
    return Sections(
        area, long, 10.0 * float(np.sqrt(4.0 * area * long / np.pi)),
        _share([_one_deep(b) for b in bones]), _share([len(b) >= _MANY for b in bones]),
        _share([_two_alike(b) for b in bones]), enclosed_by_bone(shown, spacing),
        float(tissue.tibia[:, :, use].any((0, 1)).mean()), _fat(shown, spacing),
    )  # fmt: skip


def _fat(tissue: Tissue, spacing: FloatArray) -> float:
    depth = depth_in_slices(tissue.leg, spacing)
    shell = (depth > _FAT_MM[0]) & (depth < _FAT_MM[1]) & tissue.valid
    inside = (depth > _INSIDE_MM) & tissue.valid
    if not shell.any() or not inside.any():
        return 1.0
    level = float(np.median(tissue.intensity[shell]))
    alike = float((tissue.intensity[inside] > 0.5 * level).mean())
    return level if level < _FAT_DOUBTFUL or alike < _MARROW else 1.0


def fat_alone(seen: Sections) -> tuple[bool, str] | None:
    """Tell whether muscle is nearly dark beside fat: (certain, clause)."""
    if seen.fat < _FAT_DOUBTFUL:
        return None
    certain = seen.fat >= _FAT_ALONE
    return certain, (
        f"shows fat {seen.fat:.0f} times as bright as muscle, as an image of fat alone or a very "
        "late echo does: the borders of muscles are not in it"
    )


def other_part(seen: Sections) -> tuple[str, str] | None:
    """Return a code and one clause for what is another part of the body; none otherwise."""
    if seen.width_mm > _WIDE_MM:
        return "too wide", (
            f"has sections {seen.width_mm / 10:.0f} cm wide, as at the hip or the trunk, or of "
            "two legs that could not be told apart: no lower leg is as wide"
        )
    if seen.long > _FLAT:
        return "flat", (
            f"the section is {seen.long:.1f} times as long as it is wide, as in a foot or a hand: "
            "that of a lower leg is nearly round"
        )
    # Fat that is dark under bright skin is a ring as well, but there is a tibia in it.
    if seen.enclosed > _ENCLOSED and seen.fat > _BRIGHT_SCALP and seen.tibia < _SOME:
        return "enclosed", (
            f"a ring of bone encloses {100 * seen.enclosed:.0f} % of the section, as in a head: "
            "this is no lower leg"
        )
    if seen.one_deep > _MOSTLY:
        return "one deep bone", (
            "one bone deep in the middle, as in a thigh or an upper arm: the muscles of the lower "
            "leg may not be in this image"
        )
    if seen.many > _MOSTLY:
        return "many bones", (
            "three bones or more in most sections, as in a hand or a foot: a lower leg has two"
        )
    if seen.alike > _MOSTLY and seen.area_cm2 < _FOREARM_CM2:
        return "bones alike", (
            "two bones of nearly one size, as in a forearm: the tibia of a lower leg is far larger "
            "than its fibula"
        )
    return None


def _share(found: list[bool]) -> float:
    return float(np.mean(found)) if found else 0.0


def _one_deep(bones: list[Bone]) -> bool:
    return bool(bones) and bones[0].area_mm2 > _LARGE_MM2 and bones[0].depth > _DEEP


def _two_alike(bones: list[Bone]) -> bool:
    if len(bones) < 2:
        return False
    one, other = bones[0].area_mm2, bones[1].area_mm2
    return _FOREARM_MM2[0] < other and one < _FOREARM_MM2[1] and other > _ALIKE * one
