"""One median with its spread, from samples that the ends of the colour scale may have cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from imaging.arrays import FloatArray
from imaging.measures import Status
from imaging.ultrasound.colour_box import Shares
from imaging.ultrasound.notes import SATURATED_LIMIT, saturated_sentence

#: Below this many samples a median is not given.
LEAST_SAMPLES = 20
#: Edge of the blocks that are drawn again: maps that are alike over 3 to 5 mm need as much.
BLOCK_MM = 8.0
_LEAST_BLOCKS, _DRAWS = 5, 200


@dataclass(frozen=True)
class Figure:
    """A median of samples.

    Attributes
    ----------
    value, low, high : float or None
        Median and quartiles; None where it is not measured.
    n : int
        Samples.
    status : str
        measured; extrapolated where it is only a bound; not_measured.
    note : str
        Why it is a bound or missing; empty otherwise.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    status: Status
    note: str


def figure(values: FloatArray, shares: Shares, where: str = "") -> Figure:
    """Return the median of samples (N,), a bound where the scale ends among them.

    Parameters
    ----------
    values
        Of the samples of a region.
    shares
        Void and saturated pixels of the same region.
    where
        Added to the reason of too few samples.
    """
    if len(values) < LEAST_SAMPLES:
        why = f"{len(values)} samples of the frames lie in it{where}"
        if not shares.pixels:
            why += "; no colour box crosses it"
        elif shares.void == 1:
            why = f"all of its {shares.pixels} pixels inside the colour box are void (no colour)"
        else:
            why += f"; {shares.void:.0%} of its pixels inside the colour box are void"
        return Figure(None, None, None, len(values), "not_measured", why)
    if min(shares.high, shares.low) > SATURATED_LIMIT:
        why = (
            f"{shares.high:.0%} of its pixels are at the upper and {shares.low:.0%} at the lower "
            "end of the colour scale"
        )
        return Figure(None, None, None, len(values), "not_measured", why)
    low, middle, high = (float(v) for v in np.quantile(values, [0.25, 0.5, 0.75]))
    said = saturated_sentence(shares.high, shares.low)
    return Figure(middle, low, high, len(values), "extrapolated" if said else "measured", said)


def blocks_of(frame: NDArray[np.intp], pixel_mm: FloatArray) -> NDArray[np.intp]:
    """Return the number of the square block, of :data:`BLOCK_MM`, that each sample lies in.

    Parameters
    ----------
    frame : (N,) int array
    pixel_mm : (N, 2) array
        Place in the frame, mm.
    """
    place = np.floor(pixel_mm / BLOCK_MM).astype(np.intp)
    keys = np.column_stack([frame, place])
    return np.asarray(np.unique(keys, axis=0, return_inverse=True)[1]).reshape(-1)


def median_interval(
    values: FloatArray, frame: NDArray[np.intp], block: NDArray[np.intp], seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % interval of a median of samples that are alike near each other.

    Frames are drawn again, and in them blocks (two-stage bootstrap of clusters: Davison and Hinkley
    1997, Bootstrap Methods and their Application, 3.8). With one frame it tells only how unsure the
    median of that picture is, not what another placement of the probe would show.

    Parameters
    ----------
    values : (N,) array
    frame, block : (N,) int arrays
        Which frame and which block each sample is of.
    seed
        Of the draws.

    Returns
    -------
    low, high : float
        None with fewer than five blocks.
    """
    groups = {
        int(f): [values[block == b] for b in np.unique(block[frame == f])] for f in np.unique(frame)
    }
    frames = list(groups.values())
    count = max(len(frames), sum(len(own) for own in frames) / len(frames))
    if count < _LEAST_BLOCKS:
        return None
    rng = np.random.default_rng(seed)
    medians = np.empty(_DRAWS)
    for k in range(_DRAWS):
        drawn = rng.integers(len(frames), size=len(frames))
        parts = [frames[f][b] for f in drawn
                 for b in rng.integers(len(frames[f]), size=len(frames[f]))]  # fmt: skip
        medians[k] = np.median(np.concatenate(parts))
    # Few clusters scatter less than what they were drawn from.
    wider = float(stats.t.ppf(0.975, count - 1)) * float(np.sqrt(count / (count - 1)))
    middle, half = float(np.median(values)), wider * float(medians.std(ddof=1))
    return middle - half, middle + half
