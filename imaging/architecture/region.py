"""A muscle's surface and its part of the diffusion image: what a reconstruction starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.architecture.seeds import crop_to, muscle_share
from imaging.arrays import FloatArray, IntArray
from imaging.geometry import mesh_volume, principal_axis
from imaging.image import Image, voxel_size
from imaging.muscles import FEWEST_VOXELS, too_few_voxels

_MARGIN_MM = 6.0  # of directions known beyond the mask, so that tracts reach the surface
_LEAST_COVERAGE = 0.3
_SUPPORT = 0.5


@dataclass(frozen=True)
class MuscleRegion:
    """One muscle on the grid of the diffusion image.

    Attributes
    ----------
    label : int
        Its label.
    points : (P, 3) array
        Vertices of its surface, world RAS+ mm.
    faces : (M, 3) array
        Triangles of its surface.
    open_faces : (M,) bool array
        Which of them lie where the image of the muscle ends, not the muscle.
    axis : (3,) array
        Line of action, world.
    volume_ml : float
        Volume of its mask.
    box : tuple of slices
        The part of the tensor's grid that is looked at.
    affine : (4, 4) array
        Voxels of that part to world mm.
    tensor : (I, J, K, 6) array
        Diffusion tensors of that part, world frame; zero where there is no data.
    share : (I, J, K) float32 array
        Share of each voxel that lies in the muscle.
    measured : (I, J, K) bool array
        Where there is data.
    covered : float
        Share of the muscle's volume where there is data.
    """

    label: int
    points: FloatArray
    faces: IntArray
    open_faces: NDArray[np.bool_]
    axis: FloatArray
    volume_ml: float
    box: tuple[slice, slice, slice]
    affine: FloatArray
    tensor: FloatArray
    share: FloatArray
    measured: NDArray[np.bool_]
    covered: float

    @property
    def spacing(self) -> FloatArray:
        """Voxel size (3,), mm."""
        return voxel_size(self.affine)

    @property
    def support(self) -> NDArray[np.bool_]:
        """Voxels (I, J, K) with data that lie mostly in the muscle."""
        return (self.share > _SUPPORT) & self.measured


def too_small(mask: Image) -> str | None:
    """Return why a mask has too few voxels to be a muscle, or None.

    A few voxels have no surface that angles could be measured against, however large they are.
    """
    return too_few_voxels(int(np.count_nonzero(mask.data)), mask.voxel_ml)


def find_region(
    label: int, mask: Image, surface: tuple[FloatArray, IntArray], tensor: Image
) -> MuscleRegion | str:
    """Return a muscle's part of the diffusion image, or why there is too little of it.

    Parameters
    ----------
    label
        Label of the muscle.
    mask
        (I, J, K), true inside; on any grid.
    surface
        Vertices and faces of the muscle, world mm.
    tensor
        (I', J', K', 6) in the world frame; zero where there is no data.
    """
    points, faces = surface
    cropped = crop_to(mask.data, mask.affine, tensor.shape, tensor.affine, _MARGIN_MM)
    if cropped is None:
        return "the diffusion image does not cover the muscle"
    box, affine = cropped
    tensors = tensor.data[box]
    share = muscle_share(mask.data, mask.affine, tensors.shape[:3], affine)
    measured = np.any(tensors != 0, axis=-1)
    inside = float((share * measured).sum() * np.prod(tensor.spacing))
    region = MuscleRegion(
        label, points, faces, open_faces(points, faces, mask), principal_axis(points),
        float(mask.data.astype(bool).sum()) * mask.voxel_ml, box, affine, tensors, share,
        measured, inside / mesh_volume(points, faces),
    )  # fmt: skip
    if region.covered < _LEAST_COVERAGE:
        return f"the diffusion image covers {100 * region.covered:.0f} % of the muscle"
    if (count := int(region.support.sum())) < FEWEST_VOXELS:
        return f"{count} voxels of the diffusion image lie in the muscle: too few"
    return region


def open_faces(points: FloatArray, faces: IntArray, mask: Image) -> NDArray[np.bool_]:
    """Tell which faces lie where the image of the muscle ends, not the muscle."""
    voxels = mask.to_voxels(points[faces].mean(axis=1))
    last = np.array(mask.shape) - 1
    return np.any((voxels < 0.0) | (voxels > last), axis=1)
