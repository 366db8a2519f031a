"""The colour bar of a shear-wave frame: which colour stands for which value.

Two linear functions of red, green and blue that vanish on every grey tell colours apart, whatever
lies beneath them. The pair used is blue and red difference (ITU-R BT.601), because JPEG and video
quantise exactly these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.arrays import FloatArray
from imaging.errors import ImageError

Box = tuple[int, int, int, int]

#: Directions in which the values of a colour bar rise.
DIRECTIONS = ("up", "down", "right", "left")
#: Grey levels of 255: what compression leaves of a colour.
NOISE = 4.0
#: Grey levels of 255: least colour that is told from grey.
LEAST = 6.0

_TO_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_BLURRED_PX = 3  # rows that compression mixes at the end of a bar
_CLEARLY_RED = 40.0  # red over blue difference, levels of 255
_SEEN_PX = (6, 12, 24, 48)  # how far the ends of a bar are looked for
_FINE = 2048
_END_ROWS, _FIT_ROWS = 3, 8  # rows mixed at an end, and those that continue them


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
        if not len(inside) or not len(outside) or np.median(inside) < 4 * LEAST:
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


def runs_red_to_blue(bar: ColourBar) -> bool:
    """Tell whether a bar is red at its lowest values and blue at its highest."""
    blue, red = chroma(bar.rgb).T
    excess, quarter = red - blue, max(len(blue) // 4, 1)
    low, high = float(excess[:quarter].mean()), float(excess[-quarter:].mean())
    return low > _CLEARLY_RED and high < -_CLEARLY_RED


def unreadable(bar: ColourBar, opacity: float) -> FloatArray:
    """Return the places (M,) of the bar whose colour is too near to grey under an opacity."""
    position, curve = fine_curve(bar, opacity)
    return position[np.linalg.norm(curve, axis=1) < LEAST]


def fine_curve(bar: ColourBar, opacity: float) -> tuple[FloatArray, FloatArray]:
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


def _continue_ends(position: FloatArray, rows: FloatArray) -> FloatArray:
    out = rows.copy()
    for ends, fit in (
        (slice(0, _END_ROWS), slice(_END_ROWS, _END_ROWS + _FIT_ROWS)),
        (slice(-_END_ROWS, None), slice(-_END_ROWS - _FIT_ROWS, -_END_ROWS)),
    ):
        line = np.polynomial.polynomial.polyfit(position[fit], rows[fit], 1)
        out[ends] = line[0] + position[ends, None] * line[1]
    return np.clip(out, 0, 255)


def _check_bar(bar: ColourBar) -> None:
    colours = chroma(bar.rgb)
    if (np.linalg.norm(colours, axis=1) > 2 * LEAST).mean() < 0.5:
        raise ImageError(
            "ColorBarBox holds mostly grey, so values cannot be told from the B-mode image", None,
            "Correct ColorBarBox, or export frames with a coloured scale",
        )  # fmt: skip
    pairs = cKDTree(colours).query_pairs(NOISE, output_type="ndarray")
    apart = np.abs(bar.position[pairs[:, 0]] - bar.position[pairs[:, 1]])
    strong = np.linalg.norm(colours[pairs[:, 0]], axis=1) > 2 * LEAST
    if (apart[strong] > 0.1).any():
        worst = pairs[strong][int(np.argmax(apart[strong]))]
        raise ImageError(
            "the colour bar shows one colour at "
            f"{bar.position[worst[0]]:.0%} and {bar.position[worst[1]]:.0%} of its range",
            None,
            "Correct ColorBarBox so that it holds the bar alone, or choose another colour scale",
        )
