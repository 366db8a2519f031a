"""Tractogram files: TRX, TRK, TCK and VTK polylines read and written, always world RAS+ mm."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pyvista as pv
from nibabel.openers import Opener
from nibabel.streamlines import ArraySequence, TckFile, Tractogram, TrkFile
from numpy.typing import NDArray
from trx.trx_file_memmap import load as load_trx

from imaging.arrays import FloatArray, IntArray
from imaging.errors import InputError, MissingFileError
from imaging.image import Image

# Limits of the TRK header.
_TRK_PROPERTIES, _TRK_NAME = 10, 20


@dataclass(frozen=True)
class Tracts:
    """Polylines.

    Attributes
    ----------
    points : (P, 3) float32 array
        All points one tract after the other, world RAS+ mm.
    offsets : (F + 1,) int64 array
        Where each tract begins in `points`, and the end of the last.
    """

    points: FloatArray
    offsets: IntArray

    def __len__(self) -> int:
        return len(self.offsets) - 1


def load_tracts(path: str | Path) -> Tracts:
    """Read a tractogram; tracts of fewer than two points are left out.

    TRX, TRK and TCK define their space, and are turned into world RAS+ mm. VTK files do not: their
    points are taken as world RAS+ mm, as Pennate writes them.

    Raises
    ------
    MissingFileError
        No such file.
    InputError
        Another format, truncated, without tracts, or points that are not finite.

    References
    ----------
    TRX 0.1, github.com/tee-ar-ex/trx-spec; TrackVis 2, trackvis.org/docs; MRtrix3 .tck.
    """
    path = Path(path)
    if not path.exists():
        raise MissingFileError("no such tractogram", path, "Check the path")
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix not in _READERS:
        raise InputError(
            "is not a tractogram that can be read", path, "Convert it to .trx, .trk, .tck or .vtp"
        )
    try:
        points, counts = _READERS[suffix](path)
    except InputError:
        raise
    except Exception as error:  # three libraries raise a dozen unrelated kinds
        raise InputError(
            f"cannot be read as .{suffix} ({type(error).__name__}: {error})",
            path,
            "The file may be truncated: copy or convert it again",
        ) from error
    if not np.isfinite(points).all():
        raise InputError("holds points that are not finite", path, "Export the tracts again")
    usable = counts >= 2
    if not usable.any():
        raise InputError("holds no tract", path, "Track again, or give another file")
    points = np.asarray(points, np.float32)[np.repeat(usable, counts)]
    offsets = np.concatenate([[0], np.cumsum(counts[usable])]).astype(np.int64)
    return Tracts(points, offsets)


def _read_trx(path: Path) -> tuple[FloatArray, IntArray]:
    archive = load_trx(str(path))
    try:
        lines = archive.streamlines
        return np.array(lines._data, np.float32), np.array(lines._lengths, np.int64)
    finally:
        archive.close()


def _read_nibabel(path: Path) -> tuple[FloatArray, IntArray]:
    with Opener(str(path), "rb") as file, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        lines = nib.streamlines.load(file).tractogram.streamlines
    if any("vox_to_ras" in str(w.message) for w in said):
        raise InputError(
            "says in its header nothing of where its voxels lie in the world",
            path,
            "Export it again with its voxel-to-world matrix, or as .tck",
        )
    lengths = np.array(lines._lengths, np.int64)
    return np.concatenate([np.zeros((0, 3), np.float32), *lines]), lengths


def _read_vtk(path: Path) -> tuple[FloatArray, IntArray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what could not be read is told by what is missing
        mesh = pv.read(path)
    if not isinstance(mesh, pv.PolyData):
        raise InputError("holds no polylines", path, "Give tracts as VTK PolyData")
    cells = mesh.GetLines()
    offsets = pv.convert_array(cells.GetOffsetsArray()).astype(np.int64)
    order = pv.convert_array(cells.GetConnectivityArray())
    return np.asarray(mesh.points)[order], np.diff(offsets)


_READERS: Mapping[str, Callable[[Path], tuple[FloatArray, IntArray]]] = {
    "trx": _read_trx,
    "trk": _read_nibabel,
    "tck": _read_nibabel,
    "vtp": _read_vtk,
    "vtk": _read_vtk,
}


def trk_bytes(tracts: Tracts, figures: Mapping[str, NDArray[Any]], grid: Image) -> bytes:
    """Return tracts as a TrackVis file whose header lies on the grid of an image.

    Parameters
    ----------
    tracts
        World RAS+ mm.
    figures
        Name to (F,) values per tract. TRK takes at most ten, under names of at most twenty
        letters; what is beyond is left out.
    grid
        Image that the header refers to.
    """
    header = TrkFile.create_empty_header()
    header["voxel_to_rasmm"] = grid.affine.astype(np.float32)
    header["dimensions"] = grid.shape
    header["voxel_sizes"] = grid.spacing
    header["voxel_order"] = "".join(nib.orientations.aff2axcodes(grid.affine))
    taken = list(figures.items())[:_TRK_PROPERTIES]
    properties = {name[:_TRK_NAME]: np.asarray(v, np.float32)[:, None] for name, v in taken}
    out = io.BytesIO()
    TrkFile(_tractogram(tracts, properties), header).save(out)
    return out.getvalue()


def tck_bytes(tracts: Tracts) -> bytes:
    """Return tracts as an MRtrix file; it holds points only, world RAS+ mm."""
    out = io.BytesIO()
    TckFile(_tractogram(tracts, {})).save(out)
    return out.getvalue()


def _tractogram(tracts: Tracts, properties: Mapping[str, FloatArray]) -> Tractogram:
    sequence = ArraySequence()
    sequence._data = tracts.points
    sequence._offsets = tracts.offsets[:-1]
    sequence._lengths = np.diff(tracts.offsets)
    return Tractogram(sequence, dict(properties), affine_to_rasmm=np.eye(4))
