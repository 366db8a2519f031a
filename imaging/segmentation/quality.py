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
from imaging.segmentation.shares import Shares, likeliest
from imaging.segmentation.tissue import Tissue

_DOUBT = 0.5
_LOW_DICE = 0.6
_MOSTLY_BONE, _LITTLE_MUSCLE = 0.33, 0.30
_DEEP = 0.35
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


def assess_leg(
    tissue: Tissue,
    spacing: FloatArray,
    shares: Shares | None = None,
    correction: Correction | None = None,
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
    """
    seen = cues(tissue, spacing, shares)
    mark = score(seen)
    flags = [*_refusals(tissue, seen), *_doubts(seen, mark)]
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
        sentence = "is homogeneous, without bones and without fat: a bottle or noise, not a leg"
        return [Flag("homogeneous", "refuse", sentence)]
    return []


def _doubts(seen: Cues, mark: float) -> list[Flag]:
    flags = []
    if seen.depth is not None and seen.depth > _DEEP and seen.one_bone > seen.bones:
        flags.append(
            Flag("one deep bone", "flag", "One bone deep in the middle, as in a thigh: the muscles "
                 "of the lower leg may not be in this image.")
        )  # fmt: skip
    # Thin cortex at the joints hides their bones from thresholds; labels then tell.
    bony = seen.bone_share is not None and seen.bone_share > _MOSTLY_BONE
    if bony or (seen.muscle is not None and seen.muscle < _LITTLE_MUSCLE):
        flags.append(
            Flag("mostly bone", "flag", "Bone fills most of the section, as at the knee or ankle: "
                 "little muscle is in view.")
        )  # fmt: skip
    if mark < _DOUBT:
        flags.append(
            Flag("not like a leg", "flag", f"The image looks little like a lower leg (score "
                 f"{mark:.2f} of 1): look at the picture before using any figure.")
        )  # fmt: skip
    return flags
