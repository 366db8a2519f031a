"""Several legs of an atlas registered to one leg, and their labels fused.

The legs that fit best after the affine are deformed; each votes for its labels, with a weight that
says how well its channels (or its image) agree with the leg around that place.

Sources: Artaechevarria, Muñoz-Barrutia & Ortiz-de-Solórzano, IEEE Trans Med Imaging 28, 2009
(locally weighted voting); Wang et al., IEEE Trans Pattern Anal 35, 2013 (joint label fusion).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32
from imaging.image import Image
from imaging.muscles import Side, single_keys, structure_of
from imaging.segmentation.align import deform, register_leg
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.features import Features
from imaging.segmentation.register import apply_matrix, grid_points, sample, smooth_channels
from imaging.segmentation.registered_leg import BORDER_MM, RegisteredLeg
from imaging.segmentation.shares import Shares, key_indices

if TYPE_CHECKING:
    from imaging.segmentation.view import LegView

NEAR_MM = 8.0
_SMOOTH_MM = 2.0
_RIDGE = 0.1


def atlas_shares(
    view: LegView,
    legs: Sequence[AtlasLeg],
    leg_side: Side,
    keys: Sequence[str],
    grid: Image,
    count: int = 3,
) -> tuple[Shares, dict[str, Any]]:
    """Register the legs of an atlas to a leg in view and fuse their labels.

    Parameters
    ----------
    view
        The leg.
    legs
        Legs of the atlas, as right legs.
    leg_side
        Side of the leg; both sides are tried if it is undecided.
    keys
        Keys of the shares, ``""`` first; what the atlas tells apart and the keys do not is merged.
    grid
        Grid of the shares.
    count
        How many legs are deformed and fused: those of least affine cost.

    Returns
    -------
    Shares, and which legs were used at which cost.
    """
    sided = [leg for leg in legs if leg_side != "left"]
    sided += [leg.mirrored() for leg in legs if leg_side != "right"]
    tries = sorted((register_leg(view, leg) for leg in sided), key=lambda r: r.cost)
    chosen = [deform(view, one) for one in tries[:count]]
    weights = joint_weights(residuals(view.features, chosen), view.features.spacing)
    shares = fused(chosen, weights, view.work, keys, grid)
    facts = {
        "atlas": [one.leg.name for one in chosen],
        "residual": [round(float(one.cost), 4) for one in chosen],
    }
    return shares, facts


def residuals(features: Features, registered: Sequence[RegisteredLeg]) -> Float32:
    """Return how each registered leg's channels differ from the leg's (A, C, I, J, K), absolute."""
    fixed = smooth_channels(features, _SMOOTH_MM)
    points = grid_points(features.envelope.shape, features.spacing)
    out = np.empty((len(registered), *fixed.shape), np.float32)
    for n, one in enumerate(registered):
        atlas, _ = one.leg.features()
        where = apply_matrix(one.matrix, points + one.field)
        warped = sample(smooth_channels(atlas, _SMOOTH_MM), where, atlas.spacing)
        out[n] = np.abs(fixed - warped) * features.weights
    return out


def joint_weights(errors: Float32, spacing: NDArray[np.floating]) -> Float32:
    """Return the weight of each leg in every voxel (A, I, J, K), adding up to 1.

    Legs that err at the same places share their vote (joint label fusion).

    Parameters
    ----------
    errors : (A, C, I, J, K)
        Absolute differences of channels.
    spacing : (3,)
        Voxel size, mm.
    """
    count, *shape = len(errors), *errors.shape[2:]
    together = np.empty((*shape, count, count), np.float32)
    for i in range(count):
        for j in range(i, count):
            both = (errors[i] * errors[j]).sum(0)
            both = ndimage.gaussian_filter(both, NEAR_MM / spacing)
            together[..., i, j] = together[..., j, i] = both
    level = np.trace(together, axis1=-2, axis2=-1)[..., None, None] / count
    together += (_RIDGE * level + 1e-6) * np.eye(count, dtype=np.float32)
    weights = np.linalg.solve(together, np.ones((count, 1), np.float32))[..., 0]
    weights = np.maximum(weights, 0)
    weights /= weights.sum(-1, keepdims=True)
    return np.ascontiguousarray(np.moveaxis(weights, -1, 0))


def fused(
    registered: Sequence[RegisteredLeg], weights: Float32, work: Image, keys: Sequence[str],
    grid: Image, sigma_mm: float = BORDER_MM,
) -> Shares:  # fmt: skip
    """Return the weighted mean of the labels of registered legs, on any grid.

    Parameters
    ----------
    registered
        Legs of an atlas registered to `work`.
    weights : (A, I, J, K)
        Of each leg, on the grid of `work`.
    work
        Working grid of the registration.
    keys
        Keys of the shares, ``""`` first.
    grid
        Grid of the shares.
    sigma_mm
        Gaussian by which labels are smoothed.
    """
    to_work = np.diag([*work.spacing, 1.0]) @ np.linalg.inv(work.affine) @ grid.affine
    points = apply_matrix(to_work, grid_points(grid.shape, np.ones(3)))
    values = np.zeros((len(keys), *grid.shape), np.float32)
    for one, weight in zip(registered, weights, strict=True):
        where = apply_matrix(one.matrix, points + sample(one.field, points, work.spacing))
        here = sample(weight[None], points, work.spacing)[0]
        for c, members in enumerate(_members(one.leg, keys)):
            if members.size:
                mask = np.isin(one.leg.indices, members).astype(np.float32)
                soft = ndimage.gaussian_filter(mask, sigma_mm / one.leg.spacing)
                values[c] += here * sample(soft[None], where, one.leg.spacing)[0]
    values[0] = np.clip(1.0 - values[1:].sum(0), 0.0, 1.0)
    values /= values.sum(0)
    return Shares(tuple(keys), values, grid)


def _members(leg: AtlasLeg, keys: Sequence[str]) -> list[NDArray[np.int16]]:
    """Return which indices of the leg belong to each key; none to the first."""
    present = [int(v) for v in np.unique(leg.indices) if v > 0]
    own = key_indices(keys)
    out: list[list[int]] = [[] for _ in keys]
    for index in present:
        parts = single_keys(structure_of(index).key)
        for c, key in enumerate(keys):
            if key and (own[c] == index or parts <= single_keys(key)):
                out[c].append(index)
                break
    return [np.array(v, np.int16) for v in out]
