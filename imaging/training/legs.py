"""Legs to train on: a label map reduced to what the drawing of synthetic images needs.

Every leg is kept as a right leg on one grid (1 x 1 x 2 mm, x lateral, y anterior, z up), with knee
and foot added at its ends, as real images show them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.errors import LabelError
from imaging.image import Image
from imaging.muscles import structure
from imaging.segmentation.features import envelope_of
from imaging.segmentation.inputs import CLASSES, OUTSIDE, REST
from imaging.training.ends import with_ends

SPACING_MM = (1.0, 1.0, 2.0)
_AROUND, _AROUND_FOOT = (34, 34), (34, 64)
ENVELOPE_UNIT_MM = 0.5
EDGE_UNIT_MM = 0.25
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
        What the rest under the fascia is: see :mod:`imaging.training.joints`.
    envelope : (I, J, K) int8
        Signed distance to the fascia of the leg across it, in 0.5 mm, negative inside.
    edge : (I, J, K) uint8
        Distance to the border of the own class or, in the rest, of the own body, in 0.25 mm.
    ends : (2,) float32
        Slices of the tibia's joint surfaces at ankle and knee.
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
        """Height between the tibia's joint surfaces of every slice (K,)."""
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
    spacing = np.array(SPACING_MM)
    used = np.argwhere(classes > 0)
    box = tuple(slice(a, b + 1) for a, b in zip(used.min(0), used.max(0), strict=True))
    pad = _AROUND, _AROUND_FOOT, (0, 0)
    classes, inside = np.pad(classes[box], pad), np.pad(inside[box], pad)
    whole = with_ends(np.random.default_rng(zlib.crc32(name.encode())), classes, inside, spacing)
    classes = whole.classes
    under = envelope_of(whole.under, spacing)
    classes[under & (classes == OUTSIDE)] = REST
    envelope = _distance_outside(under) / ENVELOPE_UNIT_MM
    return TrainingLeg(
        name, body, classes, whole.kind, np.clip(np.rint(envelope), -127, 127).astype(np.int8),
        _edges(classes, whole.part), np.array(whole.surfaces, np.float32),
    )  # fmt: skip


def _distance_outside(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the signed distance to a mask's border within each slice, mm, negative inside."""
    out = np.full(mask.shape, 60.0, np.float32)
    for k in np.flatnonzero(mask.any((0, 1))):
        outer = ndimage.distance_transform_edt(~mask[:, :, k], sampling=SPACING_MM[:2])
        inner = ndimage.distance_transform_edt(mask[:, :, k], sampling=SPACING_MM[:2])
        out[:, :, k] = outer - inner
    return out


def _edges(classes: NDArray[np.uint8], part: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the distance to the border of the own class across the leg, in 0.25 mm.

    Bodies of knee and foot (`part`) have no cortex along the leg in their labels either, but lie
    across it with their whole faces: their distance is one in space.
    """
    out = np.zeros(classes.shape, np.float32)
    for value in np.unique(classes):
        if value not in (OUTSIDE, REST):
            out += _depth_within(classes, int(value))
    own = np.where(classes == REST, part, 0)
    for value, box in enumerate(ndimage.find_objects(own), 1):
        if box is not None:
            out[box] += _depth(own[box] == value)
    return _in_units(out)


def edges_of(classes: NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    """Return the distance to the border of one class across the leg, in 0.25 mm; 0 outside it."""
    return _in_units(_depth_within(classes, value))


def _in_units(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    # The border lies half a voxel before the first voxel's centre.
    return np.clip(np.rint((depth - 0.5) / EDGE_UNIT_MM), 0, 255).astype(np.uint8)


def _depth_within(classes: NDArray[np.uint8], value: int) -> NDArray[np.float32]:
    """Return how deep in one class each voxel lies across the leg, mm; 0 outside it."""
    out = np.zeros(classes.shape, np.float32)
    boxes = ndimage.find_objects((classes == value).astype(np.uint8))
    if boxes:
        box = boxes[0]
        for k in range(box[2].start, box[2].stop):
            out[box[0], box[1], k] = _depth(classes[box[0], box[1], k] == value)
    return out


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how deep in a mask each pixel or voxel lies, mm; 0 outside."""
    inner = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=SPACING_MM[: mask.ndim])
    return np.asarray(inner[(slice(1, -1),) * mask.ndim], np.float32)
