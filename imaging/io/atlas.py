"""A label atlas, read from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import LabelError, MissingFileError
from imaging.formats.json import read_json
from imaging.formats.nifti import load_labels
from imaging.image import canonical
from imaging.schemes import translate
from imaging.segmentation.atlas import PAD_MM, Atlas, AtlasLeg, majority


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
        raise MissingFileError("has no *_dseg.nii.gz", folder, "Add label maps of single legs")
    legs = [load_leg(p, about.get("sides", {}), scheme, work_spacing, about_path) for p in paths]
    return Atlas(tuple(legs), about)


def read_about(folder: Path) -> dict[str, Any]:
    """Return what ``atlas.json`` of a folder says.

    Raises
    ------
    MissingFileError, JsonError
        There is none, or it is not JSON.
    """
    return read_json(folder / "atlas.json", "Give a folder that has one (docs/formats.md)")


def load_leg(
    path: Path, sides: dict[str, str], scheme: str, spacing: FloatArray, about_path: Path
) -> AtlasLeg:
    """Read one leg on a working grid, as a right leg; `about_path` is named in errors."""
    side = sides.get(path.name)
    if side not in ("left", "right"):
        raise LabelError(f"gives no side for {path.name}", about_path, 'Add it to "sides"')
    image = canonical(load_labels(path))
    indices = (translate(image.data, scheme) % 100).astype(np.int16)
    coarse = majority(image.with_data(indices), spacing)
    pad = [int(np.ceil(PAD_MM / s)) for s in spacing[:2]]
    padded = np.pad(coarse, ((pad[0], pad[0]), (pad[1], pad[1]), (0, 0)))
    leg = AtlasLeg(path.name.removesuffix("_dseg.nii.gz"), padded, np.asarray(spacing, float))
    return leg if side == "right" else leg.mirrored()
