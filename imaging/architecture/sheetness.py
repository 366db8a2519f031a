"""Where an anatomical image looks like a thin sheet, and a found aponeurosis moved onto it.

An internal aponeurosis is a dark line in slices across the muscle. The jump of fibre direction
tells where it roughly is; the line, where there is one, tells it to a fraction of a millimetre.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize

from imaging.arrays import FloatArray
from imaging.image import Image

_WIDTH_MM = 1.0  # of the line sought
_BORDER_MM = 3.0  # the border of a muscle is a line too
_MARGIN_VOXELS = 4
_REACH_MM, _STEP_MM = 4.0, 0.5  # how far from the first guess, and in which steps it is sought
_BLURS_MM = (2.0, 1.0, 0.5)
_STIFFNESS = 0.02  # against bends of the move, per mm2
_LEAST_LINE = 1.5  # mean sheetness along the sheet, in standard deviations of the muscle's texture
_LEAST_CONTRAST = 1.0  # by how much it exceeds that 3 mm beside it
_BESIDE_MM = 3.0
_MOST_PLACES = 4000


def sheetness(anatomy: Image, mask: Image) -> Image | None:
    """Return how much each place in a muscle looks like a dark sheet.

    Parameters
    ----------
    anatomy : Image
        3-D, of any contrast in which aponeuroses are dark, in the world of `mask`.
    mask : Image
        The muscle, on any grid.

    Returns
    -------
    Image or None
        Part of the anatomical grid around the muscle: second derivative across the strongest
        line in each slice less that along it, in standard deviations inside the muscle; 0 near
        its border and outside. None where the image does not cover the muscle.

    References
    ----------
    Sato Y, et al. Three-dimensional multi-scale line filter. Med Image Anal 1998;2:143.
    """
    to_mask = np.linalg.inv(mask.affine) @ anatomy.affine
    own = ndimage.affine_transform(
        mask.data.astype(np.uint8), to_mask[:3, :3], to_mask[:3, 3],
        output_shape=anatomy.shape, order=0, mode="constant",
    )  # fmt: skip
    if not own.any():
        return None
    box = tuple(
        slice(max(s.start - _MARGIN_VOXELS, 0), s.stop + _MARGIN_VOXELS)
        for s in ndimage.find_objects(own)[0]
    )
    corner = np.eye(4)
    corner[:3, 3] = [s.start for s in box]
    affine, inside = anatomy.affine @ corner, own[box] > 0
    deep = ndimage.distance_transform_edt(inside, sampling=anatomy.spacing) > _BORDER_MM
    if not deep.any():
        return None
    line = _dark_lines(anatomy.data[box].astype(np.float32), anatomy.spacing)
    texture = 1.4826 * float(np.median(np.abs(line[deep] - np.median(line[deep]))))
    out = np.where(deep, line / max(texture, 1e-12), 0.0)
    return Image(out.astype(np.float32), affine)


def _dark_lines(data: FloatArray, spacing: FloatArray) -> FloatArray:
    """Return the strength of dark lines (I, J, K) in slices across the coarsest axis."""
    # It brings all of scipy.stats, 35 MiB, which muscles without an anatomical image do without.
    from skimage.feature import hessian_matrix, hessian_matrix_eigvals

    across = int(np.argmax(spacing)) if np.ptp(spacing) > 1e-3 else 2
    slices = np.moveaxis(data, across, 0)
    pixel = np.delete(spacing, across)
    out = np.empty_like(slices)
    for image, line in zip(slices, out, strict=True):
        hessian = hessian_matrix(
            image, sigma=tuple(_WIDTH_MM / pixel), use_gaussian_derivatives=True, mode="nearest"
        )
        # Derivatives are per pixel: pixels need not be square.
        scale = (1 / pixel[0] ** 2, 1 / (pixel[0] * pixel[1]), 1 / pixel[1] ** 2)
        high, low = hessian_matrix_eigvals([h * s for h, s in zip(hessian, scale, strict=True)])
        line[:] = high - np.abs(low)
    return np.moveaxis(out, 0, across)


def profile(line: Image, places: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return distances (C,) along the normal and the sheetness (P, C) beside places (P, 3).

    World mm. Beyond the image and near the muscle's border it is 0.
    """
    shifts = np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM)
    points = places[:, None, :] + shifts[:, None] * normal
    voxels = line.to_voxels(points.reshape(-1, 3)).T
    values = ndimage.map_coordinates(line.data, voxels, order=1, mode="constant")
    return shifts, values.reshape(len(places), len(shifts))


def onto_line(
    line: Image, places: FloatArray, normal: FloatArray, basis: FloatArray
) -> FloatArray | None:
    """Return by which smooth move along its normal a sheet comes to lie on a dark line.

    Parameters
    ----------
    line : Image
        See :func:`sheetness`.
    places : (P, 3) array
        Points of the sheet, world mm.
    normal : (3,) array
        Along which it is moved.
    basis : (P, terms) array
        Smooth functions of the places of which the move is made up; the first is constant.

    Returns
    -------
    (terms,) array or None
        Coefficients of the move, mm; None where no line is seen near the sheet.
    """
    stride = max(1, len(places) // _MOST_PLACES)
    places, basis = places[::stride], basis[::stride]
    shifts, values = profile(line, places, normal)
    move: FloatArray = np.zeros(basis.shape[1])
    for blur in _BLURS_MM:
        smooth = ndimage.gaussian_filter1d(values, blur / _STEP_MM, axis=1, mode="constant")
        move = _climb(move, shifts, smooth, basis)
    read, _ = _reader(shifts, values)
    at = basis @ move
    beside = (read(at - _BESIDE_MM).mean() + read(at + _BESIDE_MM).mean()) / 2
    seen = read(at).mean()
    if seen < _LEAST_LINE or seen - beside < _LEAST_CONTRAST or np.abs(at).max() > _REACH_MM:
        return None
    return np.round(move, 6)


def _climb(
    start: FloatArray, shifts: FloatArray, values: FloatArray, basis: FloatArray
) -> FloatArray:
    """Return the coefficients of the smooth move on which the values (P, C) are largest."""
    read, slope = _reader(shifts, values)
    level = max(float(np.abs(values).mean()), 1e-9) * len(values)
    stiff = np.full(basis.shape[1], _STIFFNESS)
    stiff[0] = 0.0

    def cost(c: FloatArray) -> tuple[float, FloatArray]:
        at = basis @ c
        return (
            float(stiff @ c**2 - read(at).sum() / level),
            2 * stiff * c - basis.T @ slope(at) / level,
        )

    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return np.asarray(found.x)


_Reader = Callable[[FloatArray], FloatArray]


def _reader(shifts: FloatArray, values: FloatArray) -> tuple[_Reader, _Reader]:
    """Return functions of moves (P,): the value of each row (P, C) there, and its slope.

    Cubic between the values, as a search needs a slope without jumps.
    """
    rows = np.arange(len(values))
    tangent = np.gradient(values, axis=1)

    def cell(at: FloatArray) -> tuple[FloatArray, ...]:
        place = np.clip((at - shifts[0]) / _STEP_MM, 0, len(shifts) - 1.001)
        low = place.astype(np.int64)
        ends = (values[rows, low], values[rows, low + 1])
        return (place - low, *ends, tangent[rows, low], tangent[rows, low + 1])

    def read(at: FloatArray) -> FloatArray:
        t, a, b, slope_a, slope_b = cell(at)
        rise = t * t * (3 - 2 * t)
        return a + rise * (b - a) + t * (1 - t) * ((1 - t) * slope_a - t * slope_b)

    def slope(at: FloatArray) -> FloatArray:
        t, a, b, slope_a, slope_b = cell(at)
        bent = (1 - t) * (1 - 3 * t) * slope_a + t * (3 * t - 2) * slope_b
        return (6 * t * (1 - t) * (b - a) + bent) / _STEP_MM

    return read, slope
