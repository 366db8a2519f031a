"""The muscle map as the exporters see it: grid, arrays, surfaces, fascicles, tables, notes.

Coordinates are world RAS+ mm throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
from numpy.typing import NDArray

from imaging.errors import InputError, MissingFileError
from imaging.formats.json import read_json
from imaging.formats.polydata import lines_of
from imaging.image import Image
from imaging.musclemap.map import from_vtk
from imaging.muscles import side_of, structure_of

REMAKE = "Run `pennate map` again"
# Cell arrays of the fascicles that are names of things, not measures of them.
_NOT_MEASURES = ("label", "fascicle", "weight", "n_points")


@dataclass(frozen=True)
class Fascicles:
    """Polylines one after another, and one row of figures for each.

    Attributes
    ----------
    points : (N, 3) float32 array
        World RAS+ mm.
    offsets : (F + 1,) int64 array
        Fascicle f is ``points[offsets[f]:offsets[f + 1]]``.
    data : DataFrame
        F rows; `label` and every numeric figure, NaN where not measured.
    """

    points: NDArray[np.float32]
    offsets: NDArray[np.int64]
    data: pd.DataFrame

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def labels(self) -> NDArray[np.int64]:
        """Muscle label of every fascicle, shape (F,)."""
        return self.data["label"].to_numpy(np.int64)

    @property
    def measures(self) -> list[str]:
        """Names of the figures that are measures, in the order of the table."""
        names = [str(c) for c in self.data.columns if not str(c).endswith(("_x", "_y", "_z"))]
        return [c for c in names if c not in _NOT_MEASURES and self.data[c].notna().any()]

    def take(self, rows: NDArray[np.integer[Any]]) -> Fascicles:
        """Return the fascicles of some rows, in their order."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        index = np.repeat(self.offsets[:-1][rows], lengths) + within
        return Fascicles(self.points[index], offsets, self.data.iloc[rows].reset_index(drop=True))

    def by_label(self) -> Iterator[tuple[int, Fascicles]]:
        """Yield the fascicles of each muscle, labels ascending."""
        for label in np.unique(self.labels):
            yield int(label), self.take(np.flatnonzero(self.labels == label))


def thinned(fascicles: Fascicles, most: int) -> Fascicles:
    """Return at most so many fascicles, the same share of every muscle, evenly spaced in order."""
    if len(fascicles) <= most:
        return fascicles
    kept = []
    for label in np.unique(fascicles.labels):
        rows = np.flatnonzero(fascicles.labels == label)
        wanted = max(1, int(len(rows) * most / len(fascicles))) if most else 0
        kept.append(rows[np.linspace(0, len(rows) - 1, wanted).astype(int)])
    return fascicles.take(np.sort(np.concatenate(kept)))


def coarser(fascicles: Fascicles, spacing_mm: float) -> Fascicles:
    """Return fascicles with points about so far apart; both ends stay."""
    if len(fascicles) == 0:
        return fascicles
    steps = np.linalg.norm(np.diff(fascicles.points, axis=0), axis=1)
    stride = max(1, int(spacing_mm / max(float(np.median(steps)), 1e-6)))
    counts = np.diff(fascicles.offsets)
    within = np.arange(fascicles.offsets[-1]) - np.repeat(fascicles.offsets[:-1], counts)
    kept = within % stride == 0
    kept[fascicles.offsets[1:] - 1] = True
    before = np.concatenate([[0], np.cumsum(kept)])
    return Fascicles(fascicles.points[kept], before[fascicles.offsets], fascicles.data)


@dataclass(frozen=True)
class Aponeurosis:
    """Internal aponeurosis of one muscle.

    Attributes
    ----------
    mesh : PolyData
        Triangles, world RAS+ mm.
    found : bool
        Found from the data, not given.
    """

    mesh: pv.PolyData
    found: bool


@dataclass(frozen=True)
class MuscleMap:
    """Everything the map's folder holds of one subject.

    Attributes
    ----------
    prefix : str
        ``sub-01`` or ``sub-01_ses-01``.
    arrays : dict
        Name to :class:`~imaging.image.Image`; always holds ``label``.
    surfaces : dict
        Label to triangle mesh, world RAS+ mm.
    fascicles : Fascicles or None
        None without diffusion data.
    muscles : DataFrame
        One row per muscle.
    activation : DataFrame or None
        Columns label, percent, mean, sd, n, unit; None without EMG.
    notes : dict
        As written by the map.
    aponeuroses : dict
        Label to :class:`Aponeurosis`; empty without internal aponeuroses.
    """

    prefix: str
    arrays: dict[str, Image]
    surfaces: dict[int, pv.PolyData]
    fascicles: Fascicles | None
    muscles: pd.DataFrame
    activation: pd.DataFrame | None
    notes: dict[str, Any] = field(default_factory=dict)
    aponeuroses: dict[int, Aponeurosis] = field(default_factory=dict)

    def active_labels(self) -> set[int]:
        """Return the labels that an EMG channel was recorded for."""
        if self.activation is None:
            return set()
        return {int(v) for v in self.activation.loc[self.activation["mean"].notna(), "label"]}


def full_name(label: int) -> str:
    """Return the name of a label with its side, for example ``right soleus``."""
    side = side_of(label)
    name = structure_of(label).name
    return name if side == "undecided" else f"{side} {name}"


def short_name(label: int, joint: str = "-") -> str:
    """Return side and key of a label, for example ``right-SOL``."""
    return f"{side_of(label)}{joint}{structure_of(label).key}"


def read_map(folder: Path, prefix: str) -> MuscleMap:
    """Read the files of the muscle map that the exporters use.

    Raises
    ------
    MissingFileError
        No map, surfaces or table of muscles; everything else may be missing.
    InputError
        A file cannot be read or lacks its labels.
    """
    grid = _read_vtk(_needed(folder / f"{prefix}_map.vti"), pv.ImageData)
    surfaces = _read_vtk(_needed(folder / f"{prefix}_surfaces.vtp"), pv.PolyData)
    fascicles = folder / f"{prefix}_fascicles.vtp"
    activation = folder / f"{prefix}_activation.tsv"
    notes = folder / f"{prefix}_notes.json"
    sheets = folder / f"{prefix}_aponeuroses.vtp"
    muscles = _read_table(_needed(folder / f"{prefix}_muscles.tsv"))
    return MuscleMap(
        prefix=prefix,
        arrays=grid_arrays(grid, folder / f"{prefix}_map.vti"),
        surfaces=split_surfaces(surfaces, folder / f"{prefix}_surfaces.vtp"),
        fascicles=polylines(_read_vtk(fascicles, pv.PolyData)) if fascicles.is_file() else None,
        muscles=muscles,
        activation=_read_activation(activation) if activation.is_file() else None,
        notes=read_json(notes, "Run pennate map again") if notes.is_file() else {},
        aponeuroses=split_sheets(_read_vtk(sheets, pv.PolyData), sheets)
        if sheets.is_file()
        else {},
    )


def grid_arrays(grid: pv.ImageData, path: Path | None = None) -> dict[str, Image]:
    """Return the point arrays of a VTK image as images in world RAS+ mm.

    Raises
    ------
    InputError
        There is no array `label`.
    """
    if "label" not in grid.point_data:
        raise InputError("has no point array 'label'", path, REMAKE)
    return from_vtk(grid)


def split_surfaces(mesh: pv.PolyData, path: Path | None = None) -> dict[int, pv.PolyData]:
    """Return one triangle mesh per label of the cell array `label`.

    Raises
    ------
    InputError
        There is no cell array `label`.
    """
    if "label" not in mesh.cell_data:
        raise InputError("has no cell array 'label'", path, REMAKE)
    labels = np.asarray(mesh.cell_data["label"]).astype(int)
    faces = np.asarray(mesh.regular_faces)
    split = {}
    for label in np.unique(labels):
        used, local = np.unique(faces[labels == label], return_inverse=True)
        split[int(label)] = triangles(np.asarray(mesh.points)[used], local.reshape(-1, 3))
    return split


def split_sheets(mesh: pv.PolyData, path: Path | None = None) -> dict[int, Aponeurosis]:
    """Return the internal aponeurosis of each label of the cell array `label`.

    Raises
    ------
    InputError
        There is no cell array `label` or `found`.
    """
    meshes = split_surfaces(mesh, path)
    if "found" not in mesh.cell_data:
        raise InputError("has no cell array 'found'", path, REMAKE)
    labels = np.asarray(mesh.cell_data["label"]).astype(int)
    found = np.asarray(mesh.cell_data["found"]) > 0
    return {
        label: Aponeurosis(part, bool(found[labels == label].any()))
        for label, part in meshes.items()
    }


def triangles(points: NDArray[Any], faces: NDArray[Any]) -> pv.PolyData:
    """Return a mesh of points (N, 3) in world RAS+ mm and triangles (T, 3)."""
    vertices: Any = points.astype(np.float32)  # pyvista's stubs want float64
    return pv.PolyData.from_regular_faces(vertices, faces.astype(int))


def polylines(mesh: pv.PolyData) -> Fascicles | None:
    """Return the polylines of a VTK mesh with their cell arrays, or None if there are none."""
    order, offsets = lines_of(mesh)
    if len(offsets) < 2:
        return None
    points = np.asarray(mesh.points, np.float32)[order]
    numeric = {
        str(name): np.asarray(values)
        for name, values in mesh.cell_data.items()
        if np.asarray(values).ndim == 1 and np.asarray(values).dtype.kind in "iuf"
    }
    return Fascicles(points, offsets, pd.DataFrame(numeric))


def _needed(path: Path) -> Path:
    if not path.is_file():
        raise MissingFileError("no such file of the muscle map", path, "Run `pennate map` first")
    return path


def _read_vtk(path: Path, kind: type) -> Any:
    try:
        mesh: Any = pv.read(path)
    except Exception as error:  # VTK's readers raise and log in many ways
        raise InputError(f"cannot be read ({error})", path, REMAKE) from error
    if not isinstance(mesh, kind):
        raise InputError(f"holds {type(mesh).__name__}, not {kind.__name__}", path, REMAKE)
    return mesh


def _read_table(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False)
    if "label" not in frame.columns:
        raise InputError("has no column 'label'", path, REMAKE)
    return frame


def _read_activation(path: Path) -> pd.DataFrame | None:
    frame = _read_table(path)
    if missing := {"percent", "mean"} - set(frame.columns):
        raise InputError(f"lacks the columns {sorted(missing)}", path, REMAKE)
    return frame if frame["mean"].notna().any() else None
