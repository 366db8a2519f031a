"""Figures of the whole diffusion image: rows of the stage's table with label 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.diffusion.cleaning import CleanedSeries
from imaging.diffusion.distortion import Distortion
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import TensorFit
from imaging.measures import Measure, not_measured
from imaging.registration import Alignment


def whole_image_measures(
    table: GradientTable,
    mask: NDArray[np.bool_],
    fit: TensorFit,
    snr: FloatArray,
    cleaned: CleanedSeries,
    alignment: Alignment | None,
    distortion: Distortion | None = None,
) -> list[Measure]:
    """Return the figures of the whole image (label 0)."""
    n = int(mask.sum())

    def median(name: str, values: FloatArray, unit: str) -> Measure:
        inside = values[mask & (fit.s0 > 0)]
        if inside.size == 0 or not inside.any():
            return not_measured(0, name, unit, "no voxel with a value")
        return Measure(
            0, name, float(np.median(inside)), unit, inside.size, float(inside.std()),
            note="median over the voxels of the legs",
        )  # fmt: skip

    rows = [
        Measure(0, "volumes", float(len(table.bvals)), "1"),
        Measure(0, "directions", float((~table.is_b0).sum()), "1"),
        Measure(0, "b_value_max", float(table.bvals.max()), "s/mm2"),
        Measure(0, "leg_mask_voxels", float(n), "1"),
        median("snr_b0", snr, "1"),
        median("fa", fit.fa, "1"),
        median("md", fit.md, "mm2/s"),
        median("residual", fit.residual, "1"),
    ]
    motion, outliers = cleaned.motion, cleaned.outliers
    if outliers is None:
        rows.append(not_measured(0, "outlier_slices", "1", "search for outliers is off"))
    else:
        judged = int((outliers.z != 0).sum())
        rows.append(Measure(0, "outlier_slices", outliers.share, "1", judged))
    if motion is None:
        rows.append(not_measured(0, "motion_max", "mm", "motion correction is off"))
        rows.append(not_measured(0, "motion_max_rotation", "deg", "motion correction is off"))
    else:
        volumes = len(motion.trace)
        turn = np.linalg.norm(motion.trace[:, 3:], axis=1)
        rows.append(Measure(0, "motion_max", float(motion.displacement_mm.max()), "mm", volumes))
        rows.append(Measure(0, "motion_max_rotation", float(turn.max()), "deg", volumes))
    if distortion is None:
        why = "no scan of reversed phase encoding and no anatomical image, or correction is off"
        rows.append(not_measured(0, "distortion_max", "mm", why))
    elif distortion.status == "kept":
        why = f"no distortion beyond chance was seen, by {distortion.method}"
        rows.append(not_measured(0, "distortion_max", "mm", why))
    else:
        note = f"{distortion.status}, by {distortion.method}"
        rows.append(Measure(0, "distortion_max", distortion.max_mm, "mm", n, note=note))
    if alignment is None:
        why = "no anatomical image given, or registration is off"
        rows.append(not_measured(0, "anatomy_shift", "mm", why))
    else:
        rows.append(Measure(0, "anatomy_shift", alignment.shift_mm, "mm"))
    return rows
