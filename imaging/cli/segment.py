"""``pennate segment``: label the muscles of an anatomical image."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from imaging.arrays import BoolArray
from imaging.config import SegmentationSettings, load_settings
from imaging.errors import ImageError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_image, save_image
from imaging.formats.nifti_place import place_warnings
from imaging.image import Image, canonical
from imaging.io.label_sources import (
    Drawing,
    find_leg,
    label_by_model,
    read_drawing,
    read_sources,
    unused_atlas,
)
from imaging.measures import Measure, Notes, write_measures, write_notes
from imaging.muscles import lookup_table
from imaging.provenance import staged, write_sidecar
from imaging.segmentation import checks
from imaging.segmentation.manual import no_leg_warning
from imaging.segmentation.proportions import side_flags, size_flags, tibia_length_mm
from imaging.segmentation.quality import expected_rows
from imaging.segmentation.refine import BOUNDARY
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
    contrast, sidecar_side = _sidecar(anat)
    given = side.value if side else (sidecar_side or chosen.side)
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
            inputs += read
            try:
                result = segment(
                    preproc, mask, sources, side=given, spacing_mm=chosen.work_spacing_mm, path=anat
                )
            except ImageError as error:  # certainly no leg, says the image; a person says it is one
                if not drawing.present:
                    raise
                about, doubts = {}, [*doubts, no_leg_warning(error)]
            result.warnings += unused_atlas(chosen)
    doubts += [said for p in (anat, manual_map) if p for said in place_warnings(p)]
    for said in doubts:
        print(f"warning: {said}", file=sys.stderr)
    result.warnings[:0] = doubts
    mask = np.ones(image.shape, bool) if mask is None else mask
    _write(out, prefix, preproc, mask, result, drawing, about, contrast, inputs, chosen)


def _sidecar(anat: Path) -> tuple[str, str | None]:
    """Return contrast and side that the name and sidecar of an image tell."""
    stem = anat.name.removesuffix(".gz").removesuffix(".nii")
    content = optional_sidecar(anat)
    side = str(content.get("BodyPartSide", content.get("Laterality", ""))).lower()
    side = {"l": "left", "r": "right"}.get(side, side)
    return stem.rsplit("_", 1)[-1], side if side in ("left", "right") else None


def _write(
    out: Path, prefix: str, preproc: Image, mask: np.ndarray, result: Segmentation,
    drawing: Drawing, about: dict[str, Any], contrast: str, inputs: list[Path],
    chosen: SegmentationSettings,
) -> None:  # fmt: skip
    labels, islands = checks.remove_islands(result.labels)
    labels = drawing.over(labels, preproc)
    confidence = np.where(labels > 0, result.confidence, 0).astype(np.float32)
    confidence[(drawing.labels > 0) & (labels == drawing.labels)] = 1.0
    segmented = preproc.with_data(labels)
    drawn = [] if drawing.slices is not None else drawing.present
    rows = checks.measures(
        segmented, confidence, islands, np.asarray(mask.any((0, 1))), drawn, _way(about)
    )
    warnings = [
        *result.warnings,
        *checks.order_warnings(segmented),
        *checks.volume_warnings(rows),
        *_size_warnings(rows, segmented, np.asarray(mask.any((0, 1)))),
    ]
    present = set(np.unique(labels).tolist())
    rows += expected_rows({k: v for k, v in result.expected_dice.items() if k in present}, drawn)
    notes = Notes(
        "segmentation",
        _method(about, drawing),
        CITATIONS,
        warnings,
        {**result.facts, **about, "boundary": BOUNDARY, "contrast": contrast},
    )
    described: dict[str, Any] = {"verb": VERB, "inputs": inputs, "settings": chosen.model_dump()}
    with staged(out, VERB) as scratch:

        def target(name: str) -> Path:
            return scratch / f"{prefix}_{name}"

        save_image(preproc, target("desc-preproc_anat.nii.gz"))
        write_sidecar(target("desc-preproc_anat.nii.gz"), Contrast=contrast, **described)
        save_image(segmented, target("seg-muscles_dseg.nii.gz"))
        lookup_table(labels).to_csv(target("seg-muscles_dseg.tsv"), sep="\t", index=False)
        write_sidecar(target("seg-muscles_dseg.nii.gz"), Description=BOUNDARY, **described)
        save_image(preproc.with_data(confidence), target("seg-muscles_probseg.nii.gz"))
        write_sidecar(
            target("seg-muscles_probseg.nii.gz"), Units="1", Description=CONFIDENCE, **described
        )
        write_measures(rows, target("desc-segmentation_measures.tsv"))
        write_sidecar(target("desc-segmentation_measures.tsv"), **described)
        write_notes(notes, target("desc-segmentation_notes.json"))


def _size_warnings(rows: list[Measure], labels: Image, seen: BoolArray) -> list[str]:
    """Return warnings where muscles do not fit the length of the leg, or one leg the other."""
    lengths = {side: tibia_length_mm(labels, side, seen) for side in (0, 1, 2)}
    return [flag.sentence for flag in (*size_flags(rows, lengths), *side_flags(rows))]


CONFIDENCE = (
    "Probability of the label given; calibrated on synthetic images where it comes from the "
    "network, the share kept if the border errs by 4 mm where a model gives none, 1 where a "
    "person drew"
)
CITATIONS = [
    "Tustison NJ et al. N4ITK: improved N3 bias correction. IEEE TMI 2010;29:1310-20.",
    "Ronneberger O et al. U-Net. MICCAI 2015:234-41.",
    "Billot B et al. SynthSeg: segmentation of brain MRI scans of any contrast and resolution "
    "without retraining. Med Image Anal 2023;86:102789.",
    "Thirion JP. Image matching as a diffusion process. Med Image Anal 1998;2:243-60.",
    "Wang H et al. Multi-atlas segmentation with joint label fusion. IEEE TPAMI 2013;35:611-23.",
]


def _way(about: dict[str, Any]) -> str:
    """Return in few words where automatic labels come from."""
    names = {"network": "network", "atlas": "registration of a label atlas", "model": "model"}
    return " and ".join(words for key, words in names.items() if key in about)


def _method(about: dict[str, Any], drawing: Drawing) -> str:
    parts = []
    if drawing.slices is not None:
        parts.append(
            "Slices drawn by a person were taken as they are and carried to the others by "
            "registration of neighbouring slices and interpolation of shapes."
        )
    elif drawing.present:
        parts.append("Labels drawn by a person were taken as they are.")
    if "network" in about:
        parts.append(
            f"Muscles were labelled by the network {about['network']['name']} "
            f"(version {about['network']['version']}), trained on synthetic images."
        )
    if "atlas" in about:
        parts.append(
            f"The label atlas {about['atlas']['name']} (version {about['atlas']['version']}) was "
            "registered: affine, then demons on distances to fascia and bones and on septa; its "
            "legs were fused by joint label fusion."
        )
    if "model" in about:
        model = about["model"]
        parts.append(f"Muscles were labelled by {model['name']}, version {model['version']}.")
    return " ".join(parts)
