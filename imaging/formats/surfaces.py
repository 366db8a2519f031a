"""Triangle surfaces read from the files of other programs, and written as STL; world RAS+ mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray, IntArray
from imaging.errors import InputError
from imaging.formats.polydata import read_polydata

_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_LONGEST_NAME = 50


@dataclass(frozen=True)
class Surface:
    """Triangles.

    Attributes
    ----------
    points : (N, 3) float array
        World RAS+ mm.
    faces : (M, 3) int array
        Corners of each triangle.
    """

    points: FloatArray
    faces: IntArray


def load_surfaces(paths: Sequence[Path]) -> list[Surface]:
    """Read surfaces; those that say ``SPACE=LPS`` are turned into RAS+.

    Parameters
    ----------
    paths
        ``.vtp``, ``.vtk``, ``.stl`` (binary or text), ``.ply`` or ``.obj``, in millimetres.

    Raises
    ------
    MissingFileError
        No such file.
    InputError
        Cut, damaged, of another format, in an unknown frame, or without a triangle.
    """
    out = []
    for path, data in zip(paths, read_polydata(paths), strict=True):
        if not len(data.faces):
            raise InputError("contains no triangles", path, "Export it as a surface of triangles")
        out.append(Surface(data.points.astype(float), data.faces))
    return out


def stl_bytes(points: FloatArray, faces: IntArray, name: str, space: str = "RAS") -> bytes:
    """Return triangles as binary STL whose header holds only its name and frame.

    Parameters
    ----------
    points : (N, 3) array
        mm in the axes of `space`.
    faces : (M, 3) int array
        Corners in the order that makes normals point outwards.
    name
        ASCII, at most 50 letters are kept.
    space
        RAS (world) or LPS (DICOM).

    Examples
    --------
    >>> content = stl_bytes(np.eye(3), np.array([[0, 1, 2]]), "left-TA")
    >>> content[:80].rstrip(), len(content)
    (b'pennate left-TA mm RAS+ SPACE=RAS', 134)
    """
    corners = np.asarray(points, np.float64)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(len(corners), _TRIANGLE)
    records["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    records["corners"] = corners
    # A binary STL must not begin with "solid", which marks the text form.
    text = f"pennate {name[:_LONGEST_NAME]} mm {space}+ SPACE={space}"
    header = text.encode("ascii", "replace").ljust(80, b" ")
    return header + np.uint32(len(records)).tobytes() + records.tobytes()
