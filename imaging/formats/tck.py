"""MRtrix tracks (``.tck``): single and double precision, either byte order; world RAS+ mm."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import IntArray

_DATATYPES = {
    "float32": "<f4", "float32le": "<f4", "float32be": ">f4",
    "float64": "<f8", "float64le": "<f8", "float64be": ">f8",
}  # fmt: skip


class TckError(ValueError):
    """The bytes are not whole MRtrix tracks."""


def parse_tck(content: bytes) -> tuple[NDArray[np.float32], IntArray]:
    r"""Return the points (P, 3) of all tracks in a file and how many (F,) each has.

    Raises
    ------
    TckError
        What is wrong, in words.

    Examples
    --------
    >>> head = b"mrtrix tracks\ndatatype: Float64LE\nfile: . 49\nEND\n"
    >>> rows = [[1, 2, 3], [4, 5, 6], [np.nan] * 3, [np.inf] * 3]
    >>> points, counts = parse_tck(head + np.array(rows, "<f8").tobytes())
    >>> points.tolist(), counts.tolist()
    ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [2])

    References
    ----------
    mrtrix.readthedocs.io, "Image and other file formats", tracks file format (.tck).
    """
    head, end, _ = content.partition(b"\nEND")
    if not content.startswith(b"mrtrix tracks") or not end:
        raise TckError("its header is not that of MRtrix tracks, or has no END")
    text = head.decode("utf-8", "replace")
    keys = dict(re.findall(r"^\s*(\w+)\s*:\s*(.*?)\s*$", text, re.MULTILINE))
    kind = keys.get("datatype", "Float32LE")
    if kind.lower() not in _DATATYPES:
        raise TckError(f"its datatype {kind} is not one that MRtrix writes")
    place = re.fullmatch(r"\.\s+(\d+)", keys.get("file", f". {len(head) + len(end) + 1}"))
    if place is None or int(place.group(1)) > len(content):
        raise TckError(f"its points are not where it says (file: {keys.get('file')})")
    dtype = np.dtype(_DATATYPES[kind.lower()])
    body = content[int(place.group(1)) :]
    whole = len(body) // (3 * dtype.itemsize)
    rows = np.frombuffer(body, dtype, 3 * whole).reshape(-1, 3)
    last = np.flatnonzero(np.isinf(rows).all(axis=1))
    if not len(last):
        raise TckError("its end mark is missing: it was cut off, or tracking was stopped")
    rows = rows[: last[0]]
    parting = np.isnan(rows).all(axis=1)
    if len(rows) and not parting[-1]:
        raise TckError("its last track is not closed")
    counts = np.diff(np.concatenate([[-1], np.flatnonzero(parting)])) - 1
    return rows[~parting].astype(np.float32), counts
