"""The signal of fat beside that of water.

Hamilton G, Yokoo T, Bydder M, et al. In vivo characterization of the liver fat 1H MR spectrum. NMR
Biomed 2011;24:784-790: six peaks of triglycerides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray

HZ_PER_PPM_T = 42.577
AMPLITUDES = np.array([0.047, 0.039, 0.006, 0.120, 0.700, 0.088])
SHIFTS_PPM = np.array([0.59, -0.49, -1.94, -2.60, -3.40, -3.80])


def fat_signal(echo_s: FloatArray, field_t: float) -> NDArray[np.complex128]:
    """Return the signal (N,) of a unit of fat at the echo times, in the frame of water.

    Parameters
    ----------
    echo_s : (N,) array
        Echo times, s.
    field_t
        Field strength, T.

    Examples
    --------
    >>> bool(abs(fat_signal(np.array([0.0]), 3.0)[0] - 1) < 1e-12)
    True
    """
    turns = np.outer(echo_s, SHIFTS_PPM * HZ_PER_PPM_T * field_t)
    return np.asarray(np.exp(2j * np.pi * turns) @ AMPLITUDES)
