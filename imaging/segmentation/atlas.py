"""A label atlas: a folder of label maps of single legs with ``atlas.json``.

``atlas.json`` holds ``scheme`` (name of the label scheme, or ``catalogue``), ``sides`` (file name
to left or right), ``name``, ``licence`` and ``version``. Every leg is kept as a right leg in
canonical axis order; a left leg is mirrored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.errors import LabelError, MissingFileError
from imaging.image import FloatArray, Image, canonical, load_labels, regrid, resample
from imaging.muscles import structure
from imaging.schemes import translate
from imaging.segmentation.features import Features, label_features

_PAD_MM = 12.0


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


def load_atlas(folder: str | Path, work_spacing: FloatArray, scheme: str | None = None) -> Atlas:
    """Read an atlas and put its legs on a working grid.

    Parameters
    ----------
    folder
        Folder with ``atlas.json`` and ``*_dseg.nii.gz``.
    work_spacing : (3,)
        Voxel size of the working grid, mm.
    scheme
        Label scheme, instead of the one in ``atlas.json``.

    Raises
    ------
    MissingFileError
        No folder, no ``atlas.json``, or no label map.
    LabelError
        A side or scheme is not given, or labels are not explained.
    """
    folder = Path(folder)
    about, about_path = read_about(folder), folder / "atlas.json"
    scheme = scheme or about.get("scheme")
    if not scheme:
        raise LabelError("gives no label scheme", about_path, 'Add "scheme"')
    paths = sorted(folder.glob("*_dseg.nii.gz"))
    if not paths:
        raise MissingFileError("holds no *_dseg.nii.gz", folder, "Add label maps of single legs")
    legs = [_load_leg(p, about.get("sides", {}), scheme, work_spacing, about_path) for p in paths]
    return Atlas(tuple(legs), about)


def read_about(folder: Path) -> dict[str, Any]:
    """Return what ``atlas.json`` of a folder says.

    Raises
    ------
    MissingFileError, LabelError
        There is none, or it is not JSON.
    """
    path = folder / "atlas.json"
    if not path.is_file():
        raise MissingFileError("no atlas.json", folder, "Give a folder that has one")
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise LabelError(f"is not JSON ({error})", path, "Correct it") from error


def _load_leg(
    path: Path, sides: dict[str, str], scheme: str, spacing: FloatArray, about_path: Path
) -> AtlasLeg:
    side = sides.get(path.name)
    if side not in ("left", "right"):
        raise LabelError(f"gives no side for {path.name}", about_path, 'Add it to "sides"')
    image = canonical(load_labels(path))
    indices = (translate(image.data, scheme) % 100).astype(np.int16)
    coarse = _majority(image.with_data(indices), spacing)
    pad = [int(np.ceil(_PAD_MM / s)) for s in spacing[:2]]
    padded = np.pad(coarse, ((pad[0], pad[0]), (pad[1], pad[1]), (0, 0)))
    leg = AtlasLeg(path.name.removesuffix("_dseg.nii.gz"), padded, np.asarray(spacing, float))
    return leg if side == "right" else leg.mirrored()


def _majority(image: Image, spacing: FloatArray) -> NDArray[np.int16]:
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
