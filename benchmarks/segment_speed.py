"""Time and memory of ``pennate segment`` on one digital leg of 40 cm.

``python -m benchmarks.segment_speed`` prints wall seconds, processor seconds and the largest
resident memory of the whole command (start, bias correction, localisation, network, refinement).
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from imaging.formats.nifti import save_image
from imaging.phantom.images import t1_weighted
from imaging.phantom.leg import make_leg

CASES = {"1 x 1 x 5 mm": (1.0, 1.0, 5.0), "1 mm isotropic": (1.0, 1.0, 1.0)}


def run(spacing: tuple[float, float, float], folder: Path, threads: int) -> tuple[float, ...]:
    leg = make_leg(1, "right")
    grid = leg.grid(spacing)
    path = folder / "leg_T1w.nii.gz"
    save_image(t1_weighted([leg], grid, (1, 1, 1), 40.0, np.random.default_rng(1)), path)
    command = [
        sys.executable, "-c", "import sys; from imaging.cli.app import main; sys.exit(main())",
        "segment", "--anat", str(path), "--out", str(folder / "out"), "--prefix", "leg",
    ]  # fmt: skip
    if not (folder / "bytecode").is_dir():
        subprocess.run(command, check=True, env=environment(folder, threads))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment(folder, threads))
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used, after.ru_maxrss / 2**20, float(np.prod(grid.shape)) / 1e6


def environment(folder: Path, threads: int) -> dict[str, str]:
    """Return variables of a process that finds its modules compiled, as after installation."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "OMP_NUM_THREADS": str(threads), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    print(f"{'voxels':>16} {'Mvoxel':>7} {'wall s':>7} {'cpu s':>6} {'GiB':>5}")
    for name, spacing in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            wall, used, memory, voxels = run(spacing, Path(folder), chosen.threads)
        print(f"{name:>16} {voxels:7.1f} {wall:7.1f} {used:6.1f} {memory:5.2f}", flush=True)


if __name__ == "__main__":
    main()
