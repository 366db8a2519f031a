"""What a subject's page is made from: the files of the muscle map, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyvista as pv

from imaging.errors import InputError, MissingFileError
from imaging.formats.json import read_json
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.measures import Measure, read_measures
from imaging.musclemap.map import read_map, read_mesh
from imaging.musclemap.table import read_dictionary


@dataclass(frozen=True)
class Content:
    """The muscle map of one subject.

    Attributes
    ----------
    prefix : str
        ``sub-01`` or ``sub-01_ses-01``.
    folder : Path
        Where the map is.
    arrays : dict
        Per-voxel layers, world RAS+ mm, NaN not measured.
    measures : list of Measure
        The long table.
    notes : dict
        Notes of all stages, what is missing and why, provenance.
    fascicles : PolyData or None
        Lines in world mm.
    curves : DataFrame or None
        Mean EMG cycles.
    profile : DataFrame or None
        Fascicles of parts of each muscle, distal to proximal.
    files : list of Path
        What was read.
    columns : dict
        Data dictionary of the wide table.
    layers : dict
        What the map's sidecar says of each array; ``waves``: of the displacement.
    waves : Image or None
        (I, J, K, 6) real, then imaginary parts of the displacement along world R, A and S.
    """

    prefix: str
    folder: Path
    arrays: dict[str, Image]
    measures: list[Measure]
    notes: dict[str, Any]
    fascicles: pv.PolyData | None
    curves: pd.DataFrame | None
    profile: pd.DataFrame | None
    files: list[Path] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, Any] = field(default_factory=dict)
    waves: Image | None = None

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Stage and sentence of every warning, each sentence once."""
        seen: dict[str, str] = {}
        for stage in self.notes.get("stages", []):
            for sentence in stage["warnings"]:
                seen.setdefault(sentence, stage["stage"])
        return [(stage, sentence) for sentence, stage in seen.items()]

    def sentences(self, stage: str) -> list[str]:
        """Return the sentences of a stage's methods; empty when it did not run."""
        texts = [n["method"] for n in self.notes.get("stages", []) if n["stage"] == stage]
        return [f"{part.rstrip('.')}." for text in texts for part in text.split(". ")]

    def settings(self, name: str) -> dict[str, Any]:
        """Return the settings that a file, by the end of its name, was made with."""
        made = self.notes.get("provenance", {}).get(f"{self.prefix}_{name}", {})
        return dict(made.get("Settings", {}))

    def facts(self, stage: str) -> dict[str, Any]:
        """Return the facts a stage noted; empty when it did not run."""
        out: dict[str, Any] = {}
        for notes in self.notes.get("stages", []):
            if notes["stage"] == stage:
                out |= notes["facts"]
        return out


def find_prefix(folder: Path, prefix: str | None) -> str:
    """Return the prefix of the one map in a folder.

    Raises
    ------
    MissingFileError
        No map there.
    InputError
        Several maps and no prefix given.
    """
    if prefix is not None:
        return prefix
    found = sorted(p.name.removesuffix("_map.vti") for p in folder.glob("*_map.vti"))
    if not found:
        raise MissingFileError("holds no muscle map (*_map.vti)", folder, "Run pennate map first")
    if len(found) > 1:
        raise InputError(f"holds maps of {', '.join(found)}", folder, "Give --prefix")
    return found[0]


def read_content(folder: Path, prefix: str) -> Content:
    """Read the files of a muscle map.

    Raises
    ------
    MissingFileError
        No map or no table of measures; fascicles and EMG may be missing.
    """
    start = str(folder / prefix)
    paths = {
        name: Path(f"{start}_{name}")
        for name in ("map.vti", "measures.tsv", "notes.json", "fascicles.vtp", "aponeuroses.vtp",
                     "activation.tsv", "profile.tsv", "waves.nii.gz")
    }  # fmt: skip
    if not paths["notes.json"].is_file():
        raise MissingFileError("no such notes", paths["notes.json"], "Run pennate map first")
    fascicles = paths["fascicles.vtp"]
    waves = paths["waves.nii.gz"]
    layers = dict(_json(f"{start}_map.json").get("Arrays", {}))
    if waves.is_file():
        layers["waves"] = _json(f"{start}_waves.json")
    return Content(
        prefix=prefix,
        folder=folder,
        arrays=read_map(paths["map.vti"]),
        measures=read_measures(paths["measures.tsv"]),
        notes=read_json(paths["notes.json"], "Run pennate map again"),
        fascicles=read_mesh(fascicles) if fascicles.is_file() else None,
        curves=_table(paths["activation.tsv"]),
        profile=_table(paths["profile.tsv"]),
        files=[p for p in paths.values() if p.is_file()],
        columns=_json(f"{start}_muscles.json").get("Columns", {}),
        layers=layers,
        waves=load_image(waves, ndim=4) if waves.is_file() else None,
    )


def _json(path: str) -> dict[str, Any]:
    return read_dictionary(path) if Path(path).is_file() else {}


def _table(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    return pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False)
