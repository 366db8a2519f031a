"""How far a segmentation can be trusted: expected Dice, and flags a reader must see first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import Float32, FloatArray
from imaging.errors import ImageError
from imaging.measures import Measure, not_measured
from imaging.muscles import structure, structure_of
from imaging.segmentation.domain import Cues, cues, score
from imaging.segmentation.locate import Place
from imaging.segmentation.parts import Sections, fat_alone, measure_sections, other_part
from imaging.segmentation.shares import Shares, likeliest
from imaging.segmentation.tissue import Tissue

_DOUBT = 0.5
_LOW_DICE = 0.6
_MOSTLY_BONE, _LITTLE_MUSCLE, _LABELLED_BONE = 0.33, 0.25, 0.25
_INNER, _MISFIT = 0.04, 0.12
_OTHER_BONES = ("too wide", "enclosed", "one deep bone", "bones alike", "flat")
_HOMOGENEOUS = 0.05


@dataclass(frozen=True)
class Flag:
    """What a reader must know: a short code, how grave, and one sentence.

    `label` is the catalogue label it is about; 0 for the whole leg. ``refuse`` is for what is
    certainly no lower leg.
    """

    code: str
    severity: Literal["flag", "refuse"]
    sentence: str
    label: int = 0


@dataclass(frozen=True)
class Correction:
    """Straight line on log odds, from expected Dice under independent voxels to seen Dice."""

    slope: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Quality:
    """Judgement of one leg.

    Attributes
    ----------
    expected_dice : dict
        Per catalogue index without side.
    flags : list of Flag
        In the order of what they are about: the leg, then its muscles.
    score : float
        How much the image looks like a lower leg, 0..1.
    cues : Cues
        What the score rests on.
    """

    expected_dice: Mapping[int, float]
    flags: list[Flag] = field(default_factory=list)
    score: float = 1.0
    cues: Cues | None = None

    @property
    def bones_tell(self) -> bool:
        """Whether the bones in view can be those of a lower leg, so that they tell its side."""
        return not any(flag.code in _OTHER_BONES for flag in self.flags)


def assess_leg(
    tissue: Tissue,
    spacing: FloatArray,
    shares: Shares | None = None,
    correction: Correction | None = None,
    place: Place | None = None,
    sections: Sections | None = None,
) -> Quality:
    """Judge one leg, before (`shares` None) or after labelling.

    Parameters
    ----------
    tissue
        Its tissue classes, any contrast.
    spacing : (3,)
        Voxel size of the tissue classes, mm.
    shares
        Final shares of the leg.
    correction
        Of the expected Dice; None: none.
    place
        Where its slices lie along the leg, as the labels show it.
    sections
        What its sections measure on the grid on which they were classified; None: on this one.
    """
    seen = cues(tissue, spacing, shares, place)
    mark = score(seen)
    if sections is None:
        sections = measure_sections(tissue, spacing)
    flags = _refusals(tissue, seen) or _doubts(seen, mark, sections, place)
    dice: dict[int, float] = {}
    if shares is not None:
        for c, key in enumerate(shares.keys):
            if key and structure(key).is_muscle and (shares.values[c] > 0.5).any():
                plain = expected_dice(shares.values, c, shares.winner)
                dice[structure(key).index] = corrected(plain, correction or Correction())
    for index, value in dice.items():
        if value < _LOW_DICE:
            flags.append(
                Flag("unsure", "flag", f"{structure_of(index).key} is labelled with little "
                     f"certainty (expected Dice {value:.2f}): look at it before using it.", index)
            )  # fmt: skip
    return Quality(dice, flags, mark, seen)


def refuse(flags: Sequence[Flag], path: str | Path | None = None) -> None:
    """Raise for what is certainly no lower leg.

    Raises
    ------
    ImageError
        One of the flags says so.
    """
    for flag in flags:
        if flag.severity == "refuse":
            raise ImageError(flag.sentence, path, "Give an image of the lower leg")


def expected_dice(
    values: Float32, channel: int, winner: NDArray[np.integer] | None = None
) -> float:
    """Return the expected Dice of the voxels won by a structure with its unknown truth.

    The truth of every voxel is a coin with the voxel's probability: twice the expected overlap over
    the expected sum of sizes. That ratio of expectations is close to the expectation of the ratio
    for more than some dozen voxels. With calibrated probabilities the estimate holds on average
    over many legs; but neighbouring voxels err together, so that one leg spreads about it far more
    than independent voxels would, and probabilities that are too sure make it too large. Fit a
    :class:`Correction` on legs with known truth.

    Parameters
    ----------
    values : (C, I, J, K)
        Probabilities.
    channel
        The structure.
    winner : (I, J, K) array of int, optional
        Channel of the largest probability, where it is known already.
    """
    chosen = (likeliest(values) if winner is None else winner) == channel
    total = float(chosen.sum()) + float(values[channel].sum(dtype=float))
    return 2.0 * float(values[channel][chosen].sum(dtype=float)) / total if total > 0 else 0.0


def expected_rows(expected: Mapping[int, float], drawn: Sequence[int] = ()) -> list[Measure]:
    """Return the measure ``expected_dice`` of every muscle.

    Parameters
    ----------
    expected
        Expected Dice per catalogue label, with side.
    drawn
        Labels that a person drew: nothing is expected of them.
    """
    note = "from the probabilities of the labels, not from a drawing"
    return [
        not_measured(label, "expected_dice", "1", "drawn by a person")
        if label in drawn
        else Measure(label, "expected_dice", value, "1", status="modelled", note=note)
        for label, value in sorted(expected.items())
    ]


def corrected(dice: float, correction: Correction) -> float:
    """Apply a correction on log odds."""
    inner = float(np.clip(dice, 1e-4, 1 - 1e-4))
    odds = correction.slope * np.log(inner / (1.0 - inner)) + correction.offset
    return float(1.0 / (1.0 + np.exp(-odds)))


def fit_correction(expected: Sequence[float], seen: Sequence[float]) -> Correction:
    """Fit the correction to pairs of expected and seen Dice by least squares on log odds."""
    x, y = (np.clip(np.asarray(v, float), 0.02, 0.98) for v in (expected, seen))
    x, y = np.log(x / (1 - x)), np.log(y / (1 - y))
    if len(x) < 3 or np.ptp(x) < 0.5:
        return Correction(1.0, float(np.mean(y - x)) if len(x) else 0.0)
    slope, offset = np.polyfit(x, y, 1)
    return Correction(float(np.clip(slope, 0.2, 3.0)), float(offset))


def _refusals(tissue: Tissue, seen: Cues) -> list[Flag]:
    if not tissue.valid.any() or not tissue.leg.any():
        return [Flag("empty", "refuse", "shows no signal that could be a leg")]
    bone = tissue.tibia.any() or tissue.fibula.any()
    if not bone and not tissue.fat.any() and seen.texture < _HOMOGENEOUS:
        sentence = (
            "is nearly homogeneous and shows neither the bones nor the fat of a leg: a bottle, a "
            "phantom, noise or another part of the body"
        )
        return [Flag("homogeneous", "refuse", sentence)]
    return []


def _doubts(seen: Cues, mark: float, sections: Sections | None, place: Place | None) -> list[Flag]:
    """Say what speaks against a lower leg: the strongest reason, and whether it looks like one."""
    flags: list[Flag] = []
    if sections is not None:
        flags += _other(sections, place is not None and place.sure)
    if not flags and place is not None:
        flags += _off_the_leg(place)
    # Thin cortex at the joints hides their bones from thresholds; labels then tell.
    bony = seen.bone_share is not None and seen.bone_share > _MOSTLY_BONE
    bony |= seen.bone is not None and seen.bone > _LABELLED_BONE
    little = seen.muscle is not None and seen.muscle < _LITTLE_MUSCLE
    # Near a joint little muscle is as it should be.
    little &= place is None or not place.sure
    if not flags and (little or (bony and seen.muscle is None)):
        if bony:
            sentence = (
                "Bone fills most of the section, as at the knee or ankle: little muscle is in view."
            )
            flags.append(Flag("mostly bone", "flag", sentence))
        else:
            flags.append(
                Flag("little muscle", "flag", "Hardly any of the section was named as a muscle of "
                     f"the lower leg ({100 * (seen.muscle or 0.0):.0f} %): another part of the "
                     "body, or a joint.")
            )  # fmt: skip
    if mark < _DOUBT:
        flags.append(
            Flag("not like a leg", "flag", f"The image looks little like a lower leg (score "
                 f"{mark:.2f} of 1): look at the picture before using any figure.")
        )  # fmt: skip
    return flags


def _other(sections: Sections, sure: bool) -> list[Flag]:
    """Say that fat alone, or another part of the body, is in view.

    Where the labels are `sure` of their place, many dark bodies are tendons above the ankle.
    """
    fat = fat_alone(sections)
    if fat is not None and fat[0]:
        return [Flag("fat alone", "refuse", fat[1])]
    if fat is not None:
        return [Flag("fat alone", "flag", f"The image {fat[1]}.")]
    part = other_part(sections)
    if part is None or (sure and part[0] == "many bones"):
        return []
    code, sentence = part
    if code == "too wide":
        return [Flag(code, "refuse", sentence)]
    return [Flag(code, "flag", f"{sentence[0].upper()}{sentence[1:]}.")]


def _off_the_leg(place: Place) -> list[Flag]:
    """Say that what is labelled looks like no lower leg, or hardly any slice like one."""
    inner = (place.heights > _INNER) & (place.heights < 1.0 - _INNER)
    if place.sure and inner.any():
        return []
    if not inner.any():
        return [
            Flag("off the leg", "flag", "No slice looks like one between ankle and knee: a knee, a "
                 "thigh, a foot, or another part of the body.")
        ]  # fmt: skip
    if place.misfit > _MISFIT:
        return [
            Flag("no place", "flag", "What was labelled fits no place along a lower leg (misfit "
                 f"{place.misfit:.2f}, {_MISFIT} at most): another part of the body, or labels "
                 "that are wrong.")
        ]  # fmt: skip
    return []
