"""All stages of a subject, joined per voxel, per fascicle and per muscle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
from numpy.typing import NDArray

from imaging.config import MapSettings
from imaging.errors import InputError, LabelError
from imaging.formats.nifti import load_image, load_labels
from imaging.geometry import mask_surface
from imaging.image import Image, resample
from imaging.measures import Measure
from imaging.musclemap import activation as emg
from imaging.musclemap import combine, fascicles, fusion, layers, stiffness, table, vtk_files
from imaging.musclemap.aponeuroses import read_aponeuroses
from imaging.musclemap.believable import only_believable, with_cut_noted
from imaging.musclemap.cross_section import end_shares
from imaging.musclemap.fatty import flag_fatty
from imaging.musclemap.fibre_states import cycle_factors, read_states, read_strikes
from imaging.musclemap.inputs import AGAIN, Stages
from imaging.musclemap.load import Load, share_load
from imaging.musclemap.meshes import labels_of_cells, triangles
from imaging.musclemap.notes import not_painted
from imaging.musclemap.series import read_cycles
from imaging.muscles import bone_labels, is_known, muscle_labels


@dataclass(frozen=True)
class SampledFascicles:
    """Fascicles with what they run through.

    Attributes
    ----------
    points : (N, 3)
        World RAS+ mm.
    offsets : (F + 1,)
        Where each fascicle begins and ends.
    table : DataFrame
        One row per fascicle.
    arrays : dict
        Values at every point by name.
    """

    points: NDArray[Any]
    offsets: NDArray[Any]
    table: pd.DataFrame
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class JoinedMap:
    """Everything that is known of a subject, in one space.

    Attributes
    ----------
    labels : Image
        On the grid of the map.
    voxels : dict
        Arrays on that grid by name; NaN where not measured.
    surfaces, aponeuroses : PolyData, PolyData or None
        World RAS+ mm.
    fascicles : SampledFascicles or None
    curves : DataFrame or None
        Mean EMG cycles, percent.
    load : Load or None
        Force over the cycle; None without EMG.
    measures : list of Measure
        All; those of muscles that get a row are `in_view`, too.
    in_view : list of Measure
    muscles : DataFrame
        One row per muscle.
    maps : list of StiffnessMap
    warnings : list of str
    """

    labels: Image
    voxels: dict[str, NDArray[Any]]
    surfaces: pv.PolyData
    aponeuroses: pv.PolyData | None
    fascicles: SampledFascicles | None
    curves: pd.DataFrame | None
    load: Load | None
    measures: list[Measure]
    in_view: list[Measure]
    muscles: pd.DataFrame
    maps: Sequence[stiffness.StiffnessMap]
    warnings: list[str]


def join_stages(stages: Stages, chosen: MapSettings, fibre_states: Path | None = None) -> JoinedMap:
    """Read what the stages wrote and join it.

    Parameters
    ----------
    stages
        Where the files are.
    chosen
        Settings of the map.
    fibre_states
        Table of `pennate model`, for the factors of force-length and force-velocity.

    Raises
    ------
    InputError
        A file is missing or contradicts another one.
    """
    path = stages.need("anat", "seg-muscles_dseg.nii.gz")
    labels = load_labels(path)
    if not muscle_labels(labels.data):
        raise LabelError("has no muscle", path, "Segment or draw one: a map is of muscles")
    curves, of_parts, warnings = _curves(stages, labels)
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
    present = sorted(stages.drawn) or muscle_labels(labels.data)
    rows = sorted(stages.drawn) or table.rows_of_map(labels.data)
    load = None
    if curves is not None:
        load = share_load(
            measures, curves, present, ends=end_shares(labels.data), of_parts=of_parts,
            tension_n_cm2=chosen.specific_tension_n_cm2, seed=chosen.seed,
            factors=_factors(stages, fibre_states, curves, present),
        )  # fmt: skip
        measures += load.measures
        warnings += load.warnings
    sampled = _fascicles(
        stages, {n: voxels[n] for n in along if n in voxels}, grid, curves, load, rows
    )
    if sampled is not None:
        measures += combine.fascicle_measures(sampled.table)
    measures = flag_fatty(with_cut_noted(only_believable(measures)))
    measures = table.complete(measures, rows, present, stages.missing)
    in_view = [m for m in measures if m.label in rows]
    muscles = table.wide(in_view, stages.names)
    surfaces = _surfaces(stages, on_grid, rows)
    sheets = stages.path("fibre", "aponeuroses.vtp")
    aponeuroses = None if sheets is None else read_aponeuroses(sheets, labels)
    return JoinedMap(
        on_grid, voxels, surfaces, aponeuroses, sampled, curves, load, measures, in_view, muscles,
        maps, warnings,
    )  # fmt: skip


def _voxels(stages: Stages, labels: Image, curves: pd.DataFrame | None) -> dict[str, NDArray[Any]]:
    """Return the per-voxel layers but stiffness on the grid of the labels."""
    anatomy = load_image(stages.need("anat", "desc-preproc_anat.nii.gz"))
    confidence = stages.image("anat", "seg-muscles_probseg.nii.gz")
    voxels = {"anatomy": resample(anatomy, labels).data, "label": labels.data}
    if confidence is not None:
        voxels["confidence"] = resample(confidence, labels).data
    voxels |= layers.diffusion_layers(stages, labels)
    voxels |= layers.direction_layers(stages, labels)
    voxels |= layers.composition_layers(stages, labels)
    if curves is not None:
        voxels |= layers.activation_layers(labels.data, curves)
    return voxels


def _curves(
    stages: Stages, labels: Image
) -> tuple[pd.DataFrame | None, dict[int, list[int]], list[str]]:
    """Return mean EMG cycles in percent, merged muscles with the parts recorded, and warnings."""
    path = stages.path("func", "activation.tsv")
    curves = None if path is None else read_cycles(path, AGAIN, stages.reference)
    if curves is None or curves.empty:
        return None, {}, []
    present = muscle_labels(labels.data)
    recorded = emg.in_percent(curves)
    curves, said = emg.with_groups(recorded, present)
    of_parts = emg.recorded_parts(recorded, present)
    in_groups = chain.from_iterable(of_parts.values())
    absent = sorted(set(recorded["label"]) - set(present) - set(in_groups))
    return curves, of_parts, [*said, *emg.of_two_scales(curves), *not_painted(absent)]


def _factors(
    stages: Stages, path: Path | None, curves: pd.DataFrame, present: Sequence[int]
) -> dict[int, NDArray[Any]]:
    """Return factors of force-length and force-velocity of the muscles that have them."""
    if path is None:
        return {}
    stages.used.append(path)
    strikes = read_strikes(stages.need("func", "events.tsv"), AGAIN, stages.reference)
    percent = np.sort(curves["percent"].unique().astype(float))
    found = cycle_factors(read_states(path), strikes, [v for v in present if is_known(v)], percent)
    if not found:
        raise InputError(
            "holds no whole stride of a muscle in view", path,
            "Give the motion that was recorded with the EMG, on the same clock",
        )  # fmt: skip
    return found


def _fascicles(
    stages: Stages,
    voxels: dict[str, NDArray[Any]],
    grid: Image,
    curves: pd.DataFrame | None,
    load: Load | None,
    known: list[int],
) -> SampledFascicles | None:
    """Return fascicles with what they run through."""
    found = stages.fascicles(known)
    if found is None:
        return None
    lines, frame = found
    points, offsets = vtk_files.fascicles_of(lines)
    sampler = fascicles.PointSampler(grid, points)
    arrays = {name: sampler(layer) for name, layer in voxels.items()}
    frame = pd.concat([frame, fascicles.summarise(arrays, points, offsets)], axis=1)
    if curves is not None:
        for name, values in emg.painted_values(curves).items():
            frame[f"{name}_painted"] = frame["label"].map(values).astype(np.float32)
    if load is not None and "weight" in frame:
        part = fascicles.force_of_fascicles(frame, load.peak_n())
        frame = pd.concat([frame, part], axis=1)
    return SampledFascicles(points, offsets, frame, arrays)


def _surfaces(stages: Stages, labels: Image, known: list[int]) -> pv.PolyData:
    """Return the surfaces of the fibre stage, or of the labels, and those of the bones."""
    given = stages.surfaces(known)
    meshes = []
    if given is not None:
        # VTK drops an array that is not of the same type in all meshes.
        given.cell_data["label"] = labels_of_cells(given).astype(np.int32)
        meshes.append(given)
    wanted = muscle_labels(labels.data) if given is None else []
    for label in [*wanted, *bone_labels(labels.data)]:
        mesh = triangles(*mask_surface(labels.data == label, labels.affine))
        mesh.cell_data["label"] = np.full(mesh.n_cells, label, np.int32)
        meshes.append(mesh)
    return meshes[0].append_polydata(*meshes[1:])
