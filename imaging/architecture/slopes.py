"""How far a muscle's fascicles are smoothed before their slopes at the ends are taken.

A low order of the curves lowers the noise of a slope and flattens bends; which of the two counts
for more depends on the scan and on the muscle, and both can be seen: the noise by following the
same points through fields with other noise, the bends by what a higher order finds beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from imaging.architecture.curves import HIGHEST_ORDER, LOWEST_ORDER, fit_curves
from imaging.arrays import FloatArray, IntArray

_FEWEST = 20  # fascicles that all fields have in common


def slope_order(places: FloatArray, replicas: Sequence[FloatArray]) -> int:
    """Return the order of the curves whose slopes at the ends err least.

    Parameters
    ----------
    places : (F, P, 3) array
        Fascicles at even steps of arc length, world mm.
    replicas : sequence of (F, P, 3) arrays
        The same fascicles with other noise added.

    Returns
    -------
    int
        The one with the least mean square of noise and bend lost; the latter is told against the
        highest order, less what noise alone makes of their difference.

    References
    ----------
    Mallows, Technometrics 1973;15:661-675 (squared bias from squared differences, less variance).
    """
    orders = range(LOWEST_ORDER, HIGHEST_ORDER + 1)
    slopes = [fit_curves(places, n).end_tangents() for n in orders]
    noisy = [np.stack([fit_curves(r, n).end_tangents() for r in replicas]) for n in orders]
    errors = []
    for own, drawn in zip(slopes, noisy, strict=True):
        noise = _mean_square(drawn - own)
        beyond = own - slopes[-1]
        lost = _mean_square(beyond) - _mean_square((drawn - noisy[-1]) - beyond)
        errors.append(noise + max(lost, 0.0))
    return orders[int(np.argmin(errors))]


def common_places(
    follow: Callable[[FloatArray], tuple[IntArray, FloatArray]], fields: Sequence[FloatArray]
) -> list[FloatArray]:
    """Return the fascicles (F, P, 3) of the same points in several fields, none if few in common.

    `follow` returns for a field the numbers of the points that have a fascicle, and the fascicles
    at even places.
    """
    followed = [follow(field) for field in fields]
    common = followed[0][0]
    for kept, _ in followed[1:]:
        common = np.intersect1d(common, kept)
    if len(common) < _FEWEST:
        return []
    return [places[np.searchsorted(kept, common)] for kept, places in followed]


def _mean_square(vectors: FloatArray) -> float:
    return float(np.square(vectors).sum(axis=-1).mean())
