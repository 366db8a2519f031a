"""VTK files (``.vti``, ``.vtp``), read whole or refused.

VTK's readers hand back an empty or partly filled mesh for a file that was cut, and say so on
standard error only. Here everything that VTK says is caught, and one word of it is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyvista as pv
from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow
from vtkmodules.vtkIOXML import vtkXMLImageDataReader, vtkXMLPolyDataReader

from imaging.errors import InputError, MissingFileError
from imaging.formats.file_kind import MOST_RATIO
from imaging.memory import ensure_fits

_END = b"</VTKFile>"
_EXTENT = re.compile(rb'<Piece Extent="([-\d ]+)"')
_COUNT = re.compile(rb'NumberOf(?:Points|Verts|Lines|Strips|Polys)="(\d+)"')
_ARRAY = re.compile(rb"<DataArray [^>]*>")
_BITS = re.compile(rb'type="[A-Za-z]+(\d+)"')
_PARTS = re.compile(rb'NumberOfComponents="(\d+)"')
_CUT = "is not whole: it was cut off or damaged"


def read_vtk_image(
    path: str | Path, how: str, wanted: Callable[[str], bool] = lambda _: True
) -> pv.ImageData:
    """Read a ``.vti``.

    Parameters
    ----------
    path
        Written by VTK as XML.
    how
        What a user should do where it is missing or cannot be used.
    wanted
        Which arrays of points are read, by their names; else all.

    Raises
    ------
    MissingFileError
        No such file.
    InputError
        Cut off, damaged, or no VTK image.
    """
    reader = vtkXMLImageDataReader()

    def choose() -> None:
        reader.UpdateInformation()
        arrays = reader.GetPointDataArraySelection()
        for name in map(arrays.GetArrayName, range(arrays.GetNumberOfArrays())):
            arrays.SetArraySetting(name, wanted(name))

    return pv.ImageData(_read(Path(path), reader, "ImageData", how, choose))


def read_vtk_mesh(path: str | Path, how: str, only: Collection[str] | None = None) -> pv.PolyData:
    """Read lines or triangles of a ``.vtp``; otherwise as :func:`read_vtk_image`.

    Parameters
    ----------
    path, how
        See there.
    only
        Names of the cell arrays that are wanted; None takes all. Arrays of points are left out:
        nothing goes on with them, and in memory they are most of a mesh.
    """
    reader = vtkXMLPolyDataReader()

    def choose() -> None:
        reader.UpdateInformation()
        reader.GetPointDataArraySelection().DisableAllArrays()
        cells = reader.GetCellDataArraySelection()
        for name in map(cells.GetArrayName, range(cells.GetNumberOfArrays())):
            cells.SetArraySetting(name, only is None or name in only)

    return pv.PolyData(_read(Path(path), reader, "PolyData", how, choose))


def _read(
    path: Path, reader: Any, kind: str, how: str, choose: Callable[[], None] = lambda: None
) -> Any:
    if not path.is_file():
        raise MissingFileError("no such file", path, how)
    _check_ends(path, kind, how)
    _check_counts(path, how)
    said: list[str] = []
    reader.AddObserver("ErrorEvent", lambda *_: said.append("ErrorEvent"))
    reader.AddObserver("WarningEvent", lambda *_: said.append("WarningEvent"))
    with caught(said):
        reader.SetFileName(str(path))
        choose()
        reader.Update()
    if said or reader.GetErrorCode():
        raise InputError(_CUT, path, how)
    return reader.GetOutput()


def _check_ends(path: Path, kind: str, how: str) -> None:
    """Check that a file begins as VTK's XML of a kind and ends with its closing tag."""
    with path.open("rb") as file:
        head = file.read(1024)
        file.seek(max(0, file.seek(0, 2) - 64))
        tail = file.read()
    if b"<VTKFile" not in head:
        raise InputError(_CUT if not head.strip(b"\0 ") else "is not a VTK file", path, how)
    if f'type="{kind}"'.encode() not in head:
        raise InputError(f"is not VTK {kind}", path, how)
    if not tail.rstrip().endswith(_END):
        raise InputError(_CUT, path, how)


def _check_counts(path: Path, how: str) -> None:
    """Check that what it tells of fits into the file, packed, and the memory: VTK ends else."""
    content = path.read_bytes()
    points = sum(float(n) for n in _COUNT.findall(content))
    for extent in _EXTENT.findall(content):
        ends = [float(n) for n in extent.split()]
        points += math.prod(b - a + 1 for a, b in zip(ends[::2], ends[1::2], strict=False))
    for tag in _ARRAY.findall(content):
        if b"NumberOfTuples" in tag:  # of the whole file, not of its points
            continue
        bits, parts = _BITS.search(tag), _PARTS.search(tag)
        size = points * (int(bits[1]) // 8 if bits else 1) * (int(parts[1]) if parts else 1)
        if size > MOST_RATIO * len(content):
            raise InputError("tells of more points than it can hold", path, how)
        ensure_fits((size,), 1, "one of its arrays", path, how)


@contextmanager
def caught(said: list[str]) -> Iterator[None]:
    """Collect what VTK's parser and decompressor say, and keep it off standard error."""
    window, usual = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
    loud = vtkLogger.GetCurrentVerbosityCutoff()
    vtkOutputWindow.SetInstance(window)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        yield
    finally:
        vtkLogger.SetStderrVerbosity(loud)
        vtkOutputWindow.SetInstance(usual)
        if text := window.GetOutput():
            said.append(text)
