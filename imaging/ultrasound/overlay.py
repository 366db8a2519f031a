"""Values behind a colour overlay, read with the frame's own colour bar.

A shear-wave frame shows ``(1 - opacity) grey + opacity colour(value)``. Colour differences take the
B-mode image away: what is left is ``opacity`` times the colour of the bar, whatever lies beneath.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.arrays import BoolArray, FloatArray
from imaging.ultrasound.colour_bar import LEAST, NOISE, Box, ColourBar, chroma, fine_curve
from imaging.ultrasound.smooth import local_quadratic

_LUMA = np.array([0.299, 0.587, 0.114])
# Share of coloured pixels at the rim of an overlay's box, and beyond it.
_MOSTLY_COLOURED, _FEW_COLOURED = 0.3, 0.05
_SAME = 0.5  # mean difference of two pictures of one map
# Misfit of an opacity that fits as well as the best one: times as much, and grey levels more.
_AS_WELL, _AS_NEAR = 1.5, 0.5
_RIM_PX = 4  # compression with halved colour resolution mixes the rim of an overlay
# Colours further from the bar than this (median, levels of 255) were compressed: they are smoothed
# with a Gaussian window in pixels, and values that leave their surroundings by more than a stray
# share of the scale take no part.
_LOSSLESS, _SMOOTH_PX, _STRAY = 0.3, 2.5, 0.06


@dataclass(frozen=True)
class Reading:
    """What a box of a frame shows.

    Attributes
    ----------
    position : (H, W) float32 array
        Place on the colour bar, 0 to 1; meaningless outside `valid`.
    confidence : (H, W) float32 array
        1 where the colour lies on the bar, falling with its distance from it.
    valid : (H, W) bool array
        Where an overlay lies, away from its rim.
    void : (H, W) bool array
        Without a colour of the bar: gaps, drawn lines and text.
    """

    position: FloatArray
    confidence: FloatArray
    valid: BoolArray
    void: BoolArray


def holds_colours(frame: NDArray[np.uint8], box: Box) -> bool:
    """Tell whether a box ends where its colours end: coloured within its rim, grey beyond."""
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        return False
    coloured = np.linalg.norm(chroma(frame), axis=-1) >= 2 * LEAST
    band = _RIM_PX + 2
    inside, outside = coloured[y0:y1, x0:x1], coloured.copy()
    outside[max(y0 - 1, 0) : y1 + 1, max(x0 - 1, 0) : x1 + 1] = False
    around = outside[max(y0 - band, 0) : y1 + band, max(x0 - band, 0) : x1 + band]
    right, low = inside[:, -band:], inside[-band:]
    return bool(
        min(right.mean(), low.mean()) > _MOSTLY_COLOURED
        and around.sum() < _FEW_COLOURED * (right.size + low.size)
    )


def corner_box(frame: NDArray[np.uint8], box: Box) -> Box | None:
    """Return the box x0, y0, x1, y1 that is meant, where one was given as x, y, width, height.

    None unless the box as given cuts through colours and the other one ends where they end.
    """
    x, y, wide, high = box
    other = (x, y, x + wide, y + high)
    return other if not holds_colours(frame, box) and holds_colours(frame, other) else None


def repeats(rgb: NDArray[np.uint8], before: NDArray[np.uint8]) -> bool:
    """Tell whether two overlays show one map: scanners refresh it less often than the screen."""
    return float(np.abs(chroma(rgb) - chroma(before)).mean()) < _SAME


def read_overlay(rgb: NDArray[np.uint8], bar: ColourBar, opacity: float) -> Reading:
    """Find the place on the colour bar of every pixel of an overlay.

    Parameters
    ----------
    rgb : (H, W, 3) array
        The box of the overlay, cut from its frame.
    bar
        From :func:`imaging.ultrasound.colour_bar.read_bar`.
    opacity
        Of the overlay, 0 to 1.

    Returns
    -------
    Reading
        Pixels without colour (gaps, drawn lines and text) and those within 4 pixels of them or of
        the rim of the box are not valid. Values of compressed frames are smoothed by a local
        quadratic fit, which needs about 8 pixels around.
    """
    position, curve = fine_curve(bar, opacity)
    found = chroma(rgb)
    distance, index = cKDTree(curve).query(found.reshape(-1, 2), workers=1)
    distance, index = distance.reshape(rgb.shape[:2]), index.reshape(rgb.shape[:2])
    strength = np.linalg.norm(curve, axis=1)
    level = max(LEAST, 0.5 * float(strength.min()))
    coloured = np.linalg.norm(found, axis=-1) >= level
    # A colour that is nearly grey by the bar cannot be told from a gap.
    coloured &= strength[index] >= LEAST
    coloured &= _possible_grey(rgb, bar, opacity, position[index])
    gaps = ndimage.binary_opening(np.pad(~coloured, 2, constant_values=True), np.ones((2, 2)))
    near = ndimage.binary_dilation(gaps, np.ones((2 * _RIM_PX + 1,) * 2))[2:-2, 2:-2]
    confidence, valid = np.exp(-0.5 * (distance / NOISE) ** 2), coloured & ~near
    read = position[index]
    if valid.any() and float(np.median(distance[valid])) > _LOSSLESS:
        odd = np.abs(read - ndimage.median_filter(read, 5)) > _STRAY
        weights = confidence * (valid & ~odd)
        read = np.clip(local_quadratic(read, weights, _SMOOTH_PX), 0, 1)
        around = ndimage.gaussian_filter(valid.astype(float), _SMOOTH_PX)
        confidence = ndimage.gaussian_filter(weights, _SMOOTH_PX) / np.maximum(around, 1e-3)
    void = gaps[2:-2, 2:-2]
    return Reading(read.astype(np.float32), confidence.astype(np.float32), valid, void)


def fitting_opacity(rgb: NDArray[np.uint8], bar: ColourBar) -> tuple[float, float, float]:
    """Return the opacity under which the overlay's colours lie nearest to the bar.

    Colours of one hue, as at the ends of most bars, fit any opacity.

    Returns
    -------
    best, low, high : float
        0.2 to 1 in steps of 0.02: the opacity that fits best, and the first and last one that fits
        as well but for noise. Without colours nan.
    """
    pixels = chroma(rgb).reshape(-1, 2)
    pixels = pixels[np.linalg.norm(pixels, axis=1) > 2 * LEAST]
    if not len(pixels):
        return (float("nan"),) * 3
    pixels = pixels[:: max(len(pixels) // 2000, 1)]
    trial = np.round(np.arange(0.2, 1.001, 0.02), 2)
    distances = np.array([misfit(pixels, bar, float(o)) for o in trial])
    least = float(distances.min())
    fits = trial[distances <= max(_AS_WELL * least, least + _AS_NEAR)]
    return float(trial[int(np.argmin(distances))]), float(fits[0]), float(fits[-1])


def misfit(colours: FloatArray, bar: ColourBar, opacity: float) -> float:
    """Return the median distance of colour differences (N, 2) from the bar at an opacity."""
    return float(np.median(cKDTree(fine_curve(bar, opacity)[1]).query(colours, workers=1)[0]))


def _possible_grey(
    rgb: NDArray[np.uint8], bar: ColourBar, opacity: float, position: FloatArray
) -> BoolArray:
    """Tell where the B-mode image beneath would be between black and white."""
    if opacity > 0.95:
        return np.ones(rgb.shape[:2], bool)
    shown = opacity * np.interp(position, bar.position, bar.rgb @ _LUMA)
    grey = (rgb.astype(np.float64) @ _LUMA - shown) / (1 - opacity)
    slack = 10.0 / (1 - opacity)
    return (grey > -slack) & (grey < 255 + slack)
