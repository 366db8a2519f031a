"""``pennate fibres``: reconstruct fascicles and their architecture."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyvista as pv
import typer
from scipy import ndimage
from tqdm import tqdm

from imaging import measures as m
from imaging.architecture.fascicles import join
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.architecture.report import fibre_notes
from imaging.architecture.tractogram import fascicle_lines, labelled_surface, trx_bytes
from imaging.config import FibreSettings, load_settings
from imaging.errors import ImageError, InputError, LabelError, MissingFileError
from imaging.geometry import Sheet, sheet_from_mask, sheet_from_mesh
from imaging.image import Image, load_image, load_labels, save_image
from imaging.muscles import muscle_labels, structure_of
from imaging.provenance import staged, write_sidecar

VERB = "fibres"
_UNKNOWN = 0


def command(
    tensor: Annotated[
        Path, typer.Option(help="4-D NIfTI: Dxx Dxy Dyy Dxz Dyz Dzz, world RAS+, mm2/s.")
    ],
    out: Annotated[Path, typer.Option(help="Output folder, such as OUT/sub-01/fibre.")],
    prefix: Annotated[str, typer.Option(help="Start of file names, such as sub-01_ses-01.")],
    labels: Annotated[
        Path | None, typer.Option(help="Label map of the muscles, on any grid.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Mask of one muscle, instead of labels.")
    ] = None,
    label: Annotated[
        int, typer.Option(help="Label of the muscle of --mask; 0: not known.")
    ] = _UNKNOWN,
    aponeurosis: Annotated[
        list[Path] | None,
        typer.Option(
            help="Internal aponeurosis, mask .nii.gz or surface .vtp, named "
            "…label-<n>_aponeurosis; may be given several times."
        ),
    ] = None,
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
) -> None:
    """Reconstruct fascicles and their architecture."""
    options = load_settings(FibreSettings, settings)
    if (labels is None) == (mask is None):
        raise InputError("give either --labels or --mask", None, "One of them, not both")
    diffusion = _load_tensor(tensor)
    muscles = _load_muscles(labels, mask, label)
    sheets: dict[int, list[Sheet]] = {}
    for path in aponeurosis or []:
        of = label if mask is not None and "label-" not in path.name else _label_in(path)
        sheets.setdefault(of, []).append(_load_sheet(path))
    if unknown := set(sheets) - set(muscles):
        raise LabelError(
            f"an aponeurosis belongs to label {min(unknown)}, which is not among the muscles",
            labels or mask,
            "Correct the label in the name of the aponeurosis",
        )
    progress = tqdm(muscles.items(), desc="fibres", disable=not sys.stderr.isatty())
    results = [
        reconstruct_muscle(number, area, diffusion, options, sheets.get(number, ()))
        for number, area in progress
    ]
    inputs = [p for p in (tensor, labels, mask, *(aponeurosis or [])) if p is not None]
    with staged(out, VERB, (f"{prefix}_aponeuroses.*",)) as folder:
        _write(folder, prefix, results, diffusion, inputs, options)


def _load_tensor(path: Path) -> Image:
    image = load_image(path, ndim=(4, 5))
    data = image.data[:, :, :, 0] if image.data.ndim == 5 else image.data
    if data.ndim != 4 or data.shape[3] != 6:
        raise ImageError(
            f"has shape {'x'.join(map(str, image.data.shape))}, six tensor components are needed",
            path,
            "Give the desc-wls_tensor file of `pennate diffusion`",
        )
    if not data.any():
        raise ImageError("is zero everywhere", path, "Check the tensor fit")
    return Image(data, image.affine)


def _load_muscles(labels: Path | None, mask: Path | None, label: int) -> dict[int, Image]:
    """Return each muscle as a mask cropped with a margin, by its label."""
    image = load_labels(labels or mask or Path())
    if mask is not None:
        if label:
            structure_of(label)
        image = image.with_data(np.where(image.data != 0, np.int16(label or 1), np.int16(0)))
        chosen = {label or 1: label}
    else:
        chosen = {number: number for number in muscle_labels(image.data)}
        if not chosen:
            raise LabelError("holds no muscle", labels, "See imaging/data/muscles.tsv for labels")
    boxes = ndimage.find_objects(image.data)
    return {name: _crop(image, number, boxes[number - 1]) for number, name in chosen.items()}


def _crop(image: Image, number: int, box: tuple[slice, ...]) -> Image:
    margin = 2
    first = [max(s.start - margin, 0) for s in box]
    part = tuple(slice(a, s.stop + margin) for a, s in zip(first, box, strict=True))
    affine = image.affine.copy()
    affine[:3, 3] = image.to_world(first)
    return Image(image.data[part] == number, affine)


def _label_in(path: Path) -> int:
    found = re.search(r"label-(\d+)", path.name)
    if not found:
        raise LabelError("names no label", path, "Name it …label-<n>_aponeurosis.nii.gz or .vtp")
    return int(found.group(1))


def _load_sheet(path: Path) -> Sheet:
    if path.suffix != ".vtp":
        image = load_labels(path)
        return sheet_from_mask(image.data, image.affine)
    if not path.is_file():
        raise MissingFileError("no such aponeurosis", path, "Check the path")
    mesh = pv.read(path).extract_surface(algorithm="dataset_surface").triangulate()
    return sheet_from_mesh(np.asarray(mesh.points, float), mesh.regular_faces)


def _write(
    folder: Path,
    prefix: str,
    results: list[MuscleArchitecture],
    tensor: Image,
    inputs: list[Path],
    options: FibreSettings,
) -> None:
    """Write every file of the stage into a scratch folder."""

    def path(name: str, units: str, text: str, **more: Any) -> Path:
        target = folder / f"{prefix}_{name}"
        write_sidecar(
            target, verb=VERB, inputs=inputs, settings=options.model_dump(mode="json"),
            Units=units, Description=text, **more,
        )  # fmt: skip
        return target

    fascicles = join([r.fascicles for r in results])
    text = "Fascicles from surface to surface, world RAS+; the first point is the distal end"
    trx = path("fascicles.trx", "mm", text, Weight="mm3 of muscle that a fascicle stands for")
    trx.write_bytes(trx_bytes(fascicles, tensor))
    fascicle_lines(fascicles).save(trx.with_suffix(".vtp"))
    fascicles.table.to_parquet(trx.with_suffix(".parquet"), index=False)
    surfaces = [(r.label, r.points, r.faces) for r in results]
    text = "Muscle surfaces, world RAS+; cell array label"
    labelled_surface(surfaces).save(path("surfaces.vtp", "mm", text))
    meshes = [(r.label, s.points, s.faces) for r in results for s in r.sheets]
    if meshes:
        text = "Internal aponeuroses, world RAS+; cell arrays label, found (1: from the data)"
        surface = labelled_surface(meshes)
        found = [r.label for r in results if r.sheets_found]
        surface.cell_data["found"] = np.isin(surface.cell_data["label"], found).astype(np.uint8)
        surface.save(path("aponeuroses.vtp", "mm", text))
    directions, dispersion = _maps(results, tensor)
    text = "Smooth fibre direction, unit vector in world RAS+, up to its sign"
    save_image(directions, path("desc-smooth_direction.nii.gz", "1", text))
    text = "RMS angle between single-voxel and smooth direction"
    save_image(dispersion, path("desc-dispersion_direction.nii.gz", "deg", text))
    text = "Architecture of each muscle"
    table = path("desc-fibres_measures.tsv", "see column unit", text)
    m.write_measures([row for r in results for row in r.measures], table)
    m.write_notes(fibre_notes(results, options), folder / f"{prefix}_desc-fibres_notes.json")


def _maps(results: list[MuscleArchitecture], tensor: Image) -> tuple[Image, Image]:
    """Return directions and dispersion on the tensor's grid; the muscle with most of it wins."""
    directions = np.zeros((*tensor.shape, 3), np.float32)
    dispersion = np.zeros(tensor.shape, np.float32)
    share = np.full(tensor.shape, 0.25, np.float32)  # least share of a voxel that is shown
    for r in results:
        if r.box is None or r.share is None or r.directions is None or r.dispersion_deg is None:
            continue
        wins = r.share > share[r.box]
        share[r.box][wins] = r.share[wins]
        directions[r.box][wins] = r.directions[wins]
        dispersion[r.box][wins] = r.dispersion_deg[wins]
    return tensor.with_data(directions), tensor.with_data(dispersion)
