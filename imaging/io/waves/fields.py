"""From wave images to harmonic fields: motion, tissue, quality, and the words for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.config import ElastographySettings
from imaging.elastography.encoding import EncodingCheck, check_encoding
from imaging.elastography.motion import WaveMotion, correct_motion
from imaging.elastography.waves import WaveField, harmonic_field
from imaging.errors import ImageError, UnitError
from imaging.image import Image, same_grid
from imaging.io.region import Region, tissue_mask
from imaging.io.waves.read import read_waves
from imaging.io.waves.series import Recording
from imaging.measures import Measure, not_measured

# Below this share the wave is weaker than what else moved.
_POOR_QUALITY = 0.5


@dataclass(frozen=True)
class Waves:
    """Harmonic fields of every frequency on one grid, and what is known of them.

    Attributes
    ----------
    fields : list of WaveField
    grid : Image
        Empty, on the grid of the waves.
    tissue : (I, J, K) bool array
        Where waves are inverted.
    origin : str
        How that was found.
    inputs : list of Path
    quality : (I, J, K) array
        Share of the wave in what moved, the lowest of all frequencies.
    measures : list of Measure
    warnings : list of str
    facts : dict
    directions : (D, 3) array
        Encoding directions of the first frequency, world axes.
    gain : float or None
        Radians per metre of displacement there.
    """

    fields: list[WaveField]
    grid: Image
    tissue: NDArray[np.bool_]
    origin: str
    inputs: list[Path]
    quality: NDArray[np.floating[Any]]
    measures: list[Measure]
    warnings: list[str]
    facts: dict[str, Any]
    directions: NDArray[np.floating[Any]]
    gain: float | None


def load_fields(
    paths: Sequence[Path],
    labels: Region | None,
    mask: Region | None,
    options: ElastographySettings,
) -> Waves:
    """Read wave images, take motion out and find their first harmonic.

    Raises
    ------
    InputError
        Something cannot be read, is not declared, or lies on another grid or elsewhere.
    """
    read: list[_Read] = []
    grid, first = None, None
    tissue, origin = np.zeros((0, 0, 0), bool), ""
    inputs: list[Path] = []
    for path in paths:
        for recording in read_waves(path):
            images = recording.images
            here = Image(np.zeros(images.weight.shape, np.uint8), images.affine)
            if grid is None:
                grid, first = here, recording
                tissue, origin = tissue_mask(images, grid, labels, mask)
            elif not same_grid(grid, here):
                raise ImageError(
                    f"is not on the grid of {paths[0].name}", path, "Give frequencies of one grid"
                )
            if any(r.field.frequency_hz == images.frequency_hz for r in read):
                raise ImageError(
                    f"is of {images.frequency_hz:g} Hz like another one",
                    path,
                    "Give each frequency once; several drivers go along the last axis",
                )
            if read and read[0].field.density != images.density:
                raise UnitError(
                    f"declares another density than {paths[0].name}", path, "Declare one density"
                )
            read.append(_reduce(recording, tissue, options))
            inputs += recording.inputs
    assert grid is not None
    assert first is not None
    # Where a magnitude is zero there is no phase: a derivative across that border means nothing.
    tissue = np.logical_and.reduce([tissue, *(r.field.valid for r in read)])
    if not tissue.any():
        raise ImageError(
            f"holds no signal inside {origin}: its magnitude is 0 there", paths[0],
            "Check mask and magnitude",
        )  # fmt: skip
    motions = [r.motion for r in read if r.motion is not None]
    facts = {
        "frequency_hz": [r.field.frequency_hz for r in read],
        "drivers": read[0].field.displacement.shape[4],
        "offsets": [r.offsets for r in read],
        "mask": origin,
        "divergence": [None if r.check is None else round(r.check.declared, 4) for r in read],
        "quality": [round(r.median(tissue), 4) for r in read],
        "motion": [np.round(m.trace, 3).reshape(-1, 6).tolist() for m in motions],
    }
    return Waves(
        [r.field for r in read], grid, tissue, origin, inputs,
        np.min([r.quality for r in read], axis=0),
        [_quality_measure(read, tissue), _motion_measure(motions)],
        _warnings(read, tissue, float(grid.spacing.min())), facts,
        first.images.directions, first.gain,
    )  # fmt: skip


@dataclass(frozen=True)
class _Read:
    """One frequency."""

    field: WaveField
    offsets: int
    quality: NDArray[np.floating[Any]]
    motion: WaveMotion | None
    check: EncodingCheck | None

    @property
    def named(self) -> str:
        return f"{self.field.frequency_hz:g} Hz"

    def median(self, tissue: NDArray[np.bool_]) -> float:
        return float(np.median(self.quality[tissue])) if tissue.any() else 0.0


def _reduce(
    recording: Recording, tissue: NDArray[np.bool_], options: ElastographySettings
) -> _Read:
    """Take motion out of one recording and find its first harmonic."""
    images, motion = recording.images, None
    if options.motion and recording.magnitude is not None and tissue.any():
        images, motion = correct_motion(images, recording.magnitude, tissue)
    offsets = images.phase.shape[4]
    field = harmonic_field(replace(images, weight=images.weight * tissue))
    assert field.share is not None
    return _Read(field, offsets, field.share, motion, check_encoding(field, tissue))


def _quality_measure(read: Sequence[_Read], tissue: NDArray[np.bool_]) -> Measure:
    worst = min(read, key=lambda r: r.median(tissue))
    note = f"median over the tissue at {worst.named}, the lowest of {len(read)} frequencies"
    return Measure(0, "wave_quality", worst.median(tissue), "1", n=int(tissue.sum()), note=note)


def _motion_measure(motions: Sequence[WaveMotion]) -> Measure:
    if not motions:
        why = "there are no magnitudes of every volume, or motion correction is off"
        return not_measured(0, "wave_motion", "mm", why)
    sizes = np.concatenate([m.displacement_mm.ravel() for m in motions])
    moved = sum(int(m.corrected.sum()) for m in motions)
    note = f"largest of n volumes against their mean; {moved} moved back"
    return Measure(0, "wave_motion", float(sizes.max()), "mm", n=sizes.size, note=note)


def _warnings(read: Sequence[_Read], tissue: NDArray[np.bool_], voxel_mm: float) -> list[str]:
    """Say what a reader must know of the waves before any inversion."""
    out = []
    for one in read:
        if one.motion is not None and one.motion.displacement_mm.max() > 0.5 * voxel_mm:
            out.append(
                f"The leg moved by up to {one.motion.displacement_mm.max():.1f} mm between wave "
                f"images at {one.named}."
            )
        if (share := one.median(tissue)) < _POOR_QUALITY:
            out.append(
                f"At {one.named} less than half of what moved is the wave (median {share:.0%}): "
                "stiffness is unsure."
            )
        if one.check is not None and one.check.doubtful:
            out.append(
                f"At {one.named} the displacement changes volume, which tissue does not "
                f"(divergence {one.check.declared:.0%} of the gradient); components as "
                f"{one.check.matrix.astype(int).tolist()} along the image axes would leave "
                f"{one.check.least:.0%}: check order and sign of EncodingDirections."
            )
        if one.offsets < 4:
            out.append(
                f"At {one.named} there are {one.offsets} offsets only: noise was judged from "
                "neighbouring voxels, and higher harmonics cannot be told from the wave."
            )
    return out
