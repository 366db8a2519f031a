"""One median with its spread, from samples that the ends of the colour scale may have cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.measures import Status
from imaging.ultrasound.colour_box import Shares
from imaging.ultrasound.notes import SATURATED_LIMIT, saturated_sentence

#: Below this many samples a median is not given.
LEAST_SAMPLES = 20


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
