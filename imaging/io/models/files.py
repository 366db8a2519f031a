"""Files of a model, and what is said when one is missing."""

from __future__ import annotations

from pathlib import Path

from imaging.errors import MissingFileError
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


def weights_version(paths: list[Path]) -> str:
    """Return a version for weights that carry none: the start of their SHA-256."""
    return "weights-" + "-".join(sha256(p)[:12] for p in paths)
