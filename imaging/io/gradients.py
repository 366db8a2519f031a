"""Gradient tables of FSL and BIDS (``.bval``, ``.bvec``) and of MRtrix (four columns)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import B0_MAX, GradientTable, check_directions, file_to_world
from imaging.diffusion.vector_lengths import Lengths, read_lengths
from imaging.errors import GradientTableError, MissingFileError

_CONVERT = "Convert the series again from DICOM"
_MOST_PER_UM2 = 10.0  # a largest b-value up to this is in ms/um2
_LEAST_PER_M2 = 1e5  # from this in s/m2
_SAME_B = 0.05
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?|[-+]?\d+(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class ReadTable:
    """A gradient table as it was read, and how else it could be.

    Attributes
    ----------
    table : GradientTable
        World RAS+.
    warnings : list of str
        What was put right.
    other : GradientTable or None
        The table if the lengths of the vectors mean what they were not taken for.
    lengths : Lengths
    """

    table: GradientTable
    warnings: list[str]
    other: GradientTable | None
    lengths: Lengths


def read_table(bval: Path, bvec: Path, affine: FloatArray, n_volumes: int) -> ReadTable:
    """Read and check a gradient table.

    Parameters
    ----------
    bval, bvec
        FSL text files; vectors as 3 rows or as 3 columns, or an MRtrix table of four columns.
        Numbers apart by blanks, tabs, commas or semicolons.
    affine : (4, 4) array
        Of the image.
    n_volumes
        Number of volumes of the image.

    Raises
    ------
    MissingFileError
        One of the files does not exist.
    GradientTableError
        Wrong number of values, vectors that are not unit, no b = 0, too few directions.
    """
    values, rows = _read_numbers(bval), _read_numbers(bvec)
    warnings: list[str] = []
    vectors: FloatArray
    if rows.shape == (n_volumes, 4):
        values = _mrtrix_bvals(values, rows, bval, bvec)
        vectors = rows[:, :3] @ file_to_world(affine)
        warnings.append(
            f"{bvec.name}: four columns were read as a table of MRtrix: x y z in world axes, b."
        )
    bvals, scaled = _bvals(values, n_volumes, bval, rows.size)
    warnings += scaled
    if rows.shape != (n_volumes, 4):
        vectors, turned = _vectors(rows, n_volumes, bvec)
        warnings += turned
    lengths = read_lengths(bvals, vectors, bvec)
    check_directions(lengths.bvals, lengths.vectors, bval)
    turn = file_to_world(affine).T
    table = GradientTable(lengths.bvals, lengths.vectors @ turn)
    other = None
    if lengths.other_bvals is not None:
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)[:, None]
        weighted = lengths.other_bvals > B0_MAX
        other = GradientTable(
            lengths.other_bvals, np.where(weighted[:, None], np.nan_to_num(unit), 0) @ turn
        )
    return ReadTable(table, warnings + lengths.warnings, other, lengths)


def read_bvals(bval: Path, n_volumes: int) -> FloatArray:
    """Read b-values (N,) in s/mm2 alone; errors as of :func:`read_table`."""
    return _bvals(_read_numbers(bval), n_volumes, bval, 0)[0]


def write_gradients(table: GradientTable, affine: FloatArray, bval: Path, bvec: Path) -> None:
    """Write a table as FSL text files for an image with this affine."""
    vectors = table.vectors @ file_to_world(affine) + 0.0  # + 0.0 turns -0 into 0
    bval.write_text(" ".join(f"{b:g}" for b in table.bvals) + "\n", encoding="ascii")
    lines = (" ".join(f"{v + 0.0:.6f}" for v in np.round(axis, 6)) for axis in vectors.T)
    bvec.write_text("\n".join(lines) + "\n", encoding="ascii")


def _bvals(
    values: FloatArray, n_volumes: int, path: Path, n_vectors: int
) -> tuple[FloatArray, list[str]]:
    """Return b-values (N,) in s/mm2.

    Examples
    --------
    Muscle is measured at some hundred s/mm2, which is 0.4 to 0.8 ms/um2:

    >>> bvals, warnings = _bvals(np.array([0.0, 0.4, 0.8]), 3, Path("dwi.bval"), 3)
    >>> bvals.tolist(), warnings
    ([0.0, 400.0, 800.0], ['dwi.bval: b-values up to 0.8 were taken as ms/um2, ...'])
    """
    bvals = values.ravel()
    if bvals.size != n_volumes:
        swapped = bvals.size == 3 * n_volumes and n_vectors == n_volumes
        raise GradientTableError(
            f"holds {bvals.size} b-values for {n_volumes} volumes",
            path,
            "The .bval and .bvec files are swapped"
            if swapped
            else "Give the .bval of this very series",
        )
    wrong = np.flatnonzero(~np.isfinite(bvals) | (bvals < 0))
    if wrong.size:
        raise GradientTableError(
            f"holds b-values that are negative or not finite, first volume {wrong[0]}",
            path,
            _CONVERT,
        )
    largest = bvals.max()
    if 0 < largest <= _MOST_PER_UM2:
        return 1e3 * bvals, [
            f"{path.name}: b-values up to {largest:g} were taken as ms/um2, that is up to "
            f"{1e3 * largest:g} s/mm2."
        ]
    if largest >= _LEAST_PER_M2:
        return 1e-6 * bvals, [
            f"{path.name}: b-values up to {largest:g} were taken as s/m2, that is up to "
            f"{1e-6 * largest:g} s/mm2."
        ]
    return bvals, []


def _vectors(rows: FloatArray, n_volumes: int, path: Path) -> tuple[FloatArray, list[str]]:
    """Return vectors (N, 3) of three rows or three columns."""
    if rows.shape == (3, n_volumes):
        return rows.T, []
    if rows.shape == (n_volumes, 3):
        text = f"{path.name}: vectors stand as {n_volumes} rows of 3 and were transposed."
        return rows, [text]
    raise GradientTableError(
        f"holds {' x '.join(map(str, rows.shape))} numbers, "
        f"3 x {n_volumes} are needed for {n_volumes} volumes",
        path,
        "Give the .bvec of this very series",
    )


def _mrtrix_bvals(values: FloatArray, rows: FloatArray, bval: Path, bvec: Path) -> FloatArray:
    """Return the b-values of an MRtrix table; those of another .bval must be the same."""
    column = rows[:, 3]
    if values.shape == rows.shape:
        return column
    if values.size == column.size:
        apart = np.abs(values.ravel() - column) > _SAME_B * np.abs(column) + B0_MAX
        if apart.any():
            first = int(np.flatnonzero(apart)[0])
            raise GradientTableError(
                f"says b = {column[first]:g} for volume {first}, {bval.name} says "
                f"{values.ravel()[first]:g}",
                bvec,
                "Give the two files of this very series",
            )
    return values


def _read_numbers(path: Path) -> FloatArray:
    """Read a table of numbers, shape (rows, columns)."""
    if not path.is_file():
        raise MissingFileError(
            "no such gradient table", path, "Put it beside the image, or name it with --bval/--bvec"
        )
    try:
        lines = _separated(path.read_bytes().decode("utf-8-sig")).splitlines()
        if not any(line.split("#")[0].strip() for line in lines):
            raise ValueError("it is empty")
        return np.loadtxt(lines, ndmin=2, dtype=float)
    except (ValueError, OSError) as error:
        raise GradientTableError(
            f"is not a table of numbers ({error})", path, "Give FSL text files"
        ) from error


def _separated(text: str) -> str:
    """Return a text with numbers apart by blanks and with decimal points.

    Examples
    --------
    Commas part numbers, unless every number with one has it as its decimal point:

    >>> _separated("0, 1.5, 2").split()
    ['0', '1.5', '2']
    >>> _separated("0,5 1,25 0").split()
    ['0.5', '1.25', '0']
    """
    words = text.replace(";", " ").split()
    if "." not in text and all(_DECIMAL_COMMA.fullmatch(word) for word in words):
        return text.replace(",", ".").replace(";", " ")
    return text.replace(",", " ").replace(";", " ")
