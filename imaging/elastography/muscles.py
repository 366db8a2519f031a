"""Stiffness per muscle, away from borders where fat and fascia leak in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imaging.arrays import BoolArray, FloatArray, LabelArray
from imaging.elastography.notes import few_voxels_warning, implausible_warning
from imaging.elastography.stiffness_gradient import PART_MM, lengthwise_gradient, lengthwise_place
from imaging.erosion import erode
from imaging.measures import Measure, not_measured
from imaging.stiffness import implausible

#: Below this a muscle's median is named unsure.
FEW_VOXELS = 50


def muscle_measures(
    maps: Mapping[str, tuple[FloatArray, str]],
    labels: LabelArray,
    wanted: Sequence[int],
    valid: BoolArray,
    spacing_mm: FloatArray,
    *,
    erode_mm: float,
    note: str,
    method: str = "",
    affine: FloatArray | None = None,
) -> tuple[list[Measure], list[str]]:
    """Return how maps are spread over every muscle.

    Of every map the median, with SD and interquartile range; of moduli also the width of that
    range and the change along the muscle (see :func:`lengthwise_gradient`); and once per muscle the
    share of its voxels, away from its borders, at which the method gives a value.

    Parameters
    ----------
    maps
        Measure name to (values (I, J, K), unit).
    labels : (I, J, K) array
        On the grid of the maps; ignored where `wanted` is [0], which means all of `valid`.
    wanted
        Labels to report, also those that have no voxel here.
    valid : (I, J, K) bool array
        Where the maps hold data.
    spacing_mm : (3,) array
    erode_mm
        Kept away from muscle borders.
    note
        Frequency and method, put into every row.
    method
        ``mdev``, ``ti`` ...: name in ``stiffness_<method>_stable_share``; without it there is none.
    affine : (4, 4) array, optional
        Voxel indices to world RAS+ mm; without it there are no changes along muscles.

    Returns
    -------
    measures : list of Measure
    warnings : list of str
        Medians of a modulus outside what muscle can have, and muscles with few voxels.
    """
    rows: list[Measure] = []
    warnings: list[str] = []
    few: list[int] = []
    for label in wanted:
        region = np.ones(valid.shape, bool) if label == 0 else labels == label
        core = erode(region, spacing_mm, 0.0 if label == 0 else erode_mm)
        chosen = core & valid
        reason = _why_empty(region, core, erode_mm)
        if label and method and core.any():
            name = f"stiffness_{method}_stable_share"
            stable = float(chosen.sum() / core.sum())
            where = f"n voxels {erode_mm:g} mm from its border; {note}"
            rows.append(Measure(label, name, stable, "1", n=int(core.sum()), note=where))
        places: FloatArray = np.zeros(0)
        if label and affine is not None and chosen.any():
            places = lengthwise_place(region, affine)
        for name, (values, unit) in maps.items():
            # A modulus may hold in fewer voxels than the mask of its method. Noise may take G''
            # below zero; to leave that out would make its median too high.
            held = chosen & (values != 0) if unit == "Pa" else chosen
            if not held.any():
                rows.append(not_measured(label, name, unit, f"{reason}; {note}"))
                continue
            share = float(held.sum() / region.sum())
            sample = values[held].astype(np.float64)
            low, median, high = np.quantile(sample, [0.25, 0.5, 0.75])
            part = "whole mask"
            if label:
                part = f"{share:.0%} of its voxels in the images, {erode_mm:g} mm from its border"
            text = f"median of voxels, IQR {low:.4g} to {high:.4g}; {part}; {note}"
            sd = float(sample.std(ddof=1)) if sample.size > 1 else None
            rows.append(Measure(label, name, float(median), unit, n=sample.size, sd=sd, note=text))
            if unit == "Pa" and label:
                rows.append(Measure(label, f"{name}_iqr", float(high - low), unit, sample.size,
                                    note=note))  # fmt: skip
                if places.size:
                    rows += _gradients(label, name, sample, places[held[region]], note)
            if unit == "Pa" and sample.size < FEW_VOXELS:
                few.append(label)
            # Tissue may lose next to nothing: G'' has no lower bound.
            if unit == "Pa" and not name.endswith("_loss") and implausible(float(median)):
                warnings.append(implausible_warning(label, name, float(median)))
    if few:
        warnings.append(few_voxels_warning(few, FEW_VOXELS, note))
    return rows, warnings


def _gradients(
    label: int, name: str, sample: FloatArray, place_mm: FloatArray, note: str
) -> list[Measure]:
    """Return the change of a modulus along a muscle, per cm, in Pa and in percent of the median."""
    found = lengthwise_gradient(sample, place_mm)
    rows = []
    median = max(abs(float(np.median(sample))), 1e-9)
    for ending, unit, factor in (
        ("gradient", "Pa/cm", 1.0), ("gradient_relative", "percent/cm", 100.0 / median),
    ):  # fmt: skip
        if found is None:
            why = f"fewer than four parts of {PART_MM:g} mm of the muscle hold values; {note}"
            rows.append(not_measured(label, f"{name}_{ending}", unit, why))
            continue
        slope, low, high = (factor * v for v in (found.slope, found.low, found.high))
        text = f"n parts of {PART_MM:g} mm, positive: stiffer proximally; {note}"
        rows.append(Measure(label, f"{name}_{ending}", slope, unit, n=found.parts, ci_low=low,
                            ci_high=high, note=text))  # fmt: skip
    return rows


def _why_empty(region: BoolArray, core: BoolArray, erode_mm: float) -> str:
    """Say why no voxel of a muscle remains."""
    if not region.any():
        return "the muscle lies outside the elastography images"
    if not core.any():
        return f"no voxel lies {erode_mm:g} mm or more from the muscle's border"
    return "no voxel has valid wave data or stiffness"
