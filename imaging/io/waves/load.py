"""Wave images of one examination, brought to harmonic fields inside tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.config import ElastographySettings
from imaging.diffusion.acquisition import Acquisition
from imaging.elastography.fields import (
    FrequencyField,
    HarmonicFields,
    frequency_field,
    harmonic_fields,
)
from imaging.elastography.notes import wave_warnings
from imaging.errors import ImageError
from imaging.image import Image
from imaging.io.region import Region, signal_mask, tissue_mask
from imaging.io.waves.placed import Placement, moved, place
from imaging.io.waves.read import read_examination
from imaging.io.waves.series import WaveSeries
from imaging.io.waves.undistorted import Undistortion, look, must_tell, undistorted


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
    facts : dict
        How they were put in place.
    """

    waves: HarmonicFields
    grid: Image
    region: str
    inputs: list[Path]
    directions: FloatArray
    gain: float | None
    driver_names: tuple[str, ...]
    warnings: list[str]
    facts: dict[str, object] = field(default_factory=dict)


def load_examination(
    paths: Sequence[Path],
    labels: Region | None,
    mask: Region | None,
    options: ElastographySettings,
    anatomy: Image | None = None,
    fmap: Path | None = None,
) -> Examination:
    """Read wave images, put them in place, take motion out and find their first harmonic.

    With an anatomical image, in whose world labels and mask lie, they are registered to it; it, or
    a scan `fmap` of reversed phase encoding, also undoes the distortion of echo-planar ones.

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
    placement: Placement | None = None
    # The displacement goes by the readout: frequencies that were read alike share one.
    undone: dict[Acquisition, Undistortion] = {}
    for series in read_examination(paths):
        images, frames = series.images, series.magnitude
        encoded = must_tell(series.acquisition, series.inputs[0]) if fmap else series.acquisition
        if encoded is not None:
            if encoded not in undone:
                undone[encoded] = look(
                    images, signal_mask(images.weight), encoded,
                    wanted=options.distortion, fmap=fmap, anatomy=anatomy,
                )  # fmt: skip
            found = undone[encoded].found
            if found is not None and found.status == "corrected":
                images, frames = undistorted(images, frames, found)
        if anatomy is not None:
            placement = placement or place(images, signal_mask(images.weight), anatomy)
            images = moved(images, placement)
        if first is None:
            first = replace(series, images=images)
            grid = Image(np.zeros(images.weight.shape, np.uint8), images.affine)
            tissue, region = tissue_mask(images, grid, labels, mask)
        read.append(frequency_field(images, frames if options.motion else None, tissue))
        inputs += series.inputs
        left_out += series.warnings
    assert first is not None
    used = [step.found.method for step in undone.values() if step.found is not None]
    inputs += [fmap] if fmap is not None and "fmap" in used else []
    waves = harmonic_fields(read, tissue)
    if not waves.tissue.any():
        raise ImageError(
            f"has no signal inside {region}: its magnitude is 0 there", paths[0],
            "Check mask and magnitude",
        )  # fmt: skip
    steps = [step for step in (*undone.values(), placement) if step is not None]
    told = list(dict.fromkeys(said for step in steps for said in step.warnings))
    warnings = [*told, *left_out, *wave_warnings(waves, float(grid.spacing.min()))]
    return Examination(
        waves, grid, region, inputs, first.images.directions, first.gain, first.driver_names,
        warnings, {key: fact for step in steps for key, fact in step.facts.items()},
    )  # fmt: skip
