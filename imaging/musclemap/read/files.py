"""Which files a muscle map has: what must be there, what may be, and who wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging import __version__
from imaging.errors import InputError, MissingFileError
from imaging.formats.json import read_json

REMAKE = "Run pennate map again"
FIRST = "Run pennate map first"
NOTES = "notes.json"


@dataclass(frozen=True)
class Part:
    """Files of one stem, described by one sidecar.

    Attributes
    ----------
    name : str
        Stem after the prefix, such as ``fascicles``.
    endings : tuple of str
        Files of the part that are read.
    needed : bool
        Whether no map is without it.
    """

    name: str
    endings: tuple[str, ...]
    needed: bool = False


PARTS = (
    Part("map", (".vti",), needed=True),
    Part("surfaces", (".vtp",), needed=True),
    Part("measures", (".tsv",), needed=True),
    Part("muscles", (".tsv",), needed=True),
    Part("fascicles", (".vtp", ".parquet")),
    Part("aponeuroses", (".vtp",)),
    Part("activation", (".tsv",)),
    Part("load", (".tsv",)),
    Part("profile", (".tsv",)),
    Part("synergies", (".tsv",)),
    Part("conditions", (".tsv",)),
    Part("waves", (".nii.gz",)),
)
TABLES = ("measures", "muscles")


@dataclass(frozen=True)
class MapFiles:
    """Files of one map that are there.

    Attributes
    ----------
    folder, prefix
        Where they are, and how their names begin.
    paths : dict
        End of the name, such as ``map.vti``, to the file.
    sidecars : dict
        Name of a part to what its sidecar says.
    """

    folder: Path
    prefix: str
    paths: Mapping[str, Path]
    sidecars: Mapping[str, Mapping[str, Any]]

    def sidecar(self, part: str) -> Path:
        """Return where the sidecar of a part lies."""
        return self.folder / f"{self.prefix}_{part}.json"


def find_prefix(folder: Path, prefix: str | None = None) -> str:
    """Return the prefix of the one map in a folder.

    Raises
    ------
    MissingFileError
        No map there.
    InputError
        Several maps and no prefix given.
    """
    if prefix is not None:
        return prefix
    found = sorted(p.name.removesuffix("_map.vti") for p in folder.glob("*_map.vti"))
    if not found:
        raise MissingFileError("has no muscle map (*_map.vti)", folder, FIRST)
    if len(found) > 1:
        raise InputError(f"holds maps of {', '.join(found)}", folder, "Give --prefix")
    return found[0]


def find_files(folder: Path, prefix: str, only: Iterable[str] | None = None) -> MapFiles:
    """Find the files of a map and read their sidecars.

    A file that is not needed may be missing, but not a part of it: neither the table of fascicles
    that are there, nor what a sidecar describes.

    Parameters
    ----------
    folder, prefix
        Where the map is, and how the names of its files begin.
    only
        Names of the parts that are wanted; None takes all of them and the notes.

    Raises
    ------
    MissingFileError
        A file that must be there is not.
    InputError
        A sidecar cannot be read, or another version of Pennate wrote the map.
    """
    start = f"{prefix}_"
    parts = [p for p in PARTS if only is None or p.name in only]
    if not any(folder.glob(f"{start}*")):
        raise MissingFileError(f"has no muscle map of {prefix}", folder, FIRST)
    paths: dict[str, Path] = {}
    sidecars: dict[str, Mapping[str, Any]] = {}
    for part in parts:
        own = {f"{part.name}{e}": folder / f"{start}{part.name}{e}" for e in part.endings}
        beside = folder / f"{start}{part.name}.json"
        if part.needed or any(p.is_file() for p in (*own.values(), beside)):
            for path in (*own.values(), beside):
                _need(path)
            paths |= own
            sidecars[part.name] = _written_by_this_version(beside)
    if only is None:
        paths[NOTES] = _need(folder / f"{start}{NOTES}")
    return MapFiles(folder, prefix, paths, sidecars)


def _need(path: Path) -> Path:
    if not path.is_file():
        raise MissingFileError("this file of the muscle map is missing", path, REMAKE)
    return path


def _written_by_this_version(path: Path) -> dict[str, Any]:
    """Return what a sidecar says; major and minor version must be those of this program."""
    about = read_json(path, REMAKE)
    made = about.get("GeneratedBy")
    version = made.get("Version") if isinstance(made, dict) else None
    if not isinstance(version, str):
        raise InputError("does not say which version of Pennate wrote it", path, REMAKE)
    if version.split(".")[:2] != __version__.split(".")[:2]:
        raise InputError(
            f"was written by Pennate {version}; this is Pennate {__version__}", path, REMAKE
        )
    return about
