"""Labels and masks that tell where stiffness is sought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from imaging.arrays import FloatArray
from imaging.dataset import sibling
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError, LabelError
from imaging.formats.nifti import load_labels
from imaging.formats.nrrd import is_nrrd
from imaging.image import Image, resample
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.muscles import is_known, muscle_labels, structure_of

# No single muscle of the leg is as wide as this; its muscles together are.
_WIDEST_MM2 = 3000.0


@dataclass(frozen=True)
class Region:
    """Labels or a mask, on any grid, the file they come from, and the look-up that explains it."""

    image: Image
    path: Path
    lookup: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """Every file that was read."""
        return [self.path, *([self.lookup] if self.lookup else [])]

    def on(self, grid: Image) -> Image:
        """Resample onto the grid of the elastography images.

        Raises
        ------
        ImageError
            It is empty, or nothing of it lies inside the field of view.

        Examples
        --------
        World RAS+ mm; a voxel at R = 2 is found there whichever way the other grid runs:

        >>> labels = Image(np.array([0, 109, 0, 0], np.int16)[:, None, None], np.diag([2, 2, 2, 1]))
        >>> turned = np.array([[-2.0, 0, 0, 6], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
        >>> grid = Image(np.zeros((4, 1, 1), np.float32), turned)
        >>> Region(labels, Path("dseg.nii.gz")).on(grid).data.ravel().tolist()
        [0, 0, 109, 0]
        """
        if not self.image.data.any():
            raise ImageError(
                "is zero everywhere", self.path, "Give a mask or label map that is not empty"
            )
        here = resample(self.image, grid, order=0)
        if not here.data.any():
            raise ImageError(
                "does not overlap with the elastography images in world space",
                self.path,
                "Check that both are of the same leg and session, and their affines",
            )
        return here


def read_labels(path: Path, lookup: Path | None = None) -> Region:
    """Read muscle labels.

    Parameters
    ----------
    path
        A label map.
    lookup
        Table of what its labels mean. None: the table NAME.tsv beside it, as BIDS has it; without
        one they are those of the catalogue.

    Raises
    ------
    MissingFileError, ImageError, LabelError
        Not there, no label map, a label that neither look-up nor catalogue knows, no muscle, or a
        mask of tissue in place of labels.
    """
    beside = sibling(path, ".tsv")
    used = lookup or (beside if beside.is_file() else None)
    if used is not None or is_nrrd(path):
        drawn = read_label_map(path, used)
        image = in_catalogue(drawn)
        # A table that only repeats the catalogue, as beside labels of Pennate, changes nothing.
        if lookup is None and np.array_equal(image.data, drawn.segments.layers[0].data):
            used = None
    else:
        image = load_labels(path)
        _refuse_tissue(image, path)
    if unknown := [int(v) for v in np.unique(image.data) if v and not is_known(v)]:
        raise LabelError(
            f"holds labels that are not in the catalogue: {', '.join(map(str, unknown[:5]))}",
            path,
            "Use 100 x side + index of imaging/data/muscles.tsv, or give --lookup "
            "(docs/formats.md)",
        )
    if not muscle_labels(image.data):
        raise LabelError("has no muscle", path, "Give muscle labels, or --mask for tissue")
    return Region(image, path, used)


def _refuse_tissue(image: Image, path: Path) -> None:
    """Refuse a map of one value that is wider than the muscle which the value names."""
    (values,) = np.unique(image.data[image.data > 0])[None]
    if len(values) > 1 or values[0] != 1:
        return
    upright = int(np.argmax(np.abs(image.affine[2, :3])))
    voxel_mm2 = 1000 * image.voxel_ml / image.spacing[upright]
    flat = tuple(axis for axis in range(3) if axis != upright)
    widest = float((image.data > 0).sum(axis=flat).max() * voxel_mm2)
    if widest > _WIDEST_MM2:
        raise LabelError(
            f"holds only the value 1, which means {structure_of(1).name}, on up to "
            f"{widest / 100:.0f} cm2 of a slice: it seems to be a mask of tissue",
            path,
            "Give it as --mask, or labels of muscles (docs/formats.md)",
        )


def signal_mask(weight: FloatArray) -> NDArray[np.bool_]:
    """Return where a magnitude (I, J, K) is above half its Otsu threshold; all where it is flat."""
    if np.ptp(weight) == 0:
        return np.ones(weight.shape, bool)
    return np.asarray(weight > 0.5 * threshold_otsu(weight))


def tissue_mask(
    images: WaveImages, grid: Image, labels: Region | None, mask: Region | None
) -> tuple[NDArray[np.bool_], str]:
    """Return where waves are inverted, and how that was found."""
    if mask is not None:
        return mask.on(grid).data > 0, "the given mask"
    if np.ptp(images.weight) > 0:
        return signal_mask(images.weight), "half the Otsu threshold of the magnitude"
    if labels is not None:
        return labels.on(grid).data != 0, "the labels (no magnitude)"
    return np.ones(grid.shape, bool), "the whole image (no magnitude, mask or labels)"
