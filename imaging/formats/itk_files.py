"""MetaImage and NRRD files read by SimpleITK, after a look at what their headers promise.

ITK takes the memory that a header asks for, reads whatever file it names as that of the voxels,
and hands back a compressed MetaImage that ends too early with the rest as it lay in memory.
"""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import SimpleITK as sitk

from imaging.errors import ImageError
from imaging.memory import ensure_fits

_LONGEST = 2**20
_AGAIN = "Save it again as one file, with its voxels in it"
_META_END = re.compile(rb"^ElementDataFile[ \t]*=[ \t]*([^\r\n]*)\r?\n", re.MULTILINE)
_NRRD_END = re.compile(rb"\r?\n\r?\n")
_NRRD_FILE = re.compile(rb"^data ?file:[ \t]*([^\r\n]*)$", re.MULTILINE | re.IGNORECASE)
_INSIDE = (b"LOCAL", b"Local", b"local")


@dataclass(frozen=True)
class _Voxels:
    """Where the voxels lie, and how they are packed: ``raw``, ``gzip``, ``zlib``, or unknown."""

    names: list[str]
    inside: bool
    start: int
    packing: str


def read_itk(path: Path) -> sitk.Image:
    """Read an image of MetaImage or NRRD.

    Raises
    ------
    ImageError
        It names files outside its folder, or holds less or more than its header tells.
    InputError
        Its header tells of more voxels than fit into the memory.
    RuntimeError
        ITK cannot read it.
    """
    voxels = _voxels(path)
    for name in voxels.names:
        if not _beside(name):
            raise ImageError(f"takes its voxels from {name!r}, outside its folder", path, _AGAIN)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    each = sitk.Image([1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
    shape = (*reader.GetSize(), reader.GetNumberOfComponents())
    what = f"an image of {'x'.join(map(str, shape))} values, as its header tells,"
    ensure_fits(shape, 2 * each, what, path, _AGAIN)  # once in ITK, once as an array
    if voxels.inside and voxels.packing:
        _check_length(path, voxels, math.prod(shape) * each)
    return reader.Execute()


def _voxels(path: Path) -> _Voxels:
    with path.open("rb") as file:
        head = file.read(_LONGEST)
    if head.startswith(b"NRRD"):
        end = _NRRD_END.search(head)
        text, start = (head[: end.start()], end.end()) if end else (head, len(head))
        names = [found[1] for found in _NRRD_FILE.finditer(text)]
        if any(name.startswith(b"LIST") for name in names):
            names = text.partition(b"LIST")[2].splitlines()[1:]
        packing = _nrrd_packing(text)
        return _Voxels(
            [name.decode("utf-8", "replace") for name in names], not names, start, packing
        )
    end = _META_END.search(head)
    if end is None:
        return _Voxels([], False, 0, "")
    name, rest = end[1].strip(), head[end.end() :]
    if name in _INSIDE:
        packed = re.search(rb"^CompressedData[ \t]*=[ \t]*True", head[: end.end()], re.MULTILINE)
        return _Voxels([], True, end.end(), "zlib" if packed else "raw")
    names = rest.splitlines() if name.startswith(b"LIST") else [name]
    return _Voxels([one.decode("utf-8", "replace") for one in names], False, 0, "")


def _nrrd_packing(text: bytes) -> str:
    if re.search(rb"^(byte|line) ?skip:", text, re.MULTILINE):
        return ""
    found = re.search(rb"^encoding:[ \t]*(\w+)", text, re.MULTILINE)
    return {b"raw": "raw", b"gzip": "gzip", b"gz": "gzip"}.get(found[1] if found else b"", "")


def _beside(name: str) -> bool:
    """Tell whether a name lies in the folder of the header, on any system."""
    return all(
        not kind(name).is_absolute() and ".." not in kind(name).parts and not kind(name).anchor
        for kind in (PurePosixPath, PureWindowsPath)
    )


def _check_length(path: Path, voxels: _Voxels, promised: int) -> None:
    """Raise where the voxels in a file are fewer or more than promised; unpacks piece by piece."""
    if voxels.packing == "raw":
        held = path.stat().st_size - voxels.start
        few, many = held < promised, False
    else:
        held = _unpacked(path, voxels, promised)
        few, many = held < promised, held > promised
    if few or many:
        how = "is truncated or damaged: it holds fewer" if few else "holds more"
        raise ImageError(f"{how} than the {promised:,} bytes that its header tells", path, _AGAIN)


def _unpacked(path: Path, voxels: _Voxels, most: int) -> int:
    """Return how many bytes the voxels of a file are once unpacked; stops beyond `most`."""
    unpack = zlib.decompressobj(47)  # gzip or zlib, as the bytes tell
    held = 0
    try:
        with path.open("rb") as file:
            file.seek(voxels.start)
            while held <= most and not unpack.eof and (piece := file.read(1 << 20)):
                while piece and held <= most:
                    held += len(unpack.decompress(piece, 1 << 20))
                    piece = unpack.unconsumed_tail
    except zlib.error as error:
        raise ImageError("is damaged: it cannot be unpacked", path, _AGAIN) from error
    return held
