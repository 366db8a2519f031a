"""What ``pennate elastography`` writes of the waves themselves: displacement, quality, notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from imaging.elastography.fields import wave_measures
from imaging.elastography.notes import wave_sentence
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.stiffness import VERB, Source
from imaging.io.waves.load import Examination
from imaging.measures import Notes, write_measures, write_notes
from imaging.provenance import write_sidecar


def write_waves(
    folder: Path, prefix: str, read: Examination, source: Source, warnings: Sequence[str]
) -> None:
    """Write the displacement of one driver at one frequency, the quality map and the notes."""
    stem, waves = f"{prefix}_desc-waves", read.waves
    common: dict[str, Any] = {
        "verb": VERB, "inputs": source.inputs, "settings": source.options.model_dump(mode="json"),
    }  # fmt: skip
    path = folder / f"{stem}_quality.nii.gz"
    save_image(read.grid.with_data(waves.quality.astype(np.float32)), path)
    write_sidecar(
        path, **common, Units="1", FrequencyHz=source.keys["FrequencyHz"],
        Description="Share of the first harmonic in the power of the phase over a period",
    )  # fmt: skip
    _write_displacement(folder / f"{stem}_displacement.nii.gz", read, common)
    path = folder / f"{stem}_measures.tsv"
    write_measures(wave_measures(waves), path)
    write_sidecar(path, **common)
    facts = waves.facts | {"mask": read.region}
    if read.driver_names:
        facts["driver_names"] = list(read.driver_names)
    sentence = wave_sentence(source.named, waves.drivers, read.region, read.driver_names)
    notes = Notes("elastography", sentence, [], list(warnings), facts)
    write_notes(notes, folder / f"{stem}_notes.json")


def _write_displacement(path: Path, read: Examination, common: dict[str, Any]) -> None:
    """Write the first harmonic of the first driver at the first frequency, world axes."""
    first = read.waves.fields[0]
    moving = first.displacement[..., 0]
    if not first.components_in_world:
        moving = moving @ np.linalg.pinv(read.directions).T
    scale = 1.0 if read.gain is None else 1e6 / read.gain
    parts = np.concatenate([moving.real, moving.imag], axis=3).astype(np.float32)
    parts *= np.float32(scale)
    _save_small(read.grid.with_data(parts), path)
    named: dict[str, Any] = {"DriverName": read.driver_names[0]} if read.driver_names else {}
    write_sidecar(
        path, **common, Units="rad" if read.gain is None else "um",
        FrequencyHz=first.frequency_hz, Driver=1, **named,
        Volumes="real parts along world R, A, S, then imaginary parts",
        EncodedDirections=3 if first.components_in_world else first.displacement.shape[3],
        Description="First harmonic u of the displacement, up to a constant: at the time t of a "
        "period T it is the real part of u exp(2 pi i t/T)",
    )  # fmt: skip


def _save_small(image: Image, path: Path) -> None:
    """Write an image with 16 bits per value: enough to look at."""
    nifti = nib.Nifti1Image(image.data, image.affine)
    nifti.set_data_dtype(np.int16)
    nifti.header.set_xyzt_units("mm")
    nifti.set_sform(image.affine, code=1)
    nifti.set_qform(image.affine, code=1)
    nib.save(nifti, path)
