"""Where along the leg an image lies: heights of its slices between ankle (0) and knee (1).

The network labels every slice without being told where it is. What it found, as shares of the
area under the fascia, is laid along the profile of the legs it was trained on: the place and the
length of the tibia (between its joint surfaces) that fit best. What has no name counts as well: it
is little in the calf and nearly all at knee and foot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.image import Image
from imaging.segmentation.inputs import CLASSES, REST
from imaging.segmentation.shares import Shares

LENGTHS_MM = np.arange(280.0, 481.0, 10.0)
_MEAN_MM, _SPREAD_MM = 370.0, 45.0
_STEP_MM = 4.0
_LEAST_SLICES = 3
_SLACK = 0.04
_MOST, _OUTSIDE, _BEYOND = 0.15, 0.12, 0.05
SURE_OF_PLACE = 0.09
"""Misfit below which the place is believed."""
_KEPT = 0.06
_TOLD_MM = 30.0


@dataclass(frozen=True)
class Place:
    """Where the slices lie.

    Attributes
    ----------
    heights : (K,)
        Height of every slice; 0 at the ankle's, 1 at the knee's joint surface of the tibia.
    length_mm : float
        Distance of these surfaces that fits best.
    misfit : float
        Mean squared Hellinger distance of shares between .1 and .9 of the height, 0 (alike) up.
    """

    heights: FloatArray
    length_mm: float
    misfit: float

    @property
    def sure(self) -> bool:
        """Whether what is labelled looks like a lower leg at these heights."""
        return self.misfit < SURE_OF_PLACE

    def on(self, grid: Image, other: Image) -> Place:
        """Return the same place for the slices of another grid that runs along the same leg."""
        ends = np.zeros((other.shape[2], 3))
        ends[:, 2] = np.arange(other.shape[2])
        k = grid.to_voxels(other.to_world(ends))[:, 2]
        step = grid.spacing[2] / self.length_mm
        return Place(self.heights[0] + step * k, self.length_mm, self.misfit)

    @property
    def between(self) -> BoolArray:
        """Which slices (K,) lie between the joints."""
        return np.asarray((self.heights > 0.0) & (self.heights < 1.0))


def locate(shares: Shares, profile: dict[str, Any], leg: BoolArray) -> Place | None:
    """Return where the slices of a leg lie, or none where too few show anything.

    Parameters
    ----------
    shares
        Of the network, not told the heights.
    profile
        ``heights`` (H,) and ``shares`` (H, C) over ``inputs.CLASSES`` from the network's card.
    leg : (I, J, K) bool
        Everything of the leg that is not air, on the grid of the shares.
    """
    known = [REST, *(CLASSES.index(key) for key in shares.keys[2:])]
    rest = (shares.values[0] * leg).sum((0, 1))
    area = np.stack([rest, *shares.values[2:].sum((1, 2))], -1)
    named = area[:, 1:].sum(1)
    seen = named > 0.02 * max(float(named.max()), 1.0)
    if seen.sum() < _LEAST_SLICES:
        return None
    found = np.sqrt(area[seen] / area[seen].sum(1, keepdims=True))
    table = np.asarray(profile["shares"], float)[:, known]
    table = np.sqrt(table / np.maximum(table.sum(1, keepdims=True), 1e-6))
    at = np.asarray(profile["heights"], float)
    z = np.arange(len(area)) * shares.grid.spacing[2]
    low_end, high_end = -_BEYOND, 1.0 + _BEYOND
    best: tuple[float, float, float, float] | None = None
    for length in LENGTHS_MM:
        prior = 0.01 * ((length - _MEAN_MM) / _SPREAD_MM) ** 2
        for low in np.arange(z[seen][0] - 1.1 * length, z[seen][-1] + 0.1 * length, _STEP_MM):
            height = (z[seen] - low) / length
            expected = np.stack([np.interp(height, at, column) for column in table.T], -1)
            each = 0.5 * ((found - expected) ** 2).sum(1)
            # Foot and thigh are labelled as something too: that must not draw the leg along.
            each = np.minimum(each, _MOST)
            each[(height < low_end) | (height > high_end)] = _OUTSIDE
            cost = float(each.mean()) + prior
            if best is None or cost < best[0]:
                inner = each[(height > 0.1) & (height < 0.9)]
                best = (cost, length, low, float(inner.mean()) if inner.size else 1.0)
    assert best is not None
    return Place((z - best[2]) / best[1], float(best[1]), best[3])


def within_reach(shares: Shares, place: Place, profile: dict[str, Any]) -> Shares:
    """Return shares without structures where no leg has them: no tibia above the knee.

    Parameters
    ----------
    shares
        Of one leg.
    place
        Where its slices lie.
    profile
        With ``reach`` (C, 2), the heights between which legs have each class of the network.
    """
    values = shares.values.copy()
    for c, key in enumerate(shares.keys):
        if key in CLASSES:
            low, high = profile["reach"][CLASSES.index(key)]
            beyond = np.maximum(low - place.heights, place.heights - high)
            values[c] *= np.exp(-((np.maximum(beyond, 0) / _SLACK) ** 2)).astype(np.float32)
    values[:, :, :, far_from_leg(place)] = 0.0
    values[0] += 1.0 - values.sum(0)
    return Shares(shares.keys, values, shares.grid)


def far_from_leg(place: Place) -> BoolArray:
    """Return which slices (K,) lie beyond knee and ankle, where nothing is labelled."""
    return np.asarray((place.heights < -_KEPT) | (place.heights > 1.0 + _KEPT))


def cut_sentence(place: Place) -> str | None:
    """Say what of a scan was left out because it is no lower leg; none where nothing was.

    Parameters
    ----------
    place
        A sure one.
    """
    below = float(max(-_KEPT - place.heights.min(), 0.0)) * place.length_mm
    above = float(max(place.heights.max() - 1.0 - _KEPT, 0.0)) * place.length_mm
    parts = [
        f"{length / 10:.0f} cm {where}"
        for length, where in ((above, "above the knee"), (below, "below the ankle"))
        if length > _TOLD_MM
    ]
    if not parts:
        return None
    return f"The scan goes on {' and '.join(parts)}: nothing was labelled there."
