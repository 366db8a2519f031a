"""How much of what moved is the wave: the share of the first harmonic in the power over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.elastography.waves import WaveField

FloatArray = NDArray[np.floating[Any]]


def harmonic_quality(field: WaveField, offsets: int) -> FloatArray:
    """Return the share of the first harmonic in the power of the phase over one period.

    What is left is noise, higher harmonics of the driver and motion that is not periodic.

    Parameters
    ----------
    field
        Displacement of all components and drivers, and the bins without motion.
    offsets
        Per period.

    Returns
    -------
    (I, J, K) float32 array
        0 to 1; 0 outside the tissue. Half of it means as much other as wave.
    """
    bins = max(field.still.shape[-1], 1)
    others = max(offsets // 2 - 1, 1)
    wave = (np.abs(field.displacement) ** 2).sum((3, 4))
    other = (np.abs(field.still) ** 2).sum((3, 4, 5)) * (others / bins)
    share = wave / np.maximum(wave + other, np.finfo(np.float32).tiny)
    return np.where(field.valid, share, 0).astype(np.float32)
