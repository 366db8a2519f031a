"""How alike values of voxels are to those some voxels away: what noise neighbours share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray


def lagged_correlation(values: FloatArray, there: NDArray[np.bool_], lag: int) -> FloatArray:
    """Return the correlation (3,) of values `lag` voxels apart along each axis.

    Parameters
    ----------
    values : (I, J, K, N) array
        Of mean zero.
    there : (I, J, K) bool array
        Voxels that count.
    lag
        Voxels.
    """
    out = np.zeros(3)
    for axis in range(3):
        if values.shape[axis] <= lag:
            continue
        front = tuple(slice(None, -lag) if a == axis else slice(None) for a in range(3))
        back = tuple(slice(lag, None) if a == axis else slice(None) for a in range(3))
        both = there[front] & there[back]
        a, b = values[front][both], values[back][both]
        square = 0.5 * float(np.square(a).sum() + np.square(b).sum())
        if square > 0:
            out[axis] = float((a * b).sum()) / square
    return out
