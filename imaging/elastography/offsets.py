"""Time steps that do not fit the wave: found by what the others foretell, and left out.

A volume spoilt by motion, a spike or a lost trigger is one of many. The first harmonic needs three
time steps of a period; where there are more, each is compared with the harmonic of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.waves import WaveImages

#: Fewest time steps of which one can be told from the others.
MIN_OFFSETS = 6
# A step is left out that lies this many times further from the others than these from each other.
_TIMES = 4.0
_VOXELS = 4000


@dataclass(frozen=True)
class LeftOut:
    """A time step that was left out: direction, offset and driver, from 0."""

    direction: int
    offset: int
    driver: int


def without_bad_offsets(
    images: WaveImages, tissue: BoolArray
) -> tuple[WaveImages, tuple[LeftOut, ...]]:
    """Replace time steps that do not fit by what the others foretell.

    Parameters
    ----------
    images
        As acquired, or with motion taken out.
    tissue : (I, J, K) bool array

    Returns
    -------
    images : WaveImages
        With the phase of such steps replaced, which leaves them out of any harmonic.
    left_out : tuple of LeftOut
        At most two per direction and driver.
    """
    offsets = images.phase.shape[4]
    spots = np.argwhere(tissue)
    if offsets < MIN_OFFSETS or not len(spots):
        return images, ()
    spots = spots[:: max(1, len(spots) // _VOXELS)]
    left_out: list[LeftOut] = []
    phase = images.phase
    for d, r in np.ndindex(phase.shape[3], phase.shape[5]):
        sample = phase[spots[:, 0], spots[:, 1], spots[:, 2], d, :, r]
        bad = _bad_offsets(sample)
        if bad and not left_out:
            phase = phase.copy(order="K")
        for k in bad:
            left_out.append(LeftOut(d, k, r))
        if bad:
            kept = [k for k in range(offsets) if k not in bad]
            series = np.moveaxis(phase[..., d, :, r], 3, 0).reshape(offsets, -1)
            for k in bad:
                phase[..., d, k, r] = _foretold(series, kept, k).reshape(phase.shape[:3])
    return (replace(images, phase=phase) if left_out else images), tuple(left_out)


def _bad_offsets(sample: FloatArray) -> list[int]:
    """Return the time steps of a sample (N, n) that do not fit, worst first."""
    offsets = sample.shape[1]
    bad: list[int] = []
    while offsets - len(bad) >= MIN_OFFSETS:
        rest = [k for k in range(offsets) if k not in bad]
        off = {k: _distance(sample, [m for m in rest if m != k], k) for k in rest}
        worst = max(off, key=lambda k: off[k])
        others = [k for k in rest if k != worst]
        own = np.median([_distance(sample, [m for m in others if m != k], k) for k in others])
        if off[worst] < _TIMES * own or len(bad) == 2:
            break
        bad.append(worst)
    return bad


def _distance(sample: FloatArray, kept: list[int], step: int) -> float:
    """Return how far a time step lies from what others foretell, rad, median of the voxels."""
    off = sample[:, step] - _foretold(sample.T, kept, step)
    return float(np.median(np.abs(np.angle(np.exp(1j * off)))))


def _foretold(series: FloatArray, kept: list[int], step: int) -> FloatArray:
    """Return the phase (N,) at a time step from the harmonic of others of a series (n, N)."""
    angle = 2 * np.pi * np.arange(len(series)) / len(series)
    design = np.stack([np.ones(len(series)), np.cos(angle), np.sin(angle)], axis=1)
    weights = design[step] @ np.linalg.pinv(design[kept])
    steps = np.unwrap(series[kept], axis=0)
    found = np.tensordot(weights, steps, 1)
    return np.asarray(np.angle(np.exp(1j * found)), np.float32)
