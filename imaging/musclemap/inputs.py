"""Find and read what the stages wrote; a stage that did not run gives nothing, not zeros."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyvista as pv

from imaging.errors import ConfigError, JsonError, MissingFileError
from imaging.formats.json import read_json
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.measures import Measure, Notes, read_measures, read_notes
from imaging.musclemap.meshes import check_muscles, read_lines, read_rows, read_triangles
from imaging.musclemap.table import check_known
from imaging.muscles import Names
from imaging.provenance import sidecar_path

AGAIN = "Run the stage again"
# Figures of fascicles that the map goes on with.
FIGURES = ("length_mm", "pennation_line_deg")

STAGES = {
    "dwi": "no diffusion MRI was given",
    "fibre": "no fascicles were reconstructed",
    "comp": "no Dixon images and no spin echoes were given",
    "mre": "no elastography was given",
    "us": "no ultrasound elastography was given",
    "func": "no EMG recording was given",
}
STAGE_TITLES = {
    "dwi": "Diffusion MRI",
    "fibre": "Fascicles",
    "comp": "Fat fraction and T2",
    "mre": "Elastography",
    "us": "Ultrasound elastography",
    "ti": "Fibre-aware stiffness (μ⊥, μ∥, E∥)",
    "func": "EMG and gait",
}


@dataclass
class Stages:
    """Folders of one subject's stages.

    Attributes
    ----------
    folders : dict
        ``anat`` and those of ``dwi``, ``fibre``, ``comp``, ``mre``, ``us``, ``func`` that were
        given.
    prefix : str
        ``sub-01`` or ``sub-01_ses-01``.
    missing : dict
        Stage to the reason why it is missing.
    used : list of Path
        Files that were read, in order.
    names : dict
        Of muscles in the label map that the catalogue does not know.
    drawn : sequence of int
        Labels of the muscles that the map is of; empty: of every muscle on a side in view.
    """

    folders: Mapping[str, Path]
    prefix: str
    missing: Mapping[str, str]
    used: list[Path] = field(default_factory=list)
    names: Names = field(default_factory=dict)
    drawn: Sequence[int] = ()

    def path(self, stage: str, name: str) -> Path | None:
        """Return a file of a stage by the end of its name, None when it is not there."""
        folder = self.folders.get(stage)
        path = folder / f"{self.prefix}_{name}" if folder else None
        if path is None or not path.is_file():
            return None
        if path not in self.used:
            self.used.append(path)
        return path

    def need(self, stage: str, name: str) -> Path:
        """Return a file that must be there.

        Raises
        ------
        MissingFileError
            It is not.
        """
        path = self.path(stage, name)
        if path is None:
            wanted = self.folders[stage] / f"{self.prefix}_{name}"
            raise MissingFileError("is missing", wanted, "Check the folder and --prefix")
        return path

    def image(self, stage: str, name: str, ndim: int = 3) -> Image | None:
        """Return an image of a stage, None when it is not there."""
        path = self.path(stage, name)
        return None if path is None else load_image(path, ndim=ndim)

    def _tables(self, pattern: str) -> Iterator[Path]:
        for folder in dict.fromkeys(self.folders.values()):  # stages may share one
            for path in sorted(folder.glob(f"{self.prefix}_{pattern}")):
                if path not in self.used:
                    self.used.append(path)
                yield path

    def measures(self) -> list[Measure]:
        """Return the measures of all stages.

        Raises
        ------
        InputError
            A table that is cut off or damaged, or a measure that is not known.
        """
        out = []
        for path in self._tables("desc-*_measures.tsv"):
            rows = read_measures(path)
            check_known(rows, path, AGAIN)
            out += rows
        return out

    def notes(self) -> list[Notes]:
        """Return the notes of all stages."""
        return [read_notes(path) for path in self._tables("desc-*_notes.json")]

    @property
    def reference(self) -> str:
        """Return the name of the recording that stands for the person; empty without one."""
        facts = (n.facts for n in self.notes() if n.stage == "function")
        return str(next(facts, {}).get("reference", ""))

    def surfaces(self, known: Iterable[int]) -> pv.PolyData | None:
        """Return the surfaces of the fibre stage, None without them; all of known labels."""
        path = self.path("fibre", "surfaces.vtp")
        if path is None:
            return None
        mesh = read_triangles(path, ["label"], AGAIN)
        check_muscles(mesh, known, path)
        return mesh

    def fascicles(self, known: Iterable[int]) -> tuple[pv.PolyData, pd.DataFrame] | None:
        """Return the lines of the fascicles and a row of figures for each, None without them.

        Parameters
        ----------
        known
            Labels that they may have.

        Raises
        ------
        MissingFileError, InputError
            Lines or figures are missing, cut off, or not of the same fascicles.
        """
        lines, rows = (self.path("fibre", f"fascicles.{e}") for e in ("vtp", "parquet"))
        if lines is None and rows is None:
            return None
        lines, rows = (self.need("fibre", f"fascicles.{e}") for e in ("vtp", "parquet"))
        mesh = read_lines(lines, rows, FIGURES, AGAIN, ["label"])
        check_muscles(mesh, known, lines)
        return mesh, read_rows(rows, None, AGAIN)

    def sidecars(self) -> dict[str, Any]:
        """Return how each file that was read came to be: version, settings, digests of sources."""
        out = {}
        for path in self.used:
            sidecar = sidecar_path(path)
            if sidecar != path and sidecar.is_file():
                out[path.name] = _provenance(sidecar)
        return out


def _provenance(sidecar: Path) -> dict[str, Any]:
    content = read_json(sidecar, AGAIN)
    kept = {}
    for key, kind in (("GeneratedBy", dict), ("Settings", dict), ("SourceFiles", list)):
        if key in content:
            if not isinstance(content[key], kind):
                raise JsonError(f"{key} does not say how the file came to be", sidecar, AGAIN)
            kept[key] = content[key]
    return kept


def find_stages(
    folders: Mapping[str, Path | None], prefix: str, missing_text: str | None
) -> Stages:
    """Check which folders of stages were given, and why others were not.

    Raises
    ------
    MissingFileError
        A folder that was given does not exist.
    ConfigError
        The reasons are not a JSON table of known stages.
    """
    try:
        reasons = json.loads(missing_text) if missing_text else {}
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"--missing is not JSON ({error})", None, 'Give {"dwi": "why"}'
        ) from error
    if not isinstance(reasons, dict) or set(reasons) - set(STAGES):
        raise ConfigError(
            f"--missing gives reasons for unknown stages: {reasons!r}",
            None,
            f"Give reasons for {', '.join(STAGES)} only",
        )
    for folder in folders.values():
        if folder is not None and not folder.is_dir():
            raise MissingFileError("no such folder", folder, "Run the stage or leave it out")
    given = {name: folder for name, folder in folders.items() if folder is not None}
    missing = {s: str(reasons.get(s, why)) for s, why in STAGES.items() if s not in given}
    if "dwi" in missing and "fibre" in missing and "fibre" not in reasons:
        missing["fibre"] = missing["dwi"]  # fascicles rest on diffusion
    return Stages(given, prefix, missing)


def notes_of_map(stages: Stages, own: Notes, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``_notes.json`` holds: notes of all stages, what is missing, provenance."""
    return {
        "stages": [asdict(n) for n in (*stages.notes(), own)],
        "missing": dict(stages.missing),
        "provenance": stages.sidecars(),
        **extra,
    }
