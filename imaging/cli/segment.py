"""``pennate segment``: label the muscles of an anatomical image."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from imaging.cli.wave_files import read_json
from imaging.config import SegmentationSettings, load_settings
from imaging.image import Image, canonical, load_image, load_labels, save_image
from imaging.measures import Notes, write_measures, write_notes
from imaging.muscles import lookup_table, muscle_labels
from imaging.provenance import sidecar_path, staged, write_sidecar
from imaging.segmentation import checks, manual
from imaging.segmentation.atlas import built_in_atlas, load_atlas
from imaging.segmentation.legs import correct_bias, leg_mask
from imaging.segmentation.segment import Segmentation, segment, work_spacing

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
    image = canonical(load_image(anat))
    contrast, sidecar_side = _sidecar(anat)
    mask = leg_mask(image)
    preproc = correct_bias(image, mask)
    drawn = np.zeros(image.shape, np.int16)
    inputs = [anat]
    if manual_map is not None:
        drawn = manual.manual_labels(load_labels(manual_map), preproc, manual_lookup, manual_map)
        inputs += [manual_map] + ([manual_lookup] if manual_lookup else [])
    result = Segmentation(np.zeros(image.shape, np.int16), np.zeros(image.shape, np.float32))
    about = {}
    if manual_map is None or not manual.is_complete(drawn):
        folder = atlas or (Path(chosen.atlas) if chosen.atlas else built_in_atlas())
        legs = load_atlas(folder, work_spacing(chosen.work_spacing_mm), scheme)
        about = {k: legs.about.get(k) for k in ("name", "version", "licence", "scheme")}
        inputs += sorted(folder.glob("*_dseg.nii.gz"))
        given = side.value if side else (sidecar_side or chosen.side)
        result = segment(
            preproc, mask, legs, side=given, spacing_mm=chosen.work_spacing_mm, path=anat
        )
    _write(out, prefix, preproc, mask, result, drawn, about, contrast, inputs, chosen)


def _sidecar(anat: Path) -> tuple[str, str | None]:
    """Return contrast and side that the name and sidecar of an image tell."""
    stem = anat.name.removesuffix(".gz").removesuffix(".nii")
    content = read_json(anat)[0] if sidecar_path(anat).is_file() else {}
    side = str(content.get("BodyPartSide", content.get("Laterality", ""))).lower()
    side = {"l": "left", "r": "right"}.get(side, side)
    return stem.rsplit("_", 1)[-1], side if side in ("left", "right") else None


def _write(
    out: Path, prefix: str, preproc: Image, mask: np.ndarray, result: Segmentation,
    drawn: np.ndarray, about: dict[str, object], contrast: str, inputs: list[Path],
    chosen: SegmentationSettings,
) -> None:  # fmt: skip
    labels, islands = checks.remove_islands(result.labels)
    drawn_labels = muscle_labels(drawn) if drawn.any() else []
    labels = manual.merge(labels, drawn) if drawn.any() else labels
    confidence = np.where(labels > 0, result.confidence, 0).astype(np.float32)
    confidence[drawn > 0] = 1.0
    segmented = preproc.with_data(labels)
    rows = checks.measures(
        segmented, confidence, islands, np.asarray(mask.any((0, 1))), drawn_labels
    )
    warnings = [
        *result.warnings,
        *checks.order_warnings(segmented),
        *checks.volume_warnings(rows),
    ]
    notes = Notes(
        "segmentation",
        _method(about, bool(drawn.any())),
        CITATIONS,
        warnings,
        {**result.facts, "atlas": about, "boundary": BOUNDARY, "contrast": contrast},
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


BOUNDARY = (
    "Borders follow the atlas and the fascia seen in the image: a label ends at the inside "
    "of the fascia of its muscle; thin fat and septa between muscles may belong to either neighbour"
)
CONFIDENCE = (
    "Share of the label that stays if the registration errs by 4 mm (Gaussian): geometric, not a "
    "check against the image; 1 where a person drew"
)
CITATIONS = [
    "Tustison NJ et al. N4ITK: improved N3 bias correction. IEEE TMI 2010;29:1310-20.",
    "Thirion JP. Image matching as a diffusion process. Med Image Anal 1998;2:243-60.",
    "Vercauteren T et al. Diffeomorphic demons. NeuroImage 2009;45:S61-72.",
]


def _method(about: dict[str, object], drawn: bool) -> str:
    parts = []
    if drawn:
        parts.append("Labels drawn by a person were taken as they are.")
    if about:
        parts.append(
            f"Muscles were labelled by registering the label atlas {about['name']} "
            f"(version {about['version']}) to the image: first guess by profiles along the leg, "
            "affine, then demons on distances to fascia and bones and on septa."
        )
    return " ".join(parts)
