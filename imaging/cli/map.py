"""``pennate map``: read what the stages wrote, join it, write the muscle map."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import pyvista as pv
import typer

from imaging.config import MapSettings, load_settings
from imaging.formats.nifti import load_image, load_labels, save_image
from imaging.geometry import mask_surface
from imaging.image import Image, resample
from imaging.measures import Notes, write_measures
from imaging.musclemap import activation as emg
from imaging.musclemap import combine, fascicles, fusion, layers, stiffness, table
from imaging.musclemap import map as vtk_map
from imaging.musclemap.aponeuroses import read_aponeuroses
from imaging.musclemap.inputs import AGAIN, Stages, find_stages, notes_of_map
from imaging.musclemap.series import read_bursts, read_cycles, read_parts
from imaging.muscles import muscle_labels, side_and_key
from imaging.provenance import staged, write_json, write_sidecar

VERB = "map"


def command(
    anat_dir: Annotated[Path, typer.Option(help="Folder written by `pennate segment`.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    prefix: Annotated[str, typer.Option(help="Start of file names, e.g. sub-01.")],
    dwi_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate diffusion`.")] = None,
    fibre_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate fibres`.")] = None,
    mre_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate elastography`.")] = None,
    us_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate ultrasound`.")] = None,
    func_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate function`.")] = None,
    missing: Annotated[
        str | None, typer.Option(help='Why stages are missing, as JSON: {"dwi": "why"}.')
    ] = None,
    settings: Annotated[str | None, typer.Option(help="Settings: YAML file or JSON text.")] = None,
) -> None:
    """Join all stages per voxel, fascicle and muscle."""
    chosen = load_settings(MapSettings, settings)
    folders = {
        "anat": anat_dir, "dwi": dwi_dir, "fibre": fibre_dir, "mre": mre_dir, "us": us_dir,
        "func": func_dir,
    }  # fmt: skip
    stages = find_stages(folders, prefix, missing)
    labels = load_labels(stages.need("anat", "seg-muscles_dseg.nii.gz"))
    curves, warnings = _curves(stages, labels)

    grid = fusion.map_grid(labels, chosen.spacing_mm)
    on_grid = resample(labels, grid, order=0)
    maps = stiffness.find_maps(stages)
    voxels = _voxels(stages, on_grid, curves)
    voxels |= stiffness.stiffness_layers(stages, maps, on_grid, chosen.erode_mm)

    measures = stages.measures()
    measures += stiffness.coverage(maps, voxels, on_grid)
    measures += combine.diffusion_measures(stages, labels, chosen.erode_mm)
    measures += combine.activation_measures(curves, labels)
    along = ["fa", "md", *(m.layer for m in maps if m.is_modulus)]
    rows = table.rows_of_map(labels.data)
    sampled = _fascicles(stages, {n: voxels[n] for n in along if n in voxels}, grid, curves, rows)
    if sampled is not None:
        measures += combine.fascicle_measures(sampled[2])
    measures = table.complete(measures, rows, muscle_labels(labels.data), stages.missing)
    in_view = [m for m in measures if m.label in rows]
    muscles = table.wide(in_view)
    surfaces = _surfaces(stages, on_grid, rows)
    sheets = stages.path("fibre", "aponeuroses.vtp")
    aponeuroses = None if sheets is None else read_aponeuroses(sheets, labels)

    parts = stages.path("fibre", "desc-profile_fibres.tsv")
    profile = None if parts is None else read_parts(parts, AGAIN)
    waves = stages.path("mre", "desc-waves_displacement.nii.gz")

    own = Notes("map", layers.method_text(stages, chosen.erode_mm), (), warnings, {})
    optional = ("fascicles", "activation", "aponeuroses", "profile", "waves")
    with staged(out, VERB, [f"{prefix}_{name}.*" for name in optional]) as folder:
        start = folder / prefix
        vtk_map.save_vtk(vtk_map.to_vtk(voxels, grid), f"{start}_map.vti")
        vtk_map.save_vtk(vtk_map.colour_surfaces(surfaces, muscles), f"{start}_surfaces.vtp")
        if aponeuroses is not None:
            vtk_map.save_vtk(aponeuroses, f"{start}_aponeuroses.vtp")
        if sampled is not None:
            points, offsets, frame, arrays = sampled
            vtk_map.write_fascicles(points, offsets, frame, arrays, f"{start}_fascicles.vtp")
            frame.to_parquet(f"{start}_fascicles.parquet", index=False)
        if curves is not None:
            save_image(emg.painted_cycle(on_grid, curves), f"{start}_activation.nii.gz")
            table.write_wide(curves, f"{start}_activation.tsv")
        if profile is not None:
            table.write_wide(profile, f"{start}_profile.tsv")
        if waves is not None:
            save_image(load_image(waves, ndim=4), f"{start}_waves.nii.gz")
        write_measures(measures, f"{start}_measures.tsv")
        table.write_wide(muscles, f"{start}_muscles.tsv")
        missing_parts = {**stages.missing, **stiffness.why_not_fibre_aware(stages, maps)}
        extra = {"onsets": _onsets(stages), "prefix": prefix, "missing": missing_parts}
        write_json(f"{start}_notes.json", notes_of_map(stages, own, extra))
        for name, description in _descriptions(in_view, maps, waves).items():
            if any(folder.glob(f"{prefix}_{name}.*")):
                write_sidecar(
                    f"{start}_{name}.tsv", verb=VERB, inputs=stages.used,
                    settings=chosen.model_dump(), **description,
                )  # fmt: skip


def _voxels(stages: Stages, labels: Image, curves: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """Return the per-voxel layers but stiffness on the grid of the labels."""
    anatomy = load_image(stages.need("anat", "desc-preproc_anat.nii.gz"))
    confidence = stages.image("anat", "seg-muscles_probseg.nii.gz")
    voxels = {"anatomy": resample(anatomy, labels).data, "label": labels.data}
    if confidence is not None:
        voxels["confidence"] = resample(confidence, labels).data
    voxels |= layers.diffusion_layers(stages, labels)
    voxels |= layers.direction_layers(stages, labels)
    if curves is not None:
        voxels |= layers.activation_layers(labels.data, curves)
    return voxels


def _curves(stages: Stages, labels: Image) -> tuple[pd.DataFrame | None, list[str]]:
    """Return mean EMG cycles in percent, and a warning for channels of muscles not in view."""
    path = stages.path("func", "activation.tsv")
    curves = None if path is None else read_cycles(path, AGAIN)
    if curves is None or curves.empty:
        return None, []
    present = muscle_labels(labels.data)
    recorded = emg.in_percent(curves)
    curves, said = emg.with_groups(recorded, present)
    in_groups = chain.from_iterable(emg.recorded_parts(recorded, present).values())
    absent = sorted(set(recorded["label"]) - set(present) - set(in_groups))
    if not absent:
        return curves, said
    names = ", ".join(side_and_key(int(label)) for label in absent)
    return curves, [
        *said, f"EMG of muscles that are not in the label map is not painted: {names}."
    ]  # fmt: skip


def _onsets(stages: Stages) -> list[dict[str, object]]:
    path = stages.path("func", "onsets.tsv")
    if path is None:
        return []
    onsets = read_bursts(path, AGAIN)
    return onsets.astype(object).where(onsets.notna(), None).to_dict("records")  # type: ignore[return-value]


def _fascicles(
    stages: Stages,
    voxels: dict[str, np.ndarray],
    grid: Image,
    curves: pd.DataFrame | None,
    known: list[int],
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict[str, np.ndarray]] | None:
    """Return points, offsets, the table with what fascicles run through, and values at points."""
    found = stages.fascicles(known)
    if found is None:
        return None
    lines, frame = found
    points, offsets = vtk_map.fascicles_of(lines)
    arrays = {}
    for name in voxels:
        arrays[name] = fascicles.sample_points(grid.with_data(voxels[name]), points)
        part = fascicles.summarise(name, arrays[name], points, offsets)
        frame = pd.concat([frame, part], axis=1)
    if curves is not None:
        for name, values in emg.painted_values(curves).items():
            frame[f"{name}_painted"] = frame["label"].map(values).astype(np.float32)
    return points, offsets, frame, arrays


def _surfaces(stages: Stages, labels: Image, known: list[int]) -> pv.PolyData:
    """Return the surfaces of the fibre stage, or surfaces of the labels."""
    given = stages.surfaces(known)
    if given is not None:
        return given
    meshes = []
    for label in muscle_labels(labels.data):
        points, faces = mask_surface(labels.data == label, labels.affine)
        mesh = pv.PolyData.from_regular_faces(points.astype(float), faces.astype(int))
        mesh.cell_data["label"] = np.full(mesh.n_cells, label, np.int32)
        meshes.append(mesh)
    return meshes[0].append_polydata(*meshes[1:])


def _descriptions(
    measures: list, maps: list[stiffness.StiffnessMap], waves: Path | None
) -> dict[str, dict[str, object]]:
    """Return what the sidecar of each file stem says."""
    return {
        "map": {
            "Description": "All per-voxel arrays, world RAS+ mm; NaN is not measured",
            "Arrays": layers.array_descriptions(maps),
        },
        "surfaces": {"Description": "Surface of each muscle with its figures; NaN not measured"},
        "aponeuroses": {
            "Description": "Internal aponeuroses, world RAS+; cell arrays label, found "
            "(1: found from the data, 0: given)",
            "Units": "mm",
        },
        "fascicles": {
            "Description": "Fascicles, same order in .vtp and .parquet, with what they run through",
            "Note": f"activation_…_painted are the muscle's values: {emg.PAINTED}",
        },
        "activation": {
            "Description": "Muscle activation over 0..100 % of the gait cycle (21 frames)",
            "Note": emg.PAINTED,
            "Units": "%",
            "NotMeasured": emg.NOT_MEASURED,
        },
        "profile": {
            "Description": "Fascicles of five parts of each muscle along its line of action; "
            "part 1 is the most distal one",
            "Note": "_ci_low, _ci_high: 95 % of a mean over fascicles; noise is not in them",
        },
        "waves": stiffness.description_of_waves(waves),
        "measures": {"Description": "Long table: one row per measure of a muscle"},
        "muscles": {
            "Description": "Wide table: one row per muscle",
            "Columns": table.dictionary(measures),
        },
    }
