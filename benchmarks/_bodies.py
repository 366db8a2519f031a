"""Parts of the body that are no lower leg, drawn from rounded bodies; and legs pressed together.

Sizes are those of an adult of mean size. Every section has skin, subcutaneous fat, fascia,
muscles between septa, and the bones of that part with cortex and marrow. They are drawn, not
measured: they tell whether a method sees what sets such a part apart from a calf, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.image import Image
from imaging.training.pressed import pressed

AIR, SKIN, FAT, MUSCLE, SEPTUM, CORTEX, MARROW, BRAIN, FLUID = range(9)
# Signal of each tissue, muscle 1.
CONTRASTS = {
    "t1": (0.0, 0.8, 2.4, 1.0, 1.5, 0.08, 2.2, 1.3, 0.5),
    "opposed": (0.0, 0.7, 1.1, 1.0, 0.5, 0.1, 0.9, 1.2, 1.0),
    "t2": (0.0, 0.6, 2.8, 1.0, 1.7, 0.1, 2.4, 2.2, 4.0),
    "water": (0.0, 0.8, 0.12, 1.0, 0.6, 0.06, 0.1, 1.2, 1.2),
    "fat": (0.0, 0.4, 12.0, 0.5, 6.0, 0.5, 11.0, 0.5, 0.3),
}
PIXEL_MM = 2.0


@dataclass(frozen=True)
class Bone:
    """A bone of a section: centre, half axes and thickness of its cortex, mm."""

    x: float
    y: float
    a: float
    b: float
    cortex: float = 2.0


@dataclass(frozen=True)
class Section:
    """A section of a part of the body.

    Attributes
    ----------
    a, b : float
        Half axes of its outline, mm.
    fat : float
        Thickness of the fat under the skin, mm.
    bones : tuple of Bone
        From front to back does not matter; x to the person's right, y forwards.
    muscles : int
        How many muscles fill it.
    power : float
        2 is an ellipse; more is squarer.
    brain : bool
        Whether the skull and what it encloses fill it.
    """

    a: float
    b: float
    fat: float
    bones: tuple[Bone, ...]
    muscles: int = 9
    power: float = 2.2
    brain: bool = False


@dataclass(frozen=True)
class Part:
    """A part of the body as a scan shows it: its section at every height, and places aside."""

    section: Callable[[float], Section]
    slices: int = 20
    thick_mm: float = 6.0
    centres: tuple[float, ...] = (0.0,)
    field_mm: float = 240.0


def _thigh(t: float) -> Section:
    return Section(78 + 10 * t, 74 + 10 * t, 10.0, (Bone(5, 10, 14, 14, 5),), 10)


def _knee(t: float) -> Section:
    bones = (Bone(-20, 2, 19, 29, 1.5), Bone(20, 2, 19, 28, 1.5), Bone(0, 12, 24, 17, 1.0),
             Bone(2, 44, 20, 8, 1.5))  # fmt: skip
    return Section(58 + 3 * t, 61, 8.0, bones, 5)


def _knee_and_thigh(t: float) -> Section:
    return _knee(t) if t < 0.4 else _thigh(2 * (t - 0.4))


def _hip(t: float) -> Section:
    heads = tuple(Bone(s * 88, 10, 24, 24, 1.5) for s in (-1, 1))
    sacrum = (Bone(0, -55, 30, 14, 1.5), *(Bone(s * 58, 35, 12, 9, 1.5) for s in (-1, 1)))
    return Section(175, 112, 22.0, (*heads, *sacrum), 16, 2.6)


def _foot_across(t: float) -> Section:
    """Return a section across the long axis of the foot, from the heel to the toes."""
    if t < 0.3:
        return Section(34, 42, 5.0, (Bone(0, 0, 17, 22, 1.0),), 4)
    if t < 0.6:
        bones = (Bone(-13, 6, 12, 13, 1.0), Bone(12, -4, 12, 11, 1.0), Bone(2, 20, 9, 7, 1.0))
        return Section(40, 36, 4.0, bones, 6)
    at = ((-25, 8), (-12, 10), (0, 8), (12, 3), (22, -3))
    return Section(43, 25, 4.0, tuple(Bone(x, y, 6, 7, 1.5) for x, y in at), 6)


def _foot_along(t: float) -> Section:
    """Return a section across the leg's axis: the foot lies along it, heel to toes."""
    bones = [Bone(-3, -58, 15, 24, 1.0), Bone(2, -12, 16, 20, 1.0), Bone(-8, 26, 14, 14, 1.0)]
    bones += [Bone(x, 78, 5.5, 30, 1.5) for x in (-24, -11, 2, 14, 25)]
    return Section(38 - 4 * t, 116 - 6 * t, 5.0, tuple(bones), 8)


def _hand(t: float) -> Section:
    at = ((-28, 2), (-14, 5), (0, 6), (14, 5), (28, 0))
    return Section(43, 17, 2.0, tuple(Bone(x, y, 4.5, 4.5, 1.6) for x, y in at), 7)


def _forearm(t: float) -> Section:
    wide = 27 + 16 * t
    bones = (Bone(-13 - 4 * t, 0, 8 + t, 7, 2.5), Bone(13 + 4 * t, -3, 7, 8, 2.5))
    return Section(wide, 22 + 16 * t, 4.0, bones, 8)


def _upper_arm(t: float) -> Section:
    return Section(46 + 5 * t, 44 + 8 * t, 6.0, (Bone(3, 2, 11, 11, 4),), 6)


def _head(t: float) -> Section:
    return Section(76 - 12 * t, 96 - 14 * t, 4.0, (), 0, 2.1, True)


def _bottle(t: float) -> Section:
    return Section(45, 45, 0.0, (), 0)


PARTS = {
    "thigh": Part(_thigh),
    "both thighs": Part(_thigh, centres=(-98.0, 98.0), field_mm=400.0),
    "hip": Part(_hip, field_mm=400.0),
    "knee": Part(_knee, 14, 5.0),
    "knee and thigh": Part(_knee_and_thigh, 40, 6.0),
    "foot, sections across it": Part(_foot_across, 24, 5.0),
    "foot, sections along it": Part(_foot_along, 12, 4.0, field_mm=280.0),
    "both feet, across them": Part(_foot_across, 24, 5.0, (-60.0, 60.0)),
    "hand": Part(_hand, 16, 4.0),
    "forearm": Part(_forearm, 24, 6.0),
    "upper arm": Part(_upper_arm, 20, 6.0),
    "head": Part(_head, 20, 5.0),
    "bottle": Part(_bottle),
    "two bottles": Part(_bottle, centres=(-60.0, 60.0)),
}  # fmt: skip


def draw(part: Part, contrast: str, seed: int = 0, noise: float = 0.04) -> Image:
    """Return an image of a part of the body.

    Parameters
    ----------
    part
        What to draw; two of them are mirrored.
    contrast
        Key of ``CONTRASTS``.
    seed
        Of septa, texture, shading and noise.
    noise
        Standard deviation, in parts of muscle's signal.
    """
    rng = np.random.default_rng(seed)
    n = int(part.field_mm / PIXEL_MM)
    affine = np.diag([PIXEL_MM, PIXEL_MM, part.thick_mm, 1.0])
    affine[:2, 3] = -0.5 * (n - 1) * PIXEL_MM
    x, y = (np.indices((n, n)) - 0.5 * (n - 1)) * PIXEL_MM
    tissue = np.zeros((n, n, part.slices), np.uint8)
    septa = rng.uniform(-1, 1, (2, 40))
    for k in range(part.slices):
        section = part.section(k / max(part.slices - 1, 1))
        for c, centre in enumerate(part.centres):
            sign = -1.0 if c % 2 else 1.0
            here = _tissue(sign * (x - centre), y, section, septa)
            tissue[:, :, k] = np.where(here > AIR, here, tissue[:, :, k])
    level = np.array(CONTRASTS[contrast], np.float32)
    data = level[tissue]
    if part.section(0.5).muscles:
        texture = ndimage.gaussian_filter(rng.standard_normal(data.shape), (2, 2, 1))
        data = data * (1 + 0.06 * texture / texture.std())
    shade = 1 + 0.2 * (x / part.field_mm)[..., None] + 0.15 * (y / part.field_mm)[..., None]
    data = ndimage.gaussian_filter(data * shade, (0.5, 0.5, 0.0))
    both = rng.normal(0, noise, (2, *data.shape))
    return Image((300 * np.hypot(data + both[0], both[1])).astype(np.float32), affine)


def _tissue(x: np.ndarray, y: np.ndarray, section: Section, septa: np.ndarray) -> np.ndarray:
    """Return the tissue of every pixel of one section."""
    out = np.zeros(x.shape, np.uint8)

    def within(less: float) -> np.ndarray:
        a, b = max(section.a - less, 1.0), max(section.b - less, 1.0)
        return np.asarray(np.abs(x / a) ** section.power + np.abs(y / b) ** section.power < 1)

    if section.muscles == 0 and not section.brain:
        out[within(0)] = MUSCLE
        return out
    out[within(0)] = SKIN
    out[within(2)] = FAT
    if section.brain:
        out[within(2 + section.fat)] = CORTEX
        out[within(4.5 + section.fat)] = MARROW
        out[within(6.5 + section.fat)] = CORTEX
        out[within(9 + section.fat)] = FLUID
        brain = within(12 + section.fat)
        out[brain] = BRAIN
        grey = brain & ~within(18 + section.fat)
        out[grey] = MUSCLE
        out[(np.hypot((np.abs(x) - 10) / 7, y / 24) < 1) & brain] = FLUID
        return out
    under = within(2 + section.fat)
    out[under] = MUSCLE
    seeds = septa[:, : section.muscles] * np.array([[section.a], [section.b]]) * 0.75
    away = np.sort([np.hypot(x - p, y - q) for p, q in seeds.T], axis=0)
    if len(away) > 1:
        out[under & (away[1] - away[0] < 2.0)] = SEPTUM
    for bone in section.bones:
        r = np.hypot((x - bone.x) / bone.a, (y - bone.y) / bone.b)
        inner = np.hypot(
            (x - bone.x) / (bone.a - bone.cortex), (y - bone.y) / (bone.b - bone.cortex)
        )
        out[r < 1] = CORTEX
        out[inner < 1] = MARROW
    return out


def contact_plane(legs: Sequence[np.ndarray]) -> float:
    """Return where two legs moved together meet, voxels along the first axis."""
    ends = []
    for side, leg in enumerate(legs):
        rows = [np.flatnonzero(leg[:, :, k].any(1)) for k in np.flatnonzero(leg.any((0, 1)))]
        ends.append(np.mean([r[-1] + 0.5 if side == 0 else r[0] - 0.5 for r in rows]))
    return float(0.5 * (ends[0] + ends[1]))


def pressed_together(image: Image, legs: Sequence[np.ndarray], by_mm: float) -> Image:
    """Return two legs moved together until they overlap by some mm, flat where they meet.

    Parameters
    ----------
    image
        Two legs side by side.
    legs : two (I, J, K) bool
        Their masks, the one at smaller x first.
    by_mm
        How far they would reach into each other in the widest slice; negative: the gap left.
    """
    step = float(image.spacing[0])
    n = image.shape[0]
    edge = [np.full(image.shape[2], np.nan) for _ in range(2)]
    for side, leg in enumerate(legs):
        for k in np.flatnonzero(leg.any((0, 1))):
            rows = np.flatnonzero(leg[:, :, k].any(1))
            edge[side][k] = rows[-1] + 0.5 if side == 0 else rows[0] - 0.5
    gap = float(np.nanmin(edge[1] - edge[0])) * step
    shift = 0.5 * (gap + by_mm) / step
    plane = contact_plane(legs)
    air = float(np.median(image.data[~np.logical_or(*legs)]))
    rng = np.random.default_rng(0)
    spare = image.data[~np.logical_or(*legs)]
    out = rng.choice(spare, image.shape) if spare.size else np.full(image.shape, air)
    out = out.astype(np.float32)
    at = np.arange(n, dtype=float)
    for side, sign in ((0, -1.0), (1, 1.0)):
        # Distance from the plane, positive on the leg's own side, mm.
        away = sign * (at - plane) * step
        own = away >= 0
        for k in range(image.shape[2]):
            reach = edge[side][k]
            over = sign * (plane - (reach - sign * shift)) * step if np.isfinite(reach) else 0.0
            over = max(float(over), 0.0)
            moved = away - pressed(away.astype(np.float32), over, 45.0) if over else away
            source = plane + sign * moved / step + sign * shift
            column = ndimage.map_coordinates(
                image.data[:, :, k],
                np.stack(np.meshgrid(source[own], np.arange(image.shape[1]), indexing="ij")),
                order=1, mode="nearest",
            )  # fmt: skip
            out[own, :, k] = column
    return image.with_data(out)
