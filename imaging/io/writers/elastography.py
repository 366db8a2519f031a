"""Files of the elastography stage: waves, and maps, mask, measures and notes of each method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imaging.elastography.fields import wave_measures
from imaging.elastography.intervals import with_intervals
from imaging.elastography.inversion import Inversion
from imaging.elastography.muscles import muscle_measures
from imaging.elastography.notes import wave_sentence
from imaging.formats.parametric_map import write_parametric_map
from imaging.image import Image
from imaging.io.stiffness import Source, Wording
from imaging.io.waves.load import Examination
from imaging.measures import Measure, Notes, not_measured
from imaging.nib import nibabel as nib
from imaging.stage_files import StageFiles

_NOT_DICOM = {".json", ".gz", ".nii", ".mat", ".tsv"}
# How a quantity is called at the end of a measure's name, where not as it is.
_SHORT = {
    "storage_modulus": "storage",
    "loss_modulus": "loss",
    "shear_stiffness": "shear",
    "loss_angle": "lossangle",
}


def write_inversion(
    folder: Path, prefix: str, found: Inversion, source: Source, wording: Wording
) -> tuple[list[Measure], list[str]]:
    """Write maps, mask, measures and notes of one method; return the measures and warnings.

    Parameters
    ----------
    folder
        Scratch folder.
    prefix
        Start of file names, such as ``sub-01``.
    found, source, wording
        The maps, what they were made from, and the words for them.
    """
    rows, odd = _measures(found, source, wording)
    files = StageFiles(
        "stiffness" if found.method == "ready" else "inversion", folder, prefix, source.inputs,
        source.options.model_dump(mode="json"), {"method": found.method},
    )  # fmt: skip
    for suffix, part in found.maps.items():
        more = wording.stiffness_keys if suffix == "stiffness" else {}
        files.image(
            "map", source.grid.with_data(part.values.astype(np.float32)), {"map": suffix},
            Quantity=part.quantity, Units=part.unit, Method=found.text, **source.keys, **more,
        )  # fmt: skip
    if source.dicom:
        _write_dicom(files, found, source)
    files.image("mask", source.grid.with_data(found.mask))
    files.measures(rows)
    facts = {"frequency_hz": list(source.frequency_hz), **found.facts}
    warnings = [*found.warnings, *wording.warnings, *odd]
    files.notes(Notes("elastography", wording.sentence, found.citations, warnings, facts))
    return rows, warnings


def _measures(
    found: Inversion, source: Source, wording: Wording
) -> tuple[list[Measure], list[str]]:
    """Return the measures of every muscle, and what is odd about them."""
    names = {**_SHORT, **wording.names}
    maps = {
        f"stiffness_{found.method}_{names.get(m.quantity, m.quantity)}": (m.values, m.unit)
        for m in found.maps.values()
    }
    rows, odd = muscle_measures(
        maps, source.labels, source.wanted, found.mask, source.grid.spacing,
        erode_mm=source.options.erode_mm, note=wording.note, method=found.method,
        affine=source.grid.affine,
    )  # fmt: skip
    quantities = {
        f"stiffness_{found.method}_{names.get(m.quantity, m.quantity)}": m.quantity
        for m in found.maps.values() if m.unit in ("Pa", "rad")
    }  # fmt: skip
    rows, unsure = with_intervals(rows, found.errors, quantities)
    odd += unsure
    rows += found.muscles
    for name in dict.fromkeys(m.measure for m in found.muscles):
        told = {m.label for m in found.muscles if m.measure == name}
        why = f"no voxel of the muscle lies where waves were inverted; {wording.note}"
        rows += [not_measured(v, name, "Pa", why) for v in source.wanted if v not in told]
    return rows, odd


def _write_dicom(files: StageFiles, found: Inversion, source: Source) -> None:
    """Write every map as a DICOM parametric map."""
    headers = [p for p in source.inputs if p.suffix.lower() not in _NOT_DICOM]
    for number, (suffix, part) in enumerate(found.maps.items(), start=1):
        write_parametric_map(
            files.path("map", ".dcm", map=suffix),
            source.grid.with_data(part.values),
            quantity=part.quantity,
            description=f"{part.quantity} ({found.method}, {source.named})",
            unit=part.unit,
            patient=files.prefix,
            sources=headers,
            series_number=9000 + number,
        )


def write_waves(
    folder: Path, prefix: str, read: Examination, source: Source, warnings: Sequence[str]
) -> None:
    """Write the displacement of one driver at one frequency, the quality map and the notes.

    Parameters
    ----------
    folder, prefix
        Scratch folder, and start of file names.
    read, source
        Harmonic fields, and what they were made from.
    warnings
        What a reader must know of the waves.
    """
    waves, settings = read.waves, source.options.model_dump(mode="json")
    files = StageFiles("waves", folder, prefix, source.inputs, settings)
    quality = read.grid.with_data(waves.quality.astype(np.float32))
    files.image("quality", quality, FrequencyHz=source.keys["FrequencyHz"])
    _save_small(_displacement(read), files.path("displacement"))
    first = waves.fields[0]
    named: dict[str, Any] = {"DriverName": read.driver_names[0]} if read.driver_names else {}
    files.describe(
        "displacement", Units="rad" if read.gain is None else "um",
        FrequencyHz=first.frequency_hz, Driver=1, **named,
        Volumes="real parts along world R, A, S, then imaginary parts",
        EncodedDirections=3 if first.components_in_world else first.displacement.shape[3],
    )  # fmt: skip
    files.measures(wave_measures(waves))
    facts = waves.facts | {"mask": read.region} | read.facts
    if read.driver_names:
        facts["driver_names"] = list(read.driver_names)
    sentence = wave_sentence(source.named, waves.drivers, read.region, read.driver_names)
    files.notes(Notes("elastography", sentence, [], list(warnings), facts))


def _displacement(read: Examination) -> Image:
    """Return real, then imaginary parts along world axes; um, or rad without a known encoding."""
    first = read.waves.fields[0]
    moving = first.displacement[..., 0]
    if not first.components_in_world:
        moving = moving @ np.linalg.pinv(read.directions).T
    scale = 1.0 if read.gain is None else 1e6 / read.gain
    parts = np.concatenate([moving.real, moving.imag], axis=3).astype(np.float32)
    parts *= np.float32(scale)
    return read.grid.with_data(parts)


def _save_small(image: Image, path: Path) -> None:
    """Write an image with 16 bits per value: enough to look at."""
    nifti = nib.Nifti1Image(image.data, image.affine)
    nifti.set_data_dtype(np.int16)
    nifti.header.set_xyzt_units("mm")
    nifti.set_sform(image.affine, code=1)
    nifti.set_qform(image.affine, code=1)
    nib.save(nifti, path)
