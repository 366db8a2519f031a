"""``pennate segment``: label the muscles of an anatomical image."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from imaging.config import SegmentationSettings, load_settings
from imaging.errors import ImageError
from imaging.formats.nifti import load_image
from imaging.formats.nifti_place import place_warnings
from imaging.image import canonical
from imaging.io.label_maps import lookup_beside
from imaging.io.label_sources import (
    contrast_and_side,
    find_leg,
    label_by_model,
    read_drawing,
    read_sources,
    unused_atlas,
)
from imaging.io.voters import read_voters
from imaging.io.writers.segmentation import SegmentationOutput, write_segmentation
from imaging.provenance import staged
from imaging.segmentation.finished import finish
from imaging.segmentation.manual import no_leg_warning
from imaging.segmentation.notes import notes, way
from imaging.segmentation.segment import Segmentation, segment

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
    also: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another image of the same legs, any contrast but fat: it is registered and "
            "votes on the labels of the network. May be given several times."
        ),
    ] = None,
    atlas: Annotated[Path | None, typer.Option(help="Folder of label maps; else built in.")] = None,
    scheme: Annotated[str | None, typer.Option(help="Label scheme of the atlas.")] = None,
    model: Annotated[str | None, typer.Option(help="KIND[:PATH] of a model you have.")] = None,
    trust_model: Annotated[
        bool, typer.Option("--trust-model", help="You know who made the model: it can run code.")
    ] = False,
    manual_map: Annotated[
        Path | None, typer.Option("--manual", help="Label map drawn by a person.")
    ] = None,
    manual_lookup: Annotated[
        Path | None,
        typer.Option(
            help="Table (index, name) of what its labels mean; none: NAME.tsv beside it, else they "
            "are those of the catalogue."
        ),
    ] = None,
    side: Annotated[SideChoice | None, typer.Option(help="Side of a single leg.")] = None,
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
) -> None:
    """Label the muscles of an anatomical image."""
    chosen = load_settings(SegmentationSettings, settings)
    told = {"model": model, "atlas": atlas and str(atlas), "trust_model": trust_model}
    chosen = chosen.model_copy(update={k: v for k, v in told.items() if v})
    image = canonical(load_image(anat))
    contrast, sidecar_side = contrast_and_side(anat)
    given = side.value if side else (sidecar_side or chosen.side)
    if manual_map is not None:
        manual_lookup = manual_lookup or lookup_beside(manual_map)
    drawing = read_drawing(image, manual_map, manual_lookup)
    mask, preproc, doubts = find_leg(image, drawing, anat)
    inputs = [anat, *drawing.paths]
    result = Segmentation(np.zeros(image.shape, np.int16), np.zeros(image.shape, np.float32))
    about: dict[str, Any] = {}
    if not drawing.complete and mask is not None:
        if chosen.model:
            result, about = label_by_model(preproc, mask, chosen, given, anat)
        else:
            sources, about, read = read_sources(chosen, scheme, drawing.slices)
            inputs += [*read, *(also or [])]
            unread: list[str] = []
            voters = read_voters(also or [], unread)
            try:
                result = segment(
                    preproc, mask, sources, side=given, spacing_mm=chosen.work_spacing_mm,
                    path=anat, voters=voters,
                )  # fmt: skip
                result.warnings += unread
            except ImageError as error:  # certainly no leg, says the image; a person says it is one
                if not drawing.present:
                    raise
                about, doubts = {}, [*doubts, no_leg_warning(error)]
            result.warnings += unused_atlas(chosen)
    doubts += [said for p in (anat, manual_map) if p for said in place_warnings(p)]
    result.warnings[:0] = doubts
    mask = np.ones(image.shape, bool) if mask is None else mask
    whole = [] if drawing.slices is not None else drawing.present
    found = finish(preproc, mask, result, way(about), drawing.labels, whole, drawing.over)
    words = notes(about, drawing.extent, found.warnings, result.facts, contrast)
    output = SegmentationOutput(found, words, contrast, inputs, chosen.model_dump())
    with staged(out, VERB) as folder:
        write_segmentation(folder, prefix, output)
    for said in found.warnings:
        print(f"warning: {said}", file=sys.stderr)
