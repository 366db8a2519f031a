"""How far the moduli move when fibre directions are redrawn within their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.elastography.transverse_fit import MODULI, MuscleFit
from imaging.elastography.transverse_muscle import MuscleEquations, channel_matrices
from imaging.elastography.waves import WaveField

#: Uncertainty of a direction where none is given, degrees.
ASSUMED_DEG = 3.0
#: A direction field averages about nine voxels of the scan behind it, whose scatter is known.
_AVERAGED = 9.0
#: Directions this near, mm, err alike.
_ALIKE_MM = 5.0
_DRAWS = 3
#: Channels up to which every draw takes all of them.
_FEW_CHANNELS = 4


def direction_error_rad(
    dispersion_deg: FloatArray | None, shape: Sequence[int]
) -> NDArray[np.float32]:
    """Return the standard error (I, J, K) of directions, rad.

    Parameters
    ----------
    dispersion_deg : (I, J, K) array, optional
        Scatter of single voxels of the diffusion scan about the field; where it is 0 it is not
        known, and :data:`ASSUMED_DEG` stands for the error.
    shape
        Of the grid.
    """
    if dispersion_deg is None:
        return np.full(tuple(shape), np.deg2rad(ASSUMED_DEG), np.float32)
    known = np.nan_to_num(np.asarray(dispersion_deg, np.float32))
    error = np.where(known > 0, known / np.float32(np.sqrt(_AVERAGED)), np.float32(ASSUMED_DEG))
    return np.deg2rad(error).astype(np.float32)


def turned_fibres(
    fibre: FloatArray, angle_rad: FloatArray, sigma: Sequence[float], rng: np.random.Generator
) -> FloatArray:
    """Return fibres (3, I, J, K) turned at random, neighbours alike.

    Parameters
    ----------
    fibre : (3, I, J, K) array
        Unit vectors, 0 where unknown.
    angle_rad : (I, J, K) array
        Root mean square of the angle.
    sigma
        Reach of the likeness along the array axes, voxels.
    rng
        Source of the noise.
    """
    noise = rng.standard_normal(fibre.shape).astype(np.float32)
    noise = ndimage.gaussian_filter(noise, (0, *sigma), mode="wrap")
    noise *= angle_rad / np.float32(np.sqrt(2) * noise.std())
    turned = fibre + noise - fibre * (fibre * noise).sum(0)
    length = np.sqrt((turned**2).sum(0))
    known = fibre.any(0)
    return np.where(known, turned / np.maximum(length, 1e-6), 0).astype(np.float32)


def direction_spread(
    fields: Sequence[WaveField],
    equations: MuscleEquations,
    fit: MuscleFit,
    fibre: FloatArray,
    angle_rad: FloatArray,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return per modulus the root mean square of its shifts when directions are redrawn, Pa.

    Parameters
    ----------
    fields
        One per frequency.
    equations, fit
        Of one muscle.
    fibre : (I, J, K, 3) array
        Unit vectors in world axes.
    angle_rad : (I, J, K) array
        Their standard error.
    rng
        Source of the redraws.
    """
    box = equations.box
    local = np.ascontiguousarray(np.moveaxis(fibre[box], 3, 0))
    sigma = [_ALIKE_MM / (1000 * float(h)) for h in fields[0].spacing_m]
    weights, unknowns = fit.weights, fit.unknowns.size
    clean = equations.normal - equations.noise
    total = np.einsum("pe,pekl->kl", weights, clean, optimize=True)
    values = {name: abs(row @ fit.unknowns) for name, row in MODULI.items()}
    channels = [(f, r) for f in range(len(fields)) for r in range(fields[f].gradient.shape[5])]
    squares = dict.fromkeys(MODULI, 0.0)
    for draw in range(_DRAWS):
        turned = turned_fibres(local, angle_rad[box], sigma, rng)
        chosen = [
            e for e, (f, r) in enumerate(channels)
            if len(channels) <= _FEW_CHANNELS or (f + r) % _DRAWS == draw
        ] or list(range(len(channels)))  # fmt: skip
        moved = np.zeros((4, 4), complex)
        for e in chosen:
            field, driver = fields[channels[e][0]], channels[e][1]
            gradient = field.gradient[..., driver : driver + 1]
            found = channel_matrices(equations.form, gradient, box, turned, field.inertia)[0]
            step = found - equations.normal[:, e]
            moved += np.einsum("p,pkl->kl", weights[:, e], step, optimize=True)
        # The same turned fibres stand behind every channel: those left out would move alike.
        normal = total + moved * (len(channels) / len(chosen))
        shifted = np.linalg.solve(normal[:unknowns, :unknowns], normal[:unknowns, 3])
        for name, row in MODULI.items():
            squares[name] += float(abs(row @ shifted) - values[name]) ** 2 / _DRAWS
    return {name: float(np.sqrt(v)) for name, v in squares.items()}
