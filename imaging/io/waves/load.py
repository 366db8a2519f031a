"""Wave images of one examination, brought to harmonic fields inside tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.config import ElastographySettings
from imaging.elastography.fields import (
    FrequencyField,
    HarmonicFields,
    frequency_field,
    harmonic_fields,
)
from imaging.elastography.notes import wave_warnings
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.io.region import Region, tissue_mask
from imaging.io.waves.read import read_examination
from imaging.io.waves.series import WaveSeries

if TYPE_CHECKING:
    from imaging.io.waves.anatomy import Placement


@dataclass(frozen=True)
class Examination:
    """Harmonic fields of every frequency, and what is known of where they come from.

    Attributes
    ----------
    waves : HarmonicFields
    grid : Image
        Empty, on the grid of the waves.
    region : str
        How the tissue was found.
    inputs : list of Path
    directions : (D, 3) array
        Encoding directions of the first frequency, world axes.
    gain : float or None
        Radians per metre of displacement there.
    driver_names : tuple of str
        There; empty where only their count is declared.
    warnings : list of str
    placement : Placement or None
        Of an anatomical image, where one was given.
    """

    waves: HarmonicFields
    grid: Image
    region: str
    inputs: list[Path]
    directions: FloatArray
    gain: float | None
    driver_names: tuple[str, ...]
    warnings: list[str]
    placement: Placement | None = None


def load_examination(
    paths: Sequence[Path],
    labels: Region | None,
    mask: Region | None,
    options: ElastographySettings,
    anatomy: Path | None = None,
) -> Examination:
    """Read wave images, take motion out and find their first harmonic.

    Labels and mask are moved with the image `anatomy`, of whose world they are.

    Raises
    ------
    InputError
        Something cannot be read, is not declared, or lies on another grid or elsewhere.
    """
    read: list[FrequencyField] = []
    first: WaveSeries | None = None
    tissue: BoolArray = np.zeros((0, 0, 0), bool)
    region = ""
    inputs: list[Path] = []
    left_out: list[str] = []
    placement = None
    for series in read_examination(paths):
        images = series.images
        if first is None:
            first = series
            grid = Image(np.zeros(images.weight.shape, np.uint8), images.affine)
            if anatomy is not None:
                placement = _placed(anatomy, images)
                labels, mask = placement.region(labels), placement.region(mask)
                inputs.append(anatomy)
                left_out += placement.warnings
            tissue, region = tissue_mask(images, grid, labels, mask)
        read.append(frequency_field(images, series.magnitude if options.motion else None, tissue))
        inputs += series.inputs
        left_out += series.warnings
    assert first is not None
    waves = harmonic_fields(read, tissue)
    if not waves.tissue.any():
        raise ImageError(
            f"has no signal inside {region}: its magnitude is 0 there", paths[0],
            "Check mask and magnitude",
        )  # fmt: skip
    warnings = [*left_out, *wave_warnings(waves, float(grid.spacing.min()))]
    return Examination(
        waves, grid, region, inputs, first.images.directions, first.gain, first.driver_names,
        warnings, placement,
    )  # fmt: skip


def _placed(anatomy: Path, images: WaveImages) -> Placement:
    from imaging.io.waves.anatomy import place_anatomy  # loads SimpleITK

    return place_anatomy(load_image(anatomy), anatomy, images)
