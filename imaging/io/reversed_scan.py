"""A scan of reversed phase encoding and its sidecar."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.diffusion.acquisition import Acquisition, acquisition_of
from imaging.diffusion.distortion import ReversedScan
from imaging.errors import ImageError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_image
from imaging.image import Image

_PARALLEL = 0.95  # cosine between phase-encoding axes


def read_reversed(path: Path, series: Image, acquisition: Acquisition) -> ReversedScan:
    """Read b = 0 volumes of reversed phase encoding; several are averaged.

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
            "does not run against the phase encoding of the diffusion images",
            path,
            "Give the scan of opposite PhaseEncodingDirection",
        )
    mean = image.data if image.data.ndim == 3 else image.data.mean(axis=-1)
    _must_cover(image, series, path)
    return ReversedScan(image.with_data(mean), ratio)


def _direction(image: Image, acquisition: Acquisition) -> np.ndarray:
    """Return the unit world vector of phase encoding."""
    axis = acquisition.phase_axis
    assert axis is not None
    return acquisition.phase_sign * image.rotation[:, axis]


def _must_cover(image: Image, series: Image, path: Path) -> None:
    """Raise unless the middle of the series lies inside the image."""
    middle = series.to_world((np.array(series.shape) - 1) / 2)
    voxel = image.to_voxels(middle)
    if (voxel < 0).any() or (voxel > np.array(image.shape) - 1).any():
        raise ImageError(
            "does not show what the diffusion images show",
            path,
            "Give the scan of the same session and position",
        )
