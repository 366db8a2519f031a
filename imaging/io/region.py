"""Labels and masks that tell where stiffness is sought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError, LabelError
from imaging.formats.nifti import load_labels
from imaging.formats.nrrd import is_nrrd
from imaging.image import Image, resample
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.muscles import is_known, muscle_labels


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
    image = in_catalogue(read_label_map(path, None)) if is_nrrd(path) else load_labels(path)
    if unknown := [int(v) for v in np.unique(image.data) if v and not is_known(v)]:
        raise LabelError(
            f"holds labels that are not in the catalogue: {', '.join(map(str, unknown[:5]))}",
            path,
            "Use 100 x side + index of imaging/data/muscles.tsv (docs/formats.md)",
        )
    if not muscle_labels(image.data):
        raise LabelError("holds no muscle", path, "Give muscle labels, or --mask for tissue")
    return Region(image, path)


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
