"""What the reader of C3D finds, in a form that another process can take.

Runs in a process of its own (see :mod:`imaging.isolation`), so it imports next to nothing.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_MEMORY, _MOST_BYTES = resource.RLIMIT_AS, 4 * 2**30


def load(path: str, analogs: str) -> dict[str, Any]:
    """Return header, parameters and markers of a C3D file.

    Parameters
    ----------
    path
        The file.
    analogs
        Where the samples of the analog channels are saved (``.npy``): they are most of a file.
    """
    import ezc3d

    # Counts out of all proportion end the attempt, not the machine: the reader believes them.
    most, (_, hard) = _MOST_BYTES + 100 * Path(path).stat().st_size, resource.getrlimit(_MEMORY)
    resource.setrlimit(_MEMORY, (most if hard < 0 else min(most, hard), hard))
    content = ezc3d.c3d(path)
    np.save(analogs, content["data"]["analogs"])
    parts = {part: _plain(content[part]) for part in ("header", "parameters")}
    return {**parts, "data": {"points": content["data"]["points"]}}


def _plain(value: Any) -> Any:
    """Return nested dictionaries, lists and arrays that another process can take."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | str | int | float | bool) or value is None:
        return value
    return [_plain(item) for item in value]
