"""Wave images of any kind of file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imaging.errors import ImageError, MissingFileError, UnitError
from imaging.formats.json import read_json, read_sidecar
from imaging.image import Image, same_grid
from imaging.io.waves.converted import is_converted, read_converted
from imaging.io.waves.dicom import read_folder
from imaging.io.waves.nifti import read_nifti
from imaging.io.waves.series import WaveSeries
from imaging.provenance import sidecar_path


def read_examination(paths: Sequence[Path]) -> Iterator[WaveSeries]:
    """Read the wave images of every frequency of one examination, and compare them.

    Raises
    ------
    MissingFileError, ImageError, UnitError, MissingToolError
        As :func:`read_waves`; or a series lies on another grid, repeats a frequency, declares
        another density, or has a magnitude of 0 everywhere.
    """
    grid, density = None, 0.0
    seen: set[float] = set()
    for path in paths:
        for series in read_waves(path):
            images = series.images
            here = Image(np.zeros(images.weight.shape, np.uint8), images.affine)
            if grid is None:
                grid, density = here, images.density
            if not same_grid(grid, here):
                raise ImageError(
                    f"is not on the grid of {paths[0].name}", path, "Give frequencies of one grid"
                )
            if images.frequency_hz in seen:
                raise ImageError(
                    f"is of {images.frequency_hz:g} Hz, the same as another one",
                    path,
                    "Give each frequency once; several drivers go along the last axis",
                )
            if images.density != density:
                raise UnitError(
                    f"declares a different density from {paths[0].name}",
                    path,
                    "Declare one density",
                )
            if not (images.weight > 0).any():
                raise ImageError(
                    "has a magnitude of 0 everywhere, so nothing was measured", path,
                    "Give the magnitude of the same series, or none",
                )  # fmt: skip
            seen.add(images.frequency_hz)
            yield series


def read_waves(path: Path) -> Iterator[WaveSeries]:
    """Read wave images of one or more frequencies.

    Parameters
    ----------
    path
        A NIfTI image with its JSON; a JSON that lists such images; a folder of DICOM files, or of
        NIfTI files made of them, with its JSON; or a MATLAB file in the layout of the BIOQIC
        phantom.

    Raises
    ------
    MissingFileError, ImageError, UnitError, MissingToolError
        Something is missing, contradicts its JSON, or is not declared.
    """
    if path.is_dir():
        yield read_converted(path) if is_converted(path) else read_folder(path)
    elif path.suffix == ".mat":
        from imaging.io.waves.bioqic import read_phantom  # loads readers of MATLAB files

        yield from read_phantom(path)
    elif path.suffix == ".json":
        yield from _read_list(path)
    else:
        content, json_path = read_sidecar(path)
        yield read_nifti([path], content, json_path)


def _read_list(path: Path) -> Iterator[WaveSeries]:
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
        try:
            files = [path.parent / name for name in names]
            own = sidecar_path(files[0])
            alone = len(files) == 1 and own.is_file()
            _ = [f.is_file() for f in files]
        except (OSError, ValueError) as error:  # a name that no file can have
            raise ImageError(f"names no file in {entry!r} ({error})", path, "Correct it") from error
        if alone:
            content = read_json(own) | content
        yield read_nifti(files, content, path)
