"""Values behind a colour overlay, read with the frame's own colour bar.

A shear-wave frame shows ``(1 - opacity) grey + opacity colour(value)``. Two linear functions of
red, green and blue that vanish on every grey take the B-mode image away: what is left is
``opacity`` times the colour of the bar, whatever lies beneath. The pair used is blue and red
difference (ITU-R BT.601), because JPEG and video quantise exactly these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.arrays import BoolArray, FloatArray
from imaging.errors import ImageError
from imaging.ultrasound.smooth import local_quadratic

Box = tuple[int, int, int, int]

#: Directions in which the values of a colour bar rise.
DIRECTIONS = ("up", "down", "right", "left")

_LUMA = np.array([0.299, 0.587, 0.114])
_TO_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
# Grey levels of 255: what compression leaves of a colour, and what is told from grey.
_NOISE, _LEAST = 4.0, 6.0
_BLURRED_PX = 3  # rows that compression mixes at the end of a bar
# Share of coloured pixels at the rim of an overlay's box, and beyond it.
_MOSTLY_COLOURED, _FEW_COLOURED = 0.3, 0.05
_CLEARLY_RED = 40.0  # red over blue difference, levels of 255
_SAME = 0.5  # mean difference of two pictures of one map
_SEEN_PX = (6, 12, 24, 48)  # how far the ends of a bar are looked for
_FINE = 2048
# Compression with halved colour resolution mixes the ends of a bar and the rim of an overlay.
_END_ROWS, _FIT_ROWS, _RIM_PX = 3, 8, 4
# Colours further from the bar than this (median, levels of 255) were compressed: they are smoothed
# with a Gaussian window in pixels, and values that leave their surroundings by more than a stray
# share of the scale take no part.
_LOSSLESS, _SMOOTH_PX, _STRAY = 0.3, 2.5, 0.06


@dataclass(frozen=True)
class ColourBar:
    """Colours of a bar from its lowest to its highest value.

    Attributes
    ----------
    position : (N,) array
        0 at the lowest value, 1 at the highest.
    rgb : (N, 3) array
        0 to 255.
    """

    position: FloatArray
    rgb: FloatArray


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
    """

    position: FloatArray
    confidence: FloatArray
    valid: BoolArray


def chroma(rgb: NDArray[Any]) -> FloatArray:
    """Return the two colour differences (..., 2) of colours (..., 3); 0 for every grey."""
    return np.asarray(rgb, dtype=np.float64) @ _TO_CHROMA.T


def crop(frame: NDArray[Any], box: Box) -> NDArray[Any]:
    """Return the part of a frame inside a box x0, y0, x1, y1 (pixels, ends exclusive)."""
    x0, y0, x1, y1 = box
    return frame[y0:y1, x0:x1]


def read_bar(frame: NDArray[np.uint8], box: Box, direction: str = "up") -> ColourBar:
    """Read the look-up table from the picture of the colour bar.

    The middle of the bar's width is used. The rows next to its two ends, which compression mixes
    with what lies beyond, are continued from the rows before them.

    Parameters
    ----------
    frame : (H, W, 3) array
        Red, green, blue.
    box
        x0, y0, x1, y1 in pixels, ends exclusive: the coloured part without its frame.
    direction
        Where the values rise to: up, down, right or left.

    Raises
    ------
    ImageError
        The bar is grey, too short, or holds the same colour for different values.
    """
    part = crop(frame, box).astype(np.float64)
    if direction in ("right", "left"):
        part = part.swapaxes(0, 1)
    length, width = part.shape[:2]
    if length < 4 * _FIT_ROWS or width < 3:
        raise ImageError(
            f"ColorBarBox is {part.shape[1]} x {length} pixels, too small to read", None,
            "Give the whole coloured bar, or a frame of full size",
        )  # fmt: skip
    edge = max(width // 4, 1)
    rows: FloatArray = np.median(part[:, edge : width - edge], axis=1)
    if direction in ("up", "left"):
        rows = rows[::-1]
    position = (np.arange(length) + 0.5) / length
    rows = ndimage.median_filter(rows, size=(3, 1), mode="nearest")
    rows = _continue_ends(position, rows)
    bar = ColourBar(position, ndimage.uniform_filter1d(rows, 3, axis=0, mode="nearest"))
    _check_bar(bar)
    return bar


def ends_off(frame: NDArray[np.uint8], box: Box, direction: str = "up") -> tuple[float, float]:
    """Return by how many pixels the colours end before (negative) or after a bar's box.

    At its first and last end along the bar, in the picture's order; nan where no end can be seen,
    because the bar fades to grey or borders on colour.

    Parameters
    ----------
    frame, box, direction
        As in :func:`read_bar`.
    """
    x0, y0, x1, y1 = box
    upright = direction in ("up", "down")
    strip = frame[:, x0:x1] if upright else frame[y0:y1].swapaxes(0, 1)
    start, stop = (y0, y1) if upright else (x0, x1)
    edge = max(strip.shape[1] // 4, 1)
    strength = np.linalg.norm(chroma(np.median(strip[:, edge:-edge], axis=1)), axis=1)
    return _end_off(strength[::-1], len(strength) - start), _end_off(strength, stop)


def _end_off(strength: FloatArray, stop: int) -> float:
    """Return where colour falls to half beyond a position, less that position."""
    for seen in _SEEN_PX:
        inside = strength[max(stop - seen - 6, 0) : max(stop - seen, 0)]
        outside = strength[stop + seen : stop + seen + 6]
        if not len(inside) or not len(outside) or np.median(inside) < 4 * _LEAST:
            continue
        level = np.median(inside)
        if outside.max() > 0.25 * level:
            continue
        near = strength[stop - seen : stop + seen]
        coloured = near > 0.5 * level
        count = int(coloured.sum())
        # Far from the box only a sharp end is one: scales may fade to grey.
        sharp = coloured[:count].all() and (near[count + _BLURRED_PX :] < 0.25 * level).all()
        if seen == _SEEN_PX[0] or sharp:
            return float(count - seen)
    return float("nan")


def holds_colours(frame: NDArray[np.uint8], box: Box) -> bool:
    """Tell whether a box ends where its colours end: coloured within its rim, grey beyond."""
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        return False
    coloured = np.linalg.norm(chroma(frame), axis=-1) >= 2 * _LEAST
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


def runs_red_to_blue(bar: ColourBar) -> bool:
    """Tell whether a bar is red at its lowest values and blue at its highest."""
    blue, red = chroma(bar.rgb).T
    excess, quarter = red - blue, max(len(blue) // 4, 1)
    low, high = float(excess[:quarter].mean()), float(excess[-quarter:].mean())
    return low > _CLEARLY_RED and high < -_CLEARLY_RED


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
        From :func:`read_bar`.
    opacity
        Of the overlay, 0 to 1.

    Returns
    -------
    Reading
        Pixels without colour (gaps, drawn lines and text) and those within 4 pixels of them or of
        the rim of the box are not valid. Values of compressed frames are smoothed by a local
        quadratic fit, which needs about 8 pixels around.
    """
    position, curve = _fine_curve(bar, opacity)
    found = chroma(rgb)
    distance, index = cKDTree(curve).query(found.reshape(-1, 2), workers=1)
    distance, index = distance.reshape(rgb.shape[:2]), index.reshape(rgb.shape[:2])
    strength = np.linalg.norm(curve, axis=1)
    level = max(_LEAST, 0.5 * float(strength.min()))
    coloured = np.linalg.norm(found, axis=-1) >= level
    # A colour that is nearly grey by the bar cannot be told from a gap.
    coloured &= strength[index] >= _LEAST
    coloured &= _possible_grey(rgb, bar, opacity, position[index])
    gaps = ndimage.binary_opening(np.pad(~coloured, 2, constant_values=True), np.ones((2, 2)))
    near = ndimage.binary_dilation(gaps, np.ones((2 * _RIM_PX + 1,) * 2))[2:-2, 2:-2]
    confidence, valid = np.exp(-0.5 * (distance / _NOISE) ** 2), coloured & ~near
    read = position[index]
    if valid.any() and float(np.median(distance[valid])) > _LOSSLESS:
        odd = np.abs(read - ndimage.median_filter(read, 5)) > _STRAY
        weights = confidence * (valid & ~odd)
        read = np.clip(local_quadratic(read, weights, _SMOOTH_PX), 0, 1)
        around = ndimage.gaussian_filter(valid.astype(float), _SMOOTH_PX)
        confidence = ndimage.gaussian_filter(weights, _SMOOTH_PX) / np.maximum(around, 1e-3)
    return Reading(read.astype(np.float32), confidence.astype(np.float32), valid)


def fitting_opacity(rgb: NDArray[np.uint8], bar: ColourBar) -> tuple[float, float]:
    """Return the opacity under which the overlay's colours lie nearest to the bar.

    Returns
    -------
    opacity : float
        0.2 to 1 in steps of 0.02.
    distance : float
        Median distance of the colours from the bar at that opacity, in grey levels of 255.
    """
    pixels = chroma(rgb).reshape(-1, 2)
    pixels = pixels[np.linalg.norm(pixels, axis=1) > 2 * _LEAST]
    if not len(pixels):
        return float("nan"), float("inf")
    pixels = pixels[:: max(len(pixels) // 2000, 1)]
    trial = np.round(np.arange(0.2, 1.001, 0.02), 2)
    distances = [misfit(pixels, bar, float(o)) for o in trial]
    best = int(np.argmin(distances))
    return float(trial[best]), float(distances[best])


def misfit(colours: FloatArray, bar: ColourBar, opacity: float) -> float:
    """Return the median distance of colour differences (N, 2) from the bar at an opacity."""
    return float(np.median(cKDTree(_fine_curve(bar, opacity)[1]).query(colours, workers=1)[0]))


def unreadable(bar: ColourBar, opacity: float) -> FloatArray:
    """Return the places (M,) of the bar whose colour is too near to grey under an opacity."""
    position, curve = _fine_curve(bar, opacity)
    return position[np.linalg.norm(curve, axis=1) < _LEAST]


def _continue_ends(position: FloatArray, rows: FloatArray) -> FloatArray:
    out = rows.copy()
    for ends, fit in (
        (slice(0, _END_ROWS), slice(_END_ROWS, _END_ROWS + _FIT_ROWS)),
        (slice(-_END_ROWS, None), slice(-_END_ROWS - _FIT_ROWS, -_END_ROWS)),
    ):
        line = np.polynomial.polynomial.polyfit(position[fit], rows[fit], 1)
        out[ends] = line[0] + position[ends, None] * line[1]
    return np.clip(out, 0, 255)


def _fine_curve(bar: ColourBar, opacity: float) -> tuple[FloatArray, FloatArray]:
    """Return positions 0 to 1 (M,) and the colour differences (M, 2) they show at an opacity."""
    position = np.linspace(0, 1, _FINE)
    columns = [_straight(position, bar.position, c) for c in chroma(bar.rgb).T]
    return position, opacity * np.stack(columns, axis=1)


def _straight(at: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Interpolate linearly, and continue the first and last half pixel of the bar."""
    out = np.interp(at, x, y)
    low, high = at < x[0], at > x[-1]
    out[low] = y[0] + (at[low] - x[0]) * (y[3] - y[0]) / (x[3] - x[0])
    out[high] = y[-1] + (at[high] - x[-1]) * (y[-1] - y[-4]) / (x[-1] - x[-4])
    return out


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


def _check_bar(bar: ColourBar) -> None:
    colours = chroma(bar.rgb)
    if (np.linalg.norm(colours, axis=1) > 2 * _LEAST).mean() < 0.5:
        raise ImageError(
            "ColorBarBox holds mostly grey, so values cannot be told from the B-mode image", None,
            "Correct ColorBarBox, or export frames with a coloured scale",
        )  # fmt: skip
    pairs = cKDTree(colours).query_pairs(_NOISE, output_type="ndarray")
    apart = np.abs(bar.position[pairs[:, 0]] - bar.position[pairs[:, 1]])
    strong = np.linalg.norm(colours[pairs[:, 0]], axis=1) > 2 * _LEAST
    if (apart[strong] > 0.1).any():
        worst = pairs[strong][int(np.argmax(apart[strong]))]
        raise ImageError(
            "the colour bar shows one colour at "
            f"{bar.position[worst[0]]:.0%} and {bar.position[worst[1]]:.0%} of its range",
            None,
            "Correct ColorBarBox so that it holds the bar alone, or choose another colour scale",
        )
