"""From a registered atlas to labels: smooth borders, one body per muscle, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.image import FloatArray, Image
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.register import Float32, apply_matrix, grid_points, sample

BORDER_MM = 1.2
DOUBT_MM = 4.0


@dataclass(frozen=True)
class Registered:
    """A leg of an atlas with its transform into the image.

    ``matrix`` (4, 4) and ``field`` (3, I, J, K) take grid mm of the working grid to grid mm of the
    atlas; ``cost`` is the residual of registration.
    """

    leg: AtlasLeg
    matrix: FloatArray
    field: Float32
    cost: float


def label_leg(
    registered: Sequence[Registered], work: Image, like: Image
) -> tuple[NDArray[np.int16], Float32]:
    """Return indices and their confidence on the grid of `like`.

    Every label is carried as a smooth share (Gaussian of 1.2 mm) and the largest one wins, so that
    borders are smooth. The confidence is the share the label keeps if the registration errs by
    4 mm (Gaussian), averaged over the legs of the atlas.

    Parameters
    ----------
    registered
        One or more registered legs of an atlas; their shares are averaged.
    work
        Working grid (its affine; same axes as `like`).
    like
        Grid to label.
    """
    to_work = np.linalg.inv(work.affine) @ like.affine
    to_work = np.diag([*work.spacing, 1.0]) @ to_work
    voxels = grid_points(like.shape, np.ones(3))
    points = apply_matrix(to_work, voxels)
    shares: dict[int, Float32] = {}
    doubts: dict[int, Float32] = {}
    for one in registered:
        where = apply_matrix(one.matrix, points + sample(one.field, points, work.spacing))
        for index in (int(v) for v in np.unique(one.leg.indices)):
            mask = (one.leg.indices == index).astype(np.float32)
            pair = np.stack(
                [ndimage.gaussian_filter(mask, s / one.leg.spacing) for s in (BORDER_MM, DOUBT_MM)]
            )
            share, doubt = sample(pair, where, one.leg.spacing) / len(registered)
            shares[index] = shares.get(index, 0.0) + share
            doubts[index] = doubts.get(index, 0.0) + doubt
    keys = sorted(shares)
    winner = np.argmax(np.stack([shares[k] for k in keys]), axis=0)
    confidence = np.take_along_axis(
        np.stack([doubts[k] for k in keys]), winner[None], axis=0
    )[0]  # fmt: skip
    return np.array(keys, np.int16)[winner], confidence.astype(np.float32)
