"""What the segmentation network sees: some slices of one leg, and where along it they lie.

Slices lie across the leg at 1.5 mm, neighbours at distances that the network's card names
(``slices_mm``), all divided by the median of the middle slice's deep part (mostly muscle), so that
muscle is about 1 in every contrast. A right
leg in canonical axis order; a left leg is mirrored. Height is 0 at the tibia's joint surface of the
ankle and 1 at that of the knee.
"""

from __future__ import annotations

import numpy as np

from imaging.arrays import Float32

CLASSES = (
    "outside", "SAT", "rest", "TA", "EDL+PT", "EHL", "PL+PB", "GM", "GL", "SOL", "PLA", "POP",
    "FDL", "FHL", "TP", "TIB", "FIB",
)  # fmt: skip
"""Outputs of the network; ``rest`` is everything under the fascia that has no name."""
OUTSIDE, SAT, REST = range(3)
PIXEL_MM = 1.5
SLICES_MM = (-45.0, -18.0, -6.0, 0.0, 6.0, 18.0, 45.0)
"""Slices that a network sees unless its card says otherwise, mm along the leg."""
THREE_MM = (-6.0, 0.0, 6.0)
"""Slices of networks whose card does not name them."""
PLACE_CHANNELS = 2
_CEILING = 4.0
_DEEP_MM = 10.0


def level(slice_: Float32, depth: Float32) -> float:
    """Return the median of the deep part of one slice (I, J), which is muscle for the most part.

    Parameters
    ----------
    slice_
        Intensities.
    depth
        Distance to the border of the leg's mask, mm; 0 outside.
    """
    deepest = float(depth.max())
    if deepest <= 0:
        return 0.0
    return float(np.median(slice_[depth > min(_DEEP_MM, 0.5 * deepest)]))


def channels(slices: Float32, scale: float, height: float | None) -> Float32:
    """Return the input of the network (S + 2, I, J) of one slice.

    Parameters
    ----------
    slices : (S, I, J)
        The slice itself in the middle, its neighbours around it; 0 outside the leg.
    scale
        Level of the middle slice.
    height
        Height along the leg; none where it is not known.
    """
    out = np.zeros((len(slices) + PLACE_CHANNELS, *slices.shape[1:]), np.float32)
    out[:-PLACE_CHANNELS] = np.clip(slices / np.float32(max(scale, 1e-6)), 0, _CEILING) - 1.0
    if height is not None:
        out[-2], out[-1] = np.float32(2.0 * height - 1.0), 1.0
    return out
