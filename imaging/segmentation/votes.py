"""All images of a session vote: probabilities of one leg in several images, joined on one grid.

Every image is labelled by itself on its own grid, laid on the anatomical reference by rigid
registration (mutual information, any contrasts), and its probabilities are joined with those of
the reference by a linear opinion pool (Genest & Zidek, Stat Sci 1, 1986), whose weights say what
each image can see: nothing outside its leg and field of view, less where its slices are thicker,
less where its own labels are unsure. The weights of a voxel add up to 1, so that images which agree
are not taken for independent witnesses, and images which contradict each other leave little
certainty. A logarithmic pool lets one image that errs, or lies a few millimetres aside, forbid what
all others see: on a person's six images it gave .01 Dice less (`benchmarks.person_labels`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, Float32, FloatArray
from imaging.errors import ComputationError
from imaging.image import Image, resample
from imaging.muscles import Side
from imaging.registration import Alignment, overlap_share, register_rigid
from imaging.segmentation.legs import leg_grid, split_legs
from imaging.segmentation.network import Network, leg_slices
from imaging.segmentation.network_leg import between_joints, network_shares
from imaging.segmentation.parts import measure_sections
from imaging.segmentation.quality import Quality, assess_leg
from imaging.segmentation.shares import Shares
from imaging.segmentation.view import tissue_on, view_leg, work_spacing
from imaging.threads import in_threads

#: Name of the reference among those who vote.
REFERENCE = "reference"
_LEAST_OVERLAP = 0.1
_LEAST_SHARED = 0.5
_LEAST_ALIKE = 0.6
_SPACING = 2.0


class VoterError(Exception):
    """An image cannot vote; the message says why."""


@dataclass(frozen=True)
class Voter:
    """Another image of the same legs.

    Attributes
    ----------
    name : str
        For messages: its file.
    image : Image
        3-D, bias-corrected, canonical axis order.
    mask : (I, J, K) bool
        Everything in it that is not air.
    """

    name: str
    image: Image
    mask: BoolArray


@dataclass(frozen=True)
class Ballot:
    """How one image labels one leg, on the grid of the reference.

    Attributes
    ----------
    name : str
        The image.
    winner : (I, J, K) int16
        Channel of the likeliest structure.
    seen : (I, J, K) bool
        Where the image shows the leg.
    weight : float
        Of the image, before it is scaled to the sum of all.
    """

    name: str
    winner: NDArray[np.int16]
    seen: BoolArray
    weight: float


@dataclass
class Poll:
    """The votes on one leg, counted as they come: only one image is in memory.

    Attributes
    ----------
    leg : (I, J, K) bool
        The leg on the grid of the reference image.
    side : str
        Its side.
    own : Shares
        Of the reference image.
    """

    leg: BoolArray
    side: Side
    own: Shares
    total: Float32
    weights: Float32
    ballots: list[Ballot] = field(default_factory=list)

    def count(self, values: Float32, ballot: Ballot) -> None:
        """Add the probabilities of one image (C, I, J, K)."""
        weight = np.float32(ballot.weight) * ballot.seen.astype(np.float32)
        for c, channel in enumerate(values):
            self.total[c] += weight * channel
        self.weights += weight
        self.ballots.append(ballot)

    def joint(self) -> Shares:
        """Return the joint probabilities; those of the reference where no other image sees."""
        return Shares(self.own.keys, self.total / self.weights, self.own.grid)


def open_poll(leg: BoolArray, side: Side, own: Shares, quality: Quality) -> Poll:
    """Return the poll of one leg with the vote of the reference image.

    Parameters
    ----------
    leg : (I, J, K) bool
        The leg on the grid of the reference image.
    side
        Its side.
    own, quality
        What the reference image says of it, and how well.
    """
    poll = Poll(leg, side, own, np.zeros_like(own.values), np.zeros(own.grid.shape, np.float32))
    everywhere = np.ones(own.grid.shape, bool)
    poll.count(own.values, Ballot(REFERENCE, own.winner, everywhere, _weight(own.grid, quality)))
    return poll


def vote(
    voter: Voter, reference: Image, polls: Sequence[Poll], network: Network
) -> tuple[dict[str, Any], list[str]]:
    """Let one image vote on every leg; return what to note, and why it could not vote.

    Parameters
    ----------
    voter
        The image.
    reference
        The anatomical reference.
    polls
        One per leg of the reference.
    network
        Labels the image.
    """
    facts: dict[str, Any] = {}
    said: dict[str, list[str]] = {}
    bodies = split_legs(voter.mask, voter.image.spacing, voter.image.data)
    for n, poll in enumerate(polls):
        try:
            facts[f"leg_{n + 1}"] = _vote_on_leg(n, polls, voter, reference, bodies, network)
        except VoterError as why:
            facts[f"leg_{n + 1}"] = {"left_out": str(why)}
            said.setdefault(str(why), []).append(poll.side)
    return facts, [_sentence(voter.name, sides, why, len(polls)) for why, sides in said.items()]


def _sentence(name: str, sides: Sequence[str], why: str, count: int) -> str:
    where = "" if len(sides) == count else f" of the {sides[0]} leg"
    return f"{name} was not used for the labels{where}: {why}"


def _vote_on_leg(
    n: int, polls: Sequence[Poll], voter: Voter, reference: Image,
    bodies: Sequence[BoolArray], network: Network,
) -> dict[str, Any]:  # fmt: skip
    """Register, label and count one leg of an image; legs move on their own between images."""
    poll = polls[n]
    found = _placed(voter, reference, poll)
    leg = _own_leg(n, polls, voter, reference, bodies, found.world)
    weight = _counted(poll, voter, leg, found.world, network)
    return {
        "registration": found.status,
        "shift_mm": round(found.shift_mm, 1),
        "rotation_deg": round(found.rotation_deg, 1),
        "weight": round(weight, 2),
    }


def _placed(voter: Voter, reference: Image, poll: Poll) -> Alignment:
    """Register one leg of an image with that of the reference."""
    if overlap_share(reference, poll.leg, voter.image) < _LEAST_OVERLAP:
        raise VoterError(
            "by its header it lies elsewhere and shows next to nothing of the legs of the "
            "reference. Correct its header, or leave it out."
        )
    try:
        found = register_rigid(reference, poll.leg, voter.image)
    except ComputationError as error:
        raise VoterError(f"it could not be registered with the reference ({error}).") from error
    if found.status == "refused":
        raise VoterError(
            f"registration with the reference would move it by {found.shift_mm:.0f} mm and "
            f"{found.rotation_deg:.0f}°, which is no repositioning within a session. Check its "
            "header, or leave it out."
        )
    return found


def _own_leg(
    n: int, polls: Sequence[Poll], voter: Voter, reference: Image,
    bodies: Sequence[BoolArray], world: FloatArray,
) -> BoolArray:  # fmt: skip
    """Return the leg of the image that lies on a leg of the reference."""
    back = np.linalg.inv(world)
    known = [
        resample(reference.with_data(p.leg.astype(np.uint8)), voter.image, order=0, world=back).data
        > 0
        for p in polls
    ]
    shared = [int((body & known[n]).sum()) for body in bodies]
    best = int(np.argmax(shared))
    if shared[best] < max(_LEAST_SHARED * int(known[n].sum()), 1):
        raise VoterError("no leg was found in it where that of the reference lies.")
    leg = bodies[best]
    for other in (place for m, place in enumerate(known) if m != n):
        if (leg & other).sum() > _LEAST_SHARED * other.sum():  # legs that touch in this image
            spacing = voter.image.spacing
            away = [ndimage.distance_transform_edt(~p, sampling=spacing) for p in (known[n], other)]
            leg = leg & (away[0] <= away[1])
    return leg


def _counted(
    poll: Poll, voter: Voter, leg: BoolArray, world: FloatArray, network: Network
) -> float:
    """Label one leg in one image and count its vote; return its weight."""
    view = view_leg(voter.image, leg, work_spacing(_SPACING))
    if {view.side, poll.side} == {"left", "right"}:
        raise VoterError(
            f"its bones are those of a {view.side} leg: left and right of its header contradict "
            "the reference. Correct the header that is wrong."
        )
    grid, mask = leg_grid(voter.image, leg)
    slices = leg_slices(grid, mask)
    shares, _, place = network_shares(network, slices, poll.side)
    tissue = tissue_on(view.tissue, view.work, shares.grid)
    sections = measure_sections(view.tissue, view.work.spacing, between_joints(view, shares, place))
    quality = assess_leg(tissue, shares.grid.spacing, shares, None, place, sections)
    if odd := next((flag for flag in quality.flags if flag.label == 0), None):
        raise VoterError(f"it is unlike a lower leg. {odd.sentence}")
    like = poll.own.grid

    def laid(channel: Float32) -> Float32:
        return resample(shares.grid.with_data(channel), like, world=world, fill=None).data

    values = np.stack(list(in_threads(laid, shares.values)))
    usable = (mask & (slices.levels > 0)).astype(np.uint8)
    seen = resample(shares.grid.with_data(usable), like, order=0, world=world, fill=None).data > 0
    seen &= _in_view(voter.image, like, world)
    ballot = Ballot(
        voter.name,
        Shares(shares.keys, values, like).winner,
        seen,
        _weight(grid, quality),
    )
    alike = agreement(ballot.winner, poll.own.winner, seen)
    if alike < _LEAST_ALIKE:
        raise VoterError(
            f"its labels do not lie on those of the reference (Dice {alike:.2f}): one of the two "
            "images is turned, lies elsewhere, or shows something else."
        )
    poll.count(values, ballot)
    return ballot.weight


def _weight(grid: Image, quality: Quality) -> float:
    """Return how much an image can tell: thin slices and sure labels tell more."""
    entropy = quality.cues.entropy if quality.cues is not None else None
    sure = 1.0 - (1.0 if entropy is None else float(entropy))
    return float(quality.score * sure / max(1.0, float(grid.spacing[2]) / 5.0))


def _in_view(image: Image, like: Image, world: FloatArray) -> BoolArray:
    """Tell which voxels of a grid (I, J, K) lie in the field of view of an image."""
    matrix = np.linalg.inv(image.affine) @ world @ like.affine
    axes = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in like.shape), indexing="ij",
                       sparse=True)  # fmt: skip
    inside = np.ones(like.shape, bool)
    for row, count in zip(matrix[:3], image.shape, strict=True):
        at = sum(np.float32(a) * x for a, x in zip(row, axes, strict=False)) + np.float32(row[3])
        inside &= (at > -0.5) & (at < count - 0.5)
    return inside


def agreement(one: NDArray[np.int16], other: NDArray[np.int16], where: BoolArray) -> float:
    """Return the Dice of two label maps over all structures but what lies around muscles.

    Parameters
    ----------
    one, other : (I, J, K) int16
        Channels of shares whose first two are nothing and fat.
    where : (I, J, K) bool
        What both see.
    """
    a, b = one[where], other[where]
    total = int((a > 1).sum()) + int((b > 1).sum())
    return 2.0 * int(((a == b) & (a > 1)).sum()) / total if total else 0.0
