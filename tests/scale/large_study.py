"""A study of many sessions: one small phantom leg under many labels, five of them broken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

T1W = "anat/{}_T1w.nii.gz"
LABELS = "derivatives/manual/{0}/anat/{0}_desc-manual_dseg.nii.gz"
LEG = ("--preset", "small", "--seed", "1", "--no-dwi", "--no-mre", "--no-dixon",
       "--no-aponeuroses")  # fmt: skip


def drawn(bids: Path, prefix: str) -> None:
    """Take the true labels of a phantom leg for labels that a person drew."""
    target = bids / LABELS.format(prefix)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(bids / f"derivatives/truth/{prefix}/{prefix}_dseg.nii.gz", target)


def copies(leg: Path, study: Path, n: int, with_emg: int = 10) -> list[str]:
    """Write a study of `n` subjects that are all ``sub-01`` of `leg` (hard links).

    One in `with_emg` has its recording; the others were only imaged.
    """
    study.mkdir()
    os.link(leg / "dataset_description.json", study / "dataset_description.json")
    prefixes = [f"sub-{number:03d}" for number in range(1, n + 1)]
    for place, prefix in enumerate(prefixes):
        for base in ("sub-01", "derivatives/manual/sub-01"):
            for source in (p for p in (leg / base).rglob("*") if p.is_file()):
                if source.parent.name == "emg" and place % with_emg != with_emg // 2:
                    continue
                target = study / str(source.relative_to(leg)).replace("sub-01", prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, target)
    return prefixes


def replaced(path: Path, content: bytes) -> None:
    """Give a file other content; others that were linked to it keep theirs."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def noise(study: Path, prefix: str) -> None:
    """Take noise for the anatomical image, and its drawn labels away."""
    (study / LABELS.format(prefix)).unlink()
    image = nib.load(study / prefix / T1W.format(prefix))
    values = np.random.default_rng(1).uniform(0, 100, image.shape).astype(np.float32)
    (study / prefix / T1W.format(prefix)).unlink()
    nib.save(nib.Nifti1Image(values, image.affine), study / prefix / T1W.format(prefix))


def cut(study: Path, prefix: str) -> None:
    """Cut the anatomical image off, as a broken copy does."""
    path = study / prefix / T1W.format(prefix)
    replaced(path, path.read_bytes()[:-5000])


def empty(study: Path, prefix: str) -> None:
    """Leave nothing of the anatomical image."""
    replaced(study / prefix / T1W.format(prefix), b"")


def mismatch(study: Path, prefix: str) -> None:
    """Add diffusion images that have fewer b-values than volumes."""
    image = nib.load(study / prefix / T1W.format(prefix))
    folder = study / prefix / "dwi"
    folder.mkdir()
    volumes = np.repeat(np.asarray(image.dataobj)[..., None], 8, axis=-1)
    nib.save(nib.Nifti1Image(volumes, image.affine), folder / f"{prefix}_dwi.nii.gz")
    (folder / f"{prefix}_dwi.bval").write_text("0 500 500 500 500 500 500\n")
    (folder / f"{prefix}_dwi.bvec").write_text("\n".join(["0 1 0 0 1 0 0"] * 3) + "\n")


def elsewhere(study: Path, prefix: str) -> None:
    """Move the drawn labels half a metre away from the leg."""
    path = study / LABELS.format(prefix)
    image = nib.load(path)
    affine = image.affine.copy()
    affine[0, 3] += 500.0
    labels = np.asarray(image.dataobj)
    path.unlink()
    nib.save(nib.Nifti1Image(labels, affine), path)


#: What breaks a session, and words of the sentence that must explain it.
BREAKS: dict[Callable[[Path, str], None], str] = {
    noise: "shows no leg",
    cut: "truncated",
    empty: "an empty file",
    mismatch: "7 b-values",
    elsewhere: "does not overlap",
}
