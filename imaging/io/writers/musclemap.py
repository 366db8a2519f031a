"""Files of the map: voxels, surfaces, fascicles, activation, tables and notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imaging.config import MapSettings
from imaging.formats.nifti import load_image, save_image
from imaging.musclemap import activation as emg
from imaging.musclemap import layers, stiffness, table, vtk_files
from imaging.musclemap.headline import headline, headline_dictionary
from imaging.musclemap.inputs import AGAIN, Stages, notes_of_map
from imaging.musclemap.joined import JoinedMap
from imaging.musclemap.load import ASSUMPTIONS, COLUMNS, NO_FACTORS
from imaging.musclemap.notes import notes
from imaging.musclemap.series import read_bursts, read_effects, read_parts, read_synergies
from imaging.provenance import write_json
from imaging.stage_files import StageFiles, write_tsv


def write_map(
    folder: Path, prefix: str, found: JoinedMap, stages: Stages, chosen: MapSettings
) -> None:
    """Write every file of the map.

    Parameters
    ----------
    folder
        Scratch folder.
    prefix
        Start of file names.
    found
        The stages joined; its voxels are used up.
    stages
        Where their files are.
    chosen
        Settings of the map.
    """
    parts = stages.path("fibre", "desc-profile_fibres.tsv")
    profile = None if parts is None else read_parts(parts, AGAIN)
    waves = stages.path("mre", "desc-waves_displacement.nii.gz")
    onsets = _onsets(stages)
    own = notes(stages, chosen.erode_mm, found.warnings)
    missing = {**stages.missing, **stiffness.why_not_fibre_aware(stages, found.maps)}
    told = {"onsets": onsets, "prefix": prefix, "missing": missing}
    # Notes read the last of the files that every sidecar names.
    together = notes_of_map(stages, own, told)
    files = StageFiles("map", folder, prefix, stages.used, chosen.model_dump())
    write_json(files.path("notes"), together)
    # Taken out one by one: all layers twice would be most of the memory of the verb.
    taken = ((name, found.voxels.pop(name)) for name in list(found.voxels))
    vtk_files.save_vtk(vtk_files.to_vtk(taken, found.labels), files.path("map"))
    files.describe("map", Arrays=layers.array_descriptions(found.maps))
    coloured = vtk_files.colour_surfaces(found.surfaces, found.muscles)
    vtk_files.save_vtk(coloured, files.path("surfaces"))
    del coloured
    files.describe("surfaces")
    if found.aponeuroses is not None:
        vtk_files.save_vtk(found.aponeuroses, files.path("aponeuroses"))
        files.describe("aponeuroses")
    _write_fascicles(files, found)
    _write_activation(files, found)
    _write_function(files, stages)
    if profile is not None:
        why = "_ci_low, _ci_high: 95 % of a mean over fascicles; noise is not in them"
        files.table("profile", profile, Note=why)
    if waves is not None:
        save_image(load_image(waves, ndim=4), files.path("waves"))
        files.describe("waves", **stiffness.keys_of_waves(waves))
    files.measures(found.measures)
    readable = headline(found.muscles)
    told = headline_dictionary(table.dictionary(found.in_view), readable)
    files.table("muscles", readable, Columns=told)


def _write_fascicles(files: StageFiles, found: JoinedMap) -> None:
    lines = found.fascicles
    if lines is None:
        return
    vtk_files.write_fascicles(
        lines.points, lines.offsets, lines.table, lines.arrays, files.path("fascicles", ".vtp")
    )
    lines.table.to_parquet(files.path("fascicles", ".parquet"), index=False)
    painted = (
        f"activation_…_painted are the muscle's values: {emg.PAINTED}; force_part is the "
        "fascicle's part of its muscle's force, by PCSA and pennation"
    )
    files.describe("fascicles", Note=painted)


def _write_activation(files: StageFiles, found: JoinedMap) -> None:
    if found.curves is None:
        return
    painted = emg.painted_cycle(found.labels, found.curves)
    files.image("activation", painted, Note=emg.PAINTED, NotMeasured=emg.NOT_MEASURED)
    write_tsv(found.curves, files.path("activation", ".tsv"))
    if found.load is not None and len(found.load.cycle):
        rests = f"{ASSUMPTIONS}; {NO_FACTORS}"
        files.table("load", found.load.cycle, Columns=COLUMNS, Assumptions=rests)


def _write_function(files: StageFiles, stages: Stages) -> None:
    """Take along what the pages show of the function stage."""
    synergies = stages.path("func", "synergies.tsv")
    if synergies is not None:
        found = read_synergies(synergies, AGAIN, stages.reference)
        if len(found):
            files.table("synergies", found)
    conditions = stages.path("func", "conditions.tsv")
    if conditions is not None and len(effects := read_effects(conditions, AGAIN)):
        files.table("conditions", effects)


def _onsets(stages: Stages) -> list[dict[Any, Any]]:
    path = stages.path("func", "onsets.tsv")
    if path is None:
        return []
    onsets = read_bursts(path, AGAIN, stages.reference)
    return onsets.astype(object).where(onsets.notna(), None).to_dict("records")
