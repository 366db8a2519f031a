"""Pictures for pages: drawn without a screen, the same bytes each time, never a reason to fail."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure


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


def png(figure: Figure, dpi: int = 110) -> str:
    """Return a figure as data address of a PNG without metadata."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return address(buffer.getvalue(), "image/png")


def svg(figure: Figure) -> str:
    """Return a figure as data address of an SVG without date and with steady identifiers."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "pennate", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return address(buffer.getvalue(), "image/svg+xml")


def address(content: bytes, kind: str) -> str:
    """Return bytes as data address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def window(values: np.ndarray[Any, Any], low: float = 1, high: float = 99) -> tuple[float, float]:
    """Return display limits: percentiles of the finite values, never empty."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    a, b = np.percentile(finite, [low, high])
    return float(a), float(b if b > a else a + 1)
