"""What a file is, told from its first bytes, not from its name."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import InputError
from imaging.formats.gzipped import unpack_to_end
from imaging.memory import memory_limit

_BYTES = 1024
# Of deflate, which gzip, ZIP and VTK use: 258 bytes from 2 bits, and some overhead.
MOST_RATIO = 1032
_CONVERT = "Convert it to NIfTI"
_AGAIN = "Copy or download it again"


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes
    ----------
    kind : str
        In words, such as ``a DICOM file``.
    fix : str
        What to do where a NIfTI image is wanted.
    """

    kind: str
    fix: str


NIFTI = FileKind("a NIfTI image", _AGAIN)
TRUNCATED = FileKind("truncated: its data end too early", f"{_AGAIN}, or convert it again")
ANALYZE = FileKind(
    "an Analyze 7.5 image, which does not tell left from right", f"{_CONVERT} from the DICOM files"
)
_DICOM = FileKind(
    "a DICOM file", "Convert the examination: pennate convert FOLDER BIDS --subject 01"
)
_TEXT = FileKind("a text file", "Give the image itself")
_UNKNOWN = FileKind("of an unknown kind", "Give a NIfTI image (.nii.gz)")
_STARTS: Sequence[tuple[bytes, FileKind]] = (
    (b"NRRD", FileKind("an NRRD file", "Save it from 3D Slicer as NIfTI (.nii.gz)")),
    (b"<?xml", FileKind("an XML file", "Give the image itself")),
    (b"# vtk DataFile", FileKind("a VTK legacy file", _CONVERT)),
    (b"ply\n", FileKind("a PLY surface", "Give it as a surface")),
    (b"ply\r", FileKind("a PLY surface", "Give it as a surface")),
    (b"glTF", FileKind("a glTF scene", "Give the image itself")),
    (b"ObjectType", FileKind("a MetaImage file", _CONVERT)),
    (b"NDims", FileKind("a MetaImage file", _CONVERT)),
    (b"mrtrix image", FileKind("an MRtrix image", "Convert it with mrconvert to .nii.gz")),
    (b"mrtrix tracks", FileKind("an MRtrix tractogram", "Give it as tracts")),
    (b"TRACK\0", FileKind("a TrackVis tractogram", "Give it as tracts")),
    (b"\x89HDF", FileKind("an HDF5, MINC or MATLAB file", _CONVERT)),
    (b"MATLAB", FileKind("a MATLAB file", _CONVERT)),
    (b"CDF", FileKind("a MINC file", _CONVERT)),
    (b"\x93NUMPY", FileKind("a NumPy file", _CONVERT)),
    (b"\x89PNG", FileKind("a PNG picture", f"{_CONVERT} from the DICOM files")),
    (b"\xff\xd8\xff", FileKind("a JPEG picture", f"{_CONVERT} from the DICOM files")),
    (b"II*\x00", FileKind("a TIFF picture", f"{_CONVERT} from the DICOM files")),
    (b"MM\x00*", FileKind("a TIFF picture", f"{_CONVERT} from the DICOM files")),
    (b"%PDF", FileKind("a PDF document", "Give the image itself")),
    (b"PK\x03\x04", FileKind("a ZIP archive", "Unpack it and give the image in it")),
    (b"BZh", FileKind("compressed with bzip2", "Unpack it and compress it with gzip")),
    (b"\xfd7zXZ", FileKind("compressed with xz", "Unpack it and compress it with gzip")),
    (b"version https://git-lfs", FileKind("a pointer of Git LFS", "Fetch the file: git lfs pull")),
    (b"/annex/", FileKind("a pointer of git-annex", "Fetch the file: datalad get")),
    (b"<!DOCTYPE", FileKind("a web page", "Log in and download it again")),
    (b"<html", FileKind("a web page", "Log in and download it again")),
    (b"{", FileKind("a JSON file", "Give the image itself")),
)


def file_kind_of(path: str | Path) -> FileKind:
    """Return what a file is; ``NIFTI`` where its header says so, whatever follows."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            first = file.read(_BYTES)
    except OSError as error:
        return FileKind(f"not readable ({error.strerror})", "Ask for the right to read it")
    packed = first.startswith(b"\x1f\x8b")
    if packed:
        try:
            with gzip.open(path) as unpacked:
                first = unpacked.read(_BYTES)
        except EOFError:
            return TRUNCATED
        except (OSError, zlib.error):
            return FileKind("damaged: it cannot be unpacked", _AGAIN)
    found = _told_by(first)
    if found is NIFTI and packed != (path.suffix == ".gz"):
        ending, is_ = (".nii.gz", "compressed") if packed else (".nii", "not compressed")
        return FileKind(f"a NIfTI image that is {is_}", f"Name it with the ending {ending}")
    return found


def kind_of(path: str | Path) -> str:
    """Return what a file is, in words with their article; empty for text and unknown bytes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "surface.stl")
    ...     _ = path.write_bytes(bytes([1] * 128) + b"DICM" + bytes(64))
    ...     kind_of(path)
    'a DICOM file'
    """
    if Path(path).is_dir():
        return "a folder"
    found = file_kind_of(path)
    return "" if found in (_TEXT, _UNKNOWN) else found.kind


def ensure_unpacks(path: str | Path, what: str) -> None:
    """Raise where a file compressed with gzip is larger than the memory, once unpacked.

    Parameters
    ----------
    path
        The file; one that does not begin as gzip does passes.
    what
        What it is, as the start of the sentence: ``the table``.

    Raises
    ------
    InputError
        It does not fit.
    EOFError, OSError, zlib.error
        It is cut off or damaged.
    """
    path = Path(path)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if not packed or path.stat().st_size * MOST_RATIO <= memory_limit():
        return
    try:
        unpack_to_end(path, memory_limit())
    except InputError as error:
        why = f"{what} is larger than the memory ({memory_limit() / 2**30:,.1f} GiB), once unpacked"
        raise InputError(why, path, "Give less of it, or check where it comes from") from error


def _told_by(first: bytes) -> FileKind:
    """Return what starts with these bytes."""
    if not first:
        return FileKind("an empty file", _AGAIN)
    if not any(first):
        return FileKind("filled with zeros: a copy that broke off", _AGAIN)
    if first[128:132] == b"DICM" or first[:4] in (b"\x08\x00\x00\x00", b"\x08\x00\x05\x00"):
        return _DICOM
    if first[344:348] in (b"n+1\0", b"ni1\0") or first[4:8] in (b"n+2\0", b"ni2\0"):
        return NIFTI
    if int.from_bytes(first[:4], "little") == 348 or int.from_bytes(first[:4], "big") == 348:
        return ANALYZE if len(first) >= 348 else TRUNCATED
    if b"<VTKFile" in first:
        return FileKind("a VTK XML file", _CONVERT)
    for start, kind in _STARTS:
        if first.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            return kind
    if all(byte >= 32 or byte in b"\t\r\n" for byte in first) and b"\0" not in first:
        return _TEXT
    return _UNKNOWN
