"""JSON objects, read and checked: sidecars, declarations, notes, cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imaging.errors import JsonError, MissingFileError
from imaging.provenance import sidecar_path


def read_json(path: str | Path, how: str = "Write or copy it again") -> dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    path
        UTF-8, with or without a byte order mark.
    how
        What a user should do where it is missing or cannot be used.

    Raises
    ------
    MissingFileError
        No such file.
    JsonError
        Truncated, not JSON, or not an object.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such JSON file", path, how)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise JsonError(f"cannot be read as JSON ({error})", path, how) from error
    if not isinstance(content, dict):
        raise JsonError("is not a JSON object", path, how)
    return content


def read_sidecar(image: str | Path) -> tuple[dict[str, Any], Path]:
    """Read the JSON that must lie beside an image; return it and where it lies.

    Raises
    ------
    MissingFileError, JsonError
        Image or JSON is not there, or it is not a JSON object.
    """
    if not Path(image).is_file():
        raise MissingFileError("no such image", image, "Check the path")
    path = sidecar_path(image)
    if not path.is_file():
        raise MissingFileError(
            "no JSON beside the image, so its quantity and units are unknown", path, "Write it"
        )
    return read_json(path, "Correct it"), path


def optional_sidecar(image: str | Path) -> dict[str, Any]:
    """Return the JSON beside an image, an empty one where there is none.

    Raises
    ------
    JsonError
        It is there and is not a JSON object.
    """
    path = sidecar_path(image)
    return read_json(path, "Correct it") if path.is_file() else {}
