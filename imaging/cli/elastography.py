"""``pennate elastography``: wave images or a ready map in, stiffness in Pa per voxel and muscle out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from imaging.config import ElastographySettings, load_settings
from imaging.elastography.declaration import (
    check_shape,
    map_declaration,
    read_json,
    wave_declaration,
)
from imaging.elastography.mdev import Stiffness, mdev
from imaging.elastography.muscles import muscle_measures
from imaging.elastography.stiffness import QUANTITIES, to_pascal
from imaging.elastography.waves import WaveField, WaveImages, harmonic_field
from imaging.errors import ImageError, InputError
from imaging.image import Image, load_image, load_labels, resample, same_grid, save_image
from imaging.measures import Notes, write_measures, write_notes
from imaging.muscles import muscle_labels
from imaging.provenance import staged, write_sidecar

VERB = "elastography"
# A phase beyond this is not in radians, unwrapped or not.
_PHASE_LIMIT_RAD = 200.0
_CITATIONS = (
    "Hirsch S, Guo J, Reiter R, et al. MR elastography of the liver and the spleen using a "
    "piezoelectric driver, single-shot wave-field acquisition, and multifrequency dual parameter "
    "reconstruction. Magn Reson Med 2014;71:267-277.",
    "Sinkus R, Tanter M, Xydeas T, Catheline S, Bercoff J, Fink M. Viscoelastic shear properties "
    "of in vivo breast lesions measured by MR elastography. Magn Reson Imaging 2005;23:159-165.",
)


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
    label_image = load_labels(labels) if labels else None
    mask_image = load_image(mask) if mask else None
    if waves:
        result = _from_waves(waves, label_image, mask_image)
    else:
        assert stiffness is not None
        result = _from_map(stiffness, mask_image)
    here = _on_grid(label_image, result.grid, labels) if label_image else None
    _write(result, label_image, here, [p for p in (labels, mask) if p], out, prefix, options)


def _on_grid(image: Image, grid: Image, path: Path | None) -> Image:
    """Resample labels or a mask onto the grid of the elastography images.

    Raises
    ------
    ImageError
        Nothing of it lies inside the field of view.
    """
    here = resample(image, grid, order=0)
    if not here.data.any():
        raise ImageError(
            "does not overlap with the elastography images in world space",
            path,
            "Check that both are of the same leg and session, and their affines",
        )
    return here


def _read_waves(path: Path) -> tuple[WaveImages, list[Path]]:
    """Read phase, its JSON, and the magnitude beside it where there is one."""
    content, json_path = read_json(path)
    declared = wave_declaration(content, json_path)
    image = load_image(path, ndim=(5, 6))
    check_shape(declared, image.data.shape, path)
    rotation = image.rotation
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > 1e-3:
        raise ImageError("has axes that are not orthogonal", path, "Export it without shear")
    if np.abs(image.data).max() > _PHASE_LIMIT_RAD:
        raise ImageError(
            f"holds values up to {np.abs(image.data).max():.4g}, but PhaseUnits says 'rad'",
            path,
            "Scale the phase to radians",
        )
    phase = image.data.reshape(*image.shape, *(*image.data.shape[3:], 1)[:3])
    inputs, weight = [path, json_path], np.ones(image.shape, np.float32)
    magnitude_path = path.with_name(path.name.replace("part-phase", "part-mag"))
    if magnitude_path != path and magnitude_path.is_file():
        magnitude = load_image(magnitude_path, ndim=(3, 4, 5, 6))
        if not same_grid(magnitude, image):
            raise ImageError("is not on the grid of the phase", magnitude_path, "Export it again")
        weight = magnitude.data.reshape(*image.shape, -1).mean(-1)
        inputs.append(magnitude_path)
    images = WaveImages(
        phase, weight, image.affine, declared.world_directions(rotation),
        declared.frequency_hz, declared.density,
    )  # fmt: skip
    return images, inputs


def _tissue(
    images: WaveImages, grid: Image, labels: Image | None, mask: Image | None
) -> tuple[NDArray[np.bool_], str]:
    """Return where waves are inverted, and how that was found."""
    if mask is not None:
        return _on_grid(mask, grid, None).data > 0, "the given mask"
    if np.ptp(images.weight) > 0:
        level = 0.5 * threshold_otsu(images.weight)
        return images.weight > level, "half the Otsu threshold of the magnitude"
    if labels is not None:
        return _on_grid(labels, grid, None).data != 0, "the labels, because there is no magnitude"
    return np.ones(
        grid.shape, bool
    ), "the whole image, because there is no magnitude, mask or label"


def _from_waves(paths: Sequence[Path], labels: Image | None, mask: Image | None) -> _Result:
    """Invert wave images of one or more frequencies."""
    fields: list[WaveField] = []
    inputs: list[Path] = []
    grid: Image | None = None
    tissue, origin = np.zeros((0, 0, 0), bool), ""
    for path in paths:
        images, used = _read_waves(path)
        here = Image(np.zeros(images.weight.shape, np.uint8), images.affine)
        if grid is None:
            grid = here
            tissue, origin = _tissue(images, grid, labels, mask)
        elif not same_grid(grid, here):
            raise ImageError(
                f"is not on the grid of {paths[0].name}", path, "Give frequencies of one grid"
            )
        fields.append(
            harmonic_field(WaveImages(**{**vars(images), "weight": images.weight * tissue}))
        )
        inputs += used
    assert grid is not None
    found = mdev(fields, tissue)
    hertz = [f.frequency_hz for f in fields]
    named = "+".join(f"{f:g}" for f in hertz) + " Hz"
    drivers = fields[0].gradient.shape[5]
    laplacian = (
        "3-D Laplacian"
        if found.dimensions == 3
        else "2-D Laplacian within slices (too few or too thick slices for a third derivative)"
    )
    method = (
        f"MDEV on the {'curl' if found.components == 'curl' else 'gradient'} of the displacement, "
        f"{laplacian}, Butterworth low-pass 100 /m, isotropic"
    )
    return _Result(
        method="mdev",
        grid=grid,
        maps={
            "stiffness": ("stiffness_mdev_magnitude", found.magnitude, "Pa"),
            "lossangle": ("stiffness_mdev_lossangle", found.loss_angle, "rad"),
            "confidence": ("stiffness_mdev_confidence", found.confidence, "1"),
        },
        valid=found.mask & (found.magnitude > 0),
        stiffness={
            "Quantity": "magnitude",
            "FrequencyHz": hertz[0] if len(hertz) == 1 else hertz,
            "DensityKgPerM3": fields[0].density,
            "Method": method,
        },
        inputs=inputs,
        sentence=f"The magnitude of the complex shear modulus |G*| at {named} was computed from "
        f"wave images by {method}, inside {origin}. Waves were taken as those of an isotropic "
        "medium; in muscle, which is not, the modulus lies between those across and along the "
        "fibres.",
        note=f"MDEV at {named}",
        warnings=_wave_warnings(found, drivers),
        facts={"frequency_hz": hertz, "drivers": drivers, "laplacian": found.dimensions,
               "components": found.components, "mask": origin},
        citations=_CITATIONS,
    )  # fmt: skip


def _wave_warnings(found: Stiffness, drivers: int) -> list[str]:
    """Say what a reader must know about an inversion."""
    out = []
    if drivers == 1:
        out.append(
            "One driver only: where its waves are weak the stiffness is unsure; see confidence."
        )
    if found.dimensions == 2:
        out.append("Derivatives across slices were left out: oblique waves appear too stiff.")
    weak = float((found.confidence[found.mask] < 0.5).mean())
    if weak > 0.25:
        out.append(f"In {weak:.0%} of the voxels less than half of the wave signal is above noise.")
    return out


def _from_map(path: Path, mask: Image | None) -> _Result:
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
        valid &= _on_grid(mask, image, None).data > 0
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
    labels: Image | None,
    here: Image | None,
    more_inputs: list[Path],
    out: Path,
    prefix: str,
    options: ElastographySettings,
) -> None:
    """Write maps, mask, measures and notes."""
    wanted = muscle_labels(labels.data) if labels is not None else [0]
    on_grid = here.data if here is not None else np.zeros(result.grid.shape, np.int16)
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
