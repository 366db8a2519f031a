"""Files of a model, and what is said when one is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imaging.errors import ConfigError, MissingFileError
from imaging.provenance import sha256


def model_folder(path: Path | None, kind: str, how: str) -> Path:
    """Return the folder that a user gave.

    Raises
    ------
    MissingFileError
        None was given, or there is none; `how` says how to get it.
    """
    if path is None:
        raise MissingFileError(f"the model {kind} needs a folder: {kind}:FOLDER", None, how)
    if not path.is_dir():
        raise MissingFileError("no such model folder", path, how)
    return path


def read_json_file(path: Path, how: str) -> dict[str, Any]:
    """Read a JSON table.

    Raises
    ------
    MissingFileError
        No such file; `how` says how to get it.
    ConfigError
        Not a JSON table.
    """
    if not path.is_file():
        raise MissingFileError("no such file", path, how)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"is not JSON ({error})", path, "Get it again") from error
    if not isinstance(content, dict):
        raise ConfigError("is not a table", path, how)
    return content


def weights_version(paths: list[Path]) -> str:
    """Return a version for weights that carry none: the start of their SHA-256."""
    return "weights-" + "-".join(sha256(p)[:12] for p in paths)
