"""Phase that jumps between slices, and time steps that do not belong to the wave.

Whole turns do no harm: the phase is unwrapped along time, which leaves a multiple of 2 pi that no
harmonic sees. What is left are offsets of a slice that change from one time step to the next, as
every slice of an echo-planar series has its own excitation: they break derivatives across slices.
And single slices or volumes that were corrupted (signal drop-out, a cough, a spike).

Jumps between slices are removed as Barnhill et al. do (Heterogeneous multifrequency direct
inversion, Med Image Anal 2018;46:180-188): what a whole slice has more than its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.waves import WaveImages

# Voxels of a slice that are looked at, and patches of it that must agree.
_LOOK_AT, _PATCHES = 600, 12
_FIT_TO = 250  # voxels of a slice, for time steps that do not fit
_FEWEST = 60  # voxels of a slice, fewer tell nothing
# With fewer slices a jump cannot be told from a wave, with fewer offsets not from its harmonic.
_MIN_SLICES, _MIN_STEPS = 6, 4
_ORDER = 3  # of the differences across slices that see jumps and hardly a wave
# What waves of ten slices have of such differences, of white noise 1; and how much more than in the
# other frequencies makes them waves.
_SMOOTH, _TOO_ROUGH = 0.003, 5.0
_PASSES = 3  # jumps near half a turn are found one after the other
_ABOVE_ERROR, _LEAST_RAD = 4.0, 0.01
#: Larger jumps reach half a turn: left as they are, they count as the noise they are.
TOO_LARGE_RAD = 0.5
# With the offset left out, the rest must fit so much better (power) than with any other left out.
_FITS_BETTER = 0.2
_MIN_OFFSETS, _TWO_HARMONICS = 6, 8


@dataclass(frozen=True)
class PhaseRepair:
    """What was changed in the phase of one frequency.

    Attributes
    ----------
    jumps_rad : float or None
        Root mean square jump between slices, taken out where it is below half a radian; 0 where
        there was none; None where slices or offsets are too few to tell.
    left_out : (K, D, n, R) bool array
        Time steps of slices that were left out of the fit of the harmonic.
    """

    jumps_rad: float | None
    left_out: BoolArray

    @property
    def warnings(self) -> list[str]:
        """Ends of sentences that say what was changed."""
        out = []
        if self.jumps_rad:
            done = (
                "they are too large to be taken out; waves across slices are unsure"
                if self.jumps_rad > TOO_LARGE_RAD else "jumps were taken out"
            )  # fmt: skip
            out.append(
                "the phase jumps from slice to slice, otherwise at every time step (rms "
                f"{self.jumps_rad:.2f} rad): {done}."
            )
        if count := int(self.left_out.sum()):
            slices, directions, offsets, drivers = np.nonzero(self.left_out)
            named = sorted({(int(d) + 1, int(n) + 1, int(r) + 1) for d, n, r in
                            zip(directions, offsets, drivers, strict=True)})  # fmt: skip
            texts = [f"direction {d} time step {n} driver {r}" for d, n, r in named]
            more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
            out.append(
                f"{count} of {self.left_out.size} time steps of slices do not fit the others and "
                f"were left out ({', '.join(texts[:3])}{more}; {len(np.unique(slices))} slices)."
            )
        return out


def repair_slices(images: WaveImages, tissue: BoolArray) -> tuple[WaveImages, float | None]:
    """Take jumps between slices out that change with the time step.

    Parameters
    ----------
    images
        Of one frequency.
    tissue : (I, J, K) bool array

    Returns
    -------
    images : WaveImages
        With phase levelled; the same object where nothing was found, or jumps are too large.
    jumps_rad : float or None
        Root mean square of the jumps; None where slices or offsets are too few to tell.
    """
    axis = _across(images)
    phase = np.moveaxis(images.phase, axis, 0)
    valid = np.moveaxis((images.weight > 0) & tissue, axis, 0)
    filled = np.flatnonzero(valid.sum((1, 2)) >= _FEWEST)
    thin = filled.size < _MIN_SLICES or np.ptp(filled) + 1 != filled.size
    if thin or phase.shape[4] < _MIN_STEPS:
        return images, None
    first, last = int(filled[0]), int(filled[-1]) + 1
    seen = np.argwhere(valid[first:last].all(0))
    if len(seen) < _FEWEST:
        return images, None
    seen = seen[:: max(1, len(seen) // _LOOK_AT)]
    series = phase[first:last, seen[:, 0], seen[:, 1]].astype(float)  # (K, N, D, n, R)
    jumps = np.zeros((len(series), *series.shape[2:]))
    for _ in range(_PASSES):
        new = _jumps(series - jumps[:, None])
        if not new.any():
            break
        jumps += new
    if not jumps.any():
        return images, 0.0
    rms = float(np.sqrt((jumps**2).mean()))
    if rms > TOO_LARGE_RAD:
        return images, rms
    out = phase.copy()
    out[first:last] -= jumps[:, None, None].astype(np.float32)
    return replace(images, phase=np.ascontiguousarray(np.moveaxis(out, 0, axis))), rms


def _across(images: WaveImages) -> int:
    """Return the array axis across slices: the third, if no other has thicker voxels."""
    spacing = np.linalg.norm(images.affine[:3, :3], axis=0)
    return 2 if spacing[2] >= 0.99 * spacing.max() else int(np.argmax(spacing))


def _jumps(series: FloatArray) -> FloatArray:
    """Return jumps (K, D, n, R), rad, of series (K, N, D, n, R); 0 where there are hardly any.

    How large jumps are is told by the frequencies that hold no wave; in that of the wave as much is
    taken for jumps, of what is roughest across slices.
    """
    slices, _, directions, offsets, drivers = series.shape
    out = np.zeros((slices, directions, offsets, drivers))
    rows = np.diff(np.eye(slices), _ORDER, axis=0)
    rows = rows / np.sqrt((rows[0] ** 2).sum())
    each = [(d, r) for d in range(directions) for r in range(drivers)]
    spectra = np.stack([
        np.fft.rfft(_levels(series[:, :, d, :, r]), axis=2) / np.sqrt(offsets) for d, r in each
    ])  # (wave, patch, K, b)  # fmt: skip
    rough = np.einsum("kl,wplb->wpkb", rows, spectra)[..., 2:]
    both = np.stack([rough.real, rough.imag])
    error = 1.57 * float(both.var(axis=2).sum(0).mean()) / _PATCHES  # of a median
    power = float((np.median(both, axis=2) ** 2).sum(0).mean()) - error
    if power < max(_ABOVE_ERROR * error, _LEAST_RAD**2):
        return out
    values, vectors = np.linalg.eigh(rows.T @ rows)
    middle = np.median(spectra.real, axis=1) + 1j * np.median(spectra.imag, axis=1)
    turned = np.einsum("kl,wkb->wlb", vectors, middle)
    above = (values / (values + _SMOOTH))[:, None]
    wanted = float((above**2 * np.abs(turned[..., 2:]) ** 2).sum(1).mean())
    for (d, r), one, found in zip(each, turned, middle, strict=True):
        part = np.zeros_like(one)
        for b in range(1, one.shape[1]):
            # A wave may itself be as rough as jumps, where slices are thick: nothing is taken.
            if np.mean(np.abs(rows @ found[:, b]) ** 2) < _TOO_ROUGH * power:
                part[:, b] = one[:, b] * _share(values, np.abs(one[:, b]) ** 2, wanted)
        out[:, d, :, r] = np.fft.irfft(vectors @ part, offsets, axis=1) * np.sqrt(offsets)
    return out


def _levels(series: FloatArray) -> FloatArray:
    """Return how patches (patch, K, n) of a slice lie above those of the first, rad.

    From series (K, N, n): from their steps in time, in which what is still falls out, and the steps
    of these from slice to slice. Both may be wrapped.
    """
    steps = np.diff(series, axis=2, append=series[:, :, :1])
    turns = np.exp(1j * np.diff(steps, axis=0))  # (K - 1, N, n)
    patches = np.array_split(np.arange(series.shape[1]), _PATCHES)
    mean = np.stack([np.angle(turns[:, p].mean(1)) for p in patches])
    apart = np.cumsum(mean, axis=2)
    # Only changes over the period count: those are smallest about their circular mean.
    apart -= np.angle(np.exp(1j * apart).mean(2, keepdims=True))
    levels = np.zeros((len(patches), *series.shape[::2]))
    # Step n lies between time steps n and n + 1.
    levels[:, 1:] = np.cumsum(np.roll(np.angle(np.exp(1j * apart)), 1, axis=2), axis=1)
    return np.asarray(levels - levels.mean(2, keepdims=True))


def _share(values: FloatArray, powers: FloatArray, wanted: float) -> FloatArray:
    """Return what part of each component to take, the roughest first, for the power `wanted`."""
    low, high = 1e-9, 1e6
    for _ in range(60):
        weight = np.sqrt(low * high)
        share = values / (values + weight)
        if float(share**2 @ powers) > wanted:
            low = weight
        else:
            high = weight
    return np.asarray(share)


def leave_out_offsets(images: WaveImages, tissue: BoolArray) -> tuple[WaveImages, BoolArray]:
    """Put what the other time steps tell in the place of one that does not fit them.

    With that value the Fourier sum gives the least-squares fit of the harmonics to the time steps
    that are left, evenly spaced or not.

    Parameters
    ----------
    images
        Of one frequency.
    tissue : (I, J, K) bool array

    Returns
    -------
    images : WaveImages
        The same object where everything fits.
    left_out : (K, D, n, R) bool array
        At most one time step of each slice, direction and driver. None is left out of fewer than
        six: higher harmonics would look the same.
    """
    axis = _across(images)
    phase = np.moveaxis(images.phase, axis, 0)
    valid = np.moveaxis((images.weight > 0) & tissue, axis, 0)
    slices, _, _, directions, offsets, drivers = phase.shape
    left_out = np.zeros((slices, directions, offsets, drivers), bool)
    if offsets < _MIN_OFFSETS:
        return images, left_out
    out = None
    for k in np.flatnonzero(valid.sum((1, 2)) >= _FEWEST):
        seen = np.argwhere(valid[k])
        seen = seen[:: max(1, len(seen) // _FIT_TO)]
        misfit = _misfit(np.moveaxis(phase[k, seen[:, 0], seen[:, 1]], 2, 3))  # (n, D, R)
        best = misfit.argmin(0)
        least = np.partition(misfit, 1, axis=0)
        for d, r in np.argwhere(least[0] < _FITS_BETTER * least[1]):
            worst = int(best[d, r])
            left_out[k, d, worst, r] = True
            out = phase.copy() if out is None else out
            out[k, :, :, d, worst, r] = _told_by_others(out[k, :, :, d, :, r], worst)
    if out is None:
        return images, left_out
    return replace(images, phase=np.ascontiguousarray(np.moveaxis(out, 0, axis))), left_out


def _misfit(series: FloatArray) -> FloatArray:
    """Return mean squares (n, ...) of what the fit leaves of series (N, ..., n) without step n."""
    offsets = series.shape[-1]
    basis = _basis(offsets)[1:]
    rest = np.eye(offsets - 1) - basis @ np.linalg.pinv(basis)
    steps = _steps(series)
    found = [_others(steps, n) @ rest.astype(np.float32) for n in range(offsets)]
    return np.stack([(left**2).sum(-1).mean(0) for left in found])


def _told_by_others(series: FloatArray, n: int) -> NDArray[np.float32]:
    """Return what the other steps of series (..., n) tell of time step n, rad."""
    basis = _basis(series.shape[-1])
    weights = (basis[0] @ np.linalg.pinv(basis[1:])).astype(np.float32)
    start = np.roll(series, -n - 1, axis=-1)[..., 0]
    return np.asarray(start + _others(_steps(series), n) @ weights, np.float32)


def _steps(series: FloatArray) -> NDArray[np.float32]:
    """Return the steps (..., n) of series, the last to the first, within half a turn."""
    steps = np.diff(series, axis=-1, append=series[..., :1]).astype(np.float32)
    turns = np.round(steps / np.float32(2 * np.pi))
    return np.asarray(steps - np.float32(2 * np.pi) * turns, np.float32)


def _others(steps: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return time steps n + 1, n + 2, ... n - 1, above the first of them: no step is skipped."""
    out = np.zeros((*steps.shape[:-1], steps.shape[-1] - 1), np.float32)
    np.cumsum(np.roll(steps, -n - 1, axis=-1)[..., :-2], axis=-1, out=out[..., 1:])
    return out


@cache
def _basis(offsets: int) -> FloatArray:
    """Return a constant and the harmonics that may be (n, P) at every time step."""
    angle = 2 * np.pi * np.arange(offsets) / offsets
    orders = (1, 2) if offsets >= _TWO_HARMONICS else (1,)
    waves = [f(b * angle) for b in orders for f in (np.cos, np.sin)]
    return np.stack([np.ones(offsets), *waves], axis=1)
