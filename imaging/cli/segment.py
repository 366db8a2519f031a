"""``pennate segment``: label the muscles of an anatomical image."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from imaging.config import SegmentationSettings, load_settings
from imaging.formats.nifti import load_image
from imaging.image import canonical
from imaging.io.label_sources import (
    contrast_and_side,
    label_by_model,
    read_drawing,
    read_sources,
    unused_atlas,
)
from imaging.io.writers.segmentation import write_segmentation
from imaging.provenance import staged
from imaging.segmentation.finished import finish
from imaging.segmentation.legs import correct_bias, leg_mask
from imaging.segmentation.notes import notes, way
from imaging.segmentation.segment import Segmentation, segment
from imaging.stage_files import StageFiles

VERB = "segment"


class SideChoice(StrEnum):
    """Side of the leg in view."""

    auto = "auto"
    left = "left"
    right = "right"


def command(
    anat: Annotated[Path, typer.Option(help="Anatomical image, any contrast.")],
    out: Annotated[Path, typer.Option(help="Folder to write, e.g. OUT/sub-01/anat.")],
    prefix: Annotated[str, typer.Option(help="Start of file names, e.g. sub-01.")],
    atlas: Annotated[Path | None, typer.Option(help="Folder of label maps; else built in.")] = None,
    scheme: Annotated[str | None, typer.Option(help="Label scheme of the atlas.")] = None,
    model: Annotated[str | None, typer.Option(help="KIND[:PATH] of a model you have.")] = None,
    manual_map: Annotated[
        Path | None, typer.Option("--manual", help="Label map drawn by a person.")
    ] = None,
    manual_lookup: Annotated[
        Path | None, typer.Option(help="Table index, name of the drawn map.")
    ] = None,
    side: Annotated[SideChoice | None, typer.Option(help="Side of a single leg.")] = None,
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
) -> None:
    """Label the muscles of an anatomical image."""
    chosen = load_settings(SegmentationSettings, settings)
    chosen = chosen.model_copy(
        update={k: v for k, v in (("model", model), ("atlas", atlas and str(atlas))) if v}
    )
    image = canonical(load_image(anat))
    contrast, sidecar_side = contrast_and_side(anat)
    given = side.value if side else (sidecar_side or chosen.side)
    mask = leg_mask(image)
    preproc = correct_bias(image, mask)
    drawing = read_drawing(preproc, manual_map, manual_lookup)
    inputs = [anat, *drawing.paths]
    result = Segmentation(np.zeros(image.shape, np.int16), np.zeros(image.shape, np.float32))
    about: dict[str, Any] = {}
    if not drawing.complete:
        if chosen.model:
            result, about = label_by_model(preproc, mask, chosen, given, anat)
        else:
            sources, about, read = read_sources(chosen, scheme, drawing.slices)
            inputs += read
            result = segment(
                preproc, mask, sources, side=given, spacing_mm=chosen.work_spacing_mm, path=anat
            )
            result.warnings += unused_atlas(chosen)
    whole = [] if drawing.slices is not None else drawing.present
    found = finish(preproc, mask, result, way(about), drawing.labels, whole, drawing.over)
    told = notes(about, drawing.extent, found.warnings, result.facts, contrast)
    with staged(out, VERB) as folder:
        files = StageFiles("segmentation", folder, prefix, inputs, chosen.model_dump())
        write_segmentation(files, found, told, contrast)
