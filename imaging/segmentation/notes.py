"""What the stage says beside its figures: methods, references, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imaging.arrays import BoolArray
from imaging.image import Image
from imaging.measures import Measure, Notes
from imaging.outputs import output
from imaging.segmentation import checks
from imaging.segmentation.proportions import side_flags, size_flags, tibia_length_mm

#: Where a muscle ends; stands in the sidecar of the labels, too.
BOUNDARY = output("segmentation", "labels").description
CITATIONS = [
    "Tustison NJ et al. N4ITK: improved N3 bias correction. IEEE TMI 2010;29:1310-20.",
    "Ronneberger O et al. U-Net. MICCAI 2015:234-41.",
    "Billot B et al. SynthSeg: segmentation of brain MRI scans of any contrast and resolution "
    "without retraining. Med Image Anal 2023;86:102789.",
    "Thirion JP. Image matching as a diffusion process. Med Image Anal 1998;2:243-60.",
    "Wang H et al. Multi-atlas segmentation with joint label fusion. IEEE TPAMI 2013;35:611-23.",
]
_VOTE_CITATIONS = [
    "Mattes D et al. PET-CT image registration in the chest using free-form deformations. IEEE "
    "TMI 2003;22:120-8.",
    "Genest C, Zidek JV. Combining probability distributions. Stat Sci 1986;1:114-35.",
]
_WAYS = {"network": "network", "atlas": "registration of a label atlas", "model": "model"}


def notes(
    about: Mapping[str, Any],
    drawn: str,
    warnings: Sequence[str],
    facts: Mapping[str, Any],
    contrast: str,
) -> Notes:
    """Return method, citations, warnings and facts.

    Parameters
    ----------
    about
        Name and version of what labelled, under ``network``, ``atlas`` or ``model``.
    drawn
        What a person drew: ``slices``, ``muscles`` or nothing.
    warnings, facts
        Of the labelling and of the labels.
    contrast
        BIDS suffix of the image.
    """
    told = {**facts, **about, "boundary": BOUNDARY, "contrast": contrast}
    count = len(voted(facts))
    citations = [*CITATIONS, *(_VOTE_CITATIONS if count else [])]
    return Notes("segmentation", method(about, drawn, count), citations, warnings, told)


def voted(facts: Mapping[str, Any]) -> list[str]:
    """Return the names of the images beside the reference whose votes were counted."""
    votes = facts.get("votes", {})
    return [name for name, legs in votes.items() if any("weight" in leg for leg in legs.values())]


def way(about: Mapping[str, Any]) -> str:
    """Return in few words where automatic labels come from."""
    return " and ".join(words for key, words in _WAYS.items() if key in about)


def method(about: Mapping[str, Any], drawn: str, voters: int = 0) -> str:
    """Return the sentences of the methods section.

    Parameters
    ----------
    about, drawn
        As in :func:`notes`.
    voters
        Images beside the reference whose votes were counted.
    """
    parts = []
    if drawn == "slices":
        parts.append(
            "Slices drawn by a person were taken as they are and carried to the others by "
            "registration of neighbouring slices and interpolation of shapes."
        )
    elif drawn:
        parts.append("Labels drawn by a person were taken as they are.")
    if "network" in about:
        parts.append(
            f"Muscles were labelled by the network {about['network']['name']} "
            f"(version {about['network']['version']}), trained on synthetic images."
        )
    if voters:
        images = "1 other image" if voters == 1 else f"{voters} other images"
        parts.append(
            f"{images} of the session labelled likewise voted: each leg was registered rigidly "
            "with that of the reference by mutual information, and the probabilities of all images "
            "were averaged, weighted by field of view, slice thickness and certainty."
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


def label_warnings(labels: Image, rows: Sequence[Measure], seen: BoolArray) -> list[str]:
    """Return what is odd about labels: their order, volumes, sizes for the leg, sides.

    Parameters
    ----------
    labels
        Of the catalogue.
    rows
        Their measures.
    seen : (K,) bool
        Slices with signal.
    """
    lengths = {side: tibia_length_mm(labels, side, seen) for side in (0, 1, 2)}
    flags = (*size_flags(list(rows), lengths), *side_flags(list(rows)))
    return [
        *checks.order_warnings(labels),
        *checks.volume_warnings(list(rows)),
        *(flag.sentence for flag in flags),
    ]
