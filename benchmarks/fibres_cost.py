"""Time and peak memory of ``pennate fibres``, with its page and viewer and without.

    python -m benchmarks.fibres_cost [--cases muscle leg] [--preset demo] [--repeats 1]
        [--threads 2]

A digital leg (SNR 25, no distortion), from its diffusion series: one gastrocnemius medialis as a
mask, and every muscle of the leg as a label map, each with `--page` and `--no-page`, all other
settings as they are by default. Each run is a process of its own: wall clock, processor time and
the largest resident memory of the process or of one it started.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from imaging.formats.nifti import load_labels, save_image
from imaging.muscles import label_of, muscle_labels


def inputs(folder: Path, preset: str) -> dict[str, list[str]]:
    """Write a digital leg, and return the arguments of each case."""
    made = [sys.executable, "-m", "imaging", "phantom", str(folder), "--preset", preset]
    subprocess.run([*made, "--snr", "25"], check=True, capture_output=True)
    labels = load_labels(folder / "derivatives/truth/sub-01/sub-01_dseg.nii.gz")
    muscles = np.where(np.isin(labels.data, muscle_labels(labels.data)), labels.data, 0)
    save_image(labels.with_data(muscles.astype(np.int16)), folder / "leg.nii.gz")
    mask = labels.data == label_of("GM", "right")
    save_image(labels.with_data(mask.astype(np.uint8)), folder / "gm.nii.gz")
    series = ["--dwi", str(folder / "sub-01/dwi/sub-01_dwi.nii.gz")]
    return {
        "muscle": [*series, "--mask", str(folder / "gm.nii.gz"), "--muscle", "right GM"],
        "leg": [*series, "--labels", str(folder / "leg.nii.gz")],
    }


def cost(arguments: list[str], threads: int) -> tuple[float, float, float]:
    """Return wall clock (s), processor time (s) and largest resident memory (MiB) of a run."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(threads),
    }
    command = [sys.executable, "-m", "imaging", "fibres", *arguments]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        run = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(run.pid, 0)
        wall = time.perf_counter() - start
        if status:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace"))
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=["muscle", "leg"], default=["muscle", "leg"])
    parser.add_argument("--preset", choices=["small", "demo", "full"], default="demo")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    print(
        f"{'case':10s}{'page':8s}{'wall s':>9s}{'processor s':>13s}{'peak MiB':>10s}{'html MB':>9s}"
    )
    with tempfile.TemporaryDirectory() as folder:
        cases = inputs(Path(folder), given.preset)
        for case in given.cases:
            for page in ("--page", "--no-page"):
                for number in range(given.repeats):
                    out = Path(folder, f"{case}{page}{number}")
                    spent = cost([*cases[case], page, "--out", str(out)], given.threads)
                    size = sum(p.stat().st_size for p in out.glob("*.html")) / 1e6
                    words = "with" if page == "--page" else "without"
                    row = f"{spent[0]:9.1f}{spent[1]:13.1f}{spent[2]:10.0f}{size:9.1f}"
                    print(f"{case:10s}{words:8s}{row}", flush=True)


if __name__ == "__main__":
    main()
