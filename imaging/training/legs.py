"""Legs to train on: a label map reduced to what the drawing of synthetic images needs.

Every leg is kept as a right leg on one grid (1 x 1 x 2 mm, x lateral, y anterior, z up), with 60 mm
of knee and ankle added at its ends, as real images show them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from imaging.errors import LabelError
from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.features import envelope_of
from imaging.segmentation.inputs import CLASSES, OUTSIDE, REST

SPACING_MM = (1.0, 1.0, 2.0)
END_MM = 60.0
ENVELOPE_UNIT_MM = 0.5
EDGE_UNIT_MM = 0.25
# What the network's classes do not name, but looks like something of its own.
FILLER, TENDON, OTHER_MUSCLE, OTHER_BONE = range(4)
_GROUP = {"EDL": "EDL+PT", "PT": "EDL+PT", "PL": "PL+PB", "PB": "PL+PB"}


@dataclass(frozen=True)
class TrainingLeg:
    """One leg, ready for drawing images of it.

    Attributes
    ----------
    name, body : str
        Its name; whose leg it is (a body is held out as a whole).
    classes : (I, J, K) uint8
        Index into ``inputs.CLASSES``; subcutaneous fat and skin are not in it.
    kind : (I, J, K) uint8
        What the rest under the fascia is: filler, tendon, other muscle or other bone.
    envelope : (I, J, K) int8
        Signed distance to the fascia of the leg across it, in 0.5 mm, negative inside.
    edge : (I, J, K) uint8
        Distance to the border of the own class, in 0.25 mm.
    ends : (2,) float32
        Slice of the lower and upper end of the tibia.
    """

    name: str
    body: str
    classes: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    envelope: NDArray[np.int8]
    edge: NDArray[np.uint8]
    ends: NDArray[np.float32]

    @cached_property
    def packed(self) -> NDArray[np.int32]:
        """The four arrays in one, so that one look-up brings them all: see ``render``."""
        out = self.classes.astype(np.int32) | (self.kind.astype(np.int32) << 5)
        out |= (self.envelope.astype(np.int32) + 128) << 8
        return out | (self.edge.astype(np.int32) << 16)

    @cached_property
    def centres(self) -> NDArray[np.float32]:
        """Middle of every slice of the leg (K, 2), voxels; that of the grid where it is empty."""
        out = np.tile(0.5 * np.array(self.classes.shape[:2], np.float32), (len(self.height), 1))
        for k in range(len(out)):
            inside = np.argwhere(self.envelope[:, :, k] < 0)
            if len(inside):
                out[k] = inside.mean(0)
        return out

    @cached_property
    def height(self) -> NDArray[np.float32]:
        """Height along the tibia of every slice (K,)."""
        k = np.arange(self.classes.shape[2], dtype=np.float32)
        return np.asarray((k - self.ends[0]) / (self.ends[1] - self.ends[0]))

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which class is in which slice (C, K)."""
        return np.stack([(self.classes == c).any((0, 1)) for c in range(len(CLASSES))])

    def save(self, path: Path) -> None:
        """Write the leg to an npz file."""
        np.savez_compressed(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> TrainingLeg:
        """Read a leg from an npz file."""
        with np.load(path) as held:
            parts = {f.name: held[f.name] for f in fields(cls)}
        return cls(str(parts.pop("name")), str(parts.pop("body")), **parts)


def to_classes(indices: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return network classes of catalogue indices; what the network merges is merged."""
    table = np.zeros(100, np.uint8)
    for key in (*CLASSES[3:], *_GROUP):
        table[structure(key).index] = CLASSES.index(_GROUP.get(key, key))
    return np.asarray(table[indices % 100])


def prepare(name: str, body: str, indices: Image, connective: NDArray[np.bool_]) -> TrainingLeg:
    """Reduce a label map to a training leg.

    Parameters
    ----------
    name, body
        Its name, and whose leg it is.
    indices
        Catalogue indices of a right leg on the grid of ``SPACING_MM``, tibia included.
    connective : (I, J, K) bool
        What lies under the fascia without having a label, where the map knows it.

    Raises
    ------
    LabelError
        The tibia is not labelled.
    """
    classes = to_classes(indices.data)
    if not (classes == CLASSES.index("TIB")).any():
        raise LabelError("has no tibia", name, "Label it, or give it with the other legs")
    inside = (classes > 0) | connective
    pad = (34, 34), (34, 34), (0, 0)
    classes, inside = np.pad(classes, pad), np.pad(inside, pad)
    used = np.flatnonzero((classes > 0).any((0, 1)))
    classes, inside = classes[:, :, used[0] : used[-1] + 1], inside[:, :, used[0] : used[-1] + 1]
    spacing = np.array(SPACING_MM)
    tibia = np.flatnonzero((classes == CLASSES.index("TIB")).any((0, 1)))
    classes, inside, kind = _with_ends(classes, inside, tibia)
    under = envelope_of(inside, spacing)
    kind[_achilles(classes, under)] = TENDON
    under |= kind == TENDON
    classes[under & (classes == OUTSIDE)] = REST
    added = int(END_MM / SPACING_MM[2])
    ends = np.array([tibia[0], tibia[-1]], np.float32) + added
    envelope = _signed(under) / ENVELOPE_UNIT_MM
    return TrainingLeg(
        name, body, classes, kind, np.clip(np.rint(envelope), -127, 127).astype(np.int8),
        _edges(classes), ends,
    )  # fmt: skip


def _with_ends(
    classes: NDArray[np.uint8], inside: NDArray[np.bool_], tibia: NDArray[np.intp]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.uint8]]:
    """Add knee and ankle: condyles and talus continue the tibia's ends, hamstrings the calf."""
    n = int(END_MM / SPACING_MM[2])
    pad = (0, 0), (0, 0), (n, n)
    low, high = int(tibia[0]) + n, int(tibia[-1]) + n
    out, under = np.pad(classes, pad), np.pad(inside, pad)
    kind = np.zeros(out.shape, np.uint8)
    bone, disk = CLASSES.index("TIB"), np.hypot(*np.mgrid[-4:5, -4:5]) <= 4.2
    for first, step in ((low, -1), (high, 1)):
        # The very tips of a bone are no section of its joint: 12 mm further in is.
        section = convex_hull_image(out[:, :, first - 6 * step] == bone)
        body = ndimage.binary_dilation(section, disk)
        for k in range(first + step, -1 if step < 0 else out.shape[2], step):
            if not 0 <= k < out.shape[2]:
                break
            free = body & (out[:, :, k] == OUTSIDE)
            # A joint space of cartilage and fluid lies between the bones.
            kind[:, :, k][free] = FILLER if abs(k - first) <= 2 else OTHER_BONE
            under[:, :, k] = convex_hull_image(under[:, :, k] | body)
    # Muscles of the thigh lie where the heads of gastrocnemius ended.
    top = int(np.flatnonzero((out > REST).any((0, 1)))[-1])
    heads = out[:, :, top - 6] > REST
    for k in range(top + 1, out.shape[2]):
        free = heads & (kind[:, :, k] == FILLER) & (out[:, :, k] == OUTSIDE)
        kind[:, :, k][free] = OTHER_MUSCLE
        under[:, :, k] = convex_hull_image(under[:, :, k] | heads)
    return out, under, kind


def _achilles(classes: NDArray[np.uint8], under: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a tendon from the end of soleus down, as far behind the tibia as soleus ended."""
    out = np.zeros(classes.shape, bool)
    area = (classes == CLASSES.index("SOL")).sum((0, 1))
    slices = np.flatnonzero(area > 0.05 * area.max())
    if not slices.size:
        return out
    end = int(slices[0]) + 3
    x, y = np.nonzero(classes[:, :, end] == CLASSES.index("SOL"))
    bone = np.argwhere(classes[:, :, end] == CLASSES.index("TIB"))
    offset = np.array([x.mean(), np.percentile(y, 20)]) - bone.mean(0)
    grid = np.indices(classes.shape[:2])
    centre = bone.mean(0) + offset
    for k in range(end, -1, -1):
        bone = np.argwhere(classes[:, :, k] == CLASSES.index("TIB"))
        if len(bone):
            centre = bone.mean(0) + offset
        across, deep = grid[0] - centre[0], grid[1] - centre[1]
        out[:, :, k] = ((across / 7.0) ** 2 + (deep / 3.0) ** 2 < 1) & (classes[:, :, k] <= REST)
    return out


def _signed(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the signed distance to a mask's border within each slice, mm, negative inside."""
    out = np.full(mask.shape, 60.0, np.float32)
    for k in np.flatnonzero(mask.any((0, 1))):
        outer = ndimage.distance_transform_edt(~mask[:, :, k], sampling=SPACING_MM[:2])
        inner = ndimage.distance_transform_edt(mask[:, :, k], sampling=SPACING_MM[:2])
        out[:, :, k] = outer - inner
    return out


def _edges(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the distance to the border of the own class across the leg, in 0.25 mm."""
    out = np.zeros(classes.shape, np.float32)
    for value, box in enumerate(ndimage.find_objects(classes), 1):
        if box is None or value == REST:
            continue
        for k in range(box[2].start, box[2].stop):
            part = np.pad(classes[box[0], box[1], k] == value, 1)
            if part.any():
                deep = ndimage.distance_transform_edt(part, sampling=SPACING_MM[:2])[1:-1, 1:-1]
                out[box[0], box[1], k] += np.where(part[1:-1, 1:-1], deep, 0)
    # The border lies half a voxel before the first voxel's centre.
    return np.clip(np.rint((out - 0.5) / EDGE_UNIT_MM), 0, 255).astype(np.uint8)
