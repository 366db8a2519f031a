"""What STL, PLY, OBJ and VTK files say of themselves before their points: comments, sizes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

_LONGEST = 65536
_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip


def header(path: Path) -> bytes:
    r"""Return the free text of a file: where a program may say in which frame it writes.

    Parameters
    ----------
    path
        STL: its 80 bytes, or the first line of its text. PLY and OBJ: comments before the first
        point. VTK: the title. Any other ending: nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "sheet.obj")
    ...     _ = path.write_bytes(b"# SPACE=LPS\nv 1 2 3\n# v 4 5 6\n")
    ...     header(path)
    b'# SPACE=LPS'
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST)
    suffix, lines = path.suffix.lower(), head.splitlines()
    if suffix == ".stl":
        return lines[0][:256] if _is_text_stl(path, head) else head[:80]
    if suffix == ".vtk":
        return lines[1] if len(lines) > 1 else b""
    if suffix == ".ply":
        lines = head.partition(b"end_header")[0].splitlines()
        return b"\n".join(x for x in lines if x.startswith((b"comment", b"obj_info")))
    if suffix == ".obj":
        first = next((n for n, x in enumerate(lines) if x.startswith(b"v ")), len(lines))
        return b"\n".join(x for x in lines[:first] if x.startswith(b"#"))
    return b""


def whole(path: Path) -> bool:
    """Tell whether an STL or PLY holds as much as its header promises; others are not asked."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(_LONGEST)
    if suffix == ".stl":
        return _whole_stl(path, head)
    return suffix != ".ply" or _whole_ply(path, head)


def _is_text_stl(path: Path, head: bytes) -> bool:
    # Some programs begin binary files with "solid", too.
    return head.lstrip().startswith(b"solid") and path.stat().st_size != _promised(head)


def _promised(head: bytes) -> int:
    return 84 + 50 * int.from_bytes(head[80:84], "little")


def _whole_stl(path: Path, head: bytes) -> bool:
    if not _is_text_stl(path, head):
        return len(head) >= 84 and path.stat().st_size >= _promised(head)
    return b"endsolid" in path.read_bytes()[-400:]


def _whole_ply(path: Path, head: bytes) -> bool:
    text, end, _ = head.partition(b"end_header")
    if not end:
        return False
    body = path.stat().st_size - len(text) - len(b"end_header\n")
    words = [line.split() for line in text.decode("ascii", "replace").splitlines()]
    least = lines = count = 0
    for line in words:
        if line[:1] == ["element"] and len(line) == 3 and line[2].isdigit():
            count = int(line[2])
            lines += count
        elif line[:2] == ["property", "list"] and len(line) == 5:
            least += count * (_size(line[2]) + 3 * _size(line[3]))
        elif line[:1] == ["property"] and len(line) == 3:
            least += count * _size(line[1])
    if ["format", "ascii", "1.0"] not in words:
        return body >= least
    rows = path.read_bytes().partition(b"end_header")[2]
    return len(re.findall(rb"[^\s][^\n\r]*[\n\r]", rows)) >= lines


def _size(kind: str) -> int:
    return np.dtype(_PLY_TYPES[kind]).itemsize if kind in _PLY_TYPES else 0
