"""Per-voxel layers of the map, one stage after the other, on the map's grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.image import Image
from imaging.musclemap.activation import NOT_MEASURED, paint, painted_values
from imaging.musclemap.fusion import sample, sample_directions
from imaging.musclemap.inputs import Stages
from imaging.musclemap.stiffness import StiffnessMap, descriptions
from imaging.muscles import muscle_labels

DIFFUSION = {"fa": "FA", "md": "ADC", "ad": "AD", "rd": "RD"}
_TEXTS = {
    "anatomy": ("Anatomical image", "arbitrary"),
    "label": ("100 times side (1 left, 2 right) plus index in the catalogue", "1"),
    "confidence": ("Confidence of the label given at the voxel", "1"),
    "b0": ("Mean image without diffusion weighting", "arbitrary"),
    "b0_before": ("The same before distortion was corrected and it was registered", "arbitrary"),
    "snr": ("Signal-to-noise ratio of one volume without diffusion weighting", "1"),
    "fa": ("Fractional anisotropy", "1"),
    "md": ("Mean diffusivity", "mm2/s"),
    "ad": ("Axial diffusivity", "mm2/s"),
    "rd": ("Radial diffusivity", "mm2/s"),
    "e1": ("Main diffusion direction, world RAS+, no sign (points up)", "1"),
    "smooth_direction": ("Smoothed fibre direction, world RAS+, no sign (points up)", "1"),
    "dispersion": ("Dispersion of fibre direction about the smoothed one", "deg"),
    "fat_fraction": ("Share of fat in the signal of water and fat", "percent"),
    "t2": ("T2 of one exponential", "ms"),
    "activation_peak": ("Peak of the mean EMG cycle of the voxel's muscle, painted", "%"),
    "activation_peak_time": ("Place of that peak in the gait cycle, painted", "percent"),
}


def diffusion_layers(stages: Stages, labels: Image) -> dict[str, NDArray[np.float32]]:
    """Return what the diffusion stage gave: e1 inside muscles, figures inside the leg, b0."""
    leg = stages.image("dwi", "desc-leg_mask.nii.gz")
    out = {}
    b0 = stages.image("dwi", "desc-b0_dwiref.nii.gz")
    if b0 is not None:
        out["b0"] = sample(b0, labels)
    before = _b0_before(stages, b0)
    if before is not None:
        out["b0_before"] = sample(before, labels)
    snr = stages.image("dwi", "desc-snr_dwimap.nii.gz")
    if snr is not None and snr.data.any():  # zero everywhere: the noise is not known
        out["snr"] = sample(snr, labels, leg)
    for name, suffix in DIFFUSION.items():
        image = stages.image("dwi", f"desc-wls_{suffix}.nii.gz")
        if image is not None:
            out[name] = sample(image, labels, leg)
    e1 = stages.image("dwi", "desc-wls_e1.nii.gz", ndim=4)
    if e1 is not None:
        out["e1"] = sample_directions(e1, labels, leg, _muscles(labels))
    return out


def _b0_before(stages: Stages, b0: Image | None) -> Image | None:
    """Return b0 as the scanner placed it; None where nothing was corrected or moved."""
    before = stages.image("dwi", "desc-b0uncorrected_dwiref.nii.gz")
    facts = next((n.facts for n in stages.notes() if n.stage == "diffusion"), {})
    moved = facts.get("anatomy_alignment") == "registered"
    if before is None or b0 is None or not (moved or not np.array_equal(before.data, b0.data)):
        return None
    back = np.linalg.inv(np.array(facts["anatomy_transform"])) if moved else np.eye(4)
    return Image(before.data, back @ before.affine)


def _muscles(labels: Image) -> NDArray[np.bool_]:
    return np.isin(labels.data, muscle_labels(labels.data))


def direction_layers(stages: Stages, labels: Image) -> dict[str, NDArray[np.float32]]:
    """Return the smoothed direction and its dispersion inside muscles."""
    smooth = stages.image("fibre", "desc-smooth_direction.nii.gz", ndim=4)
    if smooth is None:
        return {}
    known = smooth.with_data(np.linalg.norm(smooth.data, axis=-1) > 0.5)
    inside = _muscles(labels)
    out = {"smooth_direction": sample_directions(smooth, labels, known, inside)}
    dispersion = stages.image("fibre", "desc-dispersion_direction.nii.gz")
    if dispersion is not None:
        out["dispersion"] = np.where(inside, sample(dispersion, labels, known), np.nan)
    return {name: data.astype(np.float32) for name, data in out.items()}


def composition_layers(stages: Stages, labels: Image) -> dict[str, NDArray[np.float32]]:
    """Return fat fraction and T2 where they are known."""
    out = {}
    fat, known = (stages.image("comp", f"desc-dixon_{x}.nii.gz") for x in ("FF", "mask"))
    if fat is not None and known is not None:
        out["fat_fraction"] = sample(fat, labels, known)
    t2 = stages.image("comp", "desc-mono_T2map.nii.gz")
    if t2 is not None:
        out["t2"] = sample(t2, labels, t2.with_data(t2.data > 0))
    return out


def activation_layers(
    labels: NDArray[np.integer[Any]], curves: pd.DataFrame
) -> dict[str, NDArray[np.float32]]:
    """Return EMG figures of each muscle painted on its voxels, NaN elsewhere."""
    out = {}
    for name, values in painted_values(curves).items():
        painted = paint(labels, values)
        out[name] = np.where(painted == NOT_MEASURED, np.nan, painted).astype(np.float32)
    return out


def array_descriptions(maps: Sequence[StiffnessMap]) -> dict[str, dict[str, Any]]:
    """Return description and unit of every array the map can hold."""
    out = {name: {"Description": t, "Units": u} for name, (t, u) in _TEXTS.items()}
    return out | descriptions(maps)
