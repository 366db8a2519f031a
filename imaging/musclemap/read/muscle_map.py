"""The muscle map of one person (and session), read whole or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv

from imaging.errors import ImageError, InputError
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.measures import Measure
from imaging.musclemap.read.files import NOTES, REMAKE, MapFiles, find_files
from imaging.musclemap.read.meshes import (
    MapFascicles,
    MapSheet,
    read_fascicles,
    read_sheets,
    read_surfaces,
)
from imaging.musclemap.read.notes import MapNotes, read_map_notes
from imaging.musclemap.read.tables import names_of, read_activation, read_load, read_tables
from imaging.musclemap.series import read_effects, read_parts, read_synergies
from imaging.musclemap.vtk_files import read_voxels
from imaging.muscles import Names, is_known, structure_of

_NEEDED_ARRAYS = ("label", "anatomy")
_COMPONENTS_OF_WAVES = 6


@dataclass(frozen=True)
class MuscleMap:
    """Everything the map's folder holds of one person; coordinates are world RAS+ mm.

    Attributes
    ----------
    prefix : str
        ``sub-01`` or ``sub-01_ses-01``.
    arrays : dict
        Name to (I, J, K) or (I, J, K, 3) image on one grid, NaN not measured; always holds
        ``label`` and ``anatomy``.
    layers : dict
        Name to what the map's sidecar says of the array: Description, Units, ...
    surfaces : dict
        Label to triangle mesh.
    aponeuroses : dict
        Label to :class:`MapSheet`; empty without internal aponeuroses.
    fascicles : MapFascicles or None
        None without diffusion data.
    measures : list of Measure
        The long table.
    muscles : DataFrame
        The wide table: one row per muscle.
    columns : dict
        What the columns of the wide table mean.
    notes : MapNotes
        Of all stages.
    activation : DataFrame or None
        Columns label, muscle, side, percent, mean, sd, n, unit; None without EMG.
    load : DataFrame or None
        Force over the cycle: label, percent, activation, share (%), force_n, of_peak, status;
        None without EMG of a muscle with a PCSA.
    profile : DataFrame or None
        Fascicles of parts of each muscle, distal to proximal.
    synergies, conditions : DataFrame or None
        Synergies of the recording that stands for the person; what conditions change.
    waves : Image or None
        (I, J, K, 6) real, then imaginary parts of the displacement along world R, A and S.
    about_waves : dict
        Its unit, frequency (Hz) and driver.
    files : dict
        End of the name, such as ``map.vti``, to the file that was read.
    """

    prefix: str
    arrays: dict[str, Image]
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    surfaces: dict[int, pv.PolyData] = field(default_factory=dict)
    aponeuroses: dict[int, MapSheet] = field(default_factory=dict)
    fascicles: MapFascicles | None = None
    measures: list[Measure] = field(default_factory=list)
    muscles: pd.DataFrame = field(default_factory=pd.DataFrame)
    columns: Mapping[str, Any] = field(default_factory=dict)
    notes: MapNotes = field(default_factory=MapNotes)
    activation: pd.DataFrame | None = None
    load: pd.DataFrame | None = None
    profile: pd.DataFrame | None = None
    synergies: pd.DataFrame | None = None
    conditions: pd.DataFrame | None = None
    waves: Image | None = None
    about_waves: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        """Names of the muscles that the catalogue does not know."""
        return names_of(self.muscles) if len(self.muscles) else {}

    def why_no_fascicles(self) -> str:
        """Return why the fibre stage left no fascicle of any muscle; empty where it did not run."""
        if self.fascicles is not None or "fibre" in self.notes.missing:
            return ""
        present = {int(v) for v in np.unique(self.arrays["label"].data)}
        missed = [m for m in self.measures if m.measure == "fascicle_length" and m.value is None]
        return "; ".join(dict.fromkeys(m.note for m in missed if m.label in present and m.note))

    def active_labels(self) -> set[int]:
        """Return the labels that an EMG channel was recorded for."""
        if self.activation is None:
            return set()
        return {int(v) for v in self.activation.loc[self.activation["mean"].notna(), "label"]}


def read_muscle_map(
    folder: Path, prefix: str, wanted: Callable[[str], bool] = lambda _: True
) -> MuscleMap:
    """Read a muscle map and check that its files are whole and belong together.

    Parameters
    ----------
    folder, prefix
        Where the map is, and how the names of its files begin.
    wanted
        Which layers of voxels are read, by their names, ``label`` and ``anatomy`` among them.

    Raises
    ------
    MissingFileError
        A file that must be there is not.
    InputError
        A file cannot be read, was written by another version, or contradicts another one.
    """
    files = find_files(folder, prefix)
    paths = files.paths
    notes = read_map_notes(paths[NOTES], prefix)
    tables = read_tables(folder, prefix, files)
    activation = read_activation(paths["activation.tsv"]) if "activation.tsv" in paths else None
    found = MuscleMap(
        prefix=prefix,
        arrays=read_voxels(paths["map.vti"], wanted),
        layers=_layers(files),
        surfaces=read_surfaces(paths["surfaces.vtp"]),
        aponeuroses=read_sheets(paths["aponeuroses.vtp"]) if "aponeuroses.vtp" in paths else {},
        fascicles=read_fascicles(paths["fascicles.vtp"], paths["fascicles.parquet"])
        if "fascicles.vtp" in paths
        else None,
        measures=tables.measures,
        muscles=tables.muscles,
        columns=tables.columns,
        notes=notes,
        activation=activation
        if activation is not None and activation["mean"].notna().any()
        else None,
        load=read_load(paths["load.tsv"]) if "load.tsv" in paths else None,
        profile=read_parts(paths["profile.tsv"], REMAKE) if "profile.tsv" in paths else None,
        synergies=read_synergies(paths["synergies.tsv"], REMAKE)
        if "synergies.tsv" in paths
        else None,
        conditions=read_effects(paths["conditions.tsv"], REMAKE)
        if "conditions.tsv" in paths
        else None,
        waves=_waves(paths["waves.nii.gz"]) if "waves.nii.gz" in paths else None,
        about_waves=files.sidecars.get("waves", {}),
        files=paths,
    )
    _check_arrays(found)
    _check_labels(found)
    return found


def _layers(files: MapFiles) -> Mapping[str, Mapping[str, Any]]:
    layers, path = files.sidecars["map"].get("Arrays"), files.sidecar("map")
    if not isinstance(layers, dict) or not all(
        isinstance(about, dict) for about in layers.values()
    ):
        raise InputError("lacks what the arrays of the map are", path, REMAKE)
    for name, about in layers.items():
        hertz = about.get("FrequencyHz", [])
        if not all(isinstance(about.get(key), str) for key in ("Description", "Units")):
            raise InputError(f"lacks description or unit of {name}", path, REMAKE)
        if not isinstance(hertz, list) or not all(isinstance(f, int | float) for f in hertz):
            raise InputError(f"gives no frequencies in Hz for {name}", path, REMAKE)
    return layers


def _waves(path: Path) -> Image:
    waves = load_image(path, ndim=4)
    if waves.data.shape[3] != _COMPONENTS_OF_WAVES:
        why = f"has {waves.data.shape[3]} components, not {_COMPONENTS_OF_WAVES}"
        raise ImageError(why, path, REMAKE)
    return waves


def _check_arrays(found: MuscleMap) -> None:
    """Check that the arrays that no page is without are there, and that each is explained."""
    path = found.files["map.vti"]
    if missing := [name for name in _NEEDED_ARRAYS if name not in found.arrays]:
        raise InputError(f"lacks the arrays {', '.join(missing)}", path, REMAKE)
    if unknown := sorted(set(found.arrays) - set(found.layers)):
        raise InputError(f"holds arrays that its sidecar does not explain: {unknown}", path, REMAKE)
    labels = found.arrays["label"].data
    if labels.ndim != 3 or labels.dtype.kind not in "iu":
        raise InputError("array label does not hold whole numbers", path, REMAKE)
    if not labels.any():
        raise InputError("has no muscle: every label is 0", path, REMAKE)


def _check_labels(found: MuscleMap) -> None:
    """Check that tables, voxels, surfaces and fascicles are of the same muscles."""
    rows = {int(v) for v in found.muscles["label"]}
    voxels = {int(v) for v in np.unique(found.arrays["label"].data)} - {0}
    names = found.names
    if strange := sorted(v for v in voxels if not (v in names or is_known(v))):
        why = f"holds labels that are not in the catalogue: {strange}"
        raise InputError(why, found.files["map.vti"], REMAKE)
    muscles = {v for v in voxels if structure_of(v, names).is_muscle}
    _subset(muscles, rows, found.files["muscles.tsv"], "has no row for")
    fascicles = set() if found.fascicles is None else {int(v) for v in found.fascicles.labels}
    meshes: dict[str, Iterable[int]] = {
        "surfaces.vtp": found.surfaces,
        "aponeuroses.vtp": found.aponeuroses,
        "fascicles.vtp": fascicles,
    }
    for name, labels in meshes.items():
        if labels:
            _subset(
                labels, rows | voxels, found.files[name], "holds muscles that are not in the map:"
            )
    if not found.surfaces:
        raise InputError("has no surface", found.files["surfaces.vtp"], REMAKE)
    if found.profile is not None:
        parts = {int(v) for v in found.profile["label"]}
        _subset(fascicles, parts, found.files["profile.tsv"], "has no parts of")
    if found.activation is not None:
        recorded = {m.label for m in found.measures
                    if m.measure == "activation_peak" and m.value is not None}  # fmt: skip
        painted = found.active_labels()
        _subset(recorded, painted, found.files["activation.tsv"], "has no cycle of")


def _subset(part: Iterable[int], whole: Iterable[int], path: Path, what: str) -> None:
    if missing := sorted(set(part) - set(whole)):
        raise InputError(f"{what} {', '.join(map(str, missing))}", path, REMAKE)
