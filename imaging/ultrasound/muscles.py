"""Ultrasound stiffness per muscle, from samples away from its border."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray, LabelArray
from imaging.erosion import erode
from imaging.image import Image
from imaging.measures import Measure, not_measured
from imaging.stiffness import implausible
from imaging.ultrasound.frame_samples import FrameSamples
from imaging.ultrasound.notes import implausible_warning, saturated_warning
from imaging.ultrasound.samples import Samples

#: Below this a muscle's median is not given.
LEAST_SAMPLES = 20
#: Corrected medians need this share of a muscle's samples to be admissible.
ADMISSIBLE_SHARE = 0.5
_SATURATED_SHARE = 0.25
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
        chosen = np.ones(len(owner), bool) if label == 0 else owner == label
        if labels is not None and label:
            rows.append(_coverage(labels.data == label, weight, label))
        rows += _figures(joined, chosen, label, erode_mm)
        if chosen.sum() >= LEAST_SAMPLES:
            warnings += _doubts(joined.samples, chosen, label)
    return rows, warnings


def _coverage(region: NDArray[np.bool_], weight: FloatArray, label: int) -> Measure:
    if not region.any():
        return not_measured(label, "swe_coverage", "1", "the labels do not hold the muscle")
    note = "share of the muscle's volume within the slabs of the frames; n voxels of the muscle"
    covered = float((weight[region] > 0).mean())
    return Measure(label, "swe_coverage", covered, "1", n=int(region.sum()), note=note)


def _figures(
    joined: FrameSamples, chosen: NDArray[np.bool_], label: int, erode_mm: float
) -> list[Measure]:
    samples, angles = joined.samples, joined.angles
    count, frames = int(chosen.sum()), len(np.unique(samples.frame[chosen]))
    units = {"stiffness_swe_shear": "Pa", "stiffness_swe_corrected": "Pa", "swe_angle": "deg",
             "swe_tilt": "deg"}  # fmt: skip
    if count < LEAST_SAMPLES:
        why = f"{count} samples of the frames lie in it"
        if label:
            why += f", {erode_mm:g} mm or more from its border"
        return [not_measured(label, name, unit, why) for name, unit in units.items()]
    where = f"{count} samples of {frames} frame(s); {_NO_FREQUENCY}"
    rows = [_median(label, "stiffness_swe_shear", samples.shear_pa[chosen], "Pa",
                    f"not corrected for the fibre's angle; {where}")]  # fmt: skip
    rows.append(_corrected(joined, chosen, label, where))
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


def _corrected(joined: FrameSamples, chosen: NDArray[np.bool_], label: int, where: str) -> Measure:
    name, found = "stiffness_swe_corrected", joined.correction
    if found is None:
        return not_measured(label, name, "Pa", joined.why_uncorrected)
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


def _doubts(samples: Samples, chosen: NDArray[np.bool_], label: int) -> list[str]:
    out = []
    median = float(np.median(samples.shear_pa[chosen]))
    if implausible(median):
        out.append(implausible_warning(label, median))
    saturated = float(samples.saturated[chosen].mean())
    if saturated > _SATURATED_SHARE:
        out.append(saturated_warning(label, saturated))
    return out
