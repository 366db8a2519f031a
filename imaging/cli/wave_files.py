"""Files that ``pennate elastography`` reads: wave images, their JSON, labels and masks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from imaging.elastography.declaration import check_shape, wave_declaration
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError, MissingFileError
from imaging.image import Image, load_image, resample, same_grid
from imaging.provenance import sidecar_path

# A phase beyond this is not in radians, unwrapped or not.
_PHASE_LIMIT_RAD = 200.0


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
            Nothing of it lies inside the field of view.
        """
        here = resample(self.image, grid, order=0)
        if not here.data.any():
            raise ImageError(
                "does not overlap with the elastography images in world space",
                self.path,
                "Check that both are of the same leg and session, and their affines",
            )
        return here


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
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read as JSON ({error})", path, "Correct it") from error
    if not isinstance(content, dict):
        raise ImageError("is not a JSON object", path, "Correct it")
    return content, path


def read_waves(path: Path) -> tuple[WaveImages, list[Path]]:
    """Read phase, its JSON, and the magnitude beside it where there is one."""
    content, json_path = read_json(path)
    declared = wave_declaration(content, json_path)
    image = load_image(path, ndim=(5, 6))
    check_shape(declared, image.data.shape, path)
    rotation = image.rotation
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > 1e-3:
        raise ImageError("has axes that are not orthogonal", path, "Export it without shear")
    if np.abs(image.data).max() > _PHASE_LIMIT_RAD:
        raise ImageError(
            f"holds values up to {np.abs(image.data).max():.4g}, but PhaseUnits says 'rad'",
            path,
            "Scale the phase to radians",
        )
    phase = image.data.reshape(*image.shape, *(*image.data.shape[3:], 1)[:3])
    inputs, weight = [path, json_path], np.ones(image.shape, np.float32)
    magnitude_path = path.with_name(path.name.replace("part-phase", "part-mag"))
    if magnitude_path != path and magnitude_path.is_file():
        magnitude = load_image(magnitude_path, ndim=(3, 4, 5, 6))
        if not same_grid(magnitude, image):
            raise ImageError("is not on the grid of the phase", magnitude_path, "Export it again")
        weight = magnitude.data.reshape(*image.shape, -1).mean(-1)
        inputs.append(magnitude_path)
    images = WaveImages(
        phase, weight, image.affine, declared.world_directions(rotation),
        declared.frequency_hz, declared.density,
    )  # fmt: skip
    return images, inputs


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
