"""Write digital legs as a BIDS data set, with their truth in ``derivatives/truth``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from imaging import __version__
from imaging.errors import OutputError
from imaging.formats.nifti import save_image
from imaging.formats.tsv import write_rows
from imaging.image import Image
from imaging.measures import write_measures
from imaging.muscles import LOOKUP, Side, label_of, lookup_rows
from imaging.phantom.diffusion import (
    Weighting,
    diffusion_signal,
    diffusion_weighted,
    draw_motion,
    fsl_bvecs,
    noisy_magnitude,
    reversed_field,
    weighting,
)
from imaging.phantom.emg_session import write_walking
from imaging.phantom.images import (
    ECHO_TIMES_S,
    FIELD_T,
    Split,
    direction_image,
    dixon_echoes,
    label_image,
    sheet_image,
    t1_weighted,
)
from imaging.phantom.leg import Leg, covering_grid, make_leg, rotation_matrix
from imaging.phantom.mre_files import PROTOCOLS, write_mre
from imaging.phantom.truth import fascicle_table, muscle_points, true_measures
from imaging.phantom.ultrasound_files import write_ultrasound
from imaging.provenance import staged, write_json

PresetName = Literal["small", "demo", "full"]


@dataclass(frozen=True)
class Preset:
    """Voxel sizes in mm, samples per voxel, and number of gradient directions."""

    anatomy_mm: tuple[float, float, float]
    anatomy_split: Split
    dwi_mm: tuple[float, float, float]
    dwi_split: Split
    directions: int
    b0: int
    truth_points: int


PRESETS: dict[PresetName, Preset] = {
    "small": Preset((2.0, 2.0, 6.0), (2, 2, 2), (3.0, 3.0, 7.5), (2, 2, 2), 10, 2, 60),
    "demo": Preset((1.0, 1.0, 3.0), (2, 2, 2), (2.0, 2.0, 5.0), (3, 3, 3), 16, 3, 400),
    "full": Preset((0.8, 0.8, 2.0), (2, 2, 2), (1.8, 1.8, 4.0), (3, 3, 3), 32, 4, 1500),
}


@dataclass(frozen=True)
class Request:
    """What is asked for; see the options of ``pennate phantom``."""

    seed: int = 1
    subject: str = "01"
    session: str | None = None
    side: Literal["left", "right", "both"] = "right"
    preset: PresetName = "demo"
    variation: float = 1.0
    snr: float = 40.0
    motion_mm: float = 0.0
    distortion_mm: float = 0.0
    fmap: bool = False
    oblique_deg: float = 0.0
    dixon: bool = True
    dwi: bool = True
    mre: bool = True
    us: bool = False
    emg: bool = True
    aponeuroses: bool = True

    @property
    def sides(self) -> tuple[Side, ...]:
        """Legs in the field of view."""
        return ("left", "right") if self.side == "both" else (self.side,)

    @property
    def prefix(self) -> str:
        """Start of every file name."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def folder(self) -> Path:
        """Folder of the subject (and session) inside the data set."""
        return Path(f"sub-{self.subject}", *([f"ses-{self.session}"] if self.session else []))


def write_phantom(out: Path, request: Request) -> None:
    """Write one subject into a new or existing data set.

    Raises
    ------
    OutputError
        The subject is there already, or the folder cannot be written.
    """
    if (out / request.folder).exists():
        raise OutputError(
            "holds this subject already", out / request.folder,
            "Choose another --subject or folder, or delete it first",
        )  # fmt: skip
    legs = [make_leg(request.seed, side, request.variation) for side in request.sides]
    with staged(out, "phantom") as scratch:
        raw = scratch / request.folder
        truth = scratch / "derivatives" / "truth" / request.folder
        for folder in (raw / "anat", truth):
            folder.mkdir(parents=True)
        labels = write_anatomy(raw / "anat", truth, legs, request)
        if request.aponeuroses:
            write_aponeuroses(scratch / "derivatives" / "manual", legs, labels, request)
        write_architecture(truth, legs, request)
        if request.dwi:
            (raw / "dwi").mkdir()
            write_diffusion(raw / "dwi", truth, legs, request)
        if request.mre:
            write_mre(
                legs[-1], raw, truth, subject=request.subject, session=request.session,
                seed=request.seed, **PROTOCOLS[request.preset],
            )  # fmt: skip
        if request.us:
            write_ultrasound(
                legs[-1], raw, truth, subject=request.subject, session=request.session,
                seed=request.seed, preset="small" if request.preset == "small" else "demo",
            )  # fmt: skip
        if request.emg:
            write_walking(
                raw, truth, subject=request.subject, session=request.session, seed=request.seed,
                preset=request.preset,
            )  # fmt: skip
        write_dataset(out, scratch, request)


def stream(request: Request, part: str) -> np.random.Generator:
    """Return the random numbers of one part, which do not depend on what other parts draw."""
    return np.random.default_rng([request.seed, *part.encode()])


def bounds(legs: Sequence[Leg]) -> np.ndarray:
    """Return the world box (2, 3) in mm around all legs."""
    boxes = np.stack([leg.bounds_mm for leg in legs])
    return np.stack([boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)])


def write_anatomy(anat: Path, truth: Path, legs: Sequence[Leg], request: Request) -> Image:
    """Write the T1-weighted image, the echoes, and the true labels and directions on its grid.

    Returns the true labels.
    """
    size = PRESETS[request.preset]
    grid = covering_grid(bounds(legs), size.anatomy_mm, (8.0, 8.0, 0.0))
    name = f"{request.prefix}_T1w"
    image = t1_weighted(legs, grid, size.anatomy_split, request.snr, stream(request, "T1w"))
    save_image(image, anat / f"{name}.nii.gz")
    write_json(anat / f"{name}.json", scan("T1-weighted digital leg", EchoTime=0.012))
    labels = label_image(legs, grid)
    save_image(labels, truth / f"{request.prefix}_dseg.nii.gz")
    write_rows(LOOKUP, lookup_rows(labels.data), truth / f"{request.prefix}_dseg.tsv")
    directions = direction_image(legs, labels)
    save_image(directions, truth / f"{request.prefix}_desc-truth_direction.nii.gz")
    if request.dixon:
        write_echoes(anat, legs, request)
    return labels


def write_echoes(anat: Path, legs: Sequence[Leg], request: Request) -> None:
    """Write magnitude and phase of the gradient echoes."""
    size = PRESETS[request.preset]
    coarse = covering_grid(bounds(legs), np.array(size.anatomy_mm) * (1.5, 1.5, 5 / 3), (8, 8, 0))
    rng = stream(request, "MEGRE")
    echoes = dixon_echoes(legs, coarse, size.anatomy_split, request.snr, rng)
    for number, (magnitude, phase) in enumerate(echoes, start=1):
        name = f"{request.prefix}_echo-{number}"
        about = scan("Gradient-echo digital leg", EchoTime=ECHO_TIMES_S[number - 1])
        save_image(magnitude, anat / f"{name}_part-mag_MEGRE.nii.gz")
        write_json(anat / f"{name}_part-mag_MEGRE.json", about)
        save_image(phase, anat / f"{name}_part-phase_MEGRE.nii.gz")
        write_json(anat / f"{name}_part-phase_MEGRE.json", {**about, "Units": "rad"})


def write_aponeuroses(manual: Path, legs: Sequence[Leg], labels: Image, request: Request) -> None:
    """Write the internal aponeuroses of TA and SOL as if drawn by hand on the T1-weighted image."""
    folder = manual / request.folder / "anat"
    folder.mkdir(parents=True)
    for leg in legs:
        for label in (label_of("TA", leg.side), label_of("SOL", leg.side)):
            name = f"{request.prefix}_desc-manual_label-{label}_aponeurosis.nii.gz"
            save_image(sheet_image(leg, labels, label), folder / name)


def write_architecture(truth: Path, legs: Sequence[Leg], request: Request) -> None:
    """Write the true measures of every muscle and the traced fascicles behind them."""
    measures, tables = [], []
    for leg in legs:
        inside = muscle_points(leg)
        tables.append(fascicle_table(leg, inside, PRESETS[request.preset].truth_points))
        measures += true_measures(leg, inside, tables[-1])
    write_measures(measures, truth / f"{request.prefix}_desc-truth_measures.tsv")
    path = truth / f"{request.prefix}_desc-truth_fascicles.tsv"
    pd.concat(tables).to_csv(path, sep="\t", index=False, float_format="%.4f")


def write_diffusion(folder: Path, truth: Path, legs: Sequence[Leg], request: Request) -> None:
    """Write the diffusion-weighted series with its table, and the true motion and distortion."""
    size, rng = PRESETS[request.preset], stream(request, "dwi")
    turn = rotation_matrix(np.deg2rad(request.oblique_deg) * np.array([1.0, -0.6, 0.4]))
    grid = covering_grid(bounds(legs), size.dwi_mm, (10.0, 10.0, 0.0), turn)
    weights = weighting(size.directions, 500.0, size.b0, rng)
    motion = None
    if request.motion_mm > 0:
        motion = draw_motion(len(weights.bvals), request.motion_mm, rng)
    dwi, field = diffusion_weighted(
        legs, grid, weights, split=size.dwi_split, snr=request.snr, rng=rng, motion=motion,
        distortion_mm=request.distortion_mm,
    )  # fmt: skip
    stem = f"{request.prefix}_dwi"
    save_image(dwi, folder / f"{stem}.nii.gz")
    np.savetxt(folder / f"{stem}.bval", weights.bvals[None], fmt="%g")
    np.savetxt(folder / f"{stem}.bvec", fsl_bvecs(weights.directions, grid.affine).T, fmt="%.7f")
    about = scan("Diffusion-weighted digital leg, fat suppressed", EchoTime=0.055)
    about |= {"PhaseEncodingDirection": "j", "TotalReadoutTime": 0.04}
    write_json(folder / f"{stem}.json", about)
    if motion is not None:
        columns = ["tx_mm", "ty_mm", "tz_mm", "rx_deg", "ry_deg", "rz_deg"]
        frame = pd.DataFrame(motion, columns=columns)
        path = truth / f"{request.prefix}_desc-truth_motion.tsv"
        frame.to_csv(path, sep="\t", index=False, float_format="%.6g")
    if request.fmap:
        (folder.parent / "fmap").mkdir()
        write_reversed(folder.parent / "fmap", legs, field, request)
    if request.distortion_mm > 0:
        save_image(field, truth / f"{request.prefix}_desc-truth_displacement.nii.gz")


def write_reversed(folder: Path, legs: Sequence[Leg], field: Image, request: Request) -> None:
    """Write volumes without weighting whose phase encoding is reversed."""
    size = PRESETS[request.preset]
    weights = Weighting(np.zeros(size.b0), np.zeros((size.b0, 3)))
    signal = diffusion_signal(
        legs, field, weights, split=size.dwi_split, field=reversed_field(field).data
    )
    stem = f"{request.prefix}_dir-PA_epi"
    image = noisy_magnitude(field, signal, request.snr, stream(request, "fmap"))
    save_image(image, folder / f"{stem}.nii.gz")
    about = scan("Digital leg with reversed phase encoding", EchoTime=0.055)
    dwi = request.folder / "dwi" / f"{request.prefix}_dwi.nii.gz"
    about |= {"PhaseEncodingDirection": "j-", "TotalReadoutTime": 0.04}
    write_json(folder / f"{stem}.json", {**about, "IntendedFor": f"bids::{dwi.as_posix()}"})


def scan(description: str, **keys: Any) -> dict[str, Any]:
    """Return the sidecar of a simulated scan."""
    return {
        "ImageComments": description, "Manufacturer": "Pennate", "MagneticFieldStrength": FIELD_T,
        "ManufacturersModelName": f"phantom {__version__}", **keys,
    }  # fmt: skip


def write_dataset(out: Path, scratch: Path, request: Request) -> None:
    """Write the files of the data set as a whole; an existing list of participants grows."""
    made_by = [{"Name": "pennate", "Version": __version__}]
    raw = {"Name": "Digital lower legs", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    write_json(scratch / "dataset_description.json", {**raw, "GeneratedBy": made_by})
    derived = {"BIDSVersion": "1.10.0", "DatasetType": "derivative", "GeneratedBy": made_by}
    for name, title in (("truth", "Truth of digital legs"), ("manual", "Drawn by hand")):
        folder = scratch / "derivatives" / name
        if folder.is_dir():
            write_json(folder / "dataset_description.json", {"Name": title, **derived})
    (scratch / "README").write_text(
        "Digital lower legs, simulated by `pennate phantom`: no person was scanned.\n"
        "The truth behind the images is in derivatives/truth.\n",
        encoding="utf-8",
    )
    (scratch / ".bidsignore").write_text("**/mre\n**/us\n*.c3d\n", encoding="utf-8")
    path = out / "participants.tsv"
    columns = ["participant_id", "seed", "legs"]
    row = pd.DataFrame([[f"sub-{request.subject}", str(request.seed), request.side]])
    row.columns = pd.Index(columns)
    if path.is_file():
        known = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        row = pd.concat([known[known["participant_id"] != f"sub-{request.subject}"], row])
    row.to_csv(scratch / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    about = {"seed": {"Description": "Seed of the leg"}, "legs": {"Description": "Legs in view"}}
    write_json(scratch / "participants.json", about)
