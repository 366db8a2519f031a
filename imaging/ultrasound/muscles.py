"""Ultrasound stiffness per muscle, from samples away from its border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray, LabelArray
from imaging.erosion import erode
from imaging.image import Image
from imaging.measures import Measure, not_measured
from imaging.stiffness import implausible
from imaging.ultrasound.alike import median_interval
from imaging.ultrasound.colour_box import BoxCells, Shares, shares_of
from imaging.ultrasound.figures import LEAST_SAMPLES, Figure, figure
from imaging.ultrasound.frame_samples import FrameSamples
from imaging.ultrasound.notes import (
    SATURATED_LIMIT,
    VOID_LIMIT,
    implausible_warning,
    saturated_warning,
    void_warning,
)
from imaging.ultrasound.samples import Samples

#: Corrected medians need this share of a muscle's samples to be admissible.
ADMISSIBLE_SHARE = 0.5
_NO_FREQUENCY = "broadband push, group speed: no single frequency"


def labels_at(labels: Image, points: FloatArray, erode_mm: float) -> LabelArray:
    """Return the label at world points (N, 3), 0 within a distance of the label's border."""
    deep = np.zeros_like(labels.data)
    for value, box in enumerate(ndimage.find_objects(labels.data.astype(int)), start=1):
        if box is None:
            continue
        # One voxel more on each side, so that the border is seen.
        wide = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in box)
        region = labels.data[wide] == value
        deep[wide][erode(region, labels.spacing, erode_mm)] = value
    voxel = np.rint(labels.to_voxels(points)).astype(int)
    inside = ((voxel >= 0) & (voxel < labels.shape)).all(axis=1)
    found = np.zeros(len(points), labels.data.dtype)
    found[inside] = deep[tuple(voxel[inside].T)]
    return found


def muscle_rows(
    joined: FrameSamples,
    owner: LabelArray,
    boxes: BoxCells,
    box_owner: LabelArray,
    wanted: Sequence[int],
    labels: Image | None,
    weight: FloatArray,
    erode_mm: float,
) -> tuple[list[Measure], list[str]]:
    """Return the measures of every muscle, and what a reader must know.

    Parameters
    ----------
    joined
    owner : (N,) array
        Label of every sample, 0 near borders; see :func:`labels_at`.
    boxes, box_owner
        Every cell of the colour boxes, and its label likewise.
    wanted
        Labels to report; [0] means all samples as one.
    labels
        For coverage; None with [0].
    weight : (I, J, K) array
        From :func:`imaging.ultrasound.splat.splat`, on the grid of `labels`.
    erode_mm
        For the notes.
    """
    rows: list[Measure] = []
    warnings: list[str] = []
    for label in wanted:
        chosen = belongs(owner, label)
        shares = shares_of(boxes, belongs(box_owner, label))
        if labels is not None and label:
            rows.append(_coverage(labels.data == label, weight, label))
        rows += [*_shares(shares, label), *_figures(joined, chosen, shares, label, erode_mm)]
        if chosen.sum() >= LEAST_SAMPLES:
            warnings += _doubts(joined.samples, chosen, shares, label)
    return rows, warnings


def belongs(owner: LabelArray, label: int) -> NDArray[np.bool_]:
    """Return which of the samples (N,) are of a label; 0 means all."""
    return np.ones(len(owner), bool) if label == 0 else np.asarray(owner == label)


def _coverage(region: NDArray[np.bool_], weight: FloatArray, label: int) -> Measure:
    if not region.any():
        return not_measured(label, "swe_coverage", "1", "the labels do not hold the muscle")
    note = "share of the muscle's volume within the slabs of the frames; n voxels of the muscle"
    covered = float((weight[region] > 0).mean())
    return Measure(label, "swe_coverage", covered, "1", n=int(region.sum()), note=note)


def _shares(shares: Shares, label: int) -> list[Measure]:
    """Return the shares of void and of saturated pixels."""
    rows = []
    for name, value, n, what, why in (
        ("swe_void", shares.void, shares.pixels, "pixels of the colour boxes in the muscle",
         "no colour box crosses the muscle"),
        ("swe_saturated", shares.saturated, shares.read,
         "pixels read; 1 % of the colour scale at each of its ends counts",
         "no pixel of the muscle was read"),
    ):  # fmt: skip
        if n == 0:
            rows.append(not_measured(label, name, "1", why))
        else:
            rows.append(Measure(label, name, value, "1", n=n, note=f"n {what}"))
    return rows


def _figures(
    joined: FrameSamples, chosen: NDArray[np.bool_], shares: Shares, label: int, erode_mm: float
) -> list[Measure]:
    samples, angles = joined.samples, joined.angles
    count, frames = int(chosen.sum()), len(np.unique(samples.frame[chosen]))
    near = f", {erode_mm:g} mm or more from its border" if label else ""
    found = figure(samples.shear_pa[chosen], shares, near)
    units = {"stiffness_swe_shear": "Pa", "stiffness_swe_corrected": "Pa", "swe_angle": "deg",
             "swe_tilt": "deg"}  # fmt: skip
    if found.value is None:
        return [not_measured(label, name, unit, found.note) for name, unit in units.items()]
    where = f"{count} samples of {frames} frame(s); {_NO_FREQUENCY}"
    rows = [_shear(samples, chosen, found, label, where)]
    rows.append(_corrected(joined, chosen, found, label, where))
    for name, array in (
        ("swe_angle", angles.across if angles else None),
        ("swe_tilt", angles.tilt if angles else None),
    ):
        known = array[chosen][np.isfinite(array[chosen])] if array is not None else np.zeros(0)
        if known.size:
            rows.append(_median(label, name, known, "deg", where))
        else:
            rows.append(not_measured(label, name, "deg", "no fibre direction is known there"))
    return rows


def _shear(
    samples: Samples, chosen: NDArray[np.bool_], found: Figure, label: int, where: str
) -> Measure:
    """Return the median as it was shown, with an interval unless it is only a bound."""
    values, note = samples.shear_pa[chosen], f"not corrected for the fibre's angle; {where}"
    row = _median(label, "stiffness_swe_shear", values, "Pa", note)
    if found.status != "measured":
        return replace(row, status=found.status, note=f"{found.note}; {row.note}")
    interval = median_interval(values, samples.frame[chosen], samples.world[chosen])
    if interval is None:
        return replace(row, note=f"{row.note}; too few independent parts for an interval")
    return replace(row, ci_low=interval[0], ci_high=interval[1])


def _corrected(
    joined: FrameSamples, chosen: NDArray[np.bool_], shown: Figure, label: int, where: str
) -> Measure:
    name, found = "stiffness_swe_corrected", joined.correction
    if found is None:
        return not_measured(label, name, "Pa", joined.why_uncorrected)
    if shown.status != "measured":
        return not_measured(label, name, "Pa", f"{shown.note}; a bound is not corrected")
    good = chosen & found.admissible
    share = float(good.sum() / chosen.sum())
    if share < ADMISSIBLE_SHARE:
        why = (
            f"only {share:.0%} of its samples allow a correction: elsewhere the fibre both tilts "
            "out of the frame and is inclined in it, its angle is too large or too unsure, or "
            "unknown"
        )
        return not_measured(label, name, "Pa", why)
    values = joined.samples.shear_pa[good] * found.factor[good]
    factor, spread = float(np.median(found.factor[good])), float(np.median(found.spread[good]))
    return _median(
        label, name, values, "Pa",
        f"modulus along the fibre, by a median factor of {factor:.3g} on {share:.0%} of {where}; "
        "interval from the uncertainty of the fibre's angle",
        spread=spread,
    )  # fmt: skip


def _median(
    label: int,
    name: str,
    values: FloatArray,
    unit: str,
    note: str,
    spread: float | None = None,
) -> Measure:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    # A share of one standard error, where the values rest on a model.
    wide = None if spread is None else 1.96 * spread * middle
    return Measure(
        label, name, float(middle), unit, n=values.size,
        sd=float(values.std(ddof=1)) if values.size > 1 else None,
        ci_low=None if wide is None else float(middle - wide),
        ci_high=None if wide is None else float(middle + wide),
        status="measured" if wide is None else "modelled",
        note=f"median, IQR {low:.4g} to {high:.4g}; {note}",
    )  # fmt: skip


def _doubts(samples: Samples, chosen: NDArray[np.bool_], shares: Shares, label: int) -> list[str]:
    out = []
    median = float(np.median(samples.shear_pa[chosen]))
    if implausible(median):
        out.append(implausible_warning(label, median))
    if max(shares.high, shares.low) > SATURATED_LIMIT:
        out.append(saturated_warning(label, shares.high, shares.low))
    if shares.void > VOID_LIMIT:
        out.append(void_warning(label, shares.void))
    return out
