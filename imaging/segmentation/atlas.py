"""A label atlas: a folder of label maps of single legs with ``atlas.json``.

``atlas.json`` holds ``scheme`` (name of the label scheme, or ``catalogue``), ``sides`` (file name
to left or right), ``name``, ``licence`` and ``version``. Every leg is kept as a right leg in
canonical axis order; a left leg is mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.image import Image, regrid, resample
from imaging.muscles import structure
from imaging.segmentation.features import Features, label_features

PAD_MM = 12.0


@dataclass(frozen=True)
class AtlasLeg:
    """One leg of an atlas, as a right leg.

    Attributes
    ----------
    name : str
        File name without ending.
    indices : (I, J, K) int16
        Index of the catalogue, without side; 0 background.
    spacing : (3,) array
        Voxel size, mm.
    """

    name: str
    indices: NDArray[np.int16]
    spacing: FloatArray

    def mirrored(self) -> AtlasLeg:
        """Return the same leg as a left leg."""
        return AtlasLeg(self.name, np.ascontiguousarray(self.indices[::-1]), self.spacing)

    def features(self) -> tuple[Features, AtlasLeg]:
        """Return the channels, and the leg with its tibia labelled where the map lacked it."""
        features, tibia = label_features(self.indices, self.spacing)
        bone = np.int16(structure("TIB").index)
        if (self.indices == bone).any():
            return features, self
        filled = np.where(tibia & (self.indices == 0), bone, self.indices).astype(np.int16)
        return features, AtlasLeg(self.name, filled, self.spacing)


@dataclass(frozen=True)
class Atlas:
    """Legs with labels, and what ``atlas.json`` says about them."""

    legs: tuple[AtlasLeg, ...]
    about: dict[str, Any]


def built_in_atlas() -> Path:
    """Return the folder of the atlas that comes with the package."""
    return Path(str(resources.files("imaging") / "data" / "atlas"))


def majority(image: Image, spacing: FloatArray) -> NDArray[np.int16]:
    """Resample labels by the largest share of each voxel, not by the nearest one."""
    grid = regrid(image, spacing)
    best = np.zeros(grid.shape, np.float32)
    out = np.zeros(grid.shape, np.int16)
    sigma = np.maximum(0.5 * (spacing / image.spacing - 1), 0.0)
    for value in np.unique(image.data):
        share = ndimage.gaussian_filter((image.data == value).astype(np.float32), sigma)
        share = resample(image.with_data(share), grid).data
        out[share > best] = value
        best = np.maximum(best, share)
    return out
