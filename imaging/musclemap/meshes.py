"""Surfaces and fascicles of VTK files, checked: the same for the map and what it is made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
from numpy.typing import NDArray

from imaging.errors import InputError, LabelError
from imaging.formats.vtk_xml import read_vtk_mesh


def read_triangles(path: Path, arrays: Sequence[str], how: str) -> pv.PolyData:
    """Read triangles that carry arrays, `label` among them.

    Parameters
    ----------
    path
        ``.vtp``, world RAS+ mm.
    arrays
        Cell arrays that must be there, one number for each triangle; no other is read.
    how
        What a user should do where it cannot be used.

    Raises
    ------
    MissingFileError, InputError
        Not there, cut off, not triangles only, without an array, or points that are not numbers.
    """
    mesh = read_vtk_mesh(path, how, arrays)
    if mesh.n_cells and not mesh.is_all_triangles:
        raise InputError("holds cells that are not triangles", path, how)
    _check(mesh, arrays, path, how)
    return mesh


def read_lines(
    path: Path, rows: Path, needed: Sequence[str], how: str, only: Sequence[str] | None = None
) -> pv.PolyData:
    """Read polylines, and check that a table has one row for each.

    Parameters
    ----------
    path
        ``.vtp``, world RAS+ mm, cell array `label`.
    rows
        Parquet with the column `label`.
    needed
        Further columns of the table that must be there.
    how
        What a user should do where they cannot be used.
    only
        Cell arrays that are wanted, `label` among them; None takes all.

    Raises
    ------
    MissingFileError, InputError
        One is not there, cut off, not of lines, or they do not hold the same fascicles.
    """
    mesh = read_vtk_mesh(path, how, only)
    if mesh.n_lines != mesh.n_cells:
        raise InputError("holds cells that are not lines", path, how)
    labels = read_rows(rows, ["label"], how)["label"].to_numpy()
    if mesh.n_cells:
        _check(mesh, ["label"], path, how)
    if len(labels) != mesh.n_lines:
        why = f"has {mesh.n_lines} fascicles, but {rows.name} has {len(labels)} rows"
        raise InputError(why, path, how)
    if mesh.n_lines and not np.array_equal(labels, np.asarray(mesh.cell_data["label"])):
        raise InputError(f"does not hold the muscles that {rows.name} names", path, how)
    if needed:
        read_rows(rows, needed, how)
    return mesh


def read_rows(path: Path, columns: Sequence[str] | None, how: str) -> pd.DataFrame:
    """Read columns of a Parquet file, all of them for None.

    Raises
    ------
    InputError
        Cut off, damaged, or without a column.
    """
    try:
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
    except Exception as error:  # pyarrow raises unrelated kinds
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"cannot be read as Parquet ({told})", path, how) from error


def _check(mesh: pv.PolyData, arrays: Sequence[str], path: Path, how: str) -> None:
    if missing := [name for name in arrays if name not in mesh.cell_data]:
        raise InputError(f"lacks the cell arrays {', '.join(missing)}", path, how)
    for name in arrays:
        values = np.asarray(mesh.cell_data[name])
        if values.shape != (mesh.n_cells,) or not np.isfinite(values).all():
            raise InputError(f"cell array {name} is not one number for each cell", path, how)
    if not np.isfinite(np.asarray(mesh.points)).all():
        raise InputError("holds points that are not numbers", path, how)


def labels_of_cells(mesh: pv.PolyData) -> NDArray[np.int64]:
    """Return the label of every cell."""
    return np.asarray(mesh.cell_data["label"]).astype(np.int64)


def check_muscles(mesh: pv.PolyData, known: Iterable[int], path: Path) -> None:
    """Check that the cells of a mesh belong to muscles that the label map can have.

    Raises
    ------
    LabelError
        Others: it was made with another label map.
    """
    strange = sorted(set(labels_of_cells(mesh).tolist()) - set(known)) if mesh.n_cells else []
    if strange:
        what = f"holds muscles that are not in the label map: {', '.join(map(str, strange))}"
        raise LabelError(what, path, "Run pennate fibres with the labels that the map is given")


def triangles(points: NDArray[Any], faces: NDArray[Any]) -> pv.PolyData:
    """Return a mesh of points (N, 3) in world RAS+ mm and triangles (T, 3)."""
    vertices: Any = points.astype(np.float32)  # pyvista's stubs want float64
    return pv.PolyData.from_regular_faces(vertices, faces.astype(int))
