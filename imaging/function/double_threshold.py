"""Bursts by a double threshold on the Teager–Kaiser energy.

Hodges PW, Bui BH. A comparison of computer-based methods for the determination of onset of muscle
contraction using electromyography. Electroencephalogr Clin Neurophysiol 1996;101:511-519.
Bonato P, D'Alessio T, Knaflitz M. A statistical method for the measurement of muscle activation
intervals from surface myoelectric signal during gait. IEEE Trans Biomed Eng 1998;45:287-299.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.function.events import bridge, runs

QUIET_S = 0.2
DIP_S = 0.01
BRIDGE_S = 0.06
# What never rises further above the threshold is the baseline's own waxing and waning: the quiet
# part is chosen for being quiet, so it understates the rest.
REACH = 3.0
# Energy of a burst over that of the quiet part, below which "quiet" means nothing.
LEAST_CONTRAST = 10.0


@dataclass(frozen=True)
class Baseline:
    """The quiet part of a channel.

    Attributes
    ----------
    mean, sd : float
        Of the Teager–Kaiser energy.
    contrast : float
        Energy of the active part (95th percentile) over the mean of the quiet part.
    """

    mean: float
    sd: float
    contrast: float

    @property
    def is_quiet(self) -> bool:
        """Whether the muscle falls silent often enough for a threshold to mean something."""
        return self.contrast >= LEAST_CONTRAST


def baseline(energy: FloatArray, rate_hz: float, windows: NDArray[np.intp]) -> Baseline | None:
    """Find the quiet part: the 200 ms of least energy of every stride, pooled.

    Parameters
    ----------
    energy : (N,) array
        Smoothed Teager–Kaiser energy.
    rate_hz
        Its sampling rate.
    windows : (K, 2) array of int
        First sample of every stride and first after it.

    Returns
    -------
    Baseline or None
        None where no stride is longer than 200 ms or the channel is dead.
    """
    width = int(round(QUIET_S * rate_hz))
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    quiet = []
    for first, after in windows:
        if after - first <= width:
            continue
        starts = np.arange(first, after - width + 1)
        lowest = starts[np.argmin(sums[starts + width] - sums[starts])]
        quiet.append(energy[lowest : lowest + width])
    if not quiet:
        return None
    samples = np.concatenate(quiet)
    mean, sd = float(samples.mean()), float(samples.std())
    if not mean > 0:
        return None
    inside = np.concatenate([energy[first:after] for first, after in windows])
    return Baseline(mean, sd, float(np.percentile(inside, 95) / mean))


def intervals(
    energy: FloatArray, rate_hz: float, quiet: Baseline, *, threshold_sd: float, min_s: float
) -> NDArray[np.intp]:
    """Return the first sample of every burst and the first after it, (K, 2).

    The energy must exceed mean + `threshold_sd`·SD of the quiet part for `min_s`, dips of up to
    10 ms aside, and reach three times that threshold within it; bursts less than 60 ms apart are
    one.

    Parameters
    ----------
    energy : (N,) array
        Smoothed Teager–Kaiser energy.
    """
    threshold = quiet.mean + threshold_sd * quiet.sd
    width = int(round(min_s * rate_hz))
    found = bridge(runs(energy > threshold), int(round(DIP_S * rate_hz)))
    # Short and weak runs go first: bridged, a row of them would look like a burst.
    found = found[found[:, 1] - found[:, 0] >= width]
    reach = np.array([energy[first:after].max() for first, after in found])
    return bridge(found[reach >= REACH * threshold], int(round(BRIDGE_S * rate_hz)))
