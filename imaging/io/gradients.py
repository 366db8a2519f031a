"""Gradient tables of FSL and BIDS: ``.bval`` and ``.bvec``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import GradientTable, check_directions, file_to_world, unit_vectors
from imaging.errors import GradientTableError, MissingFileError

_CONVERT = "Convert the series again from DICOM"


def read_gradients(
    bval: Path, bvec: Path, affine: FloatArray, n_volumes: int
) -> tuple[GradientTable, list[str]]:
    """Read and check a gradient table.

    Parameters
    ----------
    bval, bvec
        FSL text files; vectors as 3 rows or as 3 columns.
    affine : (4, 4) array
        Of the image.
    n_volumes
        Number of volumes of the image.

    Returns
    -------
    table : GradientTable
        World RAS+.
    warnings : list of str
        What was put right.

    Raises
    ------
    MissingFileError
        One of the files does not exist.
    GradientTableError
        Wrong number of values, vectors that are not unit, no b = 0, too few directions.
    """
    bvals = _read_numbers(bval).ravel()
    rows = _read_numbers(bvec)
    if bvals.size != n_volumes:
        raise GradientTableError(
            f"holds {bvals.size} b-values for {n_volumes} volumes",
            bval,
            "Give the .bval of this very series",
        )
    if (bvals < 0).any() or not np.isfinite(bvals).all():
        raise GradientTableError("holds b-values that are negative or not finite", bval, _CONVERT)
    if n_volumes in rows.shape and 3 in rows.shape:
        vectors = rows.T if rows.shape == (3, n_volumes) else rows
    else:
        raise GradientTableError(
            f"holds {' x '.join(map(str, rows.shape))} numbers, "
            f"3 x {n_volumes} are needed for {n_volumes} volumes",
            bvec,
            "Give the .bvec of this very series",
        )
    warnings = []
    if rows.shape == (n_volumes, 3) and n_volumes != 3:
        warnings.append(f"{bvec.name}: vectors stand as {n_volumes} rows of 3 and were transposed.")
    vectors, scaled = unit_vectors(bvals, vectors, bvec)
    warnings += scaled
    check_directions(bvals, vectors, bval)
    world = vectors @ file_to_world(affine).T
    return GradientTable(bvals, world), warnings


def write_gradients(table: GradientTable, affine: FloatArray, bval: Path, bvec: Path) -> None:
    """Write a table as FSL text files for an image with this affine."""
    vectors = table.vectors @ file_to_world(affine) + 0.0  # + 0.0 turns -0 into 0
    bval.write_text(" ".join(f"{b:g}" for b in table.bvals) + "\n", encoding="ascii")
    lines = (" ".join(f"{v + 0.0:.6f}" for v in np.round(axis, 6)) for axis in vectors.T)
    bvec.write_text("\n".join(lines) + "\n", encoding="ascii")


def _read_numbers(path: Path) -> FloatArray:
    """Read a table of numbers, shape (rows, columns)."""
    if not path.is_file():
        raise MissingFileError(
            "no such gradient table", path, "Put it beside the image, or name it with --bval/--bvec"
        )
    try:
        return np.loadtxt(path, ndmin=2, dtype=float)
    except (ValueError, UnicodeDecodeError) as error:
        raise GradientTableError(
            f"is not a table of numbers ({error})", path, "Give FSL text files"
        ) from error
