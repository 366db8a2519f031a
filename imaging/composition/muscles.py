"""Fat fraction and T2 of each muscle, in the voxels of their own images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.erosion import erode
from imaging.measures import Measure, not_measured
from imaging.muscles import FEWEST_VOXELS, side_and_key

FATTY_PERCENT = 20.0
"""Beyond, diffusion and its fascicles are mostly those of what lies between the fat."""


def core_of(labels: NDArray[np.integer], spacing: FloatArray, margin_mm: float) -> NDArray[np.int_]:
    """Return the labels (I, J, K) but for a margin at the border of each."""
    out = np.zeros(labels.shape, int)
    for label in np.unique(labels[labels > 0]):
        out[erode(labels == label, spacing, margin_mm)] = label
    return out


def lying_on(labels: NDArray[np.integer], known: BoolArray) -> float:
    """Return the share of the labelled voxels in which an image holds signal, 0 to 1."""
    inside = labels > 0
    return float(known[inside].mean()) if inside.any() else 0.0


def measures(
    name: str,
    unit: str,
    values: NDArray[np.floating],
    core: NDArray[np.integer],
    muscles: Sequence[int],
    note: str,
) -> list[Measure]:
    """Return mean and SD over the voxels of each muscle.

    Parameters
    ----------
    name, unit
        Of the measure.
    values : (I, J, K) array
        NaN where not known.
    core : (I, J, K) array of int
        Labels but for their margins, on the grid of `values`.
    muscles
        Labels that get a row.
    note
        What the figure rests on.
    """
    rows = []
    for label in muscles:
        own = values[(core == label) & np.isfinite(values)]
        if len(own) < FEWEST_VOXELS:
            why = f"{len(own)} voxels of its own images in it, {FEWEST_VOXELS} needed"
            rows.append(not_measured(label, name, unit, why))
        else:
            spread = float(own.std(ddof=1))
            rows.append(Measure(label, name, float(own.mean()), unit, len(own), spread, note=note))
    return rows


def fatty(rows: Sequence[Measure]) -> str:
    """Return a warning naming muscles with so much fat that diffusion suffers, or nothing."""
    named = [
        f"{side_and_key(m.label)} {m.value:.0f} %"
        for m in rows
        if m.measure == "fat_fraction" and m.value is not None and m.value > FATTY_PERCENT
    ]
    if not named:
        return ""
    return (
        f"Muscles with more than {FATTY_PERCENT:g} % fat ({', '.join(named)}): diffusion figures "
        "and fascicles there are those of the muscle left between the fat."
    )
