"""Perfusion of the capillaries, kept out of the tensor: segmented intravoxel incoherent motion.

At b of 200 s/mm2 and more blood has lost its signal; a tensor fitted to these samples alone, its
intercept left free, is that of tissue, and what the signal at b = 0 has beyond the intercept is
the perfusion fraction (muscle: Adelnia F, et al. 2019; Englund EK, et al. Magn Reson Med 2022).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import B0_MAX, MIN_DIRECTIONS, GradientTable

PERFUSION_FREE = 200.0
"""b-value (s/mm2) from which blood no longer counts."""
_ALIKE = 5.0  # s/mm2 within which b-values are one
_APART = 100.0  # s/mm2 between b-values that tell intercept from diffusivity


def has_low_b(table: GradientTable) -> bool:
    """Tell whether there are b-values at which perfusion shows, beside b = 0."""
    return bool(((table.bvals > B0_MAX) & (table.bvals < PERFUSION_FREE)).any())


def tissue_weights(table: GradientTable) -> FloatArray | None:
    """Return weights (N,) that leave perfusion out, or None where the rest cannot carry a tensor.

    The intercept needs two b-values above `PERFUSION_FREE`, the tensor seven samples.
    """
    tissue = table.bvals >= PERFUSION_FREE
    if tissue.sum() <= MIN_DIRECTIONS or np.ptp(table.bvals[tissue]) < _APART:
        return None
    return tissue.astype(np.float32)


def unweighted(table: GradientTable) -> NDArray[np.bool_]:
    """Tell which volumes (N,) still hold the signal of blood: those of the least b-value.

    At b of 10 to 50, which counts as b = 0 elsewhere, some of it is lost already.
    """
    return np.asarray(table.bvals <= table.bvals.min() + _ALIKE)


def perfusion_fraction(b0: FloatArray, intercept: FloatArray) -> FloatArray:
    """Return the share of the signal at b = 0 that is blood, 0..1; 0 where nothing was fitted.

    Parameters
    ----------
    b0, intercept : (I, J, K) arrays
        Mean signal at b = 0, and the tissue's signal there, as extrapolated.
    """
    known = (intercept > 0) & (b0 > 0)
    share = 1 - intercept / np.where(known, b0, 1)
    return np.where(known, np.clip(share, 0, 1), 0).astype(np.float32)
