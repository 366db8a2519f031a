"""DICOM files looked at for what they promise, before memory is taken for it."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from imaging.errors import ImageError
from imaging.memory import ensure_fits, memory_limit

_DEFLATED = "1.2.840.10008.1.2.1.99"
_START = 132  # preamble and DICM
_AGAIN = "Export it again, without compression"


def read_dicom(path: Path, **options: Any) -> Any:
    """Read a DICOM file with pydicom; one that is deflated must fit into the memory.

    Parameters
    ----------
    path
        The file.
    **options
        Of ``pydicom.dcmread``.

    Raises
    ------
    ImageError
        Unpacked it is larger than the memory.
    Exception
        Whatever pydicom raises.
    """
    import pydicom

    _check_deflated(path)
    return pydicom.dcmread(path, **options)


def pixels_of(data: Any, path: Path) -> Any:
    """Return the pixels of a DICOM data set.

    Raises
    ------
    InputError
        Rows, columns, frames and samples of its header do not fit into the memory.
    Exception
        Whatever pydicom raises.
    """
    frames, samples = (int(data.get(k) or 1) for k in ("NumberOfFrames", "SamplesPerPixel"))
    shape = (frames, int(data.Rows), int(data.Columns), samples)
    what = f"an image of {'x'.join(map(str, shape))} values, as its header tells,"
    # As stored, once unpacked, and as colours.
    ensure_fits(shape, 3 * max(1, int(data.BitsAllocated) // 8), what, path, _AGAIN)
    return data.pixel_array


def _check_deflated(path: Path) -> None:
    from pydicom.filereader import read_file_meta_info

    try:
        meta = read_file_meta_info(path)
        start = _START + 12 + int(meta.FileMetaInformationGroupLength)
    except Exception:  # no DICOM, or damaged: pydicom says so when it reads
        return
    if meta.get("TransferSyntaxUID") != _DEFLATED:
        return
    most, held, unpack = memory_limit() // 3, 0, zlib.decompressobj(-zlib.MAX_WBITS)
    with path.open("rb") as file:
        file.seek(start)
        while not unpack.eof and (piece := file.read(1 << 20)):
            while piece:
                held += len(unpack.decompress(piece, 1 << 20))
                if held > most:
                    why = f"needs more than {most / 2**30:,.1f} GiB, once unpacked"
                    raise ImageError(why, path, _AGAIN)
                piece = unpack.unconsumed_tail
