"""Knee and foot around the ends of a labelled lower leg, drawn from simple bodies.

Label maps of the leg end where its muscles end; images go on. What lies beyond has no name of the
network's, but must be seen in training or it is taken for tibia, fibula and gastrocnemius: the
femur with its condyles, patella, menisci and the muscles of the thigh, and talus, heel bone,
tarsus, tendons and the short muscles of the foot. Sizes are those of an adult of mean size
(knee 75 mm, ankle 40 mm wide) and are scaled to the tibia; every leg differs a little.

Coordinates of the tables: mm, x lateral, y anterior, z up, from the middle of the joint's surface
of the tibia.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray

# What the network's classes do not name, but looks like something of its own.
FILLER, TENDON, OTHER_MUSCLE, OTHER_BONE, CARTILAGE, FAT = range(6)
KNEE_AREA_MM2, ANKLE_AREA_MM2 = 3060.0, 1250.0


@dataclass(frozen=True)
class Body:
    """A rounded body: an ellipsoid with a power of its own, or a tube along z.

    Attributes
    ----------
    kind : int
        What it consists of.
    shape : tuple of tuples
        One ``(x, y, z, half x, half y, half z)`` for an ellipsoid; two or more
        ``(x, y, z, half x, half y)`` from below upwards for a tube.
    power : float
        2 is an ellipse; more is squarer.
    """

    kind: int
    shape: tuple[tuple[float, ...], ...]
    power: float = 2.3


def _ball(kind: int, *numbers: float, power: float = 2.3) -> Body:
    return Body(kind, (numbers,), power)


def _tube(kind: int, *nodes: tuple[float, ...]) -> Body:
    return Body(kind, nodes)


FEMUR = (
    _ball(OTHER_BONE, -21, -6, 24, 16, 31, 23),
    _ball(OTHER_BONE, 20, -5, 23, 15, 30, 22),
    _ball(OTHER_BONE, 1, 13, 34, 27, 17, 20),
    _tube(OTHER_BONE, (0, 3, 34, 33, 20), (0, 4, 50, 27, 19), (1, 6, 70, 20, 16),
          (3, 8, 100, 15, 15), (4, 9, 140, 14, 14)),
)  # fmt: skip
PATELLA = _ball(OTHER_BONE, 2, 41, 34, 21, 9, 20)
KNEE = (
    _ball(TENDON, 0, -12, 15, 5, 11, 15),
    _tube(TENDON, (2, 40, 52, 18, 3.5), (2, 42, 120, 16, 4)),
    _ball(FAT, 2, 30, 4, 22, 11, 18),
    _ball(FAT, 0, 33, 62, 18, 5, 14),
    # Vastus medialis, lateralis and intermedius.
    _tube(OTHER_MUSCLE, (-30, 16, 28, 4, 6), (-33, 16, 45, 9, 15), (-30, 26, 120, 19, 24)),
    _tube(OTHER_MUSCLE, (32, 14, 42, 4, 9), (32, 18, 70, 9, 18), (30, 22, 120, 18, 24)),
    _tube(OTHER_MUSCLE, (1, 28, 60, 8, 4), (2, 32, 120, 20, 11)),
    # Biceps femoris, semimembranosus, semitendinosus, sartorius, gracilis.
    _tube(TENDON, (40, -20, -12, 3, 5), (37, -25, 14, 4, 6)),
    _tube(OTHER_MUSCLE, (36, -26, 14, 6, 9), (32, -34, 50, 11, 13), (24, -40, 120, 16, 17)),
    _tube(TENDON, (-30, -26, -8, 5, 4), (-28, -32, 12, 5, 4)),
    _tube(OTHER_MUSCLE, (-27, -36, 12, 8, 7), (-20, -42, 60, 17, 13), (-16, -44, 120, 21, 16)),
    _tube(TENDON, (-32, -36, -20, 3, 3), (-20, -52, 55, 3, 3)),
    _tube(OTHER_MUSCLE, (-18, -54, 55, 5, 4), (-4, -58, 120, 14, 10)),
    _tube(OTHER_MUSCLE, (-39, -16, -12, 3, 8), (-42, -20, 30, 4, 12), (-40, -24, 120, 8, 14)),
    _tube(TENDON, (-36, -28, -14, 3, 3), (-38, -34, 45, 3, 3)),
    _tube(OTHER_MUSCLE, (-38, -34, 45, 3, 4), (-32, -44, 120, 7, 9)),
)
FOOT_BONES = (
    _ball(OTHER_BONE, 0, 0, -11, 17, 23, 12, power=3.0),
    _ball(OTHER_BONE, -4, 26, -19, 13, 15, 12),
    _ball(OTHER_BONE, 4, -12, -21, 14, 14, 9),
    _ball(OTHER_BONE, 4, -26, -48, 15, 34, 17, power=2.6),
    _ball(OTHER_BONE, 9, 6, -42, 13, 20, 11),
    _ball(OTHER_BONE, 3, -46, -45, 16, 15, 22, power=2.6),
    _ball(OTHER_BONE, -9, 47, -27, 16, 7, 13),
    _ball(OTHER_BONE, 13, 38, -51, 11, 16, 11),
    _ball(OTHER_BONE, -7, 67, -38, 19, 12, 12),
    *(_ball(OTHER_BONE, x, 110, z, 5, 32, 6, power=3.0)
      for x, z in ((-22, -54), (-10, -52), (0, -55), (11, -60), (22, -66))),
)  # fmt: skip
FOOT = (
    # Tendons under the malleoli.
    _ball(TENDON, -23, 8, -26, 3, 26, 4),
    _ball(TENDON, -24, -6, -33, 3, 22, 3),
    _ball(TENDON, -15, -14, -37, 3, 18, 4),
    _ball(TENDON, 25, -8, -34, 4, 26, 4),
    # Abductor hallucis, flexor digitorum brevis, abductor digiti minimi, quadratus plantae,
    # the interossei, extensor digitorum brevis.
    _ball(OTHER_MUSCLE, -26, 12, -57, 7, 46, 9),
    _ball(OTHER_MUSCLE, -2, 18, -75, 14, 48, 7),
    _ball(OTHER_MUSCLE, 24, 8, -68, 7, 48, 7),
    _ball(OTHER_MUSCLE, -2, 14, -63, 13, 28, 5),
    _ball(OTHER_MUSCLE, 0, 98, -72, 20, 30, 7),
    _ball(OTHER_MUSCLE, 16, 28, -31, 11, 20, 6),
    _ball(FAT, 2, -36, -66, 24, 32, 13),
    _ball(FAT, 0, 20, -82, 26, 60, 5),
)


@dataclass
class Joint:
    """A joint on the grid of the leg, and what has been drawn of it.

    Attributes
    ----------
    at : (3, I, J, K) float32
        Place of every voxel of the block in the frame of the tables, mm.
    free : (I, J, K) bool
        Where nothing lies yet.
    kind, part : (I, J, K) uint8
        What lies where, and to which body it belongs (0: none); ``part`` goes on from `first`.
    """

    at: NDArray[np.float32]
    free: BoolArray
    kind: NDArray[np.uint8]
    part: NDArray[np.uint8]
    first: int

    def put(self, mask: BoolArray, kind: int) -> None:
        """Put something where nothing lies yet."""
        taken = mask & self.free
        self.first += 1
        self.kind[taken], self.part[taken] = kind, self.first
        self.free &= ~taken


def joint_frame(
    shape: tuple[int, ...], spacing: FloatArray, origin: FloatArray, scale: float, turn: float,
    pitch: float, pivot: float,
) -> NDArray[np.float32]:  # fmt: skip
    """Return where the voxels of a block lie in the frame of the tables (3, I, J, K), mm.

    Parameters
    ----------
    shape, spacing
        Of the block.
    origin : (3,)
        Middle of the joint's surface of the tibia, voxels of the block.
    scale
        Size of the leg; 1 is the mean.
    turn
        Rotation about z, rad, counter-clockwise seen from above.
    pitch
        How far y is turned down, rad, about the height `pivot` (mm).
    """
    axes = [(np.arange(n) - o) * s / scale for n, o, s in zip(shape, origin, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    across = x * np.cos(turn) + y * np.sin(turn)
    ahead = y * np.cos(turn) - x * np.sin(turn)
    out = np.empty((3, *shape), np.float32)
    out[0] = across
    out[1] = ahead * np.cos(pitch) - (z - pivot) * np.sin(pitch)
    out[2] = pivot + ahead * np.sin(pitch) + (z - pivot) * np.cos(pitch)
    return out


def inside(at: NDArray[np.float32], body: Body) -> BoolArray:
    """Return which places (3, ...) lie in a body."""
    out = np.zeros(at.shape[1:], bool)
    nodes = np.array(body.shape, float)
    reach = nodes[:, 3:].max(0)
    low, high = nodes[:, :3].min(0), nodes[:, :3].max(0)
    low[: len(reach)] -= reach
    high[: len(reach)] += reach
    near = np.all([(at[n] >= low[n]) & (at[n] <= high[n]) for n in range(3)], axis=0)
    places = at[:, near].astype(float)
    if len(nodes) == 1:
        apart = (places - nodes[0, :3, None]) / nodes[0, 3:, None]
    else:
        centre = [np.interp(places[2], nodes[:, 2], nodes[:, n]) for n in (0, 1)]
        half = [np.interp(places[2], nodes[:, 2], nodes[:, n]) for n in (3, 4)]
        apart = (places[:2] - np.array(centre)) / np.array(half)
    out[near] = (np.abs(apart) ** body.power).sum(0) < 1
    return out


def varied(rng: np.random.Generator, body: Body) -> Body:
    """Return a body of another person: a little moved, a little larger or smaller."""
    nodes = np.array(body.shape, float)
    nodes[:, 3:] *= np.exp(0.09 * rng.standard_normal(nodes.shape[1] - 3))
    nodes[:, :2] += 0.1 * nodes[:, 3:5].min() * rng.standard_normal(2)
    return Body(body.kind, tuple(map(tuple, nodes.tolist())), body.power)


def draw_knee(
    rng: np.random.Generator,
    joint: Joint,
    plateau: BoolArray,
    tuberosity: FloatArray,
    spacing: FloatArray,
) -> None:
    """Draw femur, patella, menisci, tendons and the muscles of the thigh.

    Parameters
    ----------
    rng
        Random numbers.
    joint
        Where to draw.
    plateau : (I, J) bool
        Section of the tibia under the joint.
    tuberosity : (2,)
        Front of the tibia 38 mm below the joint, in the frame of the tables.
    spacing
        Voxel size, mm.
    """
    femur = np.any([inside(joint.at, varied(rng, b)) for b in FEMUR], axis=0)
    joint.put(femur, OTHER_BONE)
    joint.put(inside(joint.at, varied(rng, PATELLA)), OTHER_BONE)
    between = plateau[:, :, None] & (joint.at[2] > -8) & (joint.at[2] < 5)
    rim = plateau & ~ndimage.binary_erosion(plateau, iterations=9)
    joint.put(between & rim[:, :, None], TENDON)
    near = _shell(femur, rng.uniform(1.5, 3.5), spacing)
    joint.put((near & (joint.at[2] < 42)) | between, CARTILAGE)
    half = float(rng.uniform(10, 14))
    ligament = ((*tuberosity, -38.0, half, 3.0), (2.0, 40.0, 16.0, half, 3.0))
    joint.put(inside(joint.at, Body(TENDON, ligament)), TENDON)
    for body in KNEE:
        joint.put(inside(joint.at, varied(rng, body)), body.kind)


def draw_foot(rng: np.random.Generator, joint: Joint, spacing: FloatArray) -> None:
    """Draw the bones of the foot, its tendons, short muscles and pads of fat."""
    bones = np.zeros(joint.free.shape, bool)
    for body in FOOT_BONES:
        mask = inside(joint.at, varied(rng, body))
        bones |= mask
        joint.put(mask, OTHER_BONE)
    joint.put(_shell(bones, rng.uniform(1.0, 2.5), spacing), CARTILAGE)
    for body in FOOT:
        joint.put(inside(joint.at, varied(rng, body)), body.kind)


def _shell(mask: BoolArray, width: float, spacing: FloatArray) -> BoolArray:
    """Return what lies within `width` mm around a mask."""
    away = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return np.asarray((away > 0) & (away <= width))
