"""Maps of values as a scanner's raw export holds them, read as colour overlays are."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray
from imaging.ultrasound.declaration import FrameDeclaration
from imaging.ultrasound.overlay import Reading

# Where this share of all values is the largest one, the export was cut there.
_CUT_SHARE = 0.005


def reading_of(shown: FloatArray, low: float, high: float) -> Reading:
    """Return a map of values as a reading: void where it holds NaN, 0 or less.

    Parameters
    ----------
    shown : (H, W) array
        In the unit of the export.
    low, high
        Ends of what it can hold, in that unit; infinite where there is none.
    """
    valid = np.isfinite(shown) & (shown > 0)
    place = np.full(shown.shape, 0.5)
    if np.isfinite(high):
        place = np.clip((np.nan_to_num(shown) - low) / (high - low), 0, 1)
    sure = np.ones(shown.shape, np.float32)
    return Reading(place.astype(np.float32), sure, valid, ~valid)


def ends_of(frames: FloatArray, declared: FrameDeclaration) -> tuple[float, float]:
    """Return the ends of what frames (F, H, W) can hold: Range, else where they are cut.

    An export without a declared Range is taken as cut at its largest value where many have it.
    """
    if np.isfinite(declared.high):
        return declared.low, declared.high
    known = frames[np.isfinite(frames) & (frames > 0)]
    if known.size and (known == known.max()).mean() > _CUT_SHARE:
        return 0.0, float(known.max())
    return 0.0, float("inf")
