"""A ready stiffness map with its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.map_declaration import MapDeclaration, map_declaration
from imaging.errors import ImageError, UnitError
from imaging.formats.json import read_sidecar
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.stiffness import PLAUSIBLE_PA, Stiffness, implausible


@dataclass(frozen=True)
class ReadyMap:
    """A ready map in Pa.

    Attributes
    ----------
    paths : tuple of Path
        The image and its JSON.
    image : Image
        As stored, 0 where nothing was measured.
    declared : MapDeclaration
    kept : Stiffness
        In Pa.
    warnings : list of str
        What looks wrong.
    """

    paths: tuple[Path, Path]
    image: Image
    declared: MapDeclaration
    kept: Stiffness
    warnings: list[str] = field(default_factory=list)

    @property
    def measured(self) -> BoolArray:
        """Voxels (I, J, K) that hold a stiffness: neither NaN, 0 nor negative."""
        return np.asarray(self.image.data > 0)


def read_ready(path: Path) -> ReadyMap:
    """Read a ready stiffness map; NaN and 0 say that nothing was measured there.

    Raises
    ------
    MissingFileError, JsonError, ImageError, UnitError
        Image or JSON is missing or cannot be used, Inf among the values, or none above 0.
    """
    content, json_path = read_sidecar(path)
    declared = map_declaration(content, json_path)
    image = load_image(path, gaps=True)
    image = image.with_data(np.nan_to_num(image.data, nan=0.0))
    if not (image.data > 0).any():
        raise ImageError("has no positive value", path, "Give the stiffness map of the series")
    with np.errstate(over="ignore"):
        kept = Stiffness.declared(
            image.data, declared.quantity, declared.unit, frequency_hz=[declared.frequency_hz],
            density=declared.density, method=declared.method,
        )  # fmt: skip
    if not np.isfinite(kept.values).all():
        raise UnitError(
            f"holds values up to {float(np.abs(image.data).max()):.3g} {declared.unit}, "
            "more than any tissue has",
            path,
            "Check the map and the Units declared",
        )
    warnings = _doubts(kept.values[image.data > 0], declared, path)
    return ReadyMap((path, json_path), image, declared, kept, warnings)


def _doubts(values: FloatArray, declared: MapDeclaration, path: Path) -> list[str]:
    """Say that measured values (N,) in Pa are not those of muscle: most often the unit is wrong."""
    median = float(np.median(values))
    if not implausible(median):
        return []
    low, high = (p / 1000 for p in PLAUSIBLE_PA)
    return [
        f"{path.name}: half of its voxels are above {median / 1000:.4g} kPa, muscle lies between "
        f"{low:g} and {high:g} kPa: is the unit really {declared.unit}, as its JSON says?"
    ]
