"""Where the legs are: bias correction, mask of the legs, one mask per leg.

Arrays are in canonical axis order (voxel axes point nearly to R, A, S), so that the third axis
runs along the leg.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from skimage.draw import polygon
from skimage.filters import threshold_otsu

from imaging.arrays import BoolArray, FloatArray
from imaging.errors import ImageError
from imaging.formats.itk import from_sitk, to_sitk
from imaging.image import Image, regrid, resample
from imaging.segmentation.apart import apart
from imaging.segmentation.inputs import PIXEL_MM

_MIN_AREA_MM2 = 800.0
_MIN_CONTRAST = 0.25
_LAG_MM, _LEAST_CORRELATION = 10.0, 0.1
_MAX_TILT_DEG = 8.0
_MARGIN_MM = 8.0
_LEAST_OF_LARGEST = 0.3
# Signal of muscle in images of fat, in parts of fat's; rim of fat; the share of an inside below
# which a mask is hollow.
_DARK_INSIDE, _RIM_MM, _HOLLOW = 0.015, 12.0, 0.7


def leg_mask(image: Image, path: str | Path | None = None) -> BoolArray:
    """Return the mask of everything that is not air, holes filled slice by slice.

    Parameters
    ----------
    image
        3-D, any contrast, canonical axis order.
    path
        Where it was read, for messages.

    Returns
    -------
    (I, J, K) bool

    Raises
    ------
    ImageError
        Nothing stands out from the background in the field of view.
    """
    fine, image = image, resample(image, regrid(image, np.maximum(image.spacing, 2.0)))
    data = np.asarray(image.data, np.float32)
    smooth = ndimage.gaussian_filter(data, 3.0 / image.spacing)
    nothing = ImageError(
        "shows no leg, only background noise", path, "Give an image of the lower leg"
    )
    if smooth.std() <= _MIN_CONTRAST * abs(smooth.mean()) or smooth.max() <= 0:
        raise nothing
    if _is_noise(data, image.spacing):
        raise nothing
    light = ndimage.gaussian_filter(data, 1.0 / image.spacing)
    top = np.percentile(light[light > threshold_otsu(light.ravel())], 50)
    mask = _whole(light > max(0.2 * top, 0.5 * _air_threshold(light)), image.spacing)
    mask = _with_dark_insides(mask, light, float(top), image.spacing)
    mask = _large_blobs(mask, image.spacing)
    if not mask.any():
        raise nothing
    return resample(image.with_data(mask.astype(np.float32)), fine).data > 0.5


def split_legs(
    mask: BoolArray, spacing: FloatArray, data: NDArray[Any] | None = None
) -> list[BoolArray]:
    """Return one mask per leg, ordered by rising x (the person's left leg first).

    Legs that touch are cut apart (:mod:`imaging.segmentation.apart`), best with the image
    `data`, which shows the valley between them. Every slice of a leg is filled to its convex
    hull, since bone under the skin is no brighter than air where fat is suppressed.
    """
    return hulls(apart(_two_largest(mask), spacing, data))


def hulls(legs: list[BoolArray]) -> list[BoolArray]:
    """Fill every slice of every leg to its convex hull, but not into another leg."""
    filled = [_hull(leg) for leg in legs]
    if len(legs) == 2:
        filled = [filled[0] & ~legs[1], filled[1] & ~legs[0]]
    return filled


def three_dimensional_bodies(mask: BoolArray) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return the bodies of a mask, numbered from 1, and their sizes in voxels."""
    bodies, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    return bodies, np.bincount(bodies.ravel())[1:]


def _two_largest(mask: BoolArray) -> BoolArray:
    """Return the two largest bodies, the second only where it has a leg's part of the first."""
    bodies, sizes = three_dimensional_bodies(mask)
    if len(sizes) < 2:
        return mask
    order = np.argsort(sizes)[::-1][:2]
    return np.isin(bodies, order[sizes[order] > _LEAST_OF_LARGEST * sizes.max()] + 1)


def _hull(leg: BoolArray) -> BoolArray:
    """Fill every slice of a leg to its convex hull."""
    out = leg.copy()
    for k in np.flatnonzero(leg.any((0, 1))):
        rows = np.flatnonzero(leg[:, :, k].any(1))
        first = leg[rows, :, k].argmax(1)
        last = leg.shape[1] - 1 - leg[rows, ::-1, k].argmax(1)
        points = np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)])
        if np.linalg.matrix_rank(points - points[0]) < 2:  # a line has no inside
            continue
        corners = points[ConvexHull(points).vertices]
        i, j = polygon(corners[:, 0], corners[:, 1], leg.shape[:2])
        out[i, j, k] = True
    return out


def correct_bias(image: Image, mask: BoolArray) -> Image:
    """Divide by the smooth field that N4 finds on a shrunken grid; mean inside the mask is kept.

    Source: Tustison et al., IEEE Trans Med Imaging 29, 2010.
    """
    coarse = regrid(image, np.maximum(image.spacing, 5.0))
    low = resample(image, coarse)
    low_mask = resample(image.with_data(mask.astype(np.float32)), coarse).data > 0.5
    if low_mask.sum() < 1000:
        return image
    moving, region = to_sitk(low), to_sitk(low.with_data(low_mask.astype(np.uint8)))
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([20, 20, 20])
    n4.SetNumberOfControlPoints([4, 4, 4])
    with _one_thread():
        n4.Execute(sitk.Cast(moving, sitk.sitkFloat32), region)
        field = from_sitk(n4.GetLogBiasFieldAsImage(moving)).data
    log_field = resample(low.with_data(_extend(field, low_mask)), image).data
    out = image.data / np.exp(log_field)
    scale = float(image.data[mask].mean() / out[mask].mean())
    return image.with_data((out * scale).astype(np.float32))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let ITK use one thread: N4's inner filters add up in another order with more.

    They heed the default of the process, not what N4 itself is told.
    """
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def depth_in_slices(mask: BoolArray, spacing: FloatArray) -> NDArray[np.float32]:
    """Return the distance to the border of a mask within each slice, mm; 0 outside."""
    out = np.zeros(mask.shape, np.float32)
    for k in range(mask.shape[2]):
        if mask[:, :, k].any():
            out[:, :, k] = ndimage.distance_transform_edt(
                np.pad(mask[:, :, k], 1), sampling=spacing[:2]
            )[1:-1, 1:-1]
    return out


def _whole(mask: BoolArray, spacing: FloatArray) -> BoolArray:
    """Take off specks, close gaps at the border and fill holes, slice by slice."""
    mask = ndimage.binary_opening(mask, disk(4.0, spacing))
    # The dark cortex of the tibia lies under the skin and would open the mask there.
    wide = np.pad(mask, ((8, 8), (8, 8), (0, 0)))
    mask = ndimage.binary_closing(wide, disk(10.0, spacing))[8:-8, 8:-8]
    for k in range(mask.shape[2]):
        mask[:, :, k] = ndimage.binary_fill_holes(mask[:, :, k])
    return np.asarray(mask)


def _with_dark_insides(
    mask: BoolArray, light: FloatArray, top: float, spacing: FloatArray
) -> BoolArray:
    """Take in what is dark inside a bright rim: muscle in images of fat and of late echoes.

    Where the rim is open nothing fills it. What stands out from the noise of the air is taken
    instead, if the mask lacks most of its inside.
    """
    air = light[~ndimage.binary_dilation(_hull(mask), disk(10.0, spacing))]
    if not air.size:
        return mask
    low = max(_DARK_INSIDE * top, 1.5 * float(np.percentile(air, 98)))
    wide = _whole(light > low, spacing)
    out = mask.copy()
    for k in np.flatnonzero(mask.any((0, 1))):
        bodies, _ = ndimage.label(wide[:, :, k])
        depth = depth_in_slices(wide[:, :, k : k + 1], spacing)[:, :, 0]
        for label, box in enumerate(ndimage.find_objects(bodies), 1):
            body = bodies[box] == label
            inside = body & (depth[box] > _RIM_MM)
            own = mask[:, :, k][box]
            if inside.any() and (own & body).any() and own[inside].mean() < _HOLLOW:
                out[:, :, k][box] |= body & _hull((own & body)[..., None])[..., 0]
    return out


def _extend(field: NDArray[Any], mask: BoolArray) -> NDArray[np.float32]:
    """Continue a field outside a mask with the value of the nearest voxel inside."""
    indices = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return ndimage.gaussian_filter(field[tuple(indices)].astype(np.float32), 2.0)


def _is_noise(data: FloatArray, spacing: FloatArray) -> bool:
    """Tell whether values a centimetre apart across the leg know nothing of each other.

    In images of legs they correlate by .24 (fat alone) to .9, in noise by 1/√n.
    """
    found = []
    for axis in (0, 1):
        step = max(1, round(_LAG_MM / float(spacing[axis])))
        if data.shape[axis] <= 2 * step:
            continue
        values = np.moveaxis(np.asarray(data, float), axis, 0)
        one, other = values[:-step].ravel(), values[step:].ravel()
        if one.std() > 0 and other.std() > 0:
            chance = 4 / np.sqrt(one.size)
            found.append(np.corrcoef(one, other)[0, 1] < max(_LEAST_CORRELATION, chance))
    return bool(found) and all(found)


def _air_threshold(data: NDArray[Any]) -> float:
    low = data[data < threshold_otsu(data.ravel())]
    return float(threshold_otsu(low)) if low.size and np.ptp(low) > 0 else 0.0


def disk(radius_mm: float, spacing: FloatArray) -> BoolArray:
    """Return a flat disk across the leg, as a structuring element (2n+1, 2m+1, 1)."""
    n, m = (int(np.ceil(radius_mm / s)) for s in spacing[:2])
    x, y = np.mgrid[-n : n + 1, -m : m + 1]
    return ((np.hypot(x * spacing[0], y * spacing[1])) <= radius_mm)[..., None]


def _large_blobs(mask: BoolArray, spacing: FloatArray) -> BoolArray:
    """Drop, slice by slice, blobs too small for a leg."""
    out = np.zeros_like(mask)
    for k in range(mask.shape[2]):
        blobs, count = ndimage.label(mask[:, :, k])
        if count:
            area = ndimage.sum_labels(mask[:, :, k], blobs, range(1, count + 1))
            keep = np.flatnonzero(area * spacing[0] * spacing[1] > _MIN_AREA_MM2) + 1
            out[:, :, k] = np.isin(blobs, keep)
    return out


def leg_grid(image: Image, leg: BoolArray) -> tuple[Image, BoolArray]:
    """Return one leg at 1.5 mm across it, and its mask there.

    Slices stay where they are if they lie across the leg within 8 degrees and are not thinner
    than 2.5 mm; thinner ones are averaged, oblique ones are laid along the world's axes.

    Parameters
    ----------
    image
        3-D image, canonical axis order.
    leg : (I, J, K) bool
        The leg.
    """
    corners = image.to_world(np.argwhere(leg[::2, ::2]) * [2, 2, 1])
    tilt = np.degrees(np.arccos(np.clip(np.diag(image.rotation), -1, 1)).max())
    axes = image.rotation if tilt < _MAX_TILT_DEG else np.eye(3)
    thick = float(image.spacing[2])
    spacing = np.array(
        [PIXEL_MM, PIXEL_MM, thick if thick >= 2.5 and tilt < _MAX_TILT_DEG else 3.0]
    )
    inside = corners @ axes
    low, high = inside.min(0) - _MARGIN_MM, inside.max(0) + _MARGIN_MM
    low[2], high[2] = low[2] + _MARGIN_MM, high[2] - _MARGIN_MM
    shape = tuple(int(n) for n in np.maximum(np.floor((high - low) / spacing + 1e-3), 1) + 1)
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = axes @ low
    grid = Image(np.zeros(shape, np.uint8), affine)
    sigma = np.maximum(0.4 * (spacing / image.spacing - 1), 0.0)
    light = image.with_data(ndimage.gaussian_filter(image.data.astype(np.float32), sigma))
    mask = resample(image.with_data(leg.astype(np.float32)), grid).data > 0.5
    return resample(light, grid), mask
