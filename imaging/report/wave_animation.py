"""Shear waves as they run: a short animated picture of one slice."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from imaging.image import Image, canonical, resample
from imaging.muscles import muscle_labels
from imaging.report.picture import address

_FRAMES = 10
_FRAME_MS = 120
_COLOURS = 96
_DPI = 80
_MOST_BYTES = 1_000_000
# Purple and orange: told apart by readers with any colour vision.
_MAP = "PuOr"
_AXES = ("right–left", "front–back", "up–down")


def wave_animation(waves: Image | None, labels: Image, unit: str) -> str | None:
    """Draw one period of the displacement in the slice where it is largest.

    Parameters
    ----------
    waves : (I, J, K, 6) image or None
        Real, then imaginary parts of the first harmonic along world R, A and S.
    labels
        Label map on any grid of the same world.
    unit
        Of the displacement.

    Returns
    -------
    str or None
        Data address of an animated GIF of at most about 1 MB.
    """
    if waves is None or not np.any(waves.data):
        return None
    waves = canonical(waves)
    field = waves.data[..., :3] + 1j * waves.data[..., 3:]
    known = np.any(field, axis=-1)
    level = _slice_of(field, known)
    plane, inside = field[:, :, level], known[:, :, level]
    here = resample(labels, waves.with_data(np.zeros(waves.shape, np.uint8)), order=0)
    muscles = here.data[:, :, level]
    # Skin and fat move most; the waves in the muscles are what is to be seen.
    shown = inside & (muscles > 0) if (inside & (muscles > 0)).any() else inside
    limit = float(np.percentile(np.abs(plane[shown]), 99))
    for width in (8.4, 6.3, 4.8):
        frames = _frames(plane, inside, muscles, waves, limit, unit, width)
        content = _gif(frames)
        if len(content) <= _MOST_BYTES:
            break
    return address(content, "image/gif")


def _slice_of(field: NDArray[Any], known: NDArray[np.bool_]) -> int:
    """Return the slice, away from the ends, with the largest waves among well filled ones."""
    area = known.sum(axis=(0, 1)).astype(float)
    power = (np.abs(field) ** 2).sum(axis=(0, 1, 3)) / np.maximum(area, 1)
    edge = field.shape[2] // 5
    good = area >= 0.5 * area.max()
    good[:edge] = good[len(good) - edge :] = False
    return int(np.argmax(np.where(good if good.any() else area > 0, power, -1)))


def _frames(
    plane: NDArray[Any], inside: NDArray[np.bool_], muscles: NDArray[Any], waves: Image,
    limit: float, unit: str, width: float,
) -> list[NDArray[np.uint8]]:  # fmt: skip
    """Return RGB frames of one period: the three world components side by side."""
    aspect = float(waves.spacing[1] / waves.spacing[0])
    tall = width * 0.31 * plane.shape[1] / plane.shape[0] * aspect
    figure = Figure(figsize=(width, tall + 0.3), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    shown = []
    for c, name in enumerate(_AXES):
        axes = figure.add_axes((0.31 * c + 0.005, 0.01, 0.3, tall / (tall + 0.3)))
        axes.set_title(name, fontsize=8, pad=3)
        axes.axis("off")
        axes.set_facecolor("white")
        image = axes.imshow(
            np.zeros(plane.shape[:2]).T, origin="lower", cmap=_MAP, vmin=-limit, vmax=limit,
            aspect=aspect, interpolation="nearest",
        )  # fmt: skip
        axes.set_xlim(plane.shape[0] - 0.5, -0.5)  # radiological: the right side on the left
        shown.append((axes, image, _outlines(axes, muscles)))
    bar = figure.add_axes((0.94, 0.1, 0.012, 0.7))
    figure.colorbar(shown[0][1], cax=bar)
    bar.set_title(unit.replace("um", "µm"), fontsize=8, pad=4)
    bar.tick_params(labelsize=6)
    # What stays the same is drawn once, and the waves with their outlines on it.
    for _, image, outlines in shown:
        image.set_animated(True)
        for line in outlines:
            line.set_animated(True)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    out = []
    for step in np.exp(2j * np.pi * np.arange(_FRAMES) / _FRAMES):
        canvas.restore_region(still)
        for c, (axes, image, outlines) in enumerate(shown):
            values = np.where(inside, (plane[..., c] * step).real, np.nan)
            image.set_data(np.ma.masked_invalid(values).T)
            for artist in (image, *outlines):
                axes.draw_artist(artist)
        out.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return out


def _outlines(axes: Axes, muscles: NDArray[Any]) -> list[Artist]:
    masks = (
        ndimage.gaussian_filter((muscles == label).astype(float), 0.6)
        for label in muscle_labels(muscles)
    )
    return [
        axes.contour(mask.T, levels=[0.5], colors=["#333333"], linewidths=0.7) for mask in masks
    ]


def _gif(frames: list[NDArray[np.uint8]]) -> bytes:
    """Return frames as a GIF that runs for ever, all with the colours of the first and third."""
    both = np.concatenate([frames[0], frames[_FRAMES // 3]])
    palette = Picture.fromarray(both).quantize(_COLOURS, dither=Picture.Dither.NONE)
    flat = [
        Picture.fromarray(f).quantize(palette=palette, dither=Picture.Dither.NONE) for f in frames
    ]
    buffer = io.BytesIO()
    flat[0].save(
        buffer, format="GIF", save_all=True, append_images=flat[1:], duration=_FRAME_MS, loop=0,
        optimize=False, disposal=1,
    )  # fmt: skip
    return buffer.getvalue()
