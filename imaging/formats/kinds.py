"""What a file is, told by its first bytes, whatever its name says."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

_HEAD = 512
# Offset of the mark, the mark, what it tells.
_MARKS = (
    (128, b"DICM", "a DICOM file"),
    (0, b"NRRD000", "an NRRD image or segmentation"),
    (344, b"n+1\0", "a NIfTI image"),
    (344, b"ni1\0", "a NIfTI image"),
    (0, b"TRACK\0", "a TrackVis tractogram"),
    (0, b"mrtrix tracks", "an MRtrix tractogram"),
    (0, b"mrtrix image", "an MRtrix image"),
    (0, b"# vtk DataFile", "a VTK legacy file"),
    (0, b"ply\n", "a PLY surface"),
    (0, b"ply\r", "a PLY surface"),
    (0, b"ObjectType = ", "a MetaImage"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"MATLAB 5.0", "a MATLAB file"),
    (0, b"glTF", "a glTF scene"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
)


def kind_of(path: str | Path) -> str:
    """Return what a file is, in words with their article; empty where its bytes do not tell.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "surface.stl")
    ...     _ = path.write_bytes(bytes(128) + b"DICM" + bytes(64))
    ...     kind_of(path)
    'a DICOM file'
    """
    path = Path(path)
    if path.is_dir():
        return "a folder"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "an empty file"
    if head[:2] == b"\x1f\x8b":
        head = _unpacked(path)
    for at, mark, kind in _MARKS:
        if head[at : at + len(mark)] == mark:
            return kind
    if b"<VTKFile" in head:
        return "a VTK XML file"
    if head.lstrip()[:9].lower() in (b"<!doctype", b"<html>"):
        return "a web page"
    return ""


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(_HEAD)
    except (OSError, EOFError, zlib.error):
        return b""
