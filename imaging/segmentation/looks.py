"""One leg seen three times by the network, as it is, larger and smaller: the mean, and what moves.

A muscle whose volume depends on so little is not measured well; the mean depends on it less.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from imaging.arrays import Float32
from imaging.muscles import structure
from imaging.segmentation.network import KEYS, LegSlices, Network, run
from imaging.segmentation.shares import Shares

#: Size of what the network sees, of the leg.
SIZES = (1.0, 1.08, 0.93)
#: Of a muscle's volume: largest distance between looks that nothing is said of, share of the mean.
MOST_RANGE = 0.1
_LEAST_ML = 1.0
_FLOOR = 1e-5


def looks(network: Network, leg: LegSlices, mirror: bool) -> tuple[Shares, dict[str, float]]:
    """Return the pooled probabilities of one leg, and how far the volumes of its muscles range.

    Probabilities are pooled by their logarithms, which leaves them as sure as those of one look.

    Parameters
    ----------
    network
        The network.
    leg
        The leg.
    mirror
        Whether this is a left leg, which the network sees mirrored.

    Returns
    -------
    shares : Shares
    ranges : dict of str to float
        Largest less smallest volume over their mean, of muscles of 1 ml or more.
    """
    total: Float32 | None = None
    volumes = []
    for size in SIZES:
        values = _look(network, leg, mirror, size)
        volumes.append(np.bincount(values.argmax(0).ravel(), minlength=len(KEYS)))
        logs = np.log(np.maximum(values, _FLOOR, out=values), out=values)
        total = logs if total is None else np.add(total, logs, out=total)
    assert total is not None
    pooled = np.exp(total / np.float32(len(SIZES)))
    pooled /= pooled.sum(0)
    mean = np.mean(volumes, axis=0)
    voxel_ml = leg.grid.voxel_ml
    ranges = {
        key: float(np.ptp([v[c] for v in volumes]) / mean[c])
        for c, key in enumerate(KEYS)
        if key and structure(key).is_muscle and mean[c] * voxel_ml >= _LEAST_ML
    }
    return Shares(KEYS, pooled, leg.grid), ranges


def _look(network: Network, leg: LegSlices, mirror: bool, size: float) -> Float32:
    """Return the probabilities (C, I, J, K) of a leg that is shown `size` times as large."""
    if size == 1.0:
        return run(network, leg, mirror).values
    larger = LegSlices(magnified(leg.data, size), leg.levels, leg.grid)
    found = magnified(run(network, larger, mirror).values, 1 / size)
    found[0] += np.maximum(1 - found.sum(0), 0)  # beyond the border
    return found


def magnified(values: Float32, size: float) -> Float32:
    """Return images (..., I, J, K) larger by `size` across the leg, about its middle (linear).

    Beyond the border there is 0.
    """
    rows, columns = (_reading(n, 1 / size) for n in values.shape[-3:-1])
    lines = values.reshape(*values.shape[:-2], -1)
    across = np.matmul(rows, lines).reshape(values.shape)
    return np.matmul(columns, across)


def _reading(n: int, step: float) -> Float32:
    """Return the matrix (N, N) that reads a line at places `step` apart, about its middle."""
    middle = (n - 1) / 2
    place = np.clip((np.arange(n) - middle) * step + middle, -1, n)
    low = np.floor(place).astype(int)
    out = np.zeros((n, n + 2), np.float32)
    at = np.arange(n)
    share = place - low
    inside = low + 1 <= n
    out[at[inside], low[inside] + 1] += 1 - share[inside]
    more = low + 2 <= n + 1
    out[at[more], low[more] + 2] += share[more]
    return out[:, 1:-1]


def unsteady(ranges: Mapping[str, float], known: Collection[str] = ()) -> str:
    """Return a sentence on muscles whose volume depends on the size of the image, or nothing.

    Parameters
    ----------
    ranges
        See :func:`looks`.
    known
        Muscles that something is said of already.

    Examples
    --------
    >>> unsteady({"SOL": 0.02, "GL": 0.14, "FHL": 0.31}, ["FHL"])
    'Seen a little larger or smaller the volume of GL changes (14 %): look before using it.'
    """
    wide = {k: r for k, r in sorted(ranges.items()) if r > MOST_RANGE and k not in known}
    if not wide:
        return ""
    much = ", ".join(f"{100 * r:.0f} %" for r in wide.values())
    it = "it" if len(wide) == 1 else "them"
    return (
        f"Seen a little larger or smaller the volume of {', '.join(wide)} changes ({much}): "
        f"look before using {it}."
    )
