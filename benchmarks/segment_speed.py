"""Time and memory of ``pennate segment`` on one digital leg of 40 cm.

    python -m benchmarks.segment_speed [--threads 2] [--before a4f14b3] [--repeat 2]

Prints wall seconds, processor seconds and the largest resident memory of the whole command (start,
bias correction, localisation, network, refinement). With `--before` the build of an earlier commit
runs in turn with today's, and the least of each counts.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from imaging.formats.nifti import save_image
from imaging.phantom.images import t1_weighted
from imaging.phantom.leg import make_leg

ROOT = Path(__file__).parent.parent
CASES = {"1 x 1 x 5 mm": (1.0, 1.0, 5.0), "1 mm isotropic": (1.0, 1.0, 1.0)}
COMMAND = "import sys; from imaging.cli.app import main; sys.exit(main())"


def draw(spacing: tuple[float, float, float], path: Path) -> float:
    """Write the image of a leg; return its voxels in millions."""
    leg = make_leg(1, "right")
    grid = leg.grid(spacing)
    save_image(t1_weighted([leg], grid, (1, 1, 1), 40.0, np.random.default_rng(1)), path)
    return float(np.prod(grid.shape)) / 1e6


def run(build: Path, anat: Path, folder: Path, threads: int) -> tuple[float, float, float]:
    """Return wall seconds, processor seconds and GiB of one run of a build."""
    out = Path(tempfile.mkdtemp(dir=folder))
    command = [
        sys.executable, "-c", COMMAND, "segment", "--anat", str(anat), "--out", str(out),
        "--prefix", "leg",
    ]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=build, env=environment(build, folder, threads), stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{build}: segment ended with {process.returncode}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


def environment(build: Path, folder: Path, threads: int) -> dict[str, str]:
    """Return variables of a process that finds its modules compiled, as after installation."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(build),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }  # fmt: skip


def compare(builds: dict[str, Path], threads: int, repeat: int) -> None:
    """Print the table."""
    print(f"{'voxels':>16} {'build':>8} {'Mvoxel':>7} {'wall s':>7} {'cpu s':>6} {'GiB':>5}")
    for name, spacing in CASES.items():
        with tempfile.TemporaryDirectory() as own:
            folder = Path(own)
            voxels = draw(spacing, folder / "leg_T1w.nii.gz")
            took: dict[str, list[tuple[float, float, float]]] = {build: [] for build in builds}
            for turn in range(repeat + 1):
                for build, root in builds.items():
                    found = run(root, folder / "leg_T1w.nii.gz", folder, threads)
                    # The first one compiles.
                    took[build] += [found] if turn else []
            for build, runs in took.items():
                wall, used, memory = np.min(runs, axis=0)
                print(f"{name:>16} {build:>8} {voxels:7.1f} {wall:7.1f} {used:6.1f} {memory:5.2f}",
                      flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--before", help="Commit to compare with")
    parser.add_argument("--repeat", type=int, default=1)
    chosen = parser.parse_args()
    builds = {"today": ROOT}
    if not chosen.before:
        compare(builds, chosen.threads, chosen.repeat)
        return
    with tempfile.TemporaryDirectory() as name:
        before = Path(name) / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", str(before), chosen.before], check=True)
        try:
            compare({chosen.before: before, **builds}, chosen.threads, chosen.repeat)
        finally:
            subprocess.run([*git, "remove", "--force", str(before)], check=True)


if __name__ == "__main__":
    main()
