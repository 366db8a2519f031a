"""Repeat scans of one digital leg, through the verbs of the command line up to the map.

Between scans the leg is put back by hand, so to say: moved by 3 mm and turned by 2 degrees (SD of
each axis), with other noise and the same field of view. Aponeuroses are not given. Stages run with
their defaults, corrections of what these scans have not (motion, eddy currents, distortion) among
them, since they move figures of real scans as well; only intervals are not asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from imaging.formats.nifti import save_image
from imaging.phantom.diffusion import diffusion_weighted, fsl_bvecs, weighting
from imaging.phantom.images import ECHO_TIMES_S, dixon_echoes, t1_weighted
from imaging.phantom.leg import Leg, covering_grid, make_leg, rotation_matrix
from imaging.phantom.mre_files import PROTOCOLS, write_mre
from imaging.phantom.writer import PRESETS, scan
from imaging.provenance import write_json

SNR = 40.0
MOVED_MM, TURNED_DEG = 3.0, 2.0
_SETTINGS = {
    "fibres": {"bootstrap": 0},
    "elastography": {"inversions": ["mdev", "ti"]},
}


def put_back(leg: Leg, rng: np.random.Generator) -> Leg:
    """Return the leg as it lies at another visit."""
    middle = leg.bounds_mm.mean(axis=0)
    move = np.eye(4)
    move[:3, :3] = rotation_matrix(np.deg2rad(rng.normal(0, TURNED_DEG, 3)))
    move[:3, 3] = middle - move[:3, :3] @ middle + rng.normal(0, MOVED_MM, 3)
    return replace(leg, pose=move @ leg.pose)


def write_scan(folder: Path, prefix: str, seed: int, visit: int) -> None:
    """Write T1-weighted image, gradient echoes, diffusion series and waves of one visit."""
    size = PRESETS["demo"]
    first = make_leg(seed, "right")
    rng = np.random.default_rng([seed, visit])
    leg = put_back(first, rng)
    for part in ("anat", "dwi"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    box = first.bounds_mm
    grid = covering_grid(box, size.anatomy_mm, (8.0, 8.0, 0.0))
    start = folder / "anat" / prefix
    save_image(t1_weighted([leg], grid, size.anatomy_split, SNR, rng), f"{start}_T1w.nii.gz")
    write_json(f"{start}_T1w.json", scan("T1-weighted digital leg", EchoTime=0.012))
    coarse = covering_grid(box, np.array(size.anatomy_mm) * (1.5, 1.5, 5 / 3), (8, 8, 0))
    echoes = dixon_echoes([leg], coarse, size.anatomy_split, SNR, rng)
    for number, images in enumerate(echoes, start=1):
        for part, image in zip(("mag", "phase"), images, strict=True):
            name = f"{start}_echo-{number}_part-{part}_MEGRE"
            unit = {"Units": "rad"} if part == "phase" else {}
            save_image(image, f"{name}.nii.gz")
            about = scan("Gradient echoes", EchoTime=ECHO_TIMES_S[number - 1], **unit)
            write_json(f"{name}.json", about)
    weights = weighting(size.directions, 500.0, size.b0, np.random.default_rng(7))
    slices = covering_grid(box, size.dwi_mm, (10.0, 10.0, 0.0))
    dwi, _ = diffusion_weighted(
        [leg], slices, weights, split=size.dwi_split, snr=SNR, rng=rng, motion=None,
        distortion_mm=0.0,
    )  # fmt: skip
    start = folder / "dwi" / f"{prefix}_dwi"
    save_image(dwi, f"{start}.nii.gz")
    np.savetxt(f"{start}.bval", weights.bvals[None], fmt="%g")
    np.savetxt(f"{start}.bvec", fsl_bvecs(weights.directions, slices.affine).T, fmt="%.7f")
    about = scan("Diffusion-weighted digital leg", EchoTime=0.055)
    write_json(f"{start}.json", about | {"PhaseEncodingDirection": "j", "TotalReadoutTime": 0.04})
    subject, session = (part.split("-")[1] for part in prefix.split("_"))
    write_mre(
        leg, folder, folder / "truth", subject=subject, session=session, seed=100 * seed + visit,
        **PROTOCOLS["demo"],
    )  # fmt: skip


def make_map(raw: Path, out: Path, prefix: str) -> None:
    """Run the stages on one visit; the map lies in ``out/map``."""
    scans = raw / "anat" / prefix
    labels = out / "anat" / f"{prefix}_seg-muscles_dseg.nii.gz"
    anat = out / "anat" / f"{prefix}_desc-preproc_anat.nii.gz"
    _verb("segment", "--anat", f"{scans}_T1w.nii.gz", "--out", out / "anat", "--prefix", prefix)
    echoes = [
        option
        for number in range(1, len(ECHO_TIMES_S) + 1)
        for option in ("--echo", f"{scans}_echo-{number}_part-mag_MEGRE.nii.gz")
    ]
    _verb("composition", *echoes, "--labels", labels, "--out", out / "comp", "--prefix", prefix)
    _verb("diffusion", "--dwi", raw / "dwi" / f"{prefix}_dwi.nii.gz", "--anat", anat,
          "--labels", labels, "--out", out / "dwi", "--prefix", prefix)  # fmt: skip
    _verb("fibres", "--tensor", out / "dwi" / f"{prefix}_desc-noisy_tensor.nii.gz",
          "--labels", labels, "--anat", anat, "--out", out / "fibre", "--prefix", prefix,
          "--no-page")  # fmt: skip
    waves = [
        option
        for path in sorted((raw / "mre").glob("*_part-phase_mre.nii.gz"))
        for option in ("--waves", path)
    ]
    fibre = out / "fibre" / prefix
    _verb("elastography", *waves, "--labels", labels, "--directions",
          f"{fibre}_desc-smooth_direction.nii.gz", "--dispersion",
          f"{fibre}_desc-dispersion_direction.nii.gz", "--out", out / "mre",
          "--prefix", prefix)  # fmt: skip
    folders = [
        option
        for stage, name in (("anat", "anat"), ("dwi", "dwi"), ("fibre", "fibre"),
                            ("comp", "comp"), ("mre", "mre"))
        for option in (f"--{stage}-dir", out / name)
    ]  # fmt: skip
    _verb("map", *folders, "--out", out / "map", "--prefix", prefix)


def visit(work: Path, seed: int, number: int) -> Path:
    """Return the folder of the map of a visit; made where it is not there yet."""
    prefix = f"sub-{seed:03d}_ses-{number:02d}"
    place = Path(*prefix.split("_"))
    folder = work / "out" / place / "map"
    if not (folder / f"{prefix}_measures.tsv").is_file():
        raw = work / "bids" / place
        if not any(raw.glob("mre/*")):
            write_scan(raw, prefix, seed, number)
        make_map(raw, work / "out" / place, prefix)
    return folder


def _verb(verb: str, *options: object) -> None:
    if any(Path(str(options[options.index("--out") + 1])).glob("*_notes.json")):
        return  # made before
    settings = ["--settings", json.dumps(_SETTINGS[verb])] if verb in _SETTINGS else []
    command = [sys.executable, "-m", "imaging", verb, *map(str, options), *settings]
    subprocess.run(command, check=True, capture_output=True)
