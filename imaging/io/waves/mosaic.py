"""Siemens mosaics: the slices of a volume beside each other in one image.

How many there are, and to which side they follow each other, stands in the private CSA header of
the image. ImagePositionPatient is that of a slice of the mosaic's size with the same centre.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.nib import nibabel  # noqa: F401  before its readers of DICOM, see there

with warnings.catch_warnings():  # that these readers are young, since 2010
    warnings.simplefilter("ignore", UserWarning)
    from nibabel.nicom import csareader


def is_mosaic(data: Any) -> bool:
    """Tell whether a DICOM data set is a mosaic of slices."""
    return "MOSAIC" in {str(t).upper() for t in data.get("ImageType") or ()}


def slices_of(data: Any, pixels: NDArray[Any]) -> Iterator[tuple[NDArray[Any], FloatArray]]:
    """Yield the pixels and the place of every slice of a mosaic.

    Parameters
    ----------
    data
        DICOM data set.
    pixels : (rows, columns) array
        Of the whole mosaic.

    Yields
    ------
    pixels : (rows, columns) array
    position : (3,) array
        ImagePositionPatient, LPS+ mm.

    Raises
    ------
    ValueError
        The number, distance or order of its slices is not told.
    """
    try:
        header = csareader.get_csa_header(data)
    except csareader.CSAReadError as error:
        raise ValueError(f"it is a mosaic with a damaged CSA header: {error}") from error
    count = None if header is None else csareader.get_n_mosaic(header)
    normal = None if header is None else csareader.get_slice_normal(header)
    distance = data.get("SpacingBetweenSlices")
    if not count or normal is None or distance is None:
        raise ValueError(
            "it is a mosaic without the CSA header that tells number and order of its slices"
        )
    count = int(count)
    across = math.ceil(math.sqrt(count))
    rows, columns = (n // across for n in pixels.shape)
    if (rows * across, columns * across) != pixels.shape:
        raise ValueError(f"it is a mosaic of {count} slices that do not fill it evenly")
    axes = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
    if abs(np.dot(np.cross(*axes), normal)) < 0.99:
        raise ValueError("it is a mosaic whose slices do not lie across their normal")
    step = np.array(data.PixelSpacing, float)
    # The corner of the mosaic lies further out than that of a slice, by half of what it has more.
    first = np.array(data.ImagePositionPatient, float)
    first += axes[0] * step[1] * (pixels.shape[1] - columns) / 2
    first += axes[1] * step[0] * (pixels.shape[0] - rows) / 2
    for k in range(count):
        top, left = k // across * rows, k % across * columns
        one = pixels[top : top + rows, left : left + columns]
        yield one, first + k * float(distance) * np.asarray(normal, float)
