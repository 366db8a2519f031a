"""Where files come from: sidecars, digests, and folders in which nothing half-written stays."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from imaging import __version__
from imaging.disk import full_disk, held, is_full, move, unwritable
from imaging.errors import DiskFullError

# A path from the root, the home or the folder above, perhaps behind the kind of a model.
_PLACE = re.compile(r"(?P<kind>([a-z]+:)?)(?P<path>(/|~|\.\.?/).*)")
_DOUBLE_SUFFIXES = (".nii.gz", ".igs.mha", ".igs.nrrd", ".seq.nrrd", ".seg.nrrd")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    path = Path(path).absolute()
    about = path.stat()
    return _sha256(path, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


@lru_cache(maxsize=1024)
def _sha256(path: Path, *about: int) -> str:
    """Return the SHA-256 of a file as it is: many sidecars of a verb name the same sources."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sidecar_path(path: str | Path) -> Path:
    """Return the JSON sidecar of a file: same stem, so files of one stem share one sidecar."""
    path = Path(path)
    for suffix in _DOUBLE_SUFFIXES:
        if path.name.endswith(suffix):
            return path.with_name(path.name.removesuffix(suffix) + ".json")
    return path.with_suffix(".json")


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write JSON with sorted keys and a closing newline."""
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def write_sidecar(
    path: str | Path,
    *,
    verb: str,
    inputs: Iterable[str | Path] = (),
    settings: Mapping[str, Any] | None = None,
    **description: Any,
) -> Path:
    """Write the JSON sidecar of one output file.

    Names of inputs are kept without their folders, so that the same data and settings give the
    same bytes wherever they lie.

    Parameters
    ----------
    path
        The described file.
    verb
        The ``pennate`` verb that made it.
    inputs
        Files it was made from; their SHA-256 is kept.
    settings
        Settings of the verb; of paths the names are kept.
    **description
        Further keys: ``Units``, ``Description``, ...
    """
    sources = [{"name": Path(p).name, "sha256": sha256(p)} for p in inputs]
    made_by = {"Name": "pennate", "Version": __version__, "Command": f"pennate {verb}"}
    told = {key: without_folders(value) for key, value in dict(settings or {}).items()}
    content = {"GeneratedBy": made_by, "SourceFiles": sources, "Settings": told}
    target = sidecar_path(path)
    write_json(target, {**content, **description})
    return target


def without_folders(value: Any) -> Any:
    """Return a setting in which a path is its name alone: folders name users and machines.

    Examples
    --------
    >>> without_folders(["/home/ada/atlas", "onnx:/home/ada/net", "~/net", "m/s", 3])
    ['atlas', 'onnx:net', 'net', 'm/s', 3]
    """
    if isinstance(value, Mapping):
        return {key: without_folders(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(inner) for inner in value]
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, str) and (found := _PLACE.fullmatch(value)):
        return found["kind"] + PurePath(found["path"]).name
    return value


@contextmanager
def staged(out_dir: str | Path, verb: str, optional: Iterable[str] = ()) -> Iterator[Path]:
    """Yield a scratch folder whose files move into `out_dir` only when the block ends well.

    Parameters
    ----------
    out_dir, verb
        Folder to write, and what names the scratch folder in it.
    optional
        Globs of files that are not always written: those of an earlier run are removed, so that
        nothing of other inputs stays beside the new files.

    Raises
    ------
    OutputError
        The folder cannot be made or written, or the disk is full.
    """
    out_dir = Path(out_dir)
    with _made(out_dir, f".partial-{verb}") as scratch:
        try:
            yield scratch
            for old in {p for pattern in optional for p in out_dir.glob(pattern)}:
                old.unlink()
            for source in sorted(p for p in scratch.rglob("*") if p.is_file()):
                target = out_dir / source.relative_to(scratch)
                target.parent.mkdir(parents=True, exist_ok=True)
                move(source, target)
        except DiskFullError as error:
            if error.path is None or Path(error.path) != scratch:
                raise
            raise DiskFullError(out_dir, error.reason) from error
        except Exception as error:  # some libraries say by errors of their own that a disk is full
            if (found := full_disk([scratch])) or is_full(error):
                elsewhere = full_disk([tempfile.gettempdir()]) if found is None else None
                raise elsewhere or DiskFullError(out_dir) from error
            raise


@contextmanager
def _made(out_dir: Path, name: str) -> Iterator[Path]:
    """Make a folder and a scratch folder in it, and hold that.

    Raises
    ------
    OutputError
        They cannot be made.
    """
    with ExitStack() as stack:
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(out_dir / name))
        except OSError as error:
            raise unwritable(error, out_dir, "Choose another output folder") from error
        yield out_dir / name


def default_prefix(path: Path) -> str:
    """Return the BIDS entities sub and ses of a file's name, else the name before ``_desc-``."""
    found = re.match(r"sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?", path.name)
    return found.group() if found else sidecar_path(path).stem.split("_desc-")[0]
