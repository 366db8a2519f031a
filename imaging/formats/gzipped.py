"""Files compressed with gzip, read once from their first byte to their last check sum."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import InputError

_PACKED, _UNPACKED = 1 << 18, 1 << 20  # bytes read, and unpacked, at once
_GZIP = 16 + zlib.MAX_WBITS


def pieces(path: str | Path) -> Iterator[bytes]:
    """Yield what a file holds, unpacked, a megabyte at most at a time, and check its check sums.

    The gzip of Python gives the same from pieces of 8 kB, in half as much time again.

    Raises
    ------
    EOFError, OSError, zlib.error
        It is cut off or damaged.
    """
    unpacker, begun = zlib.decompressobj(_GZIP), False
    with Path(path).open("rb") as file:
        while raw := file.read(_PACKED):
            while raw:
                if unpacker.eof:  # another part follows, or zeros that fill a block of a tape
                    raw = raw.lstrip(b"\0")
                    if not raw:
                        break
                    unpacker, begun = zlib.decompressobj(_GZIP), False
                if not begun and raw[:1] != b"\x1f":
                    raise gzip.BadGzipFile(f"Not a gzipped file ({raw[:2]!r})")
                begun = True
                if piece := unpacker.decompress(raw, _UNPACKED):
                    yield piece
                raw = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


def unpack_to_end(
    path: str | Path,
    most: float = math.inf,
    start: int = 0,
    into: NDArray[np.uint8] | None = None,
) -> int:
    """Unpack a file to its check sum, at which readers seldom look.

    Returns how many bytes it holds.

    Parameters
    ----------
    path
        The file.
    most
        Bytes that it should hold at most, as its header tells.
    start
        Bytes before those that are kept.
    into : (N,) uint8 array, optional
        Takes the bytes from `start` on, as far as the file and the array reach.

    Raises
    ------
    InputError
        It holds more: a few bytes of gzip can stand for a thousand times as many.
    EOFError, OSError, zlib.error
        It is cut off or damaged.
    """
    held = 0
    for piece in pieces(path):
        if into is not None and held + len(piece) > start:
            kept = np.frombuffer(piece, np.uint8)[max(start - held, 0) :]
            place = max(held - start, 0)
            kept = kept[: max(len(into) - place, 0)]
            into[place : place + len(kept)] = kept
        held += len(piece)
        if held > most:
            raise InputError(
                f"holds more than the {most / 2**20:,.0f} MiB that it should, once unpacked",
                path,
                "Copy or download it again",
            )
    return held
