"""How far the images that vote on the labels of a leg differ from each other."""

from __future__ import annotations

import numpy as np

from imaging.arrays import BoolArray
from imaging.measures import Measure
from imaging.muscles import SIDE_CODES, structure, structure_of
from imaging.segmentation.shares import Shares
from imaging.segmentation.votes import Ballot, Poll, agreement

#: Difference of volume between images that is told in a warning, %.
TOLD_PERCENT = 15.0
_LEAST_ML = 2.0
_SLICE_SEEN = 0.95
_MOST_OF_IT = 0.5


def agreements(poll: Poll, joint: Shares) -> dict[str, float]:
    """Return the Dice of the labels of each image with the joint ones, over muscles and bones."""
    return {b.name: round(agreement(b.winner, joint.winner, b.seen), 3) for b in poll.ballots}


def volume_ranges(poll: Poll, joint: Shares) -> list[Measure]:
    """Return how far the volume of each muscle differs between images, % of the joint one.

    An image counts where it shows half of the muscle or more; its volume is set against the joint
    one in the slices that it shows.

    Parameters
    ----------
    poll
        All votes on one leg.
    joint
        What came of them.
    """
    code = 100 * SIDE_CODES[poll.side]
    rows = []
    for channel, key in enumerate(joint.keys):
        muscle = joint.winner == channel
        if not key or not structure(key).is_muscle:
            continue
        if muscle.sum() * joint.grid.voxel_ml < _LEAST_ML:
            continue
        found = (_ratio(b, channel, muscle) for b in poll.ballots)
        ratios = [100.0 * ratio for ratio in found if ratio is not None]
        if len(ratios) > 1:
            rows.append(
                Measure(
                    code + structure(key).index, "volume_range", max(ratios) - min(ratios), "%",
                    len(ratios), float(np.std(ratios, ddof=1)), status="modelled",
                    note="images; of the joint volume in the slices that each of them shows",
                )
            )  # fmt: skip
    return rows


def _ratio(ballot: Ballot, channel: int, muscle: BoolArray) -> float | None:
    """Return the volume in one image over the joint one, in the slices that the image shows."""
    inside = muscle.sum((0, 1))
    seen = (muscle & ballot.seen).sum((0, 1)) >= _SLICE_SEEN * inside
    shared = int(inside[seen].sum())
    if shared < _MOST_OF_IT * inside.sum() or not shared:
        return None
    return float((ballot.winner[:, :, seen] == channel).sum()) / shared


def range_warning(poll: Poll, rows: list[Measure]) -> str | None:
    """Return a sentence where images differ by more than is told."""
    far = [r for r in rows if r.value is not None and r.value > TOLD_PERCENT]
    if not far:
        return None
    leg = "" if poll.side == "undecided" else f"{poll.side.capitalize()} leg: "
    names = ", ".join(
        f"{structure_of(r.label).key} ({r.value:.0f} %)" for r in sorted(far, key=lambda r: r.label)
    )
    return (
        f"{leg}labels of single images differ by more than {TOLD_PERCENT:.0f} % of the volume: "
        f"{names}. Look at these muscles before using their figures."
    )
