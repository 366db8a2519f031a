"""What a shear-wave scanner shows of the digital leg: stiffness along fibres, and wave speeds."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray, LabelArray
from imaging.muscles import structure_of
from imaging.phantom.moduli import STIFFNESS

# Resting muscle under a pushed pulse, some hundred Hz: of the size of the vastus lateralis of
# Knight et al., IEEE Trans Med Imaging 2022 (mu_par 5.8 kPa, mu_par/mu_perp 3, chi_E 4.7); muscles
# stand to each other as in the table for vibration.
ALONG_PA, SOLEUS = 5770.0, "SOL"
RATIO_ALONG, ZETA = 2.99, 4.67
RATIO_TENSILE = 3 + 4 * ZETA
_FAT_PA = 2500.0
# Stiffness rises by this share from the upper end of a frame's muscle to its lower, per mm.
_SLOPE_PER_MM = 0.004


def mu_par_pa(label: int) -> float:
    """Return mu_par in Pa of a label's muscle at the middle of a frame; of fat for what is none."""
    if label <= 0 or not structure_of(label).is_muscle:
        return _FAT_PA
    found = structure_of(label)
    value = STIFFNESS.get(found.key) or STIFFNESS.get(found.group) or STIFFNESS[SOLEUS]
    return ALONG_PA * value[0] / STIFFNESS[SOLEUS][0]


def shown_pa(
    labels: LabelArray,
    fibres: FloatArray,
    along_mm: FloatArray,
    lateral: FloatArray,
    depth: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return rho c^2 that the scanner shows at points, and mu_par behind it, in Pa.

    Parameters
    ----------
    labels : (N,) array
    fibres : (N, 3) array
        World unit vectors; 0 outside muscle.
    along_mm : (N,) array
        Place along the probe's face, from its middle.
    lateral, depth : (3,) array
        World directions of the probe's face, along which the wave is timed, and of the push.

    Notes
    -----
    Tissue moves along the push. That movement is shared between the wave polarised across the
    fibre (SH: ellipse of arrival times) and the one in the plane of fibre and travel (qSV: phase
    speed), by the squares of its projections; the mean of the two is shown.
    """
    table = {int(v): mu_par_pa(int(v)) for v in np.unique(labels)}
    parallel = np.array([table[int(v)] for v in labels]) * (1 + _SLOPE_PER_MM * along_mm)
    across = parallel / RATIO_ALONG
    cosine = np.clip(np.abs(fibres @ lateral), 0, 1)
    slow = 1 / (cosine**2 / parallel + (1 - cosine**2) / across)
    double = 2 * np.arccos(cosine)
    fast = across * (1 + (RATIO_ALONG - 1) * np.cos(double) ** 2 + ZETA * np.sin(double) ** 2)
    sideways = np.cross(lateral, fibres)
    length = np.linalg.norm(sideways, axis=1)
    share = np.divide((sideways @ depth) ** 2, length**2, out=np.ones(len(labels)),
                      where=length > 1e-6)  # fmt: skip
    shown = share * slow + (1 - share) * fast
    muscle = np.linalg.norm(fibres, axis=1) > 0
    return np.where(muscle, shown, parallel), parallel
