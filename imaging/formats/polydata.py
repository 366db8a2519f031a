"""Triangles and polylines in the files of VTK: VTP, VTK, STL, PLY and OBJ, always world RAS+ mm.

3D Slicer writes beside the points in which frame they are, ``SPACE=LPS`` or ``SPACE=RAS``: into
the field data of VTP and VTK, the title of VTK, the header of STL, the comments of PLY and OBJ.
It takes a file without as LPS. Here such a file is taken as RAS+, and every VTP says so.

VTK's readers end the whole process on some damaged files, or never end, so a process of its own,
with a limit of memory and time, reads them; an error or warning of theirs refuses the file.
"""

from __future__ import annotations

import re
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow
from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader
from vtkmodules.vtkIOLegacy import vtkGenericDataObjectReader
from vtkmodules.vtkIOPLY import vtkPLYReader
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from imaging.arrays import FloatArray, IntArray
from imaging.errors import ComputationError, InputError, MissingFileError
from imaging.formats.file_kind import kind_of
from imaging.formats.headers import header, whole
from imaging.isolation import run_apart

_READERS: dict[str, Any] = {
    ".vtp": vtkXMLPolyDataReader,
    ".vtk": vtkGenericDataObjectReader,
    ".stl": vtkSTLReader,
    ".ply": vtkPLYReader,
    ".obj": vtkOBJReader,
}
SUFFIXES = tuple(_READERS)
_KINDS = {
    ".vtp": "a VTK XML file",
    ".vtk": "a VTK legacy file",
    ".ply": "a PLY surface",
}
_SPACE = re.compile(rb"\bSPACE\s*=\s*([\w+-]*)", re.IGNORECASE)
_TO_RAS = {"": (1, 1, 1), "RAS": (1, 1, 1), "LPS": (-1, -1, 1)}
_MOST_BYTES, _MOST_SECONDS = 16 * 2**30, 10
_BROKEN = "The file may be cut or damaged: copy or export it again"


@dataclass(frozen=True)
class PolyArrays:
    """What a file holds.

    Attributes
    ----------
    points : (N, 3) float array
        Corners of the triangles, world RAS+ mm.
    faces : (M, 3) int array
        Triangles.
    lines : (P, 3) float array
        Points of all polylines, one after the other, world RAS+ mm.
    offsets : (F + 1,) int array
        Where each polyline begins in `lines`, and the end of the last.
    """

    points: FloatArray
    faces: IntArray
    lines: FloatArray
    offsets: IntArray


def read_polydata(paths: Sequence[Path]) -> list[PolyArrays]:
    """Read files of VTK, all in one process apart.

    Parameters
    ----------
    paths
        ``.vtp``, ``.vtk``, ``.stl``, ``.ply`` or ``.obj``.

    Raises
    ------
    MissingFileError
        No such file.
    InputError
        Cut, damaged, of another format, in an unknown frame, or with points that are not finite.
    """
    read = []
    for outcome in read_each(paths):
        if isinstance(outcome, InputError):
            raise outcome
        read.append(outcome)
    return read


def read_each(paths: Sequence[Path]) -> list[PolyArrays | InputError]:
    """Return for each file what it holds, or why it cannot be used; see :func:`read_polydata`."""
    out: dict[Path, PolyArrays | InputError] = {}
    for path in paths:
        try:
            _check(path)
        except InputError as error:
            out[path] = error
    sound = [path for path in paths if path not in out]
    out |= zip(sound, _read_apart(sound), strict=True)
    return [out[path] for path in paths]


def _read_apart(paths: Sequence[Path]) -> list[PolyArrays | InputError]:
    if not paths:
        return []
    try:
        return run_apart(_read_all, list(paths))
    except ComputationError:
        half = len(paths) // 2
        if half:  # one of them ended the process: look for it
            return _read_apart(paths[:half]) + _read_apart(paths[half:])
        return [InputError(f"cannot be read as {paths[0].suffix}", paths[0], _BROKEN)]


def in_ras(mesh: pv.PolyData) -> pv.PolyData:
    """Return a mesh whose field data say that its points are RAS, as 3D Slicer reads it.

    Examples
    --------
    >>> str(in_ras(pv.Sphere()).field_data["SPACE"][0])
    'RAS'
    """
    out = mesh.copy(deep=False)
    out.field_data["SPACE"] = ["RAS"]
    return out


def lines_mesh(points: FloatArray, offsets: IntArray) -> pv.PolyData:
    """Return polylines as VTK data.

    Parameters
    ----------
    points : (P, 3) array
        One line after the other, world RAS+ mm.
    offsets : (F + 1,) int array
        Where each begins, and the end of the last.

    Examples
    --------
    >>> lines_mesh(np.eye(3, dtype=np.float32), np.array([0, 3])).lines.tolist()
    [3, 0, 1, 2]
    """
    mesh = pv.PolyData()
    counts = np.diff(offsets)
    if not len(counts):
        return mesh
    mesh.points = points
    cells = np.empty(len(points) + len(counts), np.int64)
    heads = offsets[:-1] + np.arange(len(counts))
    body = np.ones(len(cells), bool)
    body[heads] = False
    cells[heads], cells[body] = counts, np.arange(len(points))
    mesh.lines = cells
    return mesh


def lines_of(mesh: pv.PolyData) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which points the polylines of a mesh join, and where each begins.

    Returns
    -------
    order : (P,) int array
        Rows of ``mesh.points``, one line after the other.
    offsets : (F + 1,) int array
        Where each line begins in `order`, and the end of the last.

    Examples
    --------
    >>> order, offsets = lines_of(pv.PolyData(np.eye(3), lines=[2, 0, 1, 2, 2, 1]))
    >>> order.tolist(), offsets.tolist()
    ([0, 1, 2, 1], [0, 2, 4])
    """
    cells = mesh.GetLines()
    offsets = pv.convert_array(cells.GetOffsetsArray()).astype(np.int64)
    return pv.convert_array(cells.GetConnectivityArray()).astype(np.int64), offsets


def _check(path: Path) -> None:
    """Raise where a file is missing, plainly of another kind, or shorter than it says."""
    if not path.is_file():
        raise MissingFileError("no such file", path, "Check the path")
    kind, suffix = kind_of(path), path.suffix.lower()
    if suffix not in _READERS or kind != _KINDS.get(suffix, ""):
        raise InputError(
            f"is {kind or 'of another kind'}, not {_KINDS.get(suffix) or suffix}",
            path,
            f"Give one of {' '.join(SUFFIXES)} under its own ending",
        )
    if not whole(path):
        raise InputError("ends before its last triangle", path, _BROKEN)


def _read_all(paths: Sequence[Path]) -> list[PolyArrays | InputError]:
    """Read files; runs apart."""
    # Counts out of all proportion end the attempt, not the machine: VTK believes them.
    size = sum(path.stat().st_size for path in paths)
    for kind, most in (
        (resource.RLIMIT_AS, _MOST_BYTES + 100 * size),
        (resource.RLIMIT_CPU, _MOST_SECONDS + size // 10**6),
    ):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(
            kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )
    out: list[PolyArrays | InputError] = []
    for path in paths:
        try:
            out.append(_read(path))
        except InputError as error:
            out.append(error)
        except Exception as error:  # VTK's and pyvista's filters raise unrelated kinds
            out.append(InputError(f"cannot be read ({error})", path, _BROKEN))
    return out


def _read(path: Path) -> PolyArrays:
    data = _read_by_vtk(path)
    flip = np.array(_TO_RAS[_space(path, data)], np.float32)
    lines: FloatArray = np.zeros((0, 3), np.float32)
    offsets: IntArray = np.zeros(1, np.int64)
    if isinstance(data, pv.PolyData):
        order, offsets = lines_of(data)
        if len(order) and not 0 <= order.min() <= order.max() < data.n_points:
            raise InputError(
                "has triangles or lines between points that do not exist", path, _BROKEN
            )
        lines = np.asarray(data.points)[order] * flip
    surface = data.extract_surface(algorithm="dataset_surface").triangulate()
    points, faces = np.asarray(surface.points) * flip, np.array(surface.regular_faces)
    if len(faces) and not 0 <= faces.min() <= faces.max() < len(points):
        raise InputError("has triangles or lines between points that do not exist", path, _BROKEN)
    if not (np.isfinite(points).all() and np.isfinite(lines).all()):
        raise InputError("holds points that are not finite", path, "Export it again")
    return PolyArrays(points, faces, lines, offsets)


def _read_by_vtk(path: Path) -> Any:
    """Return the data set of a file; one word of VTK against it refuses the file."""
    window, said = vtkStringOutputWindow(), []
    vtkOutputWindow.SetInstance(window)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)

    def note(_: Any, __: str, text: str) -> None:
        # VTK writes ranges of arrays that hold infinities, and cannot read them back.
        if "InformationKey" not in text:
            said.append(text)

    note.CallDataType = "string0"  # type: ignore[attr-defined]
    reader = _READERS[path.suffix.lower()]()
    for event in ("ErrorEvent", "WarningEvent"):
        reader.AddObserver(event, note)
    reader.SetFileName(str(path))
    reader.Update()
    output = reader.GetOutput()
    if said or "error" in window.GetOutput().lower() or output is None:
        raise InputError(f"cannot be read as {path.suffix}", path, _BROKEN)
    return pv.wrap(output)


def _space(path: Path, data: Any) -> str:
    """Return the frame that a file names in its field data or header; empty where in neither."""
    named = {found.decode().upper().rstrip("+") for found in _SPACE.findall(header(path))}
    named |= {str(v).upper() for k, v in data.field_data.items() if k.upper() == "SPACE" for v in v}
    if len(named) > 1 or not named <= set(_TO_RAS):
        said = " and ".join(f"SPACE={name}" for name in sorted(named))
        raise InputError(f"says {said}, which is not RAS or LPS", path, "Save it in RAS or LPS")
    return next(iter(named), "")
