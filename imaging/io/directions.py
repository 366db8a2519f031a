"""Fibre directions of an image, read and checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from imaging.dyads import FibreDirections
from imaging.errors import ImageError
from imaging.formats.nifti import load_image

# Smoothed and resampled unit vectors are this much shorter at most.
_FAR_FROM_UNIT = 0.2


def load_directions(path: Path, dispersion: Path | None) -> FibreDirections:
    """Read fibre directions (I, J, K, 3), world axes, and their uncertainty.

    Raises
    ------
    MissingFileError, ImageError
        Not there, not three components, zero everywhere, or not of unit length.

    Examples
    --------
    Vectors are of the world and stay as they are, whichever way the voxels run:

    >>> from tempfile import TemporaryDirectory
    >>> from imaging.formats.nifti import save_image
    >>> from imaging.image import Image
    >>> up = np.broadcast_to(np.float32([0, 0.6, 0.8]), (2, 2, 2, 3))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "e1.nii.gz")
    ...     save_image(Image(up, np.diag([-2.0, 2, 5, 1])), path)
    ...     load_directions(path, None).image.data[0, 0, 0].round(1).tolist()
    [0.0, 0.6000000238418579, 0.800000011920929]
    """
    image = load_image(path, ndim=(4, 5))
    data = image.data[:, :, :, 0] if image.data.ndim == 5 else image.data
    if data.shape[3:] != (3,):
        raise ImageError(
            f"has shape {'x'.join(map(str, image.data.shape))}, three components are needed",
            path,
            "Give the e1 or direction file of `pennate diffusion` or `pennate fibres`",
        )
    if not data.any():
        raise ImageError("is zero everywhere", path, "Check the tensor fit")
    length = np.linalg.norm(data, axis=3)
    usual = float(np.median(length[length > 0]))
    if abs(usual - 1) > _FAR_FROM_UNIT:
        raise ImageError(
            f"holds vectors of length {usual:.3g}, not unit vectors: it may be a colour map or "
            "scaled with FA",
            path,
            "Give the e1 or direction file of `pennate diffusion` or `pennate fibres`",
        )
    spread = load_image(dispersion) if dispersion else None
    return FibreDirections(replace(image, data=data), spread)
