"""Is this a lower leg? Cues that need no labels, and cues that compare labels with a real leg.

A calf has two bones, the larger right under the skin; a thigh has one, deep in the middle; at knee
and ankle bone fills the section; a bottle has neither bones nor texture. Fat, age, size and a short
field of view are no reasons to doubt: no cue looks at the amount of fat or muscle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.segmentation.frame import leg_frame, out_of_place
from imaging.segmentation.legs import depth_in_slices
from imaging.segmentation.locate import Place
from imaging.segmentation.shares import Shares
from imaging.segmentation.tissue import Tissue

# Weight; the value that speaks neither for nor against a leg; the step that changes the odds by e
# (negative: a large value speaks against); the most log odds in favour. What many things share with
# a leg (texture, little bone) speaks against where it fails and hardly for.
_JUDGED = {
    "texture": (1.0, 0.10, 0.03, 1.0),
    "bones": (1.5, 0.25, 0.10, 4.0),
    "depth": (1.5, 0.35, -0.06, 4.0),
    "bone_share": (1.0, 0.35, -0.05, 1.0),
    "sureness": (1.0, 0.60, 0.06, 2.0),
    "place": (1.5, 2.0, -0.7, 2.0),
    "agreement": (1.0, 0.35, 0.10, 4.0),
    "misfit": (1.5, 0.13, -0.025, 3.0),
}


@dataclass(frozen=True)
class Cues:
    """What a leg in view looks like; None where it cannot be told.

    Attributes
    ----------
    texture : float
        Spread of the smoothed intensity inside the leg relative to its median.
    bones : float
        Share of slices with signal in which tibia and fibula are both seen.
    one_bone : float
        Share of slices with signal in which only a bone of the size of a tibia is seen.
    depth : float or None
        Least depth of the larger bone under the fascia over the radius of the section: 0 under
        the skin, towards 1 in the middle.
    bone_share : float or None
        Area of the larger bone over the area inside the fascia.
    sureness : float or None
        Mean probability of the label over voxels labelled as muscle.
    entropy : float or None
        Mean entropy of the shares there, over its largest possible value.
    place : float or None
        How far out of place labelled structures lie about the bones (0: none).
    agreement : float or None
        Dice of labelled bones with those the image shows.
    muscle : float or None
        Share of labelled muscle in the section under the fascia, median over slices.
    bone : float or None
        Share of labelled bone there.
    misfit : float or None
        How far what is labelled is from a lower leg's along its height, 0 up (:class:`Place`).
    """

    texture: float
    bones: float
    one_bone: float
    depth: float | None
    bone_share: float | None
    sureness: float | None = None
    entropy: float | None = None
    place: float | None = None
    agreement: float | None = None
    muscle: float | None = None
    bone: float | None = None
    misfit: float | None = None


def cues(
    tissue: Tissue, spacing: FloatArray, shares: Shares | None = None, place: Place | None = None
) -> Cues:
    """Return the cues of one leg.

    Parameters
    ----------
    tissue
        Its tissue classes.
    spacing : (3,)
        Voxel size of the tissue classes, mm.
    shares
        Its shares, on the grid of the tissue classes or another; None before labelling.
    place
        Where its slices lie; muscle is then looked for between ankle and knee.
    """
    valid = tissue.valid & tissue.leg.any((0, 1))
    count = max(int(valid.sum()), 1)
    tibia, fibula = (m.any((0, 1)) & valid for m in (tissue.tibia, tissue.fibula))
    depth, share = _larger_bone(tissue, spacing, tibia)
    sureness, entropy = _sureness(shares) if shares is not None else (None, None)
    return Cues(
        _texture(tissue, spacing, valid),
        float((tibia & fibula).sum() / count),
        float((tibia & ~fibula).sum() / count),
        depth,
        share,
        sureness,
        entropy,
        _place(shares) if shares is not None else None,
        _agreement(shares, tissue) if shares is not None else None,
        _labelled(shares, tissue, place, _muscles(shares)) if shares is not None else None,
        _labelled(shares, tissue, place, _bones(shares)) if shares is not None else None,
        place.misfit if place is not None else None,
    )


def score(cues: Cues) -> float:
    """Return how likely the image shows a lower leg, 0..1 (a ranking, no calibrated probability).

    The weighted mean of the log odds of the cues that are known, each bounded.
    """
    total = weight = 0.0
    for name, (own, middle, step, most) in _JUDGED.items():
        value = getattr(cues, name)
        if value is not None:
            total += own * float(np.clip((value - middle) / step, -4.0, most))
            weight += own
    return float(1.0 / (1.0 + np.exp(-total / weight))) if weight else 0.0


def _texture(tissue: Tissue, spacing: FloatArray, valid: BoolArray) -> float:
    """Return the spread of the intensity without noise, from the middle 90 % of the voxels."""
    depth = depth_in_slices(tissue.leg, spacing)
    inside = (depth > min(8.0, 0.4 * float(depth.max()))) & valid
    if not inside.any():
        return 0.0
    smooth = ndimage.gaussian_filter(np.minimum(tissue.intensity, 4.0), (*(2.5 / spacing[:2]), 0.0))
    low, middle, high = np.percentile(smooth[inside], [5, 50, 95])
    return float((high - low) / 3.29 / max(float(middle), 1e-6))


def _larger_bone(
    tissue: Tissue, spacing: FloatArray, seen: BoolArray
) -> tuple[float | None, float | None]:
    """Return relative depth and relative area of the larger bone, medians over slices."""
    if not seen.any():
        return None, None
    # Without a fascia (fat like muscle) the envelope is the leg, its shell taken off.
    inside = tissue.envelope | tissue.tibia
    deep = depth_in_slices(inside, spacing)
    depths, shares = [], []
    for k in np.flatnonzero(seen):
        bone = tissue.tibia[:, :, k]
        area = float(inside[:, :, k].sum())
        radius = np.sqrt(area * spacing[0] * spacing[1] / np.pi)
        depths.append(max(float(deep[:, :, k][bone].min()) - float(max(spacing[:2])), 0.0) / radius)
        shares.append(bone.sum() / area)
    return float(np.median(depths)), float(np.median(shares))


def _sureness(shares: Shares) -> tuple[float | None, float | None]:
    """Return mean probability and relative entropy over voxels labelled as muscle."""
    muscle = np.isin(shares.winner, _muscles(shares))
    if not muscle.any():
        return 0.0, 1.0
    chosen = shares.values[:, muscle]
    entropy = -(chosen * np.log(np.maximum(chosen, 1e-9))).sum(0) / np.log(len(chosen))
    return float(chosen.max(0).mean()), float(entropy.mean())


def _place(shares: Shares) -> float | None:
    """Return how far out of place labelled muscles lie; the most there is, without bones."""
    frame = leg_frame(shares)
    winner = shares.winner
    muscle = np.isin(winner, _muscles(shares))
    if not muscle.any():
        return None
    if frame is None:
        return 4.0
    far = out_of_place(shares, frame)
    return float(np.take_along_axis(far, winner[None], 0)[0][muscle].mean())


def _agreement(shares: Shares, tissue: Tissue) -> float | None:
    """Return Dice of labelled bones with seen ones in slices in which they are seen."""
    if shares.values.shape[1:] != tissue.leg.shape or not {"TIB", "FIB"} <= set(shares.keys):
        return None
    winner = shares.winner
    shown = tissue.tibia | tissue.fibula
    both = [shares.keys.index(key) for key in ("TIB", "FIB")]
    labelled = np.isin(winner, both) & shown.any((0, 1))
    total = int(shown.sum() + labelled.sum())
    return 2.0 * float((shown & labelled).sum()) / total if shown.any() else None


def _labelled(
    shares: Shares, tissue: Tissue, place: Place | None, channels: NDArray[np.intp]
) -> float | None:
    """Return the share of structures in the section under the fascia, median over slices."""
    if shares.values.shape[1:] != tissue.leg.shape:
        return None
    winner = shares.winner
    fat = [c for c, key in enumerate(shares.keys) if key in ("SAT", "SKIN")]
    inside = (tissue.envelope & ~np.isin(winner, fat)).sum((0, 1))
    own = (np.isin(winner, channels) & tissue.leg).sum((0, 1))
    seen = tissue.valid & (inside > 0)
    if place is not None and (seen & place.between).any():
        seen &= place.between
    return float(np.median(own[seen] / inside[seen])) if seen.any() else None


def _bones(shares: Shares) -> NDArray[np.intp]:
    return np.flatnonzero([key in ("TIB", "FIB") for key in shares.keys])


def _muscles(shares: Shares) -> NDArray[np.intp]:
    others = ("", "SAT", "SKIN", "TIB", "FIB")
    return np.flatnonzero([key not in others for key in shares.keys])
