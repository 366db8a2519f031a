"""Wall time of the tensor fit and of tracking beside MRtrix3's, and of `pennate fibres`.

    python -m benchmarks.speed [--parts tensor tracking fibres] [--repeats 5] [--preset demo]
        [--against FOLDER] [--threads 2]

Tensor: `dwi2tensor` reads, fits by weighted least squares with two reweightings and writes; the
same command on one voxel tells what start, reading and writing cost. Ours: arrays in memory, with
eigenvectors and residuals too; `plain` does what `dwi2tensor` does, `robust` also leaves outliers
out. Tracking: `tckgen -algorithm Tensor_Det` with the same step, angle and least length, first
order (its faster way); ours is fourth order and ends on the surface. Compilation (once per
installation, kept on disk) is told apart. Best of the repeats counts. Use an idle machine.
`--against` a folder with the source of another build: `pennate fibres` of both in one run, ours
without page and viewer, which older builds do not make, and with them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from benchmarks._muscles import unipennate
from benchmarks.architecture import SCANS, centres, empty, signals
from imaging.architecture.ends import build_walls
from imaging.architecture.seeds import spread_seeds
from imaging.architecture.tracking import MET_SURFACE, track
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import fit_tensor
from imaging.geometry import mask_surface
from imaging.image import Image
from imaging.io.gradients import write_gradients
from imaging.phantom.diffusion import weighting
from imaging.phantom.images import rician
from imaging.phantom.writer import Request, write_phantom

STEP_MM, ANGLE_DEG_PER_MM, LEAST_MM, MOST_MM = 0.5, 10.0, 8.0, 250.0
SNR = 20.0


def cpu_seconds() -> float:
    """Return processor time of this process and of the commands that it ran."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def best(work: Callable[[], object], repeats: int) -> np.ndarray:
    """Return the shortest wall time and processor time (2,) in seconds."""
    times = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), cpu_seconds()
        work()
        times.append((time.perf_counter() - wall, cpu_seconds() - cpu))
    return np.min(times, axis=0)


def show(name: str, seconds: np.ndarray, ratio: np.ndarray | None = None) -> None:
    """Print wall and processor time, and what share of another's they are."""
    text = f"  {name:42s}{seconds[0]:8.3f} s wall {seconds[1]:8.3f} s processor"
    if ratio is not None:
        text += f"   ours/theirs {ratio[0]:.2f} wall {ratio[1]:.2f} processor"
    print(text, flush=True)


def scan(folder: Path) -> tuple[Image, GradientTable, Image]:
    """Write a noisy scan of a muscle for MRtrix3; return it, its table and the muscle's mask."""
    muscle = unipennate()
    spacing, turn, directions, *_ = SCANS["fine"]
    grid = empty(muscle, spacing, turn)
    weights = weighting(directions, 500.0, 4, np.random.default_rng(7))
    clean = signals(muscle, grid, weights, (1, 1, 1))
    noisy = 300 * rician(clean, 1 / SNR, np.random.default_rng(1))
    image = Image(noisy.astype(np.float32), grid.affine)
    table = GradientTable(weights.bvals, weights.directions)
    mask = grid.with_data((muscle.room(centres(grid)) > 0).reshape(grid.shape))
    one = np.zeros(grid.shape, bool)
    one[tuple(s // 2 for s in grid.shape)] = True
    for name, data in {"dwi": image.data, "mask": mask.data, "one": one}.items():
        data = data.astype(np.float32 if name == "dwi" else np.uint8)
        nib.save(nib.Nifti1Image(data, grid.affine), folder / f"{name}.nii")
    write_gradients(table, grid.affine, folder / "bval", folder / "bvec")
    return image, table, mask


def mrtrix(folder: Path, *words: str | int | float) -> Callable[[], object]:
    """Return a call of an MRtrix3 command in a folder."""
    command = [*map(str, words), "-fslgrad", "bvec", "bval", "-force", "-quiet"]
    return lambda: subprocess.run(command, cwd=folder, check=True)


def tensor(folder: Path, image: Image, table: GradientTable, threads: int, repeats: int) -> None:
    """Print the time of the fit in every voxel of the image."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    whole = np.ones(image.shape, bool)
    corner = (slice(2),) * 3
    first = best(lambda: fit_tensor(image.data[corner], table, whole[corner]), 1)
    plain = best(lambda: fit_tensor(image.data, table, whole, robust=False), repeats)
    robust = best(lambda: fit_tensor(image.data, table, whole), repeats)
    print(f"tensor, {whole.sum()} voxels, {len(table.bvals)} volumes, {threads} threads")
    show("ours, first call (compiled or loaded)", first)
    show("ours, plain", plain)
    show("ours, robust", robust)
    if not shutil.which("dwi2tensor"):
        print("  dwi2tensor: MRtrix3 is not installed, skipped")
        return
    use = ("-nthreads", threads if threads > 1 else 0)  # 0: no thread beside the main one
    theirs = best(mrtrix(folder, "dwi2tensor", *use, "dwi.nii", "dt.nii"), repeats)
    one = best(mrtrix(folder, "dwi2tensor", *use, "-mask", "one.nii", "dwi.nii", "x.nii"), repeats)
    show("dwi2tensor against plain", theirs, plain / theirs)
    show("dwi2tensor against robust", theirs, robust / theirs)
    show("dwi2tensor less one voxel, against plain", theirs - one, plain / (theirs - one))
    show("dwi2tensor less one voxel, against robust", theirs - one, robust / (theirs - one))


def tracking(folder: Path, image: Image, table: GradientTable, mask: Image, repeats: int) -> None:
    """Print the time of tracking, per 1,000 streamlines accepted."""
    fit = fit_tensor(image.data, table, np.ones(image.shape, bool), robust=False)
    smooth = np.stack([ndimage.gaussian_filter(fit.tensor[..., c], 2.0) for c in range(6)], -1)
    full = smooth[..., [0, 1, 3, 1, 2, 4, 3, 4, 5]].reshape(*image.shape, 3, 3)
    vectors = np.linalg.eigh(full)[1][None, ..., 2]
    points, faces = mask_surface(mask.data, mask.affine)
    walls, _ = build_walls(points, faces, ())
    seeds = spread_seeds(points, faces, 2.5, np.random.default_rng(1))
    ours = {}

    def run() -> None:
        ours["lines"] = track(
            seeds, vectors, np.empty((0, *image.shape)), image.affine, walls,
            first_end=np.array([0.0, 0.0, -1.0]), step_mm=STEP_MM,
            max_angle_deg_per_mm=ANGLE_DEG_PER_MM, max_length_mm=MOST_MM,
        )  # fmt: skip

    first = best(run, 1)
    took = best(run, repeats)
    accepted = int((ours["lines"].stop == MET_SURFACE).all(axis=1).sum())
    took *= 1000 / accepted
    print(
        f"tracking per 1,000 accepted, step {STEP_MM} mm, {len(seeds)} seeds, {accepted} accepted"
    )
    show("ours, first call (compiled or loaded), all", first)
    show("ours, 1 thread", took)
    if not shutil.which("tckgen"):
        print("  tckgen: MRtrix3 is not installed, skipped")
        return
    for threads in (1, 2):
        theirs = []
        for count in (10, 10 + accepted):
            words = ("-algorithm", "Tensor_Det", "-seed_image", "mask.nii", "-mask", "mask.nii")
            limits = ("-step", STEP_MM, "-angle", ANGLE_DEG_PER_MM * STEP_MM, "-cutoff", 0.05)
            lengths = ("-minlength", LEAST_MM, "-maxlength", MOST_MM, "-select", count)
            call = mrtrix(
                folder, "tckgen", *words, *limits, *lengths, "-nthreads", threads, "dwi.nii",
                "tracks.tck",
            )  # fmt: skip
            theirs.append(best(call, repeats))
        other = (theirs[1] - theirs[0]) * 1000 / accepted
        show(f"tckgen Tensor_Det, {threads} threads", other, took / other)


def verb(
    code: Path, stage: str, options: list[str | Path], out: Path, threads: int
) -> tuple[float, float, float]:
    """Run a verb of the source in a folder; return wall and processor time, s, and peak, GiB."""
    command = [sys.executable, "-m", "imaging", stage, *map(str, options)]
    command += ["--out", str(out), "--prefix", "sub-01"]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=code, stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(code)},
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    if status:
        sys.exit(f"pennate {stage} of {code} failed")
    peak = usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return took, usage.ru_utime + usage.ru_stime, peak


def difference(ours: Path, theirs: Path) -> str:
    """Return how far the muscles' figures of two runs lie apart, largest over all muscles."""
    name, keys = "sub-01_desc-fibres_measures.tsv", ["label", "measure"]
    tables = [pd.read_csv(f / name, sep="\t").set_index(keys)["value"] for f in (ours, theirs)]
    both = pd.concat(tables, axis=1, keys=["ours", "theirs"], join="inner").dropna()
    apart = (both["ours"] - both["theirs"]).abs().groupby("measure").max()
    wanted = [m for m in apart.index if "length" in m or "pennation" in m]
    return ", ".join(f"{m} {apart[m]:.2g}" for m in wanted)


def fibres(folder: Path, preset: str, other: Path | None, threads: int, repeats: int) -> None:
    """Print time and peak memory of the whole stage for one digital leg, beside another build's."""
    bids = folder / "bids"
    wanted = Request(preset=preset, mre=False, emg=False, dixon=False)  # type: ignore[arg-type]
    write_phantom(bids, wanted)
    anat = bids / "sub-01/anat/sub-01_T1w.nii.gz"
    dwi = bids / "sub-01/dwi/sub-01_dwi.nii.gz"
    labels = bids / "derivatives/truth/sub-01/sub-01_dseg.nii.gz"
    here = Path(__file__).parents[1]
    cleaned = folder / "diffusion"
    took = verb(here, "diffusion", ["--dwi", dwi, "--anat", anat], cleaned, threads)
    print(f"one leg, preset {preset}, {threads} threads; best of {repeats} after a first run")
    print(f"pennate diffusion: {took[1]:.1f} s processor, {took[2]:.2f} GiB")
    given: list[str | Path] = [
        "--tensor",
        cleaned / "sub-01_desc-noisy_tensor.nii.gz",
        "--labels",
        labels,
    ]
    ways: dict[str, tuple[Path, list[str | Path]]] = {"ours, with page": (here, given)}
    if other is not None:
        ways = {"theirs": (other, given), "ours": (here, [*given, "--no-page"]), **ways}
    least = {}
    for name, (code, options) in ways.items():
        # The first run may compile.
        runs = [verb(code, "fibres", options, folder / name, threads) for _ in range(1 + repeats)]
        least[name] = np.min(runs[1:], axis=0)
        wall, cpu, peak = least[name]
        text = f"pennate fibres, {name:16s}{wall:7.1f} s wall {cpu:7.1f} s processor {peak:.2f} GiB"
        if "theirs" in least and name != "theirs":
            wall, cpu, peak = least[name] / least["theirs"]
            text += f"   of theirs {wall:.2f} wall {cpu:.2f} processor {peak:.2f} memory"
        print(text, flush=True)
    if other is not None:
        print("largest differences of a muscle:", difference(folder / "ours", folder / "theirs"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ["tensor", "tracking", "fibres"]
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--against", type=Path, help="source of another build, for `fibres`")
    parser.add_argument("--threads", type=int, default=2, help="of `fibres`")
    parser.add_argument("--preset", default="demo", choices=("small", "demo"))
    given = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load before the start {load:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.parts != ["fibres"]:
            image, table, mask = scan(folder)
        if "tensor" in given.parts:
            for threads in (1, 2):
                tensor(folder, image, table, threads, given.repeats)
        if "tracking" in given.parts:
            tracking(folder, image, table, mask, given.repeats)
        if "fibres" in given.parts:
            repeats = min(given.repeats, 2)
            fibres(folder, given.preset, given.against, given.threads, repeats)


if __name__ == "__main__":
    main()
