"""A scan of reversed phase encoding and its sidecar."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.diffusion.acquisition import Acquisition, acquisition_of
from imaging.diffusion.distortion import ReversedScan
from imaging.diffusion.gradients import B0_MAX
from imaging.errors import GradientTableError, ImageError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.io.gradients import read_bvals
from imaging.provenance import sidecar_path

_PARALLEL = 0.95  # cosine between phase-encoding axes


def read_reversed(path: Path, series: Image, acquisition: Acquisition) -> ReversedScan:
    """Read b = 0 volumes of reversed phase encoding; several are averaged.

    Of a whole series with a ``.bval`` beside it only the b = 0 volumes count.

    Parameters
    ----------
    path
        3-D or 4-D NIfTI with a sidecar.
    series, acquisition
        The diffusion series that they belong to, with a phase-encoding axis.

    Raises
    ------
    ImageError
        No phase-encoding direction, not reversed, or another field of view.
    GradientTableError
        Its own b-values are not those of its volumes, or none is b = 0.
    """
    image = load_image(path, ndim=(3, 4))
    sidecar = optional_sidecar(path)
    own = acquisition_of(sidecar, image)
    if own.phase_axis is None:
        raise ImageError(
            "has no PhaseEncodingDirection in its sidecar",
            path,
            "Convert it again from DICOM, or set distortion to anatomy",
        )
    along = _direction(image, own) @ _direction(series, acquisition)
    ratio = (own.readout_s or 1.0) / (acquisition.readout_s or 1.0)
    if own.readout_s is None or acquisition.readout_s is None:
        ratio = 1.0
    if along > -_PARALLEL:
        raise ImageError(
            "has a phase encoding that is not opposite to that of the images it shall undistort",
            path,
            "Give the scan of opposite PhaseEncodingDirection",
        )
    _must_cover(image, series, path)
    return ReversedScan(image.with_data(_mean_b0(image, path)), ratio)


def _mean_b0(image: Image, path: Path) -> FloatArray:
    """Return the mean (I, J, K) of the volumes, of those with b = 0 where a .bval tells."""
    if image.data.ndim == 3:
        return image.data
    bval = sidecar_path(path).with_suffix(".bval")
    if not bval.is_file():
        return image.data.mean(axis=-1)
    bvals = read_bvals(bval, image.data.shape[3])
    if bvals.min() > B0_MAX:
        raise GradientTableError(
            f"has no volume with b <= {B0_MAX:g} s/mm2 (smallest {bvals.min():g})",
            bval,
            "Give the b = 0 images of reversed phase encoding",
        )
    return image.data[..., bvals <= B0_MAX].mean(axis=-1)


def _direction(image: Image, acquisition: Acquisition) -> np.ndarray:
    """Return the unit world vector of phase encoding.

    Examples
    --------
    World RAS+; ``j-`` of voxels that run to the front is to the back:

    >>> image = Image(np.zeros((2, 2, 2), np.float32), np.diag([-2.0, 2, 5, 1]))
    >>> _direction(image, acquisition_of({"PhaseEncodingDirection": "j-"}, image)) + 0.0
    array([ 0., -1.,  0.])
    """
    axis = acquisition.phase_axis
    assert axis is not None
    return acquisition.phase_sign * image.rotation[:, axis]


def _must_cover(image: Image, series: Image, path: Path) -> None:
    """Raise unless the middle of the series lies inside the image."""
    middle = series.to_world((np.array(series.shape) - 1) / 2)
    voxel = image.to_voxels(middle)
    if (voxel < 0).any() or (voxel > np.array(image.shape) - 1).any():
        raise ImageError(
            "does not show the same anatomy as the images it shall undistort",
            path,
            "Give the scan of the same session and position",
        )
