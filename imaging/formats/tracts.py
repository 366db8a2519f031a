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
from nibabel.openers import Opener
from nibabel.streamlines import ArraySequence, TckFile, Tractogram, TrkFile
from numpy.typing import NDArray

from imaging.arrays import FloatArray, IntArray
from imaging.errors import InputError, MissingFileError
from imaging.formats.file_kind import ensure_unpacks, kind_of
from imaging.formats.polydata import read_polydata
from imaging.formats.tck import TckError, parse_tck
from imaging.formats.trx import TrxError, read_trx
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

    Examples
    --------
    >>> len(Tracts(np.zeros((7, 3), np.float32), np.array([0, 3, 7])))
    2
    """

    points: FloatArray
    offsets: IntArray

    def __len__(self) -> int:
        return len(self.offsets) - 1


def load_tracts(path: str | Path) -> Tracts:
    """Read a tractogram; tracts of fewer than two points are left out.

    TRX, TRK and TCK define their space, and are turned into world RAS+ mm. VTK files may say
    ``SPACE=LPS`` or ``SPACE=RAS``; one that does not is taken as world RAS+ mm.

    Parameters
    ----------
    path
        ``.trx`` (archive or folder), ``.trk``, ``.tck`` (single or double precision), both also
        as ``.gz``, ``.vtp`` or ``.vtk``.

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
    suffix = _format_of(path)
    try:
        if path.is_file():
            ensure_unpacks(path, "the tractogram")
        points, counts = _READERS[suffix](path)
    except InputError:
        raise
    except (TckError, TrxError) as error:
        again = "Copy it again, or write it again in the program that it comes from"
        raise InputError(f"cannot be read as .{suffix}: {error}", path, again) from error
    except Exception as error:  # nibabel and zipfile raise a dozen unrelated kinds
        raise InputError(
            f"cannot be read as .{suffix} ({type(error).__name__}: {error})", path, _AGAIN
        ) from error
    if not np.isfinite(points).all():
        raise InputError("holds points that are not finite", path, "Export the tracts again")
    usable = counts >= 2
    if not usable.any():
        raise InputError("contains no tracts", path, "Track again, or give another file")
    points = np.asarray(points, np.float32)[np.repeat(usable, counts)]
    offsets = np.concatenate([[0], np.cumsum(counts[usable])]).astype(np.int64)
    return Tracts(points, offsets)


def files_of(path: Path) -> list[Path]:
    """Return the files a tractogram consists of: one, or all in a TRX folder."""
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _format_of(path: Path) -> str:
    """Return the ending that tells the format; raise where the file is plainly something else."""
    kind = kind_of(path)
    if path.is_dir():
        if (path / "header.json").is_file():
            return "trx"
        raise InputError("is a folder without header.json, not TRX", path, _CONVERT)
    packed = path.name.lower().endswith(".gz")
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix not in _READERS or (packed and suffix not in _PACKED):
        raise InputError(
            f"is {kind or 'a file'}, not a tractogram that can be read", path, _CONVERT
        )
    expected = _KINDS.get(suffix)
    if expected and kind != expected:
        raise InputError(f"is {kind or 'of another kind'}, not {expected}", path, _CONVERT)
    return suffix


def _read_trk(path: Path) -> tuple[FloatArray, IntArray]:
    with Opener(str(path), "rb") as file, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        read = nib.streamlines.load(file)
    affine = np.asarray(read.header["voxel_to_rasmm"], float)
    told = [str(w.message).lower() for w in said]
    if any("vox_to_ras" in t for t in told):
        raise InputError(
            "does not say in its header where its voxels lie in the world",
            path,
            "Export it again with its voxel-to-world matrix, or as .tck",
        )
    # Without an order of axes TrackVis means LPS; a matrix of other axes contradicts that.
    if any("voxel order" in t for t in told) and nib.aff2axcodes(affine) != ("L", "P", "S"):
        raise InputError(
            "does not give the order of its voxel axes in its header",
            path,
            "Export it again with its voxel order, or as .tck",
        )
    lines = read.tractogram.streamlines
    lengths = np.array(lines._lengths, np.int64)
    return np.concatenate([np.zeros((0, 3), np.float32), *lines]), lengths


def _read_tck(path: Path) -> tuple[FloatArray, IntArray]:
    with Opener(str(path), "rb") as file:
        return parse_tck(file.read())


def _read_vtk(path: Path) -> tuple[FloatArray, IntArray]:
    (data,) = read_polydata([path])
    return data.lines, np.diff(data.offsets)


_READERS: Mapping[str, Callable[[Path], tuple[FloatArray, IntArray]]] = {
    "trx": read_trx,
    "trk": _read_trk,
    "tck": _read_tck,
    "vtp": _read_vtk,
    "vtk": _read_vtk,
}
_PACKED = ("trk", "tck")
_KINDS = {
    "trx": "a ZIP archive",
    "trk": "a TrackVis tractogram",
    "tck": "an MRtrix tractogram",
}
_CONVERT = "Convert it to .trx, .trk, .tck or .vtp"
_AGAIN = "The file may be truncated: copy or convert it again"


def trk_bytes(tracts: Tracts, figures: Mapping[str, NDArray[Any]], grid: Image) -> bytes:
    """Return tracts as a TrackVis file whose header lies on the grid of an image.

    The points in the file are millimetres from the outer corner of the first voxel, along the
    voxel axes; readers turn them back into world RAS+ mm.

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
    # The header is nibabel's, that of the first tract alone; it writes one tract after the other.
    out = io.BytesIO()
    count = len(tracts.offsets) - 1
    first = Tracts(tracts.points[: tracts.offsets[min(1, count)]], tracts.offsets[:2])
    few = {name: values[:1] for name, values in properties.items()}
    TrkFile(_tractogram(first, few), header).save(out)
    told = np.frombuffer(out.getvalue(), nib.streamlines.trk.header_2_dtype, 1).copy()
    told["nb_streamlines"] = count
    return told.tobytes() + _trk_body(tracts, list(properties.values()), told[0])


def _trk_body(tracts: Tracts, figures: list[NDArray[Any]], header: Any) -> bytes:
    """Return number of points, points and figures of one tract after the other."""
    lengths = np.diff(tracts.offsets)
    words = 1 + 3 * lengths + len(figures)
    start = np.cumsum(words) - words
    numbers = np.empty(int(words.sum()), "<f4")
    numbers.view("<i4")[start] = lengths
    within = np.arange(len(tracts.points)) - np.repeat(tracts.offsets[:-1], lengths)
    places = np.repeat(start + 1, lengths) + 3 * within
    affine = nib.streamlines.trk.get_affine_rasmm_to_trackvis(header)
    points = nib.affines.apply_affine(affine, tracts.points)
    numbers[places[:, None] + np.arange(3)] = points
    for n, values in enumerate(figures):
        numbers[start + 1 + 3 * lengths + n] = values[:, 0]
    return numbers.tobytes()


def tck_bytes(tracts: Tracts) -> bytes:
    """Return tracts as an MRtrix file; it holds points only, world RAS+ mm.

    Examples
    --------
    >>> points = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    >>> read, counts = parse_tck(tck_bytes(Tracts(points, np.array([0, 2]))))
    >>> read.tolist(), counts.tolist()
    ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [2])
    """
    out = io.BytesIO()
    TckFile(_tractogram(tracts, {})).save(out)
    return out.getvalue()


def _tractogram(tracts: Tracts, properties: Mapping[str, FloatArray]) -> Tractogram:
    sequence = ArraySequence()
    sequence._data = tracts.points
    sequence._offsets = tracts.offsets[:-1]
    sequence._lengths = np.diff(tracts.offsets)
    return Tractogram(sequence, dict(properties), affine_to_rasmm=np.eye(4))
