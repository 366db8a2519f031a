"""JSON objects, read and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imaging.errors import ImageError, MissingFileError
from imaging.provenance import sidecar_path


def read_json(image: str | Path) -> tuple[dict[str, Any], Path]:
    """Read the JSON beside an image.

    Raises
    ------
    MissingFileError, ImageError
        Not there, or not a JSON object.
    """
    if not Path(image).is_file():
        raise MissingFileError("no such image", image, "Check the path")
    path = sidecar_path(image)
    if not path.is_file():
        raise MissingFileError(
            "no JSON beside the image, so its quantity and units are unknown", path, "Write it"
        )
    return load_json(path), path


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    ImageError
        Not one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read as JSON ({error})", path, "Correct it") from error
    if not isinstance(content, dict):
        raise ImageError("is not a JSON object", path, "Correct it")
    return content
