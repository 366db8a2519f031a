"""What fascicles run through: quantities sampled along each fascicle, mid-belly against ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.image import Image
from imaging.musclemap.interpolation import linear_weights, weighted_mean


class PointSampler:
    """Interpolates scalar volumes of one grid linearly at points.

    Parameters
    ----------
    grid
        Any image on the grid (I, J, K).
    points : (N, 3) array
        World RAS+ mm.
    """

    def __init__(self, grid: Image, points: FloatArray):
        self._weights = linear_weights(grid.shape, grid.to_voxels(points))

    def __call__(self, volume: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return values (N,) of a volume (I, J, K) that is NaN where nothing was measured.

        NaN where less than half of the eight neighbours (by weight) was measured.
        """
        mean, share = weighted_mean(self._weights, volume, np.isfinite(volume))
        return np.where(share > 0.5, mean, np.float32(np.nan))


def fascicle_place(points: FloatArray, offsets: NDArray[np.integer]) -> FloatArray:
    """Return the place of each point along its fascicle, 0 at its start and 1 at its end.

    Parameters
    ----------
    points : (N, 3) array
        Points of all fascicles, one fascicle after the other, mm.
    offsets : (F + 1,) array
        Fascicle f owns the points ``offsets[f]:offsets[f + 1]``.
    """
    if len(points) == 0:
        return np.empty(0)
    steps = np.zeros(len(points))
    steps[1:] = np.linalg.norm(np.diff(points, axis=0), axis=1)
    steps[offsets[:-1]] = 0.0  # no step leads from one fascicle to the next
    arc = np.cumsum(steps)
    counts = np.diff(offsets)
    start = np.repeat(arc[offsets[:-1]], counts)
    length = np.repeat(arc[offsets[1:] - 1], counts) - start
    return np.clip((arc - start) / np.where(length > 0, length, 1.0), 0.0, 1.0)


def summarise(
    arrays: Mapping[str, FloatArray], points: FloatArray, offsets: NDArray[np.integer]
) -> pd.DataFrame:
    """Return the mean of sampled quantities per fascicle: whole, both end thirds, middle third.

    Parameters
    ----------
    arrays : dict
        Start of the column names to values (N,) at the points, NaN where not measured.
    points, offsets
        As in :func:`fascicle_place`; fascicles have equidistant points.

    Returns
    -------
    DataFrame
        ``<name>_mean``, ``<name>_ends``, ``<name>_middle`` and ``<name>_measured_fraction`` of
        every name; NaN where not one point was measured.
    """
    counts = np.diff(offsets)
    place = fascicle_place(points, offsets)
    middle = (place > 1 / 3) & (place < 2 / 3)
    # Twice the fascicle, and one more in its middle third: both parts in one count.
    part = 2 * np.repeat(np.arange(len(counts)), counts) + middle
    columns = {}
    for name, values in arrays.items():
        good = np.isfinite(values)
        own = part[good]
        n = np.bincount(own, minlength=2 * len(counts)).reshape(-1, 2)
        total = np.bincount(own, values[good].astype(float), 2 * len(counts)).reshape(-1, 2)
        for ending, k, sums in (
            ("mean", n.sum(axis=1), total.sum(axis=1)),
            ("ends", n[:, 0], total[:, 0]),
            ("middle", n[:, 1], total[:, 1]),
        ):
            columns[f"{name}_{ending}"] = np.where(k > 0, sums / np.maximum(k, 1), np.nan)
        columns[f"{name}_measured_fraction"] = n.sum(axis=1) / np.maximum(counts, 1)
    return pd.DataFrame(columns).astype(np.float32)


def force_of_fascicles(table: pd.DataFrame, peak_n: Mapping[int, float]) -> pd.DataFrame:
    """Spread the force of each muscle over its fascicles, by PCSA and pennation of each.

    A fascicle's PCSA is the volume that it stands for over its length; with the cosine of its own
    pennation it is its part of the muscle's force. All fascicles of a muscle follow the one EMG
    curve of the muscle.

    Parameters
    ----------
    table
        Columns label, weight (mm3), length_mm, pennation_line_deg.
    peak_n
        Label to the largest force of the muscle, N.

    Returns
    -------
    DataFrame
        ``force_part``: of the muscle's force, 0..1, sum 1 over the fascicles of a muscle whose
        pennation is known; ``force_at_peak_N``: at the largest force of the muscle.
    """
    line, volume, length = (
        table[c].to_numpy(float) for c in ("pennation_line_deg", "weight", "length_mm")
    )
    pull = pd.Series(volume / length * np.cos(np.radians(line)), index=table.index)
    part: pd.Series = pull / pull.groupby(table["label"]).transform("sum")
    peak = table["label"].map(peak_n).astype(float)
    columns = {"force_part": part, "force_at_peak_N": part * peak}
    return pd.DataFrame(columns).astype(np.float32)
