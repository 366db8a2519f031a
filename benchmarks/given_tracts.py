"""Tracts of MRtrix3 measured by Pennate, against the truth of analytic muscles.

    python -m benchmarks.given_tracts [--scans thick fine] [--snr 20 40] [--tracts 4000]

`as tracked`: length of MRtrix3's own tract next to a point. `measured`: the same tracts cut at the
muscle's surface and aponeurosis, extended to them and measured (`pennate fibres --tracts`). `ours`:
fascicles from the tensors of the same scan. Median absolute errors over 3,000 points spread evenly
through the muscle, each against the true fascicle through it; bias of the mean length.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.spatial import cKDTree

from benchmarks._muscles import MUSCLES, Muscle, trace
from benchmarks.architecture import LABEL, MASK_TURN, SCANS, centres, draw, empty, signals
from imaging.architecture.given_tracts import measure_tracts
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.architecture.packed import lengths
from imaging.config import FibreSettings
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import fit_tensor
from imaging.formats.tracts import Tracts, load_tracts
from imaging.image import Image
from imaging.io.gradients import write_gradients
from imaging.phantom.diffusion import weighting
from imaging.phantom.images import rician


def track(folder: Path, dwi: Image, table: GradientTable, mask: Image, count: int) -> Tracts:
    """Return tracts of MRtrix3 from seeds spread through the mask."""
    for name, image in {"dwi": dwi, "mask": mask}.items():
        data = image.data.astype(np.float32 if name == "dwi" else np.uint8)
        nib.save(nib.Nifti1Image(data, image.affine), folder / f"{name}.nii")
    write_gradients(table, dwi.affine, folder / "bval", folder / "bvec")
    words = "tckgen -algorithm Tensor_Det -seed_image mask.nii -mask mask.nii -fslgrad bvec bval"
    limits = f"-step 0.5 -angle 5 -cutoff 0.05 -minlength 8 -maxlength 250 -select {count}"
    more = "-nthreads 0 -force -quiet dwi.nii t.tck"
    command = [*words.split(), *limits.split(), *more.split()]
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "MRTRIX_RNG_SEED": "1"})
    return load_tracts(folder / "t.tck")


def errors(muscle: Muscle, points: np.ndarray, of: np.ndarray, values: np.ndarray) -> str:
    """Return errors of tract `of` each point, with rows length[, pennation, pennation]."""
    length, pennation, _ = trace(muscle, points)
    text = f"{np.median(np.abs(values[of, 0] - length)):10.2f}"
    text += f"{np.mean(values[of, 0]) - np.mean(length):10.2f}"
    if values.shape[1] > 1:
        text += f"{np.median(np.abs(values[of, 1:] - pennation)):14.2f}"
    return text


def of_result(muscle: Muscle, points: np.ndarray, result: MuscleArchitecture) -> str:
    table = result.fascicles.table
    columns = ["length_mm", "pennation_start_deg", "pennation_end_deg"]
    counts = np.diff(result.fascicles.offsets)
    _, nearest = cKDTree(result.fascicles.points).query(points)
    of = np.repeat(np.arange(len(table)), counts)[nearest]
    return errors(muscle, points, of, table[columns].to_numpy(float))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--muscles", nargs="+", default=["unipennate", "bipennate"])
    parser.add_argument("--scans", nargs="+", default=["thick", "fine"], choices=list(SCANS))
    parser.add_argument("--snr", type=float, nargs="+", default=[20.0, 40.0])
    parser.add_argument("--tracts", type=int, default=4000)
    given = parser.parse_args()
    if not shutil.which("tckgen"):
        print("MRtrix3 is not installed, skipped")
        return
    warnings.simplefilter("ignore")
    settings = FibreSettings(bootstrap=0)
    print(f"{'':44s} length mm   bias mm  pennation deg")
    for name in given.muscles:
        muscle, label = MUSCLES[name](), LABEL[name]
        points = np.random.default_rng(1).uniform(-1, 1, (60_000, 3)) * muscle.half
        points = points[muscle.room(points) > 0][:3000]
        mask, sheets = draw(muscle, empty(muscle, (1.0, 1.0, 1.0), MASK_TURN))
        for key in given.scans:
            spacing, turn, directions, split, _ = SCANS[key]
            grid = empty(muscle, spacing, turn)
            weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
            table = GradientTable(weights.bvals, weights.directions)
            clean = signals(muscle, grid, weights, split)
            inside = grid.with_data((muscle.room(centres(grid)) > 0).reshape(grid.shape))
            for snr in given.snr:
                noisy = 300 * rician(clean, 1 / snr, np.random.default_rng([1, int(snr)]))
                dwi = Image(noisy.astype(np.float32), grid.affine)
                with tempfile.TemporaryDirectory() as folder:
                    tracts = track(Path(folder), dwi, table, inside, given.tracts)
                of = np.repeat(np.arange(len(tracts)), np.diff(tracts.offsets))
                _, nearest = cKDTree(tracts.points).query(points)
                plain = lengths(tracts.points, tracts.offsets)[:, None]
                tensor = grid.with_data(fit_tensor(noisy, table, np.ones(grid.shape, bool)).tensor)
                rows = {
                    "MRtrix3 as tracked": errors(muscle, points, of[nearest], plain),
                    "MRtrix3, measured": of_result(
                        muscle, points, measure_tracts(label, mask, tracts, settings, sheets)
                    ),
                    "ours": of_result(
                        muscle, points, reconstruct_muscle(label, mask, tensor, settings, sheets)
                    ),
                }
                for way, row in rows.items():
                    print(f"{name:11s}{key:6s}SNR {snr:<4g}{way:20s}{row}", flush=True)


if __name__ == "__main__":
    main()
