"""Fat fraction from what a scanner made of a Dixon scan: water and fat, or in and out of phase.

Dixon WT. Simple proton spectroscopic imaging. Radiology 1984;153:189-194.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray


def of_water_and_fat(water: FloatArray, fat: FloatArray, inside: BoolArray) -> NDArray[np.float32]:
    """Return F/(W + F), (I, J, K), NaN outside and where both are 0."""
    total = water + fat
    known = inside & (total > 0)
    out = np.full(inside.shape, np.nan, np.float32)
    out[known] = fat[known] / total[known]
    return out


def of_in_and_out(
    in_phase: FloatArray, out_of_phase: FloatArray, inside: BoolArray
) -> NDArray[np.float32]:
    """Return (IP - OP)/2IP, at most one half: magnitudes do not tell which of both is more.

    Parameters
    ----------
    in_phase, out_of_phase : (I, J, K) array
        Magnitudes; decay between the two counts as fat.
    """
    known = inside & (in_phase > 0)
    out = np.full(inside.shape, np.nan, np.float32)
    share = (in_phase[known] - out_of_phase[known]) / (2 * in_phase[known])
    out[known] = np.clip(share, 0.0, 0.5)
    return out
