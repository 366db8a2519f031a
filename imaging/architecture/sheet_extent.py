"""How far an internal aponeurosis reaches, and its mesh.

Fascicles of both sides end on an aponeurosis: seen along the muscle, those of one side lean away
from it and those of the other side to it, all over it. Where directions jump but fascicles of both
sides lean the same way, or differ more along the sheet than across it, that is a border of
something else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.arrays import BoolArray, FloatArray, IntArray
from imaging.image import apply_affine, voxel_size

LEAST_JUMP_DEG, LEAST_LEAN_DEG = 10.0, 3.0
LEAST_SHARE = 0.2  # of a muscle's length and width; less parts no bipennate muscle
_ACROSS = 0.7  # of the jump, more than lies along the sheet
_MESH_MM, _BEYOND_MM = 2.0, 3.0
_NEIGHBOURS = 30  # voxels at the sheet over which its jump is averaged
_FEWEST_FACES = 8


@dataclass(frozen=True)
class AtSheet:
    """What voxels (V,) at a sheet say of it.

    Attributes
    ----------
    places : (V, 2) array
        Across and along the muscle, mm.
    jump_deg : (V,) array
        Angle between the directions of both sides.
    lean_deg : (2, V) array
        Angle of the directions below and above to the sheet, positive upwards.
    """

    places: FloatArray
    jump_deg: FloatArray
    lean_deg: FloatArray


@dataclass(frozen=True)
class Footprint:
    """Even places of the plane along a muscle.

    Attributes
    ----------
    across, along : (U,), (V,) arrays
        Their coordinates, mm.
    muscle : (U, V) bool array
        Where the sheet, if it went on, would lie in the muscle or a little beyond.
    sheet : (U, V) bool array
        As far as the sheet reaches: the largest piece in which the directions of both sides
        jump, and lean away from each other.
    """

    across: FloatArray
    along: FloatArray
    muscle: BoolArray
    sheet: BoolArray

    @property
    def share(self) -> float:
        """Share of the muscle over which the sheet reaches."""
        return float(self.sheet.sum() / max(self.muscle.sum(), 1))

    def under(self, places: FloatArray) -> BoolArray:
        """Tell which places (P, 2+) lie over the sheet."""
        index = [
            np.clip(np.rint((places[:, a] - line[0]) / _MESH_MM).astype(int), 0, len(line) - 1)
            for a, line in enumerate((self.across, self.along))
        ]
        return np.asarray(self.sheet[index[0], index[1]])

    def mesh(self) -> tuple[IntArray, IntArray]:
        """Return the numbers of the places (N,) that make up the sheet, and its triangles (M, 3).

        Places are numbered row by row. There are none where the sheet is too small.
        """
        s = self.sheet
        quads = s[:-1, :-1] & s[1:, :-1] & s[:-1, 1:] & s[1:, 1:]
        number = np.arange(s.size).reshape(s.shape)
        a, b = number[:-1, :-1][quads], number[1:, :-1][quads]
        c, d = number[1:, 1:][quads], number[:-1, 1:][quads]
        faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
        if len(faces) < _FEWEST_FACES:
            return np.zeros(0, int), np.zeros((0, 3), int)
        used, faces = np.unique(faces, return_inverse=True)
        return used, faces.reshape(-1, 3)


def grid(half: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return coordinates across and along a footprint with half lengths (2,), and places (P, 2)."""
    low, high = -half - _BEYOND_MM, half + _BEYOND_MM
    across, along = (np.arange(low[a], high[a] + _MESH_MM, _MESH_MM) for a in range(2))
    places = np.stack(np.meshgrid(across, along, indexing="ij"), axis=-1).reshape(-1, 2)
    return across, along, places


def in_muscle(points: FloatArray, inside: NDArray[np.bool_], affine: FloatArray) -> BoolArray:
    """Tell which points (P, 3), world mm, lie in a mask (I, J, K) or a little beyond."""
    spacing = voxel_size(affine)
    outside = ndimage.distance_transform_edt(~inside, sampling=spacing)
    voxels = apply_affine(np.linalg.inv(affine), points).T
    distance = ndimage.map_coordinates(outside, voxels, order=1, mode="nearest")
    return np.asarray(distance < 0.5 * spacing.min() + _BEYOND_MM)


def extent(at: AtSheet, across: FloatArray, along: FloatArray, muscle: BoolArray) -> Footprint:
    """Return how far a sheet reaches, by what voxels say on average over each neighbourhood.

    Parameters
    ----------
    at
        Voxels at the sheet.
    across, along : (U,), (V,) arrays
        See :func:`grid`.
    muscle : (U * V,) array
        See :func:`in_muscle`.
    """
    shape = (len(across), len(along))
    places = np.stack(np.meshgrid(across, along, indexing="ij"), axis=-1).reshape(-1, 2)
    _, nearest = cKDTree(at.places).query(places, k=min(_NEIGHBOURS, len(at.places)))
    nearest = nearest.reshape(len(places), -1)
    jump = at.jump_deg[nearest].mean(axis=1)
    below, above = (lean[nearest].mean(axis=1) for lean in at.lean_deg)
    best: BoolArray = np.zeros(shape, bool)
    for sign in (1.0, -1.0):
        parted = np.minimum(sign * above, -sign * below) > LEAST_LEAN_DEG
        parted &= sign * (above - below) > _ACROSS * jump
        piece = _largest((muscle & (jump > LEAST_JUMP_DEG) & parted).reshape(shape))
        if piece.sum() > best.sum():
            best = piece
    return Footprint(across, along, muscle.reshape(shape), best)


def _largest(there: BoolArray) -> BoolArray:
    """Return the largest connected piece, its holes filled."""
    pieces, count = ndimage.label(there)
    if not count:
        return there
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(pieces == sizes.argmax()))
