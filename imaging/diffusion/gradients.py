"""Gradient tables: b-values and diffusion directions, read, checked, turned and written.

Files follow FSL and BIDS: directions are relative to the image axes, with x flipped when the
determinant of the affine is positive. Inside Pennate directions are world RAS+ unit vectors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.errors import GradientTableError

B0_MAX = 50.0
"""Largest b-value (s/mm2) that still counts as not diffusion-weighted."""
MIN_DIRECTIONS = 6
_SAME_DIRECTION_DEG = 3.0


@dataclass(frozen=True)
class GradientTable:
    """b-values and directions of every volume.

    Attributes
    ----------
    bvals : (N,) array
        s/mm2.
    vectors : (N, 3) array
        Unit vectors in world RAS+; zero where `bvals` is at most `B0_MAX`.
    """

    bvals: FloatArray
    vectors: FloatArray

    @property
    def is_b0(self) -> NDArray[np.bool_]:
        """Tell which volumes are not diffusion-weighted, shape (N,)."""
        return self.bvals <= B0_MAX

    def of_volumes(self, volumes: NDArray[np.intp]) -> GradientTable:
        """Return the table of some volumes, by their numbers (M,)."""
        return GradientTable(self.bvals[volumes], self.vectors[volumes])

    def rotated(self, rotations: FloatArray) -> GradientTable:
        """Return the table with every direction turned by (3, 3) or, per volume, (N, 3, 3)."""
        return replace(self, vectors=np.einsum("...ij,...j->...i", rotations, self.vectors))


def file_to_world(affine: FloatArray) -> FloatArray:
    """Return the (3, 3) matrix from directions as in a .bvec file to world RAS+ directions.

    Parameters
    ----------
    affine : (4, 4) array
        Of the image that the file belongs to.

    Examples
    --------
    FSL counts x to the left of voxel axes with a positive determinant (RAS), so that x turns round;
    with a negative one (LAS) it stays along the first voxel axis. Both are the same left:

    >>> file_to_world(np.diag([2.0, 2, 5, 1])) @ [1, 0, 0]
    array([-1.,  0.,  0.])
    >>> file_to_world(np.diag([-2.0, 2, 5, 1])) @ [1, 0, 0]
    array([-1.,  0.,  0.])
    """
    linear = affine[:3, :3]
    # The nearest orthogonal matrix, so that rounding or slight shear keeps unit vectors unit.
    left, _, right = np.linalg.svd(linear / np.linalg.norm(linear, axis=0))
    flip = np.diag([-1.0 if np.linalg.det(linear) > 0 else 1.0, 1.0, 1.0])
    return left @ right @ flip


def check_directions(bvals: FloatArray, vectors: FloatArray, path: Path) -> None:
    """Raise unless there is a b = 0 and six directions that a tensor can be fitted to."""
    weighted = bvals > B0_MAX
    if not weighted.any():
        raise GradientTableError(
            f"has no volume with b > {B0_MAX:g} s/mm2 (largest {bvals.max():g})",
            path,
            "Give b-values in s/mm2, as converted from DICOM",
        )
    if weighted.all():
        raise GradientTableError(
            f"has no volume with b <= {B0_MAX:g} s/mm2 (smallest {bvals.min():g})",
            path,
            "A tensor fit needs at least one b = 0 volume in the series",
        )
    count = _count_directions(vectors[weighted])
    if count < MIN_DIRECTIONS:
        raise GradientTableError(
            f"describes {count} different directions, a tensor needs {MIN_DIRECTIONS}",
            path,
            "Give a series with more directions",
        )
    quadratic = vectors[weighted][:, [0, 0, 1, 0, 1, 2]] * vectors[weighted][:, [0, 1, 1, 2, 2, 2]]
    if np.linalg.cond(quadratic) > 1e3:
        raise GradientTableError(
            f"describes {count} directions that leave the tensor undetermined (coplanar)",
            path,
            "Give a series with directions spread over the sphere",
        )


def _count_directions(vectors: FloatArray) -> int:
    """Count directions that differ, a vector and its opposite being the same."""
    distinct: list[FloatArray] = []
    limit = np.cos(np.radians(_SAME_DIRECTION_DEG))
    for vector in vectors:
        if all(abs(float(vector @ other)) < limit for other in distinct):
            distinct.append(vector)
    return len(distinct)
