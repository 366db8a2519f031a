"""The map's VTK files: voxels as point data of an oblique ImageData, surfaces, fascicles.

Point (i, j, k) of the ImageData is voxel (i, j, k); origin, spacing and direction matrix put it
into world RAS+ mm, the frame in which ParaView shows it (3D Slicer asks: answer RAS).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.vtkIOXML import vtkXMLImageDataWriter, vtkXMLPolyDataWriter

from imaging.arrays import FloatArray
from imaging.errors import DiskFullError, InputError
from imaging.formats.polydata import in_ras, lines_mesh, lines_of
from imaging.formats.vtk_xml import caught, read_vtk_image
from imaging.image import Image

_REMAKE = "Run pennate map again"


def to_vtk(arrays: Iterable[tuple[str, NDArray[Any]]], grid: Image) -> pv.ImageData:
    """Return voxel arrays as VTK image.

    Parameters
    ----------
    arrays
        Names, and (I, J, K) scalars or (I, J, K, 3) world vectors on `grid`.
    grid
        Any image on the grid; its axes must be orthogonal.
    """
    spacing, origin = grid.spacing.tolist(), grid.affine[:3, 3].tolist()
    image = pv.ImageData(dimensions=grid.shape, spacing=spacing, origin=origin)
    image.direction_matrix = grid.rotation
    for name, data in arrays:
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
    """Write ``.vti`` or ``.vtp`` as compressed raw data: smaller than pyvista's, same bytes.

    Zlib notices damage by its checksum, which VTK's faster LZ4 has not; its fastest level makes
    files of numbers with noise 3 % larger than the usual one, in two thirds of the time.
    """
    image = isinstance(data, pv.ImageData)
    writer = vtkXMLImageDataWriter() if image else vtkXMLPolyDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(data if image else in_ras(data))
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.SetCompressorTypeToZLib()
    writer.SetCompressionLevel(1)
    writer.SetHeaderTypeToUInt64()
    with caught([]):  # it tells standard error at length of a full disk
        whole = writer.Write() == 1
    if not whole:
        raise DiskFullError(Path(path).parent, f"{Path(path).name} cannot be written whole")


def read_voxels(
    path: str | Path, wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, Image]:
    """Read a ``_map.vti``, all layers or those that are wanted, as images in world RAS+ mm.

    Raises
    ------
    MissingFileError, InputError
        Not there, cut off, without a usable grid, or with arrays of another size.
    """
    image = read_vtk_image(path, _REMAKE, wanted)
    affine = np.asarray(image.direction_matrix) * np.asarray(image.spacing)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
        raise InputError("has no usable grid", path, _REMAKE)
    for name, values in image.point_data.items():
        if len(values) != image.n_points:
            raise InputError(f"array {name} is not of the size of the grid", path, _REMAKE)
    return from_vtk(image)


def fascicles_of(mesh: pv.PolyData) -> tuple[FloatArray, NDArray[np.integer[Any]]]:
    """Return the points of all fascicles in their order (N, 3) and their offsets (F + 1,)."""
    if mesh.n_lines == 0:
        return np.empty((0, 3)), np.zeros(1, dtype=int)
    order, offsets = lines_of(mesh)
    return np.asarray(mesh.points, float)[order], offsets


def write_fascicles(
    points: FloatArray,
    offsets: NDArray[np.integer[Any]],
    table: pd.DataFrame,
    point_arrays: Mapping[str, NDArray[Any]],
    path: str | Path,
) -> None:
    """Write fascicles as VTK lines; numbers of the table become cell data."""
    mesh = lines_mesh(np.asarray(points, np.float32).reshape(-1, 3), offsets)
    if mesh.n_lines:
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
    labels, owner = np.unique(np.asarray(out.cell_data["label"]).astype(int), return_inverse=True)
    rows = muscles.set_index("label").reindex(labels)
    endings = ("_sd", "_n", "_ci_low", "_ci_high", "_status")
    for column in rows.columns:
        if pd.api.types.is_numeric_dtype(rows[column]) and not column.endswith(endings):
            values = rows[column].to_numpy(dtype=np.float32, na_value=np.nan)
            out.cell_data[str(column)] = values[owner]
    return out
