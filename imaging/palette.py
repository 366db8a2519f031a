"""The colours of page, viewer, scenes and exports: one per structure, and scales for measures.

They stay apart for colour-blind readers; wherever they are shown, names stand beside them.
"""

from __future__ import annotations

from functools import cache

from imaging.muscles import ANONYMOUS, muscle_keys, shown_of
from imaging.own_tables import own_rows

RGB = tuple[int, int, int]

# Internal aponeuroses: no muscle has it, and it shows on a light and on a dark background.
SHEET: RGB = (118, 124, 138)
# Where nothing was measured.
GREY: RGB = (128, 128, 128)


@cache
def _by_key() -> dict[str, str]:
    return {row["key"]: row["colour"] for row in own_rows("colours.tsv")}


def muscle_colour(label: int) -> RGB:
    """Return the colour of a label, 0..255; hues by compartment (after P. Tol's and Okabe's sets).

    Left and right share a colour.
    """
    if label > ANONYMOUS:
        keys = muscle_keys()
        text = _by_key()[keys[(label - ANONYMOUS - 1) % len(keys)]]
    else:
        text = _by_key().get(shown_of(label).key, "")
    if not text:
        return GREY
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def muscle_hex(label: int) -> str:
    """Return the colour of a label as ``#RRGGBB``."""
    return "#{:02X}{:02X}{:02X}".format(*muscle_colour(label))


def colour_scale(name: str) -> list[RGB]:
    """Return the 256 colours of a perceptually uniform matplotlib scale such as ``viridis``."""
    import matplotlib  # slow to load, and few ask for scales

    table = matplotlib.colormaps[name](range(256), bytes=True)
    return [(int(r), int(g), int(b)) for r, g, b, _ in table]
