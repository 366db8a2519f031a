"""Wave images of any kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imaging.errors import ImageError, MissingFileError
from imaging.formats.json import read_json, read_sidecar
from imaging.io.waves.bioqic import read_phantom
from imaging.io.waves.dicom import read_folder
from imaging.io.waves.nifti import read_nifti
from imaging.io.waves.series import Recording
from imaging.provenance import sidecar_path


def read_waves(path: Path) -> Iterator[Recording]:
    """Read wave images of one or more frequencies.

    Parameters
    ----------
    path
        A NIfTI image with its JSON; a JSON that lists such images; a folder of DICOM files with
        its JSON; or a MATLAB file in the layout of the BIOQIC phantom.

    Raises
    ------
    MissingFileError, ImageError, UnitError, MissingToolError
        Something is missing, contradicts its JSON, or is not declared.
    """
    if path.is_dir():
        yield read_folder(path)
    elif path.suffix == ".mat":
        yield from read_phantom(path)
    elif path.suffix == ".json":
        yield from _read_list(path)
    else:
        content, json_path = read_sidecar(path)
        yield read_nifti([path], content, json_path)


def _read_list(path: Path) -> Iterator[Recording]:
    """Read the images that a JSON lists; what it declares beside holds for all of them."""
    if not path.is_file():
        raise MissingFileError("no such list of wave images", path, "Check the path")
    common = read_json(path)
    listed = common.pop("Files", None)
    if not isinstance(listed, list) or not listed:
        raise ImageError(
            "lists no files", path, "Give Files: one name, list of names or object per frequency"
        )
    for entry in listed:
        content = dict(common)
        if isinstance(entry, dict):
            content |= entry
            entry = content.pop("File", None)
        names = [entry] if isinstance(entry, str) else entry
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or not names:
            raise ImageError(f"names no file in {entry!r}", path, 'Give "File": its name')
        files = [path.parent / name for name in names]
        own = sidecar_path(files[0])
        if own.is_file() and len(files) == 1:
            content = read_json(own) | content
        yield read_nifti(files, content, path)
