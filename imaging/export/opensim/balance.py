"""Static optimisation: the muscle forces that give the joint moments at least cost [1]_.

With fibre lengths and speeds known, force is linear in activation, so that each moment is a bounded
least-squares problem with one solution: least ``sum(a^2) + sum((r / w)^2)`` with
``arms (active a + passive) + r = moment`` and ``0 <= a <= 1``. OpenSim's own tool minimises the
same, needs over 1 s for each moment, leaves out passive force, and returns success where it found
nothing.

References
----------
.. [1] Crowninshield and Brand, J Biomech 1981;14:793-801; squared activations: Anderson and
   Pandy, J Biomech 2001;34:153-161.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear

from imaging.arrays import FloatArray
from imaging.errors import ComputationError

#: Moment of a reserve actuator that costs as much as a muscle at full activation, N m.
RESERVE_NM = 1.0


@dataclass(frozen=True)
class Balance:
    """Muscles and reserves that together give the joint moments.

    Attributes
    ----------
    activation : (T, M) array
        0 to 1; NaN for muscles that move none of the joints.
    active_n, passive_n : (T, M) array
        Forces along the tendon.
    muscle_nm, reserve_nm : (T, J) array
        Moments of all muscles, and of the reserve actuators.
    """

    activation: FloatArray
    active_n: FloatArray
    passive_n: FloatArray
    muscle_nm: FloatArray
    reserve_nm: FloatArray


def balance(
    active_n: FloatArray,
    passive_n: FloatArray,
    arms_m: FloatArray,
    moments_nm: FloatArray,
    reserve_nm: float = RESERVE_NM,
) -> Balance:
    """Return activations that give the moments with the least sum of squares.

    Parameters
    ----------
    active_n, passive_n : (T, M) array
        Force along the tendon at full activation, and that without activation.
    arms_m : (T, M, J) array
        Moment arms.
    moments_nm : (T, J) array
        Net moments of the joints.
    reserve_nm
        Weight of the reserves: as much costs like one muscle at full activation.

    Raises
    ------
    ComputationError
        A figure is not finite.
    """
    if not all(np.isfinite(a).all() for a in (active_n, passive_n, arms_m, moments_nm)):
        raise ComputationError("muscle forces or joint moments of the motion are not finite")
    count = active_n.shape[1]
    activation = np.empty_like(active_n)
    for t, (force, arm) in enumerate(zip(active_n, arms_m, strict=True)):
        levers = (arm * force[:, None]).T / reserve_nm
        rest = (moments_nm[t] - arm.T @ passive_n[t]) / reserve_nm
        matrix = np.vstack([np.eye(count), levers])
        target = np.concatenate([np.zeros(count), rest])
        solved = lsq_linear(matrix, target, (0.0, 1.0), method="bvls", tol=1e-12)
        activation[t] = np.clip(solved.x, 0.0, 1.0)  # bounds hold to rounding only
    active = activation * active_n
    muscle = np.einsum("tmj,tm->tj", arms_m, active + passive_n)
    idle = ~arms_m.any(axis=(0, 2))
    activation[:, idle] = active[:, idle] = np.nan
    return Balance(activation, active, passive_n, muscle, moments_nm - muscle)
