"""Files that ``pennate elastography`` reads: wave images, their JSON, labels and masks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from imaging.elastography.declaration import (
    WaveDeclaration,
    arrange,
    check_shape,
    wave_declaration,
)
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError, LabelError, MissingFileError, UnitError
from imaging.image import Image, load_image, load_labels, resample, same_grid
from imaging.muscles import is_known, muscle_labels
from imaging.provenance import sidecar_path

FloatArray = NDArray[np.floating[Any]]

# A phase beyond this is not in radians, unwrapped or not (degrees reach 180); one that stays below
# the other holds less than noise.
_PHASE_LIMIT_RAD, _LEAST_PHASE_RAD = 100.0, 0.02


@dataclass(frozen=True)
class Region:
    """Labels or a mask, on any grid, and the file they come from."""

    image: Image
    path: Path

    def on(self, grid: Image) -> Image:
        """Resample onto the grid of the elastography images.

        Raises
        ------
        ImageError
            It is empty, or nothing of it lies inside the field of view.
        """
        if not self.image.data.any():
            raise ImageError("is zero everywhere", self.path, "Give one that holds something")
        here = resample(self.image, grid, order=0)
        if not here.data.any():
            raise ImageError(
                "does not overlap with the elastography images in world space",
                self.path,
                "Check that both are of the same leg and session, and their affines",
            )
        return here


def read_labels(path: Path) -> Region:
    """Read muscle labels.

    Raises
    ------
    MissingFileError, ImageError, LabelError
        Not there, no label map, a label that the catalogue does not know, or no muscle.
    """
    image = load_labels(path)
    if unknown := [int(v) for v in np.unique(image.data) if v and not is_known(v)]:
        raise LabelError(
            f"holds labels that are not in the catalogue: {', '.join(map(str, unknown[:5]))}",
            path,
            "Use 100 x side + index of imaging/data/muscles.tsv (docs/formats.md)",
        )
    if not muscle_labels(image.data):
        raise LabelError("holds no muscle", path, "Give muscle labels, or --mask for tissue")
    return Region(image, path)


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


@dataclass(frozen=True)
class Recording:
    """Wave images of one frequency, and where they come from.

    Attributes
    ----------
    images : WaveImages
    magnitude : (I, J, K, D, n, R) array or None
        Of every volume, where it was given so.
    inputs : list of Path
    gain : float or None
        Radians per metre of displacement.
    """

    images: WaveImages
    magnitude: FloatArray | None
    inputs: list[Path]
    gain: float | None = None


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
        from imaging.cli.wave_dicom import read_folder

        yield read_folder(path)
    elif path.suffix == ".mat":
        from imaging.cli.wave_mat import read_phantom

        yield from read_phantom(path)
    elif path.suffix == ".json":
        yield from _read_list(path)
    else:
        content, json_path = read_json(path)
        yield _read_nifti([path], content, json_path)


def _read_list(path: Path) -> Iterator[Recording]:
    """Read the images that a JSON lists; what it declares beside holds for all of them."""
    if not path.is_file():
        raise MissingFileError("no such list of wave images", path, "Check the path")
    common = load_json(path)
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
            content = load_json(own) | content
        yield _read_nifti(files, content, path)


def _read_nifti(files: Sequence[Path], content: dict[str, Any], json_path: Path) -> Recording:
    """Read phase images, and the magnitudes beside them where there are any."""
    declared = wave_declaration(content, json_path)
    phase, affine = _stack(files, declared)
    check_range(phase, content, declared, files[0])
    inputs, weight, frames = [*files, json_path], np.ones(phase.shape[:3], np.float32), None
    magnitudes = [f.with_name(f.name.replace("part-phase", "part-mag")) for f in files]
    if all(m != f and m.is_file() for m, f in zip(magnitudes, files, strict=True)):
        first = load_image(magnitudes[0], ndim=(3, 4, 5, 6), thinnest=1)
        if not same_grid(first, Image(phase, affine)):
            raise ImageError("is not on the grid of the phase", magnitudes[0], "Export it again")
        if first.data.ndim > 3:
            frames = _stack(magnitudes, declared)[0]
            weight = frames.reshape(*first.shape, -1).mean(-1)
        else:
            weight = first.data
        inputs += magnitudes
    rotation = Image(phase, affine).rotation
    images = WaveImages(
        declared.radians(phase), weight, affine, declared.world_directions(rotation),
        declared.frequency_hz, declared.density,
    )  # fmt: skip
    return Recording(images, frames, inputs, declared.gain)


def _stack(files: Sequence[Path], declared: WaveDeclaration) -> tuple[FloatArray, FloatArray]:
    """Read files as x, y, z, direction, offset, driver; several follow each other."""
    parts = [load_image(f, ndim=(4, 5, 6), thinnest=1) for f in files]
    first = parts[0]
    for part, path in zip(parts, files, strict=True):
        if not same_grid(first, part):
            raise ImageError(f"is not on the grid of {files[0].name}", path, "Export it again")
        rotation = part.rotation
        if np.abs(rotation.T @ rotation - np.eye(3)).max() > 1e-3:
            raise ImageError("has axes that are not orthogonal", path, "Export it without shear")
    if len(parts) > 1 or first.data.ndim == 4:
        volumes = np.concatenate([p.data.reshape(*p.shape, -1) for p in parts], axis=3)
        return arrange(volumes, declared, files[0]), first.affine
    data = first.data.reshape(*first.data.shape, *[1] * (6 - first.data.ndim))
    check_shape(declared, data.shape, files[0])
    return data, first.affine


def check_range(
    stored: FloatArray, content: Mapping[str, Any], declared: WaveDeclaration, path: Path
) -> None:
    """Compare stored phase with what its declaration says it ranges over.

    Raises
    ------
    UnitError
        Values beyond the range, or in one half of it only.
    ImageError
        Values that are all the same, or too large or too small for radians.
    """
    low, high = float(stored.min()), float(stored.max())
    if low == high:
        raise ImageError(
            f"holds {low:.4g} everywhere, so no wave",
            path,
            "Give the phase images, not another part",
        )
    units = content["PhaseUnits"]
    if units == "scanner":
        first, last = content["PhaseRange"]
        slack = 0.01 * (last - first)
        if low < first - slack or high > last + slack:
            raise UnitError(
                f"holds values from {low:.4g} to {high:.4g}, outside PhaseRange {first} to {last}",
                path,
                "Correct PhaseRange",
            )
        if low > declared.shift - slack or high < declared.shift + slack:
            raise UnitError(
                f"holds values from {low:.4g} to {high:.4g}, one half of PhaseRange only",
                path,
                "Correct PhaseRange: the stored values of -pi and pi",
            )
    elif max(-low, high) * declared.scale > _PHASE_LIMIT_RAD:
        raise ImageError(
            f"holds values up to {max(-low, high):.4g}, but PhaseUnits says {units!r}",
            path,
            "Scale the phase to radians, or declare PhaseUnits 'scanner' with PhaseRange",
        )
    elif max(-low, high) * declared.scale < _LEAST_PHASE_RAD:
        raise ImageError(
            f"holds values up to {max(-low, high):.4g} only, but PhaseUnits says {units!r}",
            path,
            "Declare the unit that the phase is stored in",
        )


def tissue_mask(
    images: WaveImages, grid: Image, labels: Region | None, mask: Region | None
) -> tuple[NDArray[np.bool_], str]:
    """Return where waves are inverted, and how that was found."""
    if mask is not None:
        return mask.on(grid).data > 0, "the given mask"
    if np.ptp(images.weight) > 0:
        level = 0.5 * threshold_otsu(images.weight)
        return images.weight > level, "half the Otsu threshold of the magnitude"
    if labels is not None:
        return labels.on(grid).data != 0, "the labels (no magnitude)"
    return np.ones(grid.shape, bool), "the whole image (no magnitude, mask or labels)"
