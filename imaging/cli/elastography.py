"""``pennate elastography``: from wave images or a ready map to stiffness per voxel and muscle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from imaging.cli.wave_files import Region, read_json, read_waves, tissue_mask
from imaging.config import ElastographySettings, load_settings
from imaging.elastography.declaration import (
    map_declaration,
)
from imaging.elastography.mdev import mdev
from imaging.elastography.muscles import muscle_measures
from imaging.elastography.stiffness import QUANTITIES, to_pascal
from imaging.elastography.waves import WaveField, harmonic_field
from imaging.errors import ImageError, InputError
from imaging.image import Image, load_image, load_labels, same_grid, save_image
from imaging.measures import Notes, write_measures, write_notes
from imaging.muscles import muscle_labels
from imaging.provenance import staged, write_sidecar

VERB = "elastography"
_MEASURE = {"stiffness": "magnitude"}


@dataclass(frozen=True)
class _Result:
    """What either method gives to be measured per muscle and written."""

    method: str
    grid: Image
    maps: dict[str, tuple[str, NDArray[Any], str]]  # suffix: measure, values, unit
    valid: NDArray[np.bool_]
    stiffness: dict[str, Any]  # keys of the sidecar
    inputs: list[Path]
    sentence: str
    note: str
    warnings: list[str]
    facts: dict[str, Any]
    citations: tuple[str, ...] = ()


def command(
    out: Annotated[Path, typer.Option("--out", help="Output folder, e.g. OUT/sub-01/mre.")],
    prefix: Annotated[str, typer.Option("--prefix", help="Start of file names, e.g. sub-01.")],
    waves: Annotated[
        list[Path] | None,
        typer.Option("--waves", help="Phase images of one frequency; repeat for further ones."),
    ] = None,
    stiffness: Annotated[
        Path | None, typer.Option("--stiffness", help="Ready map with its JSON.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Muscle labels, on any grid.")
    ] = None,
    mask: Annotated[Path | None, typer.Option("--mask", help="Tissue mask, on any grid.")] = None,
    settings: Annotated[
        str | None, typer.Option("--settings", help="JSON text or a YAML file.")
    ] = None,
) -> None:
    """Stiffness from wave images (MDEV) or from a ready map."""
    options = load_settings(ElastographySettings, settings)
    if bool(waves) == bool(stiffness):
        raise InputError(
            "give either --waves or --stiffness", None, "Run the verb once for each of the two"
        )
    label_region = Region(load_labels(labels), labels) if labels else None
    mask_region = Region(load_image(mask), mask) if mask else None
    if waves:
        result = _from_waves(waves, label_region, mask_region)
    else:
        assert stiffness is not None
        result = _from_map(stiffness, mask_region)
    _write(result, label_region, [p for p in (labels, mask) if p], out, prefix, options)


def _from_waves(paths: Sequence[Path], labels: Region | None, mask: Region | None) -> _Result:
    """Invert wave images of one or more frequencies."""
    fields: list[WaveField] = []
    inputs: list[Path] = []
    grid: Image | None = None
    tissue, origin = np.zeros((0, 0, 0), bool), ""
    for path in paths:
        images, used = read_waves(path)
        here = Image(np.zeros(images.weight.shape, np.uint8), images.affine)
        if grid is None:
            grid = here
            tissue, origin = tissue_mask(images, grid, labels, mask)
        elif not same_grid(grid, here):
            raise ImageError(
                f"is not on the grid of {paths[0].name}", path, "Give frequencies of one grid"
            )
        fields.append(harmonic_field(replace(images, weight=images.weight * tissue)))
        inputs += used
    assert grid is not None
    found = mdev(fields, tissue)
    hertz = [f.frequency_hz for f in fields]
    named = "+".join(f"{f:g}" for f in hertz) + " Hz"
    drivers = fields[0].gradient.shape[5]
    return _Result(
        method="mdev",
        grid=grid,
        maps={
            suffix: (f"stiffness_mdev_{_MEASURE.get(suffix, suffix)}", m.values, m.unit)
            for suffix, m in found.maps.items()
        },
        valid=found.mask,
        stiffness={
            "Quantity": "magnitude",
            "FrequencyHz": hertz[0] if len(hertz) == 1 else hertz,
            "DensityKgPerM3": fields[0].density,
            "Method": found.text,
        },
        inputs=inputs,
        sentence=f"The magnitude of the complex shear modulus |G*| at {named} was computed from "
        f"wave images by {found.text}, inside {origin}. Waves were taken as those of an isotropic "
        "medium; in muscle, which is not, the value depends on how the waves run to the fibres.",
        note=f"MDEV at {named}",
        warnings=list(found.warnings),
        facts={"frequency_hz": hertz, "drivers": drivers, "mask": origin, **found.facts},
        citations=found.citations,
    )  # fmt: skip


def _from_map(path: Path, mask: Region | None) -> _Result:
    """Read a ready map and bring it to Pa."""
    content, json_path = read_json(path)
    declared = map_declaration(content, json_path)
    image = load_image(path)
    values, quantity, conversion = to_pascal(
        image.data, declared.quantity, declared.unit, declared.density
    )
    warnings = []
    if negative := int((image.data < 0).sum()):
        warnings.append(f"{path.name} holds {negative} negative voxels; they are left out.")
    valid = image.data > 0
    if mask is not None:
        valid &= mask.on(image).data > 0
    if not valid.any():
        raise ImageError("holds no positive value inside the mask", path, "Check map and mask")
    named = f"{declared.frequency_hz:g} Hz"
    return _Result(
        method="ready",
        grid=image,
        maps={"stiffness": (f"stiffness_ready_{quantity}", np.where(valid, values, 0), "Pa")},
        valid=valid,
        stiffness={
            "Quantity": quantity,
            "FrequencyHz": declared.frequency_hz,
            "DensityKgPerM3": declared.density,
            "Method": declared.method,
            "DeclaredQuantity": declared.quantity,
            "DeclaredUnits": declared.unit,
            "Conversion": conversion,
        },
        inputs=[path, json_path],
        sentence=f"A ready map ({QUANTITIES[declared.quantity]}, {declared.unit}, {named}, "
        f"{declared.method}) was kept as {QUANTITIES[quantity]} in Pa ({conversion}).",
        note=f"{declared.method} at {named}",
        warnings=warnings,
        facts={"frequency_hz": [declared.frequency_hz], "declared_quantity": declared.quantity,
               "declared_units": declared.unit},
    )  # fmt: skip


def _write(
    result: _Result,
    labels: Region | None,
    more_inputs: list[Path],
    out: Path,
    prefix: str,
    options: ElastographySettings,
) -> None:
    """Write maps, mask, measures and notes."""
    if labels is not None:
        wanted, on_grid = muscle_labels(labels.image.data), labels.on(result.grid).data
    else:
        wanted, on_grid = [0], np.zeros(result.grid.shape, np.int16)
    rows, odd = muscle_measures(
        {name: (values, unit) for name, values, unit in result.maps.values()},
        on_grid, wanted, result.valid, result.grid.spacing,
        erode_mm=options.erode_mm, note=result.note,
    )  # fmt: skip
    stem = f"{prefix}_desc-{result.method}"
    inputs, dumped = [*result.inputs, *more_inputs], options.model_dump()
    with staged(out, VERB) as folder:
        for suffix, (name, values, unit) in result.maps.items():
            path = folder / f"{stem}_{suffix}.nii.gz"
            save_image(result.grid.with_data(values.astype(np.float32)), path)
            keys = result.stiffness if suffix == "stiffness" else {
                k: result.stiffness[k] for k in ("FrequencyHz", "DensityKgPerM3", "Method")
            }  # fmt: skip
            write_sidecar(
                path,
                verb=VERB,
                inputs=inputs,
                settings=dumped,
                Units=unit,
                Description=name,
                **keys,
            )
        path = folder / f"{stem}_mask.nii.gz"
        save_image(result.grid.with_data(result.valid), path)
        write_sidecar(
            path, verb=VERB, inputs=inputs, settings=dumped, Description="Where the maps hold data"
        )
        path = folder / f"{stem}_measures.tsv"
        write_measures(rows, path)
        write_sidecar(path, verb=VERB, inputs=inputs, settings=dumped)
        notes = Notes(
            "elastography",
            result.sentence,
            result.citations,
            [*result.warnings, *odd],
            result.facts,
        )
        write_notes(notes, folder / f"{stem}_notes.json")
