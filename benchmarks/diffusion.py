"""Error of FA, MD and fibre direction against the digital leg's truth, by noise and step.

Run ``python benchmarks/diffusion.py [--preset small|demo] [--snr 20 40]``; prints a table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from imaging.cli.diffusion import command
from imaging.formats.nifti import load_image, load_labels
from imaging.image import Image
from imaging.muscles import muscle_labels
from imaging.phantom.diffusion import EIGENVALUES
from imaging.phantom.writer import Request, write_phantom

VARIANTS = {
    "all steps": {},
    "no denoising": {"denoise": False},
    "no motion correction": {"motion": False},
}


def true_direction(truth: Path, like: Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return voxels (P, 3), true unit directions (P, 3) and labels (P,) well inside muscles."""
    labels = load_labels(truth / "sub-01_dseg.nii.gz")
    directions = load_image(truth / "sub-01_desc-truth_direction.nii.gz", ndim=4)
    muscles = np.where(np.isin(labels.data, muscle_labels(labels.data)), labels.data, 0)
    voxels = np.stack(np.meshgrid(*map(np.arange, like.shape), indexing="ij"), -1).reshape(-1, 3)
    # A voxel counts when its corners and centre lie in the same muscle: no partial volume.
    steps = [(0, 0, 0), *(np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1).T)]
    found = []
    for step in steps:
        there = np.rint(labels.to_voxels(like.to_world(voxels + step))).astype(int)
        inside = ((there >= 0) & (there < labels.shape)).all(1)
        there[~inside] = 0
        found.append(np.where(inside, muscles[tuple(there.T)], 0))
        if len(found) == 1:
            vectors = directions.data[tuple(there.T)]
    pure = (np.array(found) == found[0]).all(0) & (found[0] > 0)
    pure &= np.linalg.norm(vectors, axis=1) > 0.5
    return voxels[pure], vectors[pure], found[0][pure]


def errors(out: Path, truth: Path) -> dict[str, float]:
    """Return median absolute errors over the voxels inside muscles."""
    e1 = load_image(out / "sub-01_desc-wls_e1.nii.gz", ndim=4)
    fa = load_image(out / "sub-01_desc-wls_FA.nii.gz").data
    md = load_image(out / "sub-01_desc-wls_ADC.nii.gz").data
    voxels, vectors, _ = true_direction(truth, e1)
    index = tuple(voxels.T)
    cosine = np.abs(np.einsum("ij,ij->i", e1.data[index], vectors))
    angle = np.degrees(np.arccos(np.clip(cosine, 0, 1)))
    spread = EIGENVALUES - EIGENVALUES.mean()
    true_fa = np.sqrt(1.5 * np.square(spread).sum() / np.square(EIGENVALUES).sum())
    return {
        "voxels": len(voxels),
        "e1_median_deg": float(np.median(angle)),
        "e1_p90_deg": float(np.percentile(angle, 90)),
        "fa_abs": float(np.median(np.abs(fa[index] - true_fa))),
        "fa_bias": float(np.median(fa[index] - true_fa)),
        "md_abs_um2_ms": float(np.median(np.abs(md[index] - EIGENVALUES.mean())) * 1e3),
        "mask_miss": float((fa[index] == 0).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=("small", "demo"), default="small")
    parser.add_argument("--snr", type=float, nargs="+", default=[20.0, 40.0])
    parser.add_argument("--motion", type=float, default=0.0, help="mm and degrees")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    header = None
    for snr in options.snr:
        with tempfile.TemporaryDirectory() as folder:
            bids = Path(folder) / "bids"
            write_phantom(
                bids,
                Request(
                    preset=options.preset, snr=snr, motion_mm=options.motion, seed=options.seed,
                    mre=False, emg=False, dixon=False,
                ),
            )  # fmt: skip
            dwi = bids / "sub-01/dwi/sub-01_dwi.nii.gz"
            anat = bids / "sub-01/anat/sub-01_T1w.nii.gz"
            for name, settings in VARIANTS.items():
                if "motion" in settings and options.motion == 0:
                    continue
                out = Path(folder) / name.replace(" ", "-")
                start = time.perf_counter()
                command(dwi, out, "sub-01", anat=anat, settings=json.dumps(settings))
                seconds = time.perf_counter() - start
                notes = json.loads((out / "sub-01_desc-diffusion_notes.json").read_text())
                facts = notes["facts"]
                row = {
                    "snr": snr, "variant": name, "seconds": seconds,
                    **errors(out, bids / "derivatives/truth/sub-01"),
                    "shift_mm": facts["anatomy_shift_mm"], "table": facts["gradient_check"],
                }  # fmt: skip
                if header is None:
                    header = list(row)
                    print("\t".join(header))
                cells = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values())
                print("\t".join(cells), flush=True)


if __name__ == "__main__":
    main()
