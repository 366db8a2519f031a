"""Gradient tables that a given one may stand for: flipped, permuted, or of the scanner's axes.

A ``.bvec`` holds vectors along the image's axes (FSL). Vectors that a program wrote along the axes
of the scanner look the same, and for an oblique image differ from every flip and permutation by
the image's tilt; so do vectors whose signs were changed along the scanner's axes before the tilt
was taken off, by twice the tilt.
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
        axes RAS+ from the vectors as they stand, so that ``scanner -x -y z`` is LPS; with
        ``world``, from the vectors turned into the world as the image's.
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

    Every flip and permutation along the image's axes, and of an oblique image the signs along the
    world's, of the vectors as they stand (``scanner``) and after the tilt was put on (``world``).
    """
    changes = candidates()
    signs = [c for c in changes if np.trace(np.abs(c)) > 2.5]
    found = [
        Candidate(name_of(c), rotation @ c @ rotation.T, bool(np.trace(np.abs(c)) > 2.5))
        for c in changes
    ]
    near = np.cos(np.radians(_CLOSE_DEG))
    for frame, tilt in (("scanner", rotation.T), ("world", np.eye(3))):
        for sign in signs:
            turn = sign @ tilt
            if max(_cosine(turn @ other.turn.T) for other in found) < near:
                found.append(Candidate(f"{frame} {name_of(sign)}", turn, True))
    return found


def _cosine(turn: FloatArray) -> float:
    """Return the cosine of the angle by which an orthogonal matrix turns axes (sign does not)."""
    return float((np.linalg.det(turn) * np.trace(turn) - 1.0) / 2.0)
