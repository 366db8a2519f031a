"""Images and transforms to and from SimpleITK: LPS+ there, RAS+ everywhere else."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from imaging.arrays import FloatArray
from imaging.errors import ImageError
from imaging.image import Image

_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_sitk(image: Image) -> sitk.Image:
    """Return a SimpleITK image (LPS+) of a 3-D image; shear in the affine is refused.

    Raises
    ------
    ImageError
        The axes are not orthogonal.
    """
    rotation = image.rotation
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > 1e-3:
        raise ImageError("has axes that are not orthogonal", None, "Resample it without shear")
    out = sitk.GetImageFromArray(np.ascontiguousarray(image.data.T))
    lps = _LPS_FROM_RAS @ image.affine
    out.SetSpacing([float(s) for s in image.spacing])
    out.SetDirection((lps[:3, :3] / image.spacing).ravel().tolist())
    out.SetOrigin(lps[:3, 3].tolist())
    return out


def from_sitk(image: sitk.Image) -> Image:
    """Return a 3-D SimpleITK image as an image in RAS+."""
    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (3, 3))
    affine[:3, :3] = direction * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return Image(sitk.GetArrayFromImage(image).T, _LPS_FROM_RAS @ affine)


def sitk_affine_to_ras(transform: sitk.Transform) -> FloatArray:
    """Return the (4, 4) RAS+ matrix of a linear SimpleITK transform (fixed to moving points)."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    axes = [np.array(transform.TransformPoint(tuple(row))) - origin for row in np.eye(3)]
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack(axes, axis=1)
    matrix[:3, 3] = origin
    return _LPS_FROM_RAS @ matrix @ _LPS_FROM_RAS
