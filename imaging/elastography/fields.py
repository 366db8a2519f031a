"""Harmonic fields of every frequency: motion taken out, first harmonic found, quality judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.encoding import EncodingCheck, check_encoding
from imaging.elastography.motion import WaveMotion, correct_motion
from imaging.elastography.phase_repair import (
    TOO_LARGE_RAD,
    PhaseRepair,
    leave_out_offsets,
    repair_slices,
)
from imaging.elastography.waves import WaveField, WaveImages, harmonic_field
from imaging.measures import Measure, not_measured


@dataclass(frozen=True)
class FrequencyField:
    """Harmonic field of one frequency.

    Attributes
    ----------
    field : WaveField
    offsets : int
        Per period.
    quality : (I, J, K) array
        Share of the wave in what moved.
    motion : WaveMotion or None
        None where it was not looked for.
    check : EncodingCheck or None
    repair : PhaseRepair
    """

    field: WaveField
    offsets: int
    quality: FloatArray
    motion: WaveMotion | None
    check: EncodingCheck | None
    repair: PhaseRepair

    @property
    def named(self) -> str:
        """Frequency in words."""
        return f"{self.field.frequency_hz:g} Hz"

    @property
    def noise_gain(self) -> float | None:
        """Noise of the first harmonic over that of the other bins, mean of all directions."""
        gain = self.field.noise_gain
        return None if gain is None else float(np.mean(gain))

    @property
    def slice_jump(self) -> float:
        """Largest root mean square jump of phase between slices, rad; 0 where there is none."""
        jumps = self.field.slice_jumps
        return 0.0 if jumps is None else float(np.sqrt((jumps**2).mean(2)).max())

    def quality_in(self, tissue: BoolArray) -> float:
        """Return the median quality inside tissue (I, J, K)."""
        return float(np.median(self.quality[tissue])) if tissue.any() else 0.0


@dataclass(frozen=True)
class HarmonicFields:
    """Harmonic fields of every frequency on one grid.

    Attributes
    ----------
    frequencies : sequence of FrequencyField
    tissue : (I, J, K) bool array
        Where waves are inverted: tissue with a phase at every frequency.
    """

    frequencies: Sequence[FrequencyField]
    tissue: BoolArray

    @property
    def fields(self) -> list[WaveField]:
        """The fields alone."""
        return [f.field for f in self.frequencies]

    @property
    def drivers(self) -> int:
        """Number of drivers, at the first frequency."""
        return int(self.frequencies[0].field.displacement.shape[4])

    @property
    def quality(self) -> FloatArray:
        """Share (I, J, K) of the wave in what moved, the lowest of all frequencies."""
        return np.asarray(np.min([f.quality for f in self.frequencies], axis=0))

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers behind the words."""
        read = self.frequencies
        motions = [f.motion for f in read if f.motion is not None]
        return {
            "frequency_hz": [f.field.frequency_hz for f in read],
            "drivers": self.drivers,
            "offsets": [f.offsets for f in read],
            "divergence": [None if f.check is None else round(f.check.declared, 4) for f in read],
            "encoding_doubtful": any(f.check is not None and f.check.doubtful for f in read),
            "slice_jump_rad": [round(f.slice_jump, 3) for f in read],
            "noise_gain": [None if f.noise_gain is None else round(f.noise_gain, 3) for f in read],
            "quality": [round(f.quality_in(self.tissue), 4) for f in read],
            "phase_jumps_rad": [
                None if (j := f.repair.jumps_rad) is None else round(j, 4) for f in read
            ],
            "time_steps_left_out": [int(f.repair.left_out.sum()) for f in read],
            "motion": [np.round(m.trace, 3).reshape(-1, 6).tolist() for m in motions],
        }


def frequency_field(
    images: WaveImages, magnitude: FloatArray | None, tissue: BoolArray
) -> FrequencyField:
    """Repair the phase of one frequency, take motion out and find the first harmonic.

    Parameters
    ----------
    images
        As acquired.
    magnitude : (I, J, K, D, n, R) array or None
        Of every volume; None: motion is not looked for.
    tissue : (I, J, K) bool array
    """
    motion = None
    images, jumps = repair_slices(images, tissue)
    if magnitude is not None and tissue.any():
        images, motion = correct_motion(images, magnitude, tissue)
    # Among large jumps no time step fits, and none is odd.
    left_out: BoolArray = np.zeros((0, 0, 0, 0), bool)
    if jumps is None or jumps <= TOO_LARGE_RAD:
        images, left_out = leave_out_offsets(images, tissue)
    field = harmonic_field(replace(images, weight=images.weight * tissue))
    assert field.share is not None
    check = check_encoding(field, tissue)
    repair = PhaseRepair(jumps, left_out)
    return FrequencyField(field, images.phase.shape[4], field.share, motion, check, repair)


def harmonic_fields(frequencies: Sequence[FrequencyField], tissue: BoolArray) -> HarmonicFields:
    """Join the frequencies of one grid.

    Where a magnitude is zero there is no phase, and a derivative across that border means nothing:
    such voxels (I, J, K) are taken out of the tissue.
    """
    valid = np.logical_and.reduce([tissue, *(f.field.valid for f in frequencies)])
    return HarmonicFields(list(frequencies), valid)


def wave_measures(waves: HarmonicFields) -> list[Measure]:
    """Return the quality of the waves, and the motion between them."""
    read, tissue = waves.frequencies, waves.tissue
    worst = min(read, key=lambda f: f.quality_in(tissue))
    note = f"median over the tissue at {worst.named}, the lowest of {len(read)} frequencies"
    quality = Measure(
        0, "wave_quality", worst.quality_in(tissue), "1", n=int(tissue.sum()), note=note
    )
    return [quality, _motion_measure([f.motion for f in read if f.motion is not None])]


def _motion_measure(motions: Sequence[WaveMotion]) -> Measure:
    if not motions:
        why = "there are no magnitudes of every volume, or motion correction is off"
        return not_measured(0, "wave_motion", "mm", why)
    sizes = np.concatenate([m.displacement_mm.ravel() for m in motions])
    moved = sum(int(m.corrected.sum()) for m in motions)
    note = f"largest of n volumes against their mean; {moved} moved back"
    return Measure(0, "wave_motion", float(sizes.max()), "mm", n=sizes.size, note=note)
