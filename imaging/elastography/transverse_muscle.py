"""One muscle at a time: its equations, and the moduli around every voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import Box, box_around
from imaging.elastography.transverse_fit import MuscleFit, condition
from imaging.elastography.transverse_weak import (
    Bump,
    WeakForm,
    make_bump,
    normal_matrices,
    share_outside,
)
from imaging.elastography.waves import WaveField

#: Half-width of bumps, largest first: wide ones average most noise, thin muscles hold none of them.
RADII_M = (0.0100, 0.0085, 0.0070)
#: Share of a bump that may lie outside its muscle, and the share that halves its weight.
_OUTSIDE, _HALVED_BY = 0.02, 0.004
#: Places of a bump below which a narrower one is tried.
FEW_PLACES = 60
#: Share of a bump's radius within which it speaks for the tissue (half of its height).
_REACH = 0.36


@dataclass(frozen=True)
class MuscleEquations:
    """Normal matrices of one muscle.

    Attributes
    ----------
    box : tuple of slice
        Part of the grid they are on.
    form : WeakForm
        Bump and places.
    bump : Bump
    normal : (P, E, 4, 4) array
        Per place and channel (a driver at a frequency).
    noise : (P, E, 4, 4) array
        The same of what holds no motion.
    trust : (P,) array
        Weight of places: less where a bump reaches out of the muscle.
    """

    box: Box
    form: WeakForm
    bump: Bump
    normal: ComplexArray
    noise: ComplexArray
    trust: FloatArray


def choose_places(
    region: BoolArray, spacing_m: FloatArray, rotation: FloatArray
) -> tuple[Bump, FloatArray] | None:
    """Return the widest bump with enough places in a region (I, J, K), or the best there is.

    Returns
    -------
    bump : Bump
    outside : (I, J, K) array
        Share of a bump outside the region; 1 where there is no place for it.
    """
    best: tuple[Bump, FloatArray] | None = None
    most = 0
    for radius in RADII_M:
        bump = make_bump(radius, spacing_m, rotation)
        outside = share_outside(region, bump)
        outside[~region | (outside > _OUTSIDE)] = 1
        count = int((outside < 1).sum())
        if count > most:
            best, most = (bump, outside), count
        if count >= FEW_PLACES:
            break
    return best


def _channel_first(gradient: ComplexArray, box: Box) -> ComplexArray:
    """Return a gradient (I, J, K, 3, 3, R) in a box as (R, 3, 3, I, J, K)."""
    return np.ascontiguousarray(np.transpose(gradient[box], (5, 3, 4, 0, 1, 2)))


def muscle_equations(
    fields: Sequence[WaveField],
    still: Sequence[Sequence[ComplexArray]],
    region: BoolArray,
    fibre: FloatArray,
) -> MuscleEquations | None:
    """Return the equations of one muscle, None where no bump fits in.

    Parameters
    ----------
    fields
        One per frequency.
    still
        Per field, gradients (I, J, K, 3, 3, R) of bins without motion.
    region : (I, J, K) bool array
        The muscle, where there are waves.
    fibre : (I, J, K, 3) array
        Unit vectors in world axes, 0 where unknown.
    """
    first = fields[0]
    reach = np.ceil(max(RADII_M) / first.spacing_m).astype(int)
    box = box_around(region, np.maximum(reach, 3))
    chosen = choose_places(region[box], first.spacing_m, first.rotation)
    if chosen is None:
        return None
    bump, outside = chosen
    form = WeakForm(bump, outside < 1)
    local = np.ascontiguousarray(np.moveaxis(fibre[box], 3, 0))
    normal, noise = [], []
    for field, quiet in zip(fields, still, strict=True):
        normal += channel_matrices(form, field.gradient, box, local, field.inertia)
        parts = [channel_matrices(form, g, box, local, field.inertia) for g in quiet]
        for r in range(field.gradient.shape[5]):
            shape = normal[-1].shape
            noise.append(np.mean([p[r] for p in parts], axis=0) if parts else np.zeros(shape))
    trust = 1 / (1 + (outside[form.places] / _HALVED_BY) ** 2)
    return MuscleEquations(
        box, form, bump, np.stack(normal, axis=1), np.stack(noise, axis=1), trust
    )


def channel_matrices(
    form: WeakForm, gradient: ComplexArray, box: Box, fibre: FloatArray, inertia: float
) -> list[ComplexArray]:
    """Return normal matrices (P, 4, 4) of every driver of a gradient (I, J, K, 3, 3, R)."""
    return [
        normal_matrices(form.rows(g, fibre, inertia).astype(np.complex128))
        for g in _channel_first(gradient, box)
    ]


@dataclass(frozen=True)
class Neighbourhoods:
    """Moduli around every voxel of a muscle's box.

    Attributes
    ----------
    unknowns : (I, J, K, M) complex array
    condition, confidence : (I, J, K) array
    mask : (I, J, K) bool array
    """

    unknowns: ComplexArray
    condition: FloatArray
    confidence: FloatArray
    mask: BoolArray


def neighbourhoods(
    equations: MuscleEquations,
    fit: MuscleFit,
    region: BoolArray,
    spacing_m: FloatArray,
    window_m: float,
) -> Neighbourhoods:
    """Solve for the moduli in a Gaussian window around every voxel, inside one muscle.

    Parameters
    ----------
    equations, fit
        Of the muscle.
    region : (I, J, K) bool array
        The muscle, in its box.
    spacing_m : (3,) array
    window_m
        Standard deviation of the window.
    """
    places, unknowns = equations.form.places, fit.unknowns.size
    keep = [*range(unknowns), 3]
    sigma = window_m / np.asarray(spacing_m)
    distance = ndimage.distance_transform_edt(~places, sampling=spacing_m)
    target = region & (distance <= _REACH * equations.bump.radii_m.min())

    def gathered(values: ComplexArray) -> ComplexArray:
        out = np.zeros((int(target.sum()), len(keep), len(keep)), complex)
        image = np.zeros(places.shape)
        for a, k in enumerate(keep):
            for b, m in enumerate(keep[: a + 1]):
                for part, factor in ((values.real, 1), (values.imag, 1j)):
                    image[places] = part[:, k, m]
                    out[:, a, b] += factor * ndimage.gaussian_filter(image, sigma)[target]
                out[:, b, a] = out[:, a, b].conj()
        return out

    with_noise = gathered(np.einsum("pe,pekl->pkl", fit.weights, equations.normal, optimize=True))
    noise = gathered(np.einsum("pe,ekl->pkl", fit.weights, equations.noise.mean(0), optimize=True))
    clean = (with_noise - noise)[:, :-1, :-1]
    worst = condition(clean)
    sound = worst < 1e3
    found = np.zeros((sound.size, unknowns), complex)
    side = (with_noise - noise)[sound, :-1, -1:]
    found[sound] = np.linalg.solve(clean[sound], side)[..., 0]
    # Share of the signal in the direction of unknowns that is told worst.
    scale = np.sqrt(np.maximum(np.einsum("pkk->pk", with_noise).real[:, :-1], 1e-300))
    scaled = with_noise[:, :-1, :-1] / (scale[:, :, None] * scale[:, None])
    vector = np.linalg.eigh(scaled)[1][:, :, 0] / scale
    power = np.einsum("pk,pkl,pl->p", vector.conj(), with_noise[:, :-1, :-1], vector).real
    quiet = np.einsum("pk,pkl,pl->p", vector.conj(), noise[:, :-1, :-1], vector).real
    share = np.clip(1 - quiet / np.maximum(power, 1e-300), 0, 1) * sound

    def on_grid(values: NDArray[Any]) -> NDArray[Any]:
        out = np.zeros((*places.shape, *values.shape[1:]), values.dtype)
        out[target] = values
        return out

    return Neighbourhoods(
        on_grid(found), on_grid(worst.astype(np.float32)), on_grid(share.astype(np.float32)),
        on_grid(sound),
    )  # fmt: skip
