"""Studies for clusters: legs with given labels, a second of work for each step."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

_MANUAL = "derivatives/manual"


def labelled(phantom: Path, folder: Path, subjects: Sequence[str], step: int = 2) -> Path:
    """Write a BIDS folder of the phantom's anatomy and labels, on every n-th voxel of its grid."""
    for subject in subjects:
        anat = folder / f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz"
        drawn = folder / f"{_MANUAL}/sub-{subject}/anat/sub-{subject}_desc-manual_dseg.nii.gz"
        truth = phantom / "derivatives/truth/sub-01/sub-01_dseg.nii.gz"
        for source, target in (
            (phantom / "sub-01/anat/sub-01_T1w.nii.gz", anat),
            (truth, drawn),
        ):
            target.parent.mkdir(parents=True, exist_ok=True)
            image = nib.load(source).slicer[::step, ::step, :]
            nib.save(image, target)
        shutil.copy(
            truth.with_name("sub-01_dseg.tsv"),
            drawn.with_name(f"sub-{subject}_desc-manual_dseg.tsv"),
        )
    for name in ("dataset_description.json", f"{_MANUAL}/dataset_description.json"):
        shutil.copy(phantom / name, folder / name)
    return folder


def noise(folder: Path, subject: str) -> None:
    """Add a subject whose image shows no leg."""
    path = folder / f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz"
    path.parent.mkdir(parents=True)
    values = np.random.default_rng(1).uniform(0, 100, (9, 8, 7)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.diag([2.0, 2.0, 2.0, 1.0])), path)
