"""Label the muscles of an anatomical image: every source of labels, one way to the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, Float32
from imaging.image import Image
from imaging.measures import Measure
from imaging.muscles import SIDE_CODES, Side, structure, structure_of
from imaging.segmentation.anatomical import impose_anatomy
from imaging.segmentation.atlas import Atlas
from imaging.segmentation.differences import agreements, range_warning, volume_ranges
from imaging.segmentation.find_legs import find_legs
from imaging.segmentation.legs import leg_grid
from imaging.segmentation.locate import Place, cut_sentence
from imaging.segmentation.looks import unsteady
from imaging.segmentation.multiatlas import atlas_shares
from imaging.segmentation.network import KEYS, LegSlices, Network, leg_slices, likelier_side
from imaging.segmentation.network_leg import between_joints, network_shares
from imaging.segmentation.parts import measure_sections
from imaging.segmentation.quality import Correction, assess_leg, refuse
from imaging.segmentation.refine import refine
from imaging.segmentation.rim import with_rim
from imaging.segmentation.shares import Shares, join, label_on
from imaging.segmentation.sides import decide_sides
from imaging.segmentation.sparse import find_slices
from imaging.segmentation.tissue import Tissue
from imaging.segmentation.view import LegView, cut, tissue_on, view_leg, work_spacing
from imaging.segmentation.votes import Poll, Voter, open_poll, vote

# Registration knows where muscles lie, the network sees their borders: it has the louder voice.
NETWORK_WEIGHT = 0.8


Told = tuple[Shares, dict[str, Any], Place | None]


@dataclass(frozen=True)
class Sources:
    """Where labels come from; at least one is given.

    Attributes
    ----------
    network : Network or None
        The network.
    atlas : Atlas or None
        Label atlas to register.
    count : int
        How many legs of the atlas are fused.
    drawn : Image or None
        A few drawn slices, in labels of the catalogue.
    """

    network: Network | None = None
    atlas: Atlas | None = None
    count: int = 1
    drawn: Image | None = None


@dataclass
class Segmentation:
    """Labels of an image.

    Attributes
    ----------
    labels : (I, J, K) int16
        100·side + index of the catalogue.
    confidence : (I, J, K) float32
        0..1, of the label given.
    shares : list
        Probabilities of each leg, with its side.
    expected_dice : dict
        Per label.
    facts : dict
        Sides, place along the leg, sources and their residuals, per leg.
    warnings : list of str
        What a reader must know.
    rows : list of Measure
        Of the way the labels were found: how far images differ.
    """

    labels: NDArray[np.int16]
    confidence: Float32
    shares: list[tuple[Side, Shares]] = field(default_factory=list)
    expected_dice: dict[int, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    rows: list[Measure] = field(default_factory=list)


def segment(
    image: Image, mask: BoolArray, sources: Sources, *, side: str = "auto",
    spacing_mm: float = 2.0, path: str | Path | None = None, voters: Iterable[Voter] = (),
) -> Segmentation:  # fmt: skip
    """Label the muscles of one or both lower legs.

    Parameters
    ----------
    image
        3-D anatomical image of any contrast, bias-corrected, canonical axis order.
    mask : (I, J, K) bool
        Everything that is not air.
    sources
        Where labels come from.
    side
        ``left``, ``right`` or ``auto``.
    spacing_mm
        Working grid of registration and tissue classes across the leg; twice that along it.
    path
        The image, for messages.
    voters
        Other images of the same legs, which vote on the labels where there is a network; taken
        one after the other.

    Raises
    ------
    SideError
        Sides contradict each other.
    ImageError
        The image certainly shows no lower leg.
    """
    seen = find_legs(image, mask)
    legs = seen.masks
    views = [view_leg(image, leg, work_spacing(spacing_mm)) for leg in legs]
    looks = [assess_leg(view.tissue, view.work.spacing) for view in views]
    for look in looks:
        refuse(look.flags, path)
    grids = [leg_grid(image, leg) for leg in legs]
    slices = [leg_slices(*pair) for pair in grids]
    # Other parts of the body have other bones: they tell no side.
    found: list[Side] = [
        view.side if look.bones_tell else "undecided"
        for view, look in zip(views, looks, strict=True)
    ]
    if len(legs) == 1 and found[0] == "undecided" and sources.network is not None:
        found = [likelier_side(sources.network, slices[0])]
    sides = decide_sides(found, side, path)
    out = Segmentation(np.zeros(image.shape, np.int16), np.zeros(image.shape, np.float32))
    out.warnings += seen.warnings
    told = [leg_shares(*one, sources) for one in zip(views, slices, sides, strict=True)]
    joint = _polled(out, image, legs, views, sides, told, sources, voters)
    for n, (view, leg_side) in enumerate(zip(views, sides, strict=True)):
        shares, (_, facts, place) = joint[n], told[n]
        tissue = tissue_on(view.tissue, view.work, shares.grid)
        # The network sees bone and fat better than thresholds do.
        shares = impose_anatomy(shares, tissue if sources.network is None else None)
        if sources.network is not None:
            shares = with_rim(shares, slices[n].data, grids[n][1], float(image.spacing[:2].max()))
        if sources.drawn is not None:
            shares = _with_drawn(shares, image, legs[n], sources.drawn, leg_side)
        _assess(out, view, tissue, shares, leg_side, sources.network, place,
                facts.get("volume_ranges_of_looks", {}))  # fmt: skip
        part = cut(image, view.box)
        _put(out, view.box, legs[n][view.box], part, shares, leg_side)
        out.shares.append((leg_side, shares))
        out.facts[f"leg_{n + 1}"] = {"side": leg_side, "side_from_anatomy": found[n], **facts}
        if leg_side == "undecided":
            out.warnings.append(
                "The side of the leg could not be told from its bones: labels carry no side."
            )
    return out


def _polled(
    out: Segmentation, image: Image, legs: list[BoolArray], views: list[LegView],
    sides: list[Side], told: list[Told], sources: Sources, voters: Iterable[Voter],
) -> list[Shares]:  # fmt: skip
    """Let other images vote on every leg; return the joint shares, and note who voted."""
    own = [shares for shares, *_ in told]
    if sources.network is None:
        return own
    polls: list[Poll] = []
    for voter in voters:
        polls = polls or [
            open_poll(leg, side, shares, assess_leg(
                tissue_on(view.tissue, view.work, shares.grid), shares.grid.spacing, shares,
                None, place, measure_sections(
                    view.tissue, view.work.spacing, between_joints(view, shares, place)
                ),
            ))
            for leg, side, view, (shares, _, place) in zip(legs, sides, views, told, strict=True)
        ]  # fmt: skip
        facts, said = vote(voter, image, polls, sources.network)
        out.facts.setdefault("votes", {})[voter.name] = facts
        out.warnings += said
    for n, poll in enumerate(polls):
        joint = poll.joint()
        own[n] = joint
        if len(poll.ballots) > 1:
            _note_differences(out, n, poll, joint)
    return own


def _note_differences(out: Segmentation, n: int, poll: Poll, joint: Shares) -> None:
    """Note how far the images that voted on one leg differ."""
    for name, dice in agreements(poll, joint).items():
        about = out.facts["votes"].setdefault(name, {})
        about.setdefault(f"leg_{n + 1}", {})["dice_with_joint"] = dice
    rows = volume_ranges(poll, joint)
    out.rows += rows
    if said := range_warning(poll, rows):
        out.warnings.append(said)


def _assess(
    out: Segmentation, view: LegView, tissue: Tissue, shares: Shares, side: Side,
    network: Network | None, place: Place | None, ranges: Mapping[str, float],
) -> None:  # fmt: skip
    """Note how far the labels of one leg can be trusted."""
    correction = Correction(*network.card["dice_correction"]) if network is not None else None
    sections = measure_sections(view.tissue, view.work.spacing, between_joints(view, shares, place))
    quality = assess_leg(tissue, shares.grid.spacing, shares, correction, place, sections)
    code = 100 * SIDE_CODES[side]
    out.expected_dice |= {code + index: dice for index, dice in quality.expected_dice.items()}
    leg = "" if side == "undecided" else f"{side.capitalize()} leg: "
    out.warnings += [leg + flag.sentence for flag in quality.flags]
    known = [structure_of(flag.label).key for flag in quality.flags if flag.label]
    if moving := unsteady(ranges, known):
        out.warnings.append(leg + moving)
    if place is not None and place.sure and (said := cut_sentence(place)):
        out.warnings.append(leg + said)
    out.facts.setdefault("likeness_to_a_leg", {})[side] = round(quality.score, 2)


def leg_shares(view: LegView, slices: LegSlices, side: Side, sources: Sources) -> Told:
    """Return the probabilities of one leg from network, atlas, or both, what to note, its place."""
    place = None
    parts: list[Shares] = []
    weights: list[float] = []
    facts: dict[str, Any] = {}
    if sources.network is not None:
        shares, facts, place = network_shares(sources.network, slices, side)
        parts, weights = [shares], [NETWORK_WEIGHT]
    if sources.atlas is not None:
        shares, about = atlas_shares(
            view, sources.atlas.legs, side, KEYS, slices.grid, sources.count
        )
        parts, weights, facts = [*parts, shares], [*weights, 1 - NETWORK_WEIGHT], facts | about
    return (join(parts, weights) if len(parts) > 1 else parts[0]), facts, place


def _with_drawn(shares: Shares, image: Image, leg: BoolArray, labels: Image, side: Side) -> Shares:
    """Join shares with the slices a person drew on this leg, carried along it."""
    from imaging.segmentation.drawn import carry

    drawn = find_slices(labels, side, image.with_data(leg))
    return shares if drawn is None else carry(image, leg, drawn, shares)


def _put(
    out: Segmentation, box: tuple[slice, slice, slice], leg: BoolArray, part: Image,
    shares: Shares, side: Side,
) -> None:  # fmt: skip
    """Write the labels of one leg into the whole image, borders on the fascia."""
    indices, confidence = label_on(shares, part)
    skin = [structure("SAT").index, structure("SKIN").index]
    indices[~leg | np.isin(indices, skin)] = 0
    indices = refine(indices, part.data, part.spacing)
    indices[~leg] = 0
    inside = indices > 0
    out.labels[box][inside] = indices[inside] + 100 * SIDE_CODES[side]
    out.confidence[box][inside] = confidence[inside]
