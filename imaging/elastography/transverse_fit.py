"""Three moduli from normal matrices of the weak form, with noise taken off, and their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from imaging.arrays import ComplexArray, FloatArray, IntArray

#: Moduli as sums of the unknowns mu_perp, mu_par - mu_perp, E_par - 3 mu_perp.
MODULI = {
    "mu_perp": np.array([1.0, 0.0, 0.0]),
    "mu_par": np.array([1.0, 1.0, 0.0]),
    "e_par": np.array([3.0, 0.0, 1.0]),
}
_ROUNDS = 10
# Of the spread over blocks, which is itself unsure where one block counts for most.
_LEAST_FREEDOM = 2.0
#: Condition given where the equations cannot be told from noise.
WORST_CONDITION = 1000.0


@dataclass(frozen=True)
class MuscleFit:
    """Fit of the moduli to all places of a muscle.

    Attributes
    ----------
    unknowns : (M,) complex array
        mu_perp and, if M is 3, mu_par - mu_perp and E_par - 3 mu_perp, Pa.
    weights : (P, E) array
        Trust in every place and channel (a driver at a frequency).
    condition : float
        Of the scaled equations, noise taken off.
    """

    unknowns: ComplexArray
    weights: FloatArray
    condition: float


def _solve(normal: ComplexArray, unknowns: int) -> ComplexArray:
    return np.asarray(np.linalg.solve(normal[:unknowns, :unknowns], normal[:unknowns, 3]))


def _residual(normal: ComplexArray, found: ComplexArray) -> FloatArray:
    """Return the squared residuals (...) of normal matrices (..., 4, 4)."""
    full = np.zeros(4, complex)
    full[: found.size], full[3] = found, -1
    value = np.einsum("k,...kl,l->...", full.conj(), normal, full, optimize=True).real
    return np.maximum(value, np.finfo(float).tiny)


def fit_muscle(
    normal: ComplexArray, noise: ComplexArray, trust: FloatArray | None = None, unknowns: int = 3
) -> MuscleFit:
    """Fit one set of moduli to all places of a muscle.

    Noise in the sides of the equations would pull the moduli towards zero; its part of the normal
    matrices is known from the frequency bins without motion and is taken off. Places whose
    equations do not hold (a border, a sheet, a force) weigh less, by a Cauchy weight on their
    residual; channels weigh by their usual residual.

    Parameters
    ----------
    normal : (P, E, 4, 4) array
        Per place and channel, see ``transverse_weak.normal_matrices``.
    noise : (P, E, 4, 4) array
        The same of what holds no motion.
    trust : (P,) array, optional
        Weight of places known beforehand.
    unknowns
        3, or 1 for an isotropic medium.

    Raises
    ------
    numpy.linalg.LinAlgError
        The equations are singular.
    """
    clean, quiet = normal - noise, noise.mean(0)
    before = np.ones(len(normal)) if trust is None else trust
    weights = np.broadcast_to(before[:, None], normal.shape[:2])
    found = _solve(np.einsum("pe,pekl->kl", weights, clean, optimize=True), unknowns)
    for _ in range(_ROUNDS):
        residual = _residual(normal, found)
        usual = np.median(residual, axis=0)
        expected = float((_residual(quiet, found) / usual).mean())
        # Only what exceeds noise counts: to choose places by their noise would spoil its removal.
        excess = np.maximum((residual / usual).mean(1) - expected, 0)
        knee = max(float(np.median(excess)), expected / 2, np.finfo(float).tiny)
        weights = (before / (1 + (excess / knee) ** 2))[:, None] / usual
        found = _solve(np.einsum("pe,pekl->kl", weights, clean, optimize=True), unknowns)
    total = np.einsum("pe,pekl->kl", weights, clean, optimize=True)
    return MuscleFit(found, weights, float(condition(total[:unknowns, :unknowns])))


def condition(normal: ComplexArray) -> FloatArray:
    """Return the condition of equations from their normal matrices (..., M, M), scaled."""
    size = np.sqrt(np.maximum(np.einsum("...kk->...k", normal).real, np.finfo(float).tiny))
    values = np.linalg.eigvalsh(normal / (size[..., :, None] * size[..., None, :]))
    ratio = values[..., -1] / np.maximum(values[..., 0], WORST_CONDITION**-2)
    return np.asarray(np.minimum(np.sqrt(ratio), WORST_CONDITION))


def block_spread(
    fit: MuscleFit, normal: ComplexArray, noise: ComplexArray, blocks: IntArray
) -> dict[str, tuple[float, float]]:
    """Return per modulus the standard error of its magnitude and the degrees of freedom behind it.

    Places near each other share noise and faults of the model, so whole blocks of the muscle are
    the independent units (cluster-robust covariance, the limit of a jackknife over blocks).

    Parameters
    ----------
    fit, normal, noise
        As in :func:`fit_muscle`.
    blocks : (P,) array
        Block of every place.
    """
    unknowns = fit.unknowns.size
    clean = normal - noise
    total = np.einsum("pe,pekl->kl", fit.weights, clean, optimize=True)
    full = np.zeros(4, complex)
    full[:unknowns], full[3] = fit.unknowns, -1
    scores = np.einsum("pe,pekl,l->pk", fit.weights, clean[..., :unknowns, :], full, optimize=True)
    _, index = np.unique(blocks, return_inverse=True)
    count = int(index.max()) + 1
    sums = np.zeros((count, unknowns), complex)
    np.add.at(sums, index, scores)
    shifts = np.linalg.solve(total[:unknowns, :unknowns], sums.T).T
    out = {}
    for name, row in MODULI.items():
        value = row[:unknowns] @ fit.unknowns
        turned = (np.conj(value) / max(abs(value), 1e-12) * (shifts @ row[:unknowns])).real
        squares = turned**2
        variance = squares.sum() * count / max(count - 1, 1)
        freedom = squares.sum() ** 2 / max((squares**2).sum(), np.finfo(float).tiny) - 1
        out[name] = float(np.sqrt(variance)), float(max(freedom, _LEAST_FREEDOM))
    return out


def half_width(error: float, freedom: float, other_error: float = 0.0) -> float:
    """Return half of a 95 % interval from two independent standard errors."""
    return float(np.hypot(special.stdtrit(freedom, 0.975) * error, 1.96 * other_error))
