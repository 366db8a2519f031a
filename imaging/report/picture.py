"""Pictures for pages: drawn without a screen, the same bytes each time, never a reason to fail."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as PillowImage

_SVG_DPI = 72  # of matplotlib's SVG, always
_QUALITY = 90  # of WebP: small letters stay sharp
_PATH = re.compile(rb' d="[^"]*"')
_LONG = re.compile(rb"(\d\.\d\d)\d+")


@dataclass(frozen=True)
class Picture:
    """One picture of a page, or the sentence that stands in its place.

    Attributes
    ----------
    title, caption, alt : str
        Heading, what is to be seen and in which unit, and the text for who cannot see it.
    source : str
        Data address (``data:image/...``), empty when there is none.
    message : str
        Why there is no picture.
    """

    title: str
    caption: str
    alt: str
    source: str = ""
    message: str = ""


def guarded(
    title: str, caption: str, alt: str, draw: Callable[[], str | None], absent: str
) -> Picture:
    """Draw a picture; what goes wrong becomes a sentence in its place.

    Parameters
    ----------
    title, caption, alt
        See :class:`Picture`.
    draw
        Returns a data address, or None when there is nothing to draw.
    absent
        The sentence for None.
    """
    try:
        source = draw()
    except Exception as error:  # a failed picture must not cost the page
        why = f"This picture could not be drawn ({type(error).__name__}: {error})."
        return Picture(title, caption, alt, message=why)
    return Picture(title, caption, alt, source or "", "" if source else absent)


def raster(figure: Figure, dpi: int = 110) -> str:
    """Return a figure as data address of a WebP, a quarter of the size of a PNG."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return _webp(PillowImage.fromarray(np.asarray(canvas.buffer_rgba())))


def webp(content: bytes) -> str:
    """Return a picture in another format as data address of a WebP without metadata."""
    return _webp(PillowImage.open(io.BytesIO(content)))


def _webp(picture: PillowImage.Image) -> str:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, format="WEBP", quality=_QUALITY, method=4)
    return address(buffer.getvalue(), "image/webp")


def svg(figure: Figure) -> str:
    """Return a figure as data address of an SVG without date and with steady identifiers."""
    return address(svg_bytes(figure), "image/svg+xml")


def svg_bytes(figure: Figure) -> bytes:
    """Return a figure as an SVG without date and with steady identifiers."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    layout = figure.get_layout_engine()
    if layout is not None:
        # `savefig` would draw everything once more, only to lay it out.
        figure.set_dpi(_SVG_DPI)
        layout.execute(figure)
        figure.set_layout_engine("none")
    with mpl.rc_context({"svg.hashsalt": "pennate", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    # A hundredth of a point is finer than any screen: six decimals double the size of curves.
    return _PATH.sub(lambda d: _LONG.sub(rb"\1", d.group()), buffer.getvalue())


def address(content: bytes, kind: str) -> str:
    """Return bytes as data address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
