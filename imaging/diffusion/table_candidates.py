"""Gradient tables that a given one may stand for: flipped, permuted, or of the scanner's axes.

A ``.bvec`` holds vectors along the image's axes (FSL). Vectors that a program wrote along the axes
of the scanner look the same, and for an oblique image differ from every flip and permutation by
the image's tilt.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from imaging.arrays import FloatArray

_CLOSE_DEG = 3.0  # of tilt, below which the scanner's axes are the image's


@dataclass(frozen=True)
class Candidate:
    """A table that may be the right one.

    Attributes
    ----------
    name : str
        Where each axis comes from, such as ``x -y z``; with ``scanner`` before it, of the world's
        axes RAS+ from the vectors as they stand, so that ``scanner -x -y z`` is LPS.
    turn : (3, 3) array
        What it does to world directions that were found with the table as given; orthogonal.
    common : bool
        An error that programs make: signs, or the wrong frame, but no axis exchanged for another.
    """

    name: str
    turn: FloatArray
    common: bool


def candidates() -> FloatArray:
    """Return the 24 signed permutations (24, 3, 3) that differ for axes; the first is identity.

    The 48 flips and permutations come in pairs Q and -Q, which turn an axis into the same axis.
    """
    found = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=2):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = (*signs, 1.0)
            found.append(matrix)
    return np.array(found)


def name_of(change: FloatArray) -> str:
    """Return a signed permutation as text: where each axis comes from."""
    axes = np.argmax(np.abs(change), axis=1)
    return " ".join(
        f"{'-' if row[a] < 0 else ''}{'xyz'[a]}" for row, a in zip(change, axes, strict=True)
    )


def all_candidates(rotation: FloatArray) -> list[Candidate]:
    """Return the tables to compare for an image whose voxel axes (3, 3) point so; given first.

    Of the scanner's axes only those are returned that no flip or permutation of the image's axes
    already is.
    """
    changes = candidates()
    found = [
        Candidate(name_of(c), rotation @ c @ rotation.T, bool(np.trace(np.abs(c)) > 2.5))
        for c in changes
    ]
    near = np.cos(np.radians(_CLOSE_DEG))
    turns = [c.turn for c in found]
    for change in changes:
        turn = change @ rotation.T
        if max(_cosine(turn @ t.T) for t in turns) < near:
            flip = bool(np.trace(np.abs(change)) > 2.5)
            found.append(Candidate(f"scanner {name_of(change)}", turn, flip))
    return found


def _cosine(turn: FloatArray) -> float:
    """Return the cosine of the angle by which an orthogonal matrix turns axes (sign does not)."""
    return float((np.linalg.det(turn) * np.trace(turn) - 1.0) / 2.0)
