"""What fascicles run through: quantities sampled along each fascicle, mid-belly against ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.image import Image


def sample_points(volume: Image, points: FloatArray) -> NDArray[np.float32]:
    """Interpolate a scalar volume linearly at points.

    Parameters
    ----------
    volume
        (I, J, K), NaN where nothing was measured.
    points : (N, 3) array
        World RAS+ mm.

    Returns
    -------
    (N,) array
        NaN where less than half of the eight neighbours (by weight) was measured.
    """
    voxels = volume.to_voxels(points).T
    measured = np.isfinite(volume.data)
    weight = _interpolate(measured.astype(np.float32), voxels)
    values = _interpolate(np.where(measured, volume.data, 0).astype(np.float32), voxels)
    return np.where(weight > 0.5, values / np.maximum(weight, 1e-6), np.nan).astype(np.float32)


def _interpolate(data: NDArray[Any], voxels: FloatArray) -> NDArray[np.float32]:
    return ndimage.map_coordinates(data, voxels, order=1, mode="constant", cval=0.0)


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
    name: str, values: FloatArray, points: FloatArray, offsets: NDArray[np.integer]
) -> pd.DataFrame:
    """Return the mean of a sampled quantity per fascicle: whole, both end thirds, middle third.

    Parameters
    ----------
    name
        Start of the column names.
    values : (N,) array
        Sampled at the points, NaN where not measured.
    points, offsets
        As in :func:`fascicle_place`; fascicles have equidistant points.

    Returns
    -------
    DataFrame
        ``<name>_mean``, ``<name>_ends``, ``<name>_middle`` and ``<name>_measured_fraction``;
        NaN where not one point was measured.
    """
    count = len(offsets) - 1
    owner = np.repeat(np.arange(count), np.diff(offsets))
    place = fascicle_place(points, offsets)
    middle = (place > 1 / 3) & (place < 2 / 3)
    good = np.isfinite(values)
    columns = {}
    for part, mask in (("mean", good), ("ends", good & ~middle), ("middle", good & middle)):
        n = np.bincount(owner[mask], minlength=count)
        total = np.bincount(owner[mask], weights=values[mask].astype(float), minlength=count)
        columns[f"{name}_{part}"] = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    share = np.bincount(owner[good], minlength=count) / np.maximum(np.diff(offsets), 1)
    columns[f"{name}_measured_fraction"] = share
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
