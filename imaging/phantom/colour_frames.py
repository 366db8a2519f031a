"""Screens of a shear-wave scanner: speckle, a colour overlay, a colour bar, compression."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray

Screen = NDArray[np.uint8]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Layout:
    """Where things lie on a screen, in pixels; boxes are x0, y0, x1, y1, ends exclusive."""

    width: int = 400
    height: int = 340
    tissue: Box = (16, 16, 336, 326)
    overlay: Box = (56, 60, 296, 220)
    bar: Box = (356, 40, 372, 240)
    pixel_mm: float = 0.15


def jet(position: FloatArray) -> FloatArray:
    """Return colours (..., 3), 0 to 255, of the blue-to-red scale most scanners use."""
    t = np.clip(np.asarray(position, dtype=float), 0, 1)[..., None]
    return 255 * np.clip(1.5 - np.abs(4 * t - np.array([3.0, 2.0, 1.0])), 0, 1)


def speckle(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Return a B-mode image (H, W), 0 to 255: log-compressed speckle under slow shading."""
    field = rng.standard_normal((2, *shape))
    field = ndimage.gaussian_filter(field, (0, 1.0, 1.8))
    envelope = np.hypot(*(field / field.std()))
    shade = ndimage.gaussian_filter(rng.standard_normal(shape), 25)
    level = 90 + 25 * shade / max(float(np.abs(shade).max()), 1e-9)
    return np.clip(level + 45 * np.log10(envelope + 1e-3), 0, 255)


def draw_screen(
    position: FloatArray,
    shown: BoolArray,
    layout: Layout,
    *,
    opacity: float,
    rng: np.random.Generator,
) -> Screen:
    """Draw a screen.

    Parameters
    ----------
    position : (H, W) array
        Place on the colour scale, 0 to 1, for every pixel of the overlay's box.
    shown : (H, W) bool array
        Where the scanner shows a colour.
    layout
    opacity
        Of the overlay.
    rng
        Of the speckle.

    Returns
    -------
    (height, width, 3) uint8 array
    """
    screen = np.zeros((layout.height, layout.width, 3))
    x0, y0, x1, y1 = layout.tissue
    screen[y0:y1, x0:x1] = speckle((y1 - y0, x1 - x0), rng)[..., None]
    screen[y0:y1:20, x1 + 3 : x1 + 6] = 200  # depth marks
    x0, y0, x1, y1 = layout.overlay
    part = screen[y0:y1, x0:x1]
    part[shown] = ((1 - opacity) * part + opacity * jet(position))[shown]
    screen[[y0 - 1, y1], x0 - 1 : x1 + 1] = 230
    screen[y0 - 1 : y1 + 1, [x0 - 1, x1]] = 230
    x0, y0, x1, y1 = layout.bar
    screen[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = 60
    screen[y0:y1, x0:x1] = jet((np.arange(y1 - y0)[::-1] + 0.5) / (y1 - y0))[:, None]
    return np.clip(np.rint(screen), 0, 255).astype(np.uint8)


def compressed(screen: Screen, quality: int) -> Screen:
    """Return a screen after JPEG with colour at half resolution, as scanners export it."""
    file = io.BytesIO()
    Picture.fromarray(screen).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Picture.open(file).convert("RGB"))
