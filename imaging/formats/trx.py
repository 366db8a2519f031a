"""TRX tractograms: read from an archive or a folder, written as bytes of what they hold alone."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import IntArray
from imaging.image import Image

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_POSITIONS = re.compile(r"positions\.3\.(float16|float32|float64)")
_UNSAFE = re.compile(r"[^\w+ ()-]")
_OFFSETS = re.compile(r"offsets\.(uint32|uint64|int32|int64)")


class TrxError(ValueError):
    """The archive or folder is not a whole TRX tractogram."""


def read_trx(path: Path) -> tuple[NDArray[np.float32], IntArray]:
    """Return the points (P, 3) of all streamlines, world RAS+ mm, and how many (F,) each has.

    Nothing is written or unpacked beside the file, which may lie where nobody can write.

    Parameters
    ----------
    path
        Archive, compressed or not, or folder.

    Raises
    ------
    TrxError, zipfile.BadZipFile, OSError
        Cut, damaged, or not TRX.

    References
    ----------
    TRX 0.1, github.com/tee-ar-ex/trx-spec.
    """
    if path.is_dir():
        return _parse({p.name: p for p in path.iterdir() if p.is_file()})
    with zipfile.ZipFile(path) as file:
        return _parse({name: zipfile.Path(file, name) for name in file.namelist()})


def _parse(members: Mapping[str, Any]) -> tuple[NDArray[np.float32], IntArray]:
    if "header.json" not in members:
        raise TrxError("it has no header.json")
    try:
        header = json.loads(members["header.json"].read_bytes())
        vertices, streamlines = int(header["NB_VERTICES"]), int(header["NB_STREAMLINES"])
    except (ValueError, TypeError, KeyError) as error:
        raise TrxError("its header.json does not count vertices and streamlines") from error
    if not vertices or not streamlines:
        return np.zeros((0, 3), np.float32), np.zeros(0, np.int64)
    points = _array(members, _POSITIONS, "positions")
    starts = _array(members, _OFFSETS, "offsets").astype(np.int64)
    if len(points) != 3 * vertices:
        raise TrxError(f"it holds {len(points) / 3:g} of {vertices} points")
    if len(starts) == streamlines:  # as of before version 0.1 of the format
        starts = np.append(starts, vertices)
    counts = np.diff(starts)
    if len(counts) != streamlines or starts[0] or starts[-1] != vertices or (counts < 0).any():
        raise TrxError("its offsets do not divide its points into streamlines")
    return points.reshape(-1, 3).astype(np.float32), counts


def _array(members: Mapping[str, Any], pattern: re.Pattern[str], what: str) -> NDArray[Any]:
    """Return the numbers of the one member whose name tells their type."""
    found = [m for m in (pattern.fullmatch(name) for name in members) if m]
    if len(found) != 1:
        raise TrxError(f"it has {len(found)} members named {what}")
    dtype = np.dtype(found[0].group(1)).newbyteorder("<")
    content = members[found[0].group()].read_bytes()
    if len(content) % dtype.itemsize:
        raise TrxError(f"its {what} end within a number")
    return np.frombuffer(content, dtype)


def archive(
    points: NDArray[Any],
    offsets: NDArray[Any],
    figures: Mapping[str, NDArray[Any]],
    groups: Mapping[str, NDArray[Any]],
    grid: Image,
) -> bytes:
    """Return an uncompressed TRX archive; trx-python writes one that carries the time of day.

    Parameters
    ----------
    points : (P, 3) array
        World RAS+ mm, streamline after streamline.
    offsets : (F + 1,) array
        Where each streamline begins, and the end of the last.
    figures
        Name to (F,) values per streamline.
    groups
        Name to the numbers of the streamlines in it; what no member of an archive may be called,
        and the dots that part name and type, become ``_``.
    grid
        Image that the header refers to.

    References
    ----------
    TRX 0.1, github.com/tee-ar-ex/trx-spec.
    """
    header = {
        "DIMENSIONS": list(grid.shape),
        "NB_STREAMLINES": len(offsets) - 1,
        "NB_VERTICES": len(points),
        "VOXEL_TO_RASMM": grid.affine.tolist(),
    }
    members = {
        "header.json": json.dumps(header, indent=2).encode(),
        "positions.3.float32": points.astype("<f4").tobytes(),
        "offsets.uint32": offsets.astype("<u4").tobytes(),
    }
    for name, values in figures.items():
        members[f"dps/{name}.float32"] = values.astype("<f4").tobytes()
    for name, rows in groups.items():
        members[_free(f"groups/{_UNSAFE.sub('_', name)}", members)] = rows.astype("<u4").tobytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(members):
            file.writestr(zipfile.ZipInfo(name, _ZIP_DATE), members[name])
    return buffer.getvalue()


def _free(stem: str, taken: Mapping[str, Any]) -> str:
    """Return the name of a member that no other one has."""
    names = chain([stem], (f"{stem}_{n}" for n in count(2)))
    return next(f"{name}.uint32" for name in names if f"{name}.uint32" not in taken)
