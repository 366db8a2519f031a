"""Small stage outputs with known values, written by the names of the output contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyvista as pv

from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.measures import Measure, Notes, not_measured, write_measures, write_notes
from imaging.muscles import lookup_table
from imaging.provenance import sidecar_path, write_json

P = "sub-01"
STAGES = ("anat", "dwi", "fibre", "comp", "mre", "us", "func")
TA, SOL, GM, TIB = 201, 209, 207, 221
STIFFNESS = {TA: 1500.0, SOL: 900.0, GM: 1100.0}
ANATOMY_SHIFT = (0.0, 6.0, 0.0)
SWE = 6000.0
FA = {TA: 0.25, SOL: 0.2, GM: 0.3}


def oblique(spacing: tuple[float, float, float], origin: tuple[float, float, float]) -> np.ndarray:
    a, b = np.deg2rad(12), np.deg2rad(-7)
    turn_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = turn_z @ turn_x * spacing
    affine[:3, 3] = origin
    return affine


def label_at(world: np.ndarray) -> np.ndarray:
    """Four boxes in world mm: TA and the tibia in front, SOL and GM behind."""
    x, y, z = np.moveaxis(world, -1, 0)
    inside = (np.abs(x) < 30) & (np.abs(y) < 30) & (np.abs(z) < 50)
    front, right = y > 0, x > 0
    labels = np.where(front, np.where(right, TA, TIB), np.where(right, SOL, GM))
    return np.where(inside, labels, 0).astype(np.int16)


def grid(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Image:
    affine = oblique(spacing, (0, 0, 0))
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Image(np.zeros(shape, np.uint8), affine)


def world_of(image: Image) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.shape], indexing="ij"), -1)
    return image.to_world(index)


def by_label(labels: np.ndarray, values: dict[int, float]) -> np.ndarray:
    out = np.zeros(labels.shape, np.float32)
    for label, value in values.items():
        out[labels == label] = value
    return out


def write_anat(folder: Path) -> None:
    folder.mkdir(parents=True)
    image = grid((44, 44, 34), (2.0, 2.0, 4.0))
    labels = label_at(world_of(image))
    anatomy = 100.0 + labels % 100 * 10.0
    start = folder / P
    save_image(image.with_data(anatomy.astype(np.float32)), f"{start}_desc-preproc_anat.nii.gz")
    save_image(image.with_data(labels), f"{start}_seg-muscles_dseg.nii.gz")
    confidence = np.where(labels > 0, 0.9, 0).astype(np.float32)
    save_image(image.with_data(confidence), f"{start}_seg-muscles_probseg.nii.gz")
    lookup_table(labels).to_csv(f"{start}_seg-muscles_dseg.tsv", sep="\t", index=False)
    made = {"GeneratedBy": {"Name": "pennate", "Version": "0"}, "Settings": {"atlas": None}}
    made["SourceFiles"] = [{"name": "sub-01_T1w.nii.gz", "sha256": "0" * 64}]
    write_json(sidecar_path(f"{start}_desc-preproc_anat.nii.gz"), {**made, "Contrast": "T1w"})
    volumes = [
        Measure(v, "volume", float((labels == v).sum() * image.voxel_ml), "ml")
        for v in (TA, SOL, GM)
    ]
    write_measures(volumes, f"{start}_desc-segmentation_measures.tsv")
    notes = Notes("segmentation", "Labels were drawn as boxes.", ["Nobody 2000"], ["Only boxes."])
    write_notes(notes, f"{start}_desc-segmentation_notes.json")


def write_dwi(folder: Path) -> None:
    folder.mkdir(parents=True)
    image = grid((32, 32, 26), (3.0, 3.0, 5.0))
    labels = label_at(world_of(image))
    start = folder / P
    leg = (labels > 0).astype(np.uint8)
    save_image(image.with_data(leg), f"{start}_desc-leg_mask.nii.gz")
    for name in ("b0", "b0uncorrected"):
        save_image(image.with_data(leg * 200.0), f"{start}_desc-{name}_dwiref.nii.gz")
    save_image(image.with_data(leg * 30.0), f"{start}_desc-snr_dwimap.nii.gz")
    save_image(image.with_data(by_label(labels, FA)), f"{start}_desc-wls_FA.nii.gz")
    for suffix, scale in (("ADC", 1.5e-3), ("AD", 2e-3), ("RD", 1.3e-3)):
        data = (leg * scale).astype(np.float32)
        save_image(image.with_data(data), f"{start}_desc-wls_{suffix}.nii.gz")
    e1 = np.zeros((*labels.shape, 3), np.float32)
    e1[leg > 0] = (0.6, 0.0, 0.8)
    e1[::2] *= -1  # a sign has no meaning
    save_image(image.with_data(e1), f"{start}_desc-wls_e1.nii.gz")
    rows = [Measure(0, "snr_b0", 41.0, "1", 6)]
    write_measures(rows, f"{start}_desc-diffusion_measures.tsv")
    trace = [[0.0, 0.1 * k, 0.0, 0.0, 0.0, 0.01 * k] for k in range(7)]
    moved = np.eye(4)
    moved[:3, 3] = ANATOMY_SHIFT
    facts = {
        "gradient_check": "ok", "motion": trace, "motion_corrected_volumes": [6],
        "motion_displacement_mm": [0.1 * k for k in range(7)], "snr_b0": 30.0,
        "eddy_slopes": [[0.0, 0.01, 0.0]] * 7, "outlier_z": [[0.0, 0.5, -9.0]] * 7,
        "outlier_slices": [[3, 2, -9.0]], "anatomy_alignment": "registered",
        "anatomy_shift_mm": 6.0, "anatomy_rotation_deg": 0.0, "anatomy_transform": moved.tolist(),
    }  # fmt: skip
    notes = Notes("diffusion", "A tensor was fitted.", ["Someone 1994"], [], facts)
    write_notes(notes, f"{start}_desc-diffusion_notes.json")


def write_fibre(folder: Path) -> None:
    folder.mkdir(parents=True)
    starts = [(5 + 4 * k, -15.0 - k, -30.0) for k in range(5)]
    lines = [
        np.array([s + np.array([0.2, 0, 1.0]) * t for t in np.arange(0, 60, 3)]) for s in starts
    ]
    points = np.concatenate(lines)
    mesh = pv.PolyData(points.astype(np.float32))
    cells = [[len(x), *range(i * len(x), (i + 1) * len(x))] for i, x in enumerate(lines)]
    mesh.verts = np.empty(0, int)
    mesh.lines = np.concatenate(cells)
    mesh.cell_data["label"] = np.full(5, SOL, np.int32)
    start = folder / P
    mesh.save(f"{start}_fascicles.vtp")
    sheet = pv.Plane(center=(15, -15, 0), direction=(0, 1, 0), i_size=20, j_size=60)
    sheet = sheet.triangulate()
    sheet.clear_data()
    sheet.cell_data["label"] = np.full(sheet.n_cells, SOL, np.int16)
    sheet.cell_data["found"] = np.ones(sheet.n_cells, np.uint8)
    sheet.save(f"{start}_aponeuroses.vtp")
    length = [float(np.linalg.norm(np.diff(x, axis=0), axis=1).sum()) for x in lines]
    table = pd.DataFrame(
        {
            "fascicle": range(5), "label": SOL, "muscle": "SOL", "side": "right",
            "length_mm": length, "pennation_start_deg": 20.0, "pennation_end_deg": np.nan,
            "pennation_line_deg": 15.0, "curvature_per_m": 2.0, "extrapolated_fraction": 0.1,
            "weight": 1.0, "n_points": 20, "status": "measured",
        }
    )  # fmt: skip
    table.to_parquet(f"{start}_fascicles.parquet", index=False)
    edges = np.linspace(0, 100, 6)
    parts = {
        "label": SOL, "muscle": "SOL", "side": "right", "part": range(1, 6), "from_mm": edges[:-1],
        "to_mm": edges[1:], "n": 1, "length_mm": [50.0, 55.0, 58.0, 60.0, np.nan],
        "length_mm_sd": 2.0, "status": ["measured"] * 4 + ["not_measured"],
    }  # fmt: skip
    parts = pd.DataFrame(parts)
    parts.to_csv(f"{start}_desc-profile_fibres.tsv", sep="\t", index=False, na_rep="n/a")
    measures = [
        Measure(SOL, "fascicle_length", 58.0, "mm", 5, 2.0, 56.0, 60.0),
        Measure(SOL, "pennation_start", 20.0, "deg", 5, 1.0),
        Measure(SOL, "fascicles", 5.0, "1"),
    ]
    write_measures(measures, f"{start}_desc-fibres_measures.tsv")
    notes = Notes("fibres", "Tracks were followed.", ["Tracker 2005"], ["TA has no fascicles."])
    write_notes(notes, f"{start}_desc-fibres_notes.json")


def write_comp(folder: Path) -> None:
    """Write the fat fraction of a Dixon scan."""
    folder.mkdir(parents=True)
    image = grid((32, 32, 26), (3.0, 3.0, 5.0))
    known = label_at(world_of(image)) > 0
    start = folder / P
    save_image(image.with_data(known * np.float32(4)), f"{start}_desc-dixon_FF.nii.gz")
    save_image(image.with_data(known.astype(np.uint8)), f"{start}_desc-dixon_mask.nii.gz")
    rows = [Measure(SOL, "fat_fraction", 4.0, "percent", 200, 1.0)]
    write_measures(rows, f"{start}_desc-composition_measures.tsv")
    notes = Notes("composition", "Water and fat were told apart.")
    write_notes(notes, f"{start}_desc-composition_notes.json")


def write_mre(folder: Path) -> None:
    folder.mkdir(parents=True)
    image = grid((32, 32, 40), (3.0, 3.0, 3.0))
    labels = label_at(world_of(image))
    start = folder / P
    data = by_label(labels, STIFFNESS)
    path = f"{start}_desc-mdev_stiffness.nii.gz"
    save_image(image.with_data(data), path)
    save_image(image.with_data((data > 0).astype(np.uint8)), f"{start}_desc-mdev_mask.nii.gz")
    about = {"Quantity": "magnitude", "Units": "Pa", "FrequencyHz": [60], "DensityKgPerM3": 1000}
    write_json(sidecar_path(path), {**about, "Method": "MDEV"})
    rows = [
        Measure(k, "stiffness_mdev_magnitude", v, "Pa", 100, 50.0) for k, v in STIFFNESS.items()
    ]
    write_measures(rows, f"{start}_desc-mdev_measures.tsv")
    write_notes(Notes("elastography", "MDEV was used."), f"{start}_desc-mdev_notes.json")


def write_ti(folder: Path) -> None:
    """Fibre-aware stiffness; what runs along the fibres is not known in SOL."""
    image = grid((32, 32, 40), (3.0, 3.0, 3.0))
    labels = label_at(world_of(image))
    start = folder / f"{P}_desc-ti"
    mask = labels > 0
    save_image(image.with_data(mask.astype(np.uint8)), f"{start}_mask.nii.gz")
    about = {"FrequencyHz": [40, 50, 60], "DensityKgPerM3": 1000, "Method": "weak form"}
    for suffix, quantity, factor in (
        ("muperp", "mu_perp", 1.0), ("mupar", "mu_par", 1.3), ("epar", "e_par", 7.0),
    ):  # fmt: skip
        values = {k: v for k, v in STIFFNESS.items() if suffix == "muperp" or k != SOL}
        data = factor * by_label(labels, values)
        save_image(image.with_data(data.astype(np.float32)), f"{start}_{suffix}.nii.gz")
        write_json(f"{start}_{suffix}.json", {**about, "Quantity": quantity, "Units": "Pa"})
    confidence = mask.astype(np.float32) * 0.8
    save_image(image.with_data(confidence), f"{start}_confidence.nii.gz")
    write_json(f"{start}_confidence.json", {**about, "Quantity": "confidence", "Units": "1"})
    rows = [Measure(k, "stiffness_ti_mu_perp", v, "Pa", 100, 50.0) for k, v in STIFFNESS.items()]
    name = "stiffness_ti_e_par_muscle"
    rows.append(Measure(TA, name, 10500.0, "Pa", 90, None, 8000.0, 13000.0))
    rows.append(not_measured(SOL, name, "Pa", "the waves do not stretch its fibres"))
    write_measures(rows, f"{start}_measures.tsv")
    write_notes(Notes("elastography", "A weak form was used."), f"{start}_notes.json")


def write_us(folder: Path) -> None:
    """One ultrasound slab across SOL and TA, stiffer than any magnetic resonance tells."""
    folder.mkdir(parents=True)
    image = grid((44, 44, 34), (2.0, 2.0, 4.0))
    world = world_of(image)
    labels = label_at(world)
    slab = (np.abs(world[..., 0] - 15) < 4) & (labels > 0)
    start = folder / f"{P}_desc-swe"
    save_image(image.with_data(slab.astype(np.uint8)), f"{start}_mask.nii.gz")
    for suffix, value, unit, quantity in (
        ("stiffness", SWE, "Pa", "shear_stiffness"), ("angle", 20.0, "deg", "fibre_angle"),
    ):  # fmt: skip
        save_image(image.with_data(slab * np.float32(value)), f"{start}_{suffix}.nii.gz")
        write_json(f"{start}_{suffix}.json", {"Units": unit, "Quantity": quantity})
    rows = [Measure(k, "stiffness_swe_shear", SWE, "Pa", 40, 90.0) for k in (TA, SOL)]
    write_measures(rows, f"{start}_measures.tsv")
    write_notes(Notes("ultrasound", "A frame was placed."), f"{start}_notes.json")


def write_func(folder: Path) -> None:
    folder.mkdir(parents=True)
    percent = np.linspace(0, 100, 101)
    rows = []
    for label, muscle, side, centre in ((TA, "TA", "right", 5), (SOL, "SOL", "right", 45),
                                        (101, "TA", "left", 55)):  # fmt: skip
        mean = np.exp(-(((percent - centre) / 12) ** 2))
        rows.append(pd.DataFrame({
            "label": label, "muscle": muscle, "side": side, "percent": percent, "mean": mean,
            "sd": 0.05, "n": 3, "unit": "peak of mean cycle"}))  # fmt: skip
    start = folder / P
    pd.concat(rows).to_csv(f"{start}_activation.tsv", sep="\t", index=False)
    onsets = pd.DataFrame({
        "label": [TA, SOL], "stride": [1, 1], "onset_s": [0.9, 1.2], "offset_s": [1.1, 1.5],
        "peak_s": [1.0, 1.4], "onset_percent": [95.0, 30.0],
        "offset_percent": [15.0, 60.0]})  # fmt: skip
    onsets.to_csv(f"{start}_onsets.tsv", sep="\t", index=False)
    synergy = {
        "trial": "task-walk", "side": "right", "synergy": 1, "value": [0.9, 0.4],
        "ci_low": [0.8, 0.3], "ci_high": [1.0, 0.5],
    }  # fmt: skip
    weights = {"part": "weight", "label": [TA, SOL], "muscle": ["TA", "SOL"], "percent": np.nan}
    synergies = pd.DataFrame({**synergy, **weights})
    synergies.to_csv(f"{start}_synergies.tsv", sep="\t", index=False, na_rep="n/a")
    effect = {
        "task": "walking", "factor": "fatigue", "level": "after", "against": "before",
        "label": [TA], "muscle": "TA", "phase": "swing", "outcome": "onset", "unit": "ms",
        "effect": 20.0, "ci_low": 10.0, "ci_high": 30.0, "p_holm": 0.001,
    }  # fmt: skip
    pd.DataFrame(effect).to_csv(f"{start}_conditions.tsv", sep="\t", index=False)
    rows = [Measure(TA, "emg_onset", 95.0, "percent", 1)]
    write_measures(rows, f"{start}_desc-function_measures.tsv")
    write_notes(Notes("function", "Envelopes were taken."), f"{start}_desc-function_notes.json")


def write_all(subject: Path) -> dict[str, Path]:
    folders = {name: subject / name for name in STAGES}
    write_anat(folders["anat"])
    write_dwi(folders["dwi"])
    write_fibre(folders["fibre"])
    write_comp(folders["comp"])
    write_mre(folders["mre"])
    write_ti(folders["mre"])
    write_us(folders["us"])
    write_func(folders["func"])
    return folders


def map_arguments(folders: dict[str, Path], out: Path) -> list[str]:
    arguments = ["map", "--out", str(out), "--prefix", P]
    for name, folder in folders.items():
        arguments += [f"--{name}-dir", str(folder)]
    return arguments
