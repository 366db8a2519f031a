"""The map's VTK files: voxels as point data of an oblique ImageData, surfaces, fascicles.

Point (i, j, k) of the ImageData is voxel (i, j, k); origin, spacing and direction matrix put it
into world RAS+ mm, the frame in which ParaView shows it (3D Slicer asks: answer RAS).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLImageDataWriter, vtkXMLPolyDataWriter

from imaging.arrays import FloatArray
from imaging.errors import InputError, MissingFileError
from imaging.formats.polydata import in_ras
from imaging.image import Image


def to_vtk(arrays: Mapping[str, NDArray[Any]], grid: Image) -> pv.ImageData:
    """Return voxel arrays as VTK image.

    Parameters
    ----------
    arrays
        Name to (I, J, K) scalars or (I, J, K, 3) world vectors, on `grid`.
    grid
        Any image on the grid; its axes must be orthogonal.
    """
    spacing, origin = grid.spacing.tolist(), grid.affine[:3, 3].tolist()
    image = pv.ImageData(dimensions=grid.shape, spacing=spacing, origin=origin)
    image.direction_matrix = grid.rotation
    for name, data in arrays.items():
        # VTK counts the first axis fastest.
        flat = data.reshape(-1, order="F") if data.ndim == 3 else _vectors_flat(data)
        image.point_data[name] = flat.astype(data.dtype, copy=False)
    image.point_data.active_scalars_name = None
    return image


def _vectors_flat(data: NDArray[Any]) -> NDArray[Any]:
    return np.stack([data[..., c].reshape(-1, order="F") for c in range(data.shape[3])], axis=-1)


def from_vtk(image: pv.ImageData) -> dict[str, Image]:
    """Return the arrays of a map as images in world RAS+ mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(image.direction_matrix) * np.asarray(image.spacing)
    affine[:3, 3] = image.origin
    shape = tuple(image.dimensions)
    out = {}
    for name in image.point_data.keys():  # noqa: SIM118
        data = np.asarray(image.point_data[name])
        axes = shape if data.ndim == 1 else (*shape, data.shape[1])
        out[name] = Image(data.reshape(axes, order="F"), affine)
    return out


def save_vtk(data: pv.ImageData | pv.PolyData, path: str | Path) -> None:
    """Write ``.vti`` or ``.vtp`` as compressed raw data: smaller than pyvista's, same bytes."""
    image = isinstance(data, pv.ImageData)
    writer = vtkXMLImageDataWriter() if image else vtkXMLPolyDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(data if image else in_ras(data))
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.SetCompressorTypeToZLib()
    writer.SetHeaderTypeToUInt64()
    if writer.Write() != 1:
        raise OSError(f"VTK could not write {path}")


def read_map(path: str | Path) -> dict[str, Image]:
    """Read a ``_map.vti`` as images in world RAS+ mm.

    Raises
    ------
    MissingFileError
        No such map.
    """
    if not Path(path).is_file():
        raise MissingFileError("no such muscle map", path, "Run pennate map first")
    image = pv.read(path)
    if not isinstance(image, pv.ImageData):
        raise InputError("is not a VTK image", path, "Run pennate map again")
    return from_vtk(image)


def fascicles_of(mesh: pv.PolyData) -> tuple[FloatArray, NDArray[np.integer[Any]]]:
    """Return the points of all fascicles in their order (N, 3) and their offsets (F + 1,)."""
    if mesh.n_lines == 0:
        return np.empty((0, 3)), np.zeros(1, dtype=int)
    cells = mesh.GetLines()
    offsets = vtk_to_numpy(cells.GetOffsetsArray())
    order = vtk_to_numpy(cells.GetConnectivityArray())
    return np.asarray(mesh.points, float)[order], offsets.astype(int)


def read_mesh(path: str | Path) -> pv.PolyData:
    """Read lines or triangles of a ``.vtp``.

    Raises
    ------
    MissingFileError
        No such file, or not lines or triangles.
    """
    mesh = pv.read(path) if Path(path).is_file() else None
    if not isinstance(mesh, pv.PolyData):
        raise MissingFileError("is not a VTK PolyData file", path, "Run the stage before this one")
    return mesh


def write_fascicles(
    points: FloatArray,
    offsets: NDArray[np.integer[Any]],
    table: pd.DataFrame,
    point_arrays: Mapping[str, NDArray[Any]],
    path: str | Path,
) -> None:
    """Write fascicles as VTK lines; numbers of the table become cell data."""
    mesh = pv.PolyData()
    mesh.points = np.asarray(points, np.float32).reshape(-1, 3)
    counts = np.diff(offsets)
    lines = np.empty(len(points) + len(counts), dtype=np.int64)
    heads = offsets[:-1] + np.arange(len(counts))
    lines[heads] = counts
    body = np.ones(len(lines), bool)
    body[heads] = False
    lines[body] = np.arange(len(points))
    if len(counts):
        mesh.lines = lines
        for name in table.columns:
            if pd.api.types.is_numeric_dtype(table[name]):
                whole = pd.api.types.is_integer_dtype(table[name])
                mesh.cell_data[name] = table[name].to_numpy(np.int32 if whole else np.float32)
        for name, values in point_arrays.items():
            mesh.point_data[name] = np.asarray(values, np.float32)
    save_vtk(mesh, path)


def colour_surfaces(surfaces: pv.PolyData, muscles: pd.DataFrame) -> pv.PolyData:
    """Give every triangle the figures of its muscle, found by the cell array ``label``.

    Numeric columns of the wide table that hold values are taken; NaN means not measured.
    """
    out = surfaces.copy()
    labels = np.asarray(out.cell_data["label"]).astype(int)
    rows = muscles.set_index("label")
    endings = ("_sd", "_n", "_ci_low", "_ci_high", "_status")
    for column in rows.columns:
        if pd.api.types.is_numeric_dtype(rows[column]) and not column.endswith(endings):
            values = rows[column].reindex(labels).to_numpy(dtype=np.float32, na_value=np.nan)
            out.cell_data[str(column)] = values
    return out
