"""Files of one export: images, meshes, tracts, scene and viewer, each with its sidecar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imaging.config import ExportSettings
from imaging.export import label_tables, slicer_scene
from imaging.export.activation import PAINTED
from imaging.export.gltf import glb_bytes
from imaging.export.mesh import for_screen, stl_bytes
from imaging.export.payload import payload
from imaging.export.tracts import trk_bytes, trx_bytes
from imaging.export.viewer import page
from imaging.formats.nrrd import save_segments
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.vtk_files import save_vtk
from imaging.muscles import Names, is_known, side_and_key, side_and_name, structure_of
from imaging.stage_files import StageFiles, write_tsv

_MESHED = ("muscle", "group", "bone")
# Files of the map that are read: key and ending.
_READ = {
    "map": ".vti",
    "surfaces": ".vtp",
    "aponeuroses": ".vtp",
    "fascicles": ".vtp",
    "muscles": ".tsv",
    "activation": ".tsv",
    "load": ".tsv",
    "notes": ".json",
}
_IMAGES = {"anatomy": "anatomy", "labels": "label"}


def write_export(folder: Path, muscle_map: MuscleMap, settings: ExportSettings) -> None:
    """Write every file of an export.

    Parameters
    ----------
    folder
        Scratch folder.
    muscle_map
        What is written.
    settings
        Of the export.
    """
    read = {key: muscle_map.files.get(f"{key}{ending}") for key, ending in _READ.items()}
    sources = {key: path for key, path in read.items() if path is not None}
    inputs = list(sources.values())
    files = StageFiles("export", folder, muscle_map.prefix, inputs, settings.model_dump())
    _write_images(files, muscle_map, sources)
    _write_meshes(files, muscle_map, sources)
    _write_tracts(files, muscle_map, sources)
    light = for_screen(muscle_map, fascicles=settings.viewer_fascicles)
    _write_scene(files, light, sources)
    _write_slicer(files, light, sources)
    if settings.viewer:
        count = 0 if muscle_map.fascicles is None else len(muscle_map.fascicles)
        text = page(payload(light, all_fascicles=count))
        files.path("viewer").write_text(text, encoding="utf-8", newline="\n")
        files.describe("viewer")


def _of(sources: Mapping[str, Path], *keys: str) -> list[Path]:
    return [sources[key] for key in keys if key in sources]


def _write_images(files: StageFiles, muscle_map: MuscleMap, sources: Mapping[str, Path]) -> None:
    """Write anatomy and labels as NIfTI, the reference of the tract files, and what labels mean."""
    inputs = _of(sources, "map")
    for key, array in _IMAGES.items():
        files.image(key, muscle_map.arrays[array], inputs=inputs, Frame="world RAS+ mm")
    labels, names = muscle_map.arrays["label"], muscle_map.names
    found = label_tables.segments(labels, names)
    save_segments(labels, found, files.path("labels", ".seg.nrrd"))
    write_tsv(label_tables.bids_table(found, names), files.path("labels", ".tsv"))
    for ending, text in (
        (".ctbl", label_tables.slicer_table(found)),
        (".txt", label_tables.itk_snap_table(found)),
    ):
        files.path("labels", ending).write_text(text, encoding="utf-8", newline="\n")


def _write_meshes(files: StageFiles, muscle_map: MuscleMap, sources: Mapping[str, Path]) -> None:
    """Write one STL file per muscle and bone, and one per internal aponeurosis."""
    (files.folder / "stl").mkdir()
    names = muscle_map.names
    for label, mesh in muscle_map.surfaces.items():
        if structure_of(label, names).tissue not in _MESHED:
            continue
        places = _places(label, names)
        files.path("surface", **places).write_bytes(stl_bytes(mesh, places["structure"]))
        files.describe("surface", places, _of(sources, "surfaces"), Frame="world RAS+")
    for label, sheet in muscle_map.aponeuroses.items():
        places = _places(label, names)
        path = files.path("sheet", **places)
        path.write_bytes(stl_bytes(sheet.mesh, f"{places['structure']}_aponeurosis"))
        origin = "found from the data" if sheet.found else "given"
        inputs = _of(sources, "aponeuroses")
        files.describe("sheet", places, inputs, Origin=origin, Frame="world RAS+")


def _places(label: int, names: Names) -> dict[str, str]:
    """Return what fills the name of a file of one structure, and what the structure is called.

    A name that a person gave may hold what no file may be called, and two may differ in that alone.
    """
    key = side_and_key(label, "-", names)
    if not is_known(label):
        key = f"{re.sub(r'[^0-9A-Za-z+]+', '-', key).strip('-')}-{label}".lstrip("-")
    return {"structure": key, "called": side_and_name(label, names)}


def _write_tracts(files: StageFiles, muscle_map: MuscleMap, sources: Mapping[str, Path]) -> None:
    """Write the fascicles as TRX and TRK."""
    fascicles = muscle_map.fascicles
    if fascicles is None:
        return
    grid = muscle_map.arrays["label"]
    files.path("fascicles", ".trx").write_bytes(trx_bytes(fascicles, grid, muscle_map.names))
    files.path("fascicles", ".trk").write_bytes(trk_bytes(fascicles, grid))
    files.describe(
        "fascicles", inputs=_of(sources, "fascicles"), Frame="world RAS+",
        Measures=fascicles.measures, Fascicles=int(len(fascicles)),
        Labels=np.unique(fascicles.labels).tolist(),
    )  # fmt: skip


def _write_slicer(files: StageFiles, light: MuscleMap, sources: Mapping[str, Path]) -> None:
    """Write a scene of 3D Slicer, and the fascicles and aponeuroses that it shows."""
    fascicles = sheets = None
    if light.fascicles is not None and len(light.fascicles):
        path = files.path("screen")
        save_vtk(slicer_scene.coloured_lines(light.fascicles), path)
        fascicles = path.name
        shown = int(len(light.fascicles))
        files.describe("screen", inputs=_of(sources, "fascicles"), Fascicles=shown)
    if light.aponeuroses:
        path = files.path("sheets")
        save_vtk(slicer_scene.all_sheets(light.aponeuroses), path)
        sheets = path.name
        files.describe("sheets", inputs=_of(sources, "aponeuroses"))
    text = slicer_scene.scene(
        files.path("anatomy").name, files.path("labels", ".seg.nrrd").name,
        label_tables.segments(light.arrays["label"], light.names), light.names,
        fascicles=fascicles, sheets=sheets,
    )  # fmt: skip
    files.path("slicer").write_text(text, encoding="utf-8", newline="\n")
    files.describe("slicer", inputs=_of(sources, "map", "fascicles", "aponeuroses"))


def _write_scene(files: StageFiles, muscle_map: MuscleMap, sources: Mapping[str, Path]) -> None:
    """Write muscles, fascicles and activation as animated glTF."""
    files.path("scene").write_bytes(glb_bytes(muscle_map))
    files.describe(
        "scene", inputs=_of(sources, "surfaces", "aponeuroses", "fascicles", "activation", "load"),
        Activation=PAINTED if muscle_map.activation is not None else "not measured",
        Frame="glTF: +Y superior, +Z anterior, +X left; vertices in RAS+ mm",
    )  # fmt: skip
