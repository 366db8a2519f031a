"""``pennate elastography``: from wave images or a ready map to stiffness per voxel and muscle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from imaging.cli.stiffness_files import VERB, Source, Wording, labels_on, write_inversion
from imaging.cli.wave_files import Region, read_json, read_waves, tissue_mask
from imaging.config import ElastographySettings, load_settings
from imaging.elastography.declaration import map_declaration
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.mdev import mdev
from imaging.elastography.stiffness import QUANTITIES, to_pascal
from imaging.elastography.waves import WaveField, harmonic_field
from imaging.errors import ImageError, InputError
from imaging.image import Image, load_image, load_labels, same_grid
from imaging.provenance import staged


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
    more = [p for p in (labels, mask) if p]
    if waves:
        run = _from_waves(waves, label_region, mask_region, more, options)
    else:
        assert stiffness is not None
        run = _from_map(stiffness, label_region, mask_region, more, options)
    with staged(out, VERB) as folder:
        write_inversion(folder, prefix, *run)


def _from_waves(
    paths: Sequence[Path],
    labels: Region | None,
    mask: Region | None,
    more_inputs: Sequence[Path],
    options: ElastographySettings,
) -> tuple[Inversion, Source, Wording]:
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
    source = Source(
        grid, *labels_on(grid, labels), [*inputs, *more_inputs], options, hertz, fields[0].density
    )
    facts = {"drivers": fields[0].gradient.shape[5], "mask": origin, **found.facts}
    sentence = (
        f"The magnitude of the complex shear modulus |G*| at {source.named} was computed from "
        f"wave images by {found.text}, inside {origin}. Waves were taken as those of an isotropic "
        "medium; in muscle, which is not, the value depends on how the waves run to the fibres."
    )
    wording = Wording(sentence, f"MDEV at {source.named}")
    return replace(found, facts=facts), source, wording


def _from_map(
    path: Path,
    labels: Region | None,
    mask: Region | None,
    more_inputs: Sequence[Path],
    options: ElastographySettings,
) -> tuple[Inversion, Source, Wording]:
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
    source = Source(
        image, *labels_on(image, labels), [path, json_path, *more_inputs], options,
        [declared.frequency_hz], declared.density,
    )  # fmt: skip
    found = Inversion(
        "ready",
        declared.method,
        {"stiffness": QuantityMap(np.where(valid, values, 0), "Pa", quantity)},
        valid,
        facts={"declared_quantity": declared.quantity, "declared_units": declared.unit},
    )
    wording = Wording(
        f"A ready map ({QUANTITIES[declared.quantity]}, {declared.unit}, {source.named}, "
        f"{declared.method}) was kept as {QUANTITIES[quantity]} in Pa ({conversion}).",
        f"{declared.method} at {source.named}",
        warnings,
        {
            "DeclaredQuantity": declared.quantity,
            "DeclaredUnits": declared.unit,
            "Conversion": conversion,
        },
        names={q: q for q in QUANTITIES},
    )
    return found, source, wording
