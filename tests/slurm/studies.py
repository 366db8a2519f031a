"""Studies for clusters: a small digital leg with given labels, a second of work for each step."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from imaging.muscles import label_of

_SHAPE, _AFFINE = (56, 56, 30), np.diag([2.5, 2.5, 5.0, 1.0])
# Centre and radii in the plane, mm from the middle of the leg; T1-weighted brightness.
_PARTS = {"TIB": (8, 22, 13, 12, 180), "TA": (30, 15, 9, 14, 90), "SOL": (0, -18, 32, 16, 100)}


def leg() -> tuple[np.ndarray, np.ndarray]:
    """Return image and labels: fat around muscle, in which lie a bone and two named muscles."""
    x, y = (np.arange(n) * 2.5 - n * 1.25 for n in _SHAPE[:2])
    x, y = np.meshgrid(x, y, indexing="ij")
    image, labels = np.zeros(_SHAPE), np.zeros(_SHAPE, np.int16)
    image[np.hypot(x, y) < 62] = 220
    image[np.hypot(x, y) < 52] = 80
    for name, (left, front, wide, deep, bright) in _PARTS.items():
        inside = np.hypot((x - left) / wide, (y - front) / deep) < 1
        image[inside], labels[inside] = bright, label_of(name, "right")
    noise = np.random.default_rng(1).normal(0, 4, _SHAPE)
    return np.abs(image + noise).astype(np.float32), labels


def labelled(folder: Path, subjects: Sequence[str]) -> Path:
    """Write a BIDS folder of legs with all their labels."""
    image, labels = leg()
    for subject in subjects:
        anat = folder / f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz"
        drawn = folder / (
            f"derivatives/manual/sub-{subject}/anat/sub-{subject}_desc-manual_dseg.nii.gz"
        )
        for path, data in ((anat, image), (drawn, labels)):
            path.parent.mkdir(parents=True)
            nib.save(nib.Nifti1Image(data, _AFFINE), path)
    return folder


def noise(folder: Path, subject: str) -> None:
    """Add a subject whose image shows no leg."""
    path = folder / f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz"
    path.parent.mkdir(parents=True)
    values = np.random.default_rng(1).uniform(0, 100, (9, 8, 7)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.diag([2.0, 2.0, 2.0, 1.0])), path)
