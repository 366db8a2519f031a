"""Loss: weighted cross-entropy and Dice over the classes (Milletari et al., 3DV 2016)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from imaging.segmentation.inputs import CLASSES, OUTSIDE
from imaging.training.scans import IGNORED

_SMALL = ("EHL", "PLA", "POP", "FDL", "EDL+PT", "FIB")
SMOOTH = 1.0


def class_weights() -> Tensor:
    """Return the weight (C,) of each class in the cross-entropy: small muscles count more."""
    weights = torch.ones(len(CLASSES))
    weights[OUTSIDE] = 0.5
    weights[[CLASSES.index(key) for key in _SMALL]] = 2.0
    return weights


def loss(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of cross-entropy and one minus Dice.

    Parameters
    ----------
    logits : (B, C, N, M)
        Output of the network.
    target : (B, N, M) int64
        Classes; where it is ``IGNORED`` a pixel counts nothing.
    weights : (C,)
        See :func:`class_weights`.
    """
    known = target != IGNORED
    entropy = functional.cross_entropy(logits, target, weights, ignore_index=IGNORED)
    probability = torch.softmax(logits, dim=1) * known[:, None]
    truth = functional.one_hot(target * known, len(CLASSES)).permute(0, 3, 1, 2)
    truth = truth.to(probability.dtype) * known[:, None]
    shared = (probability * truth).sum((0, 2, 3))
    total = probability.sum((0, 2, 3)) + truth.sum((0, 2, 3))
    dice = (2 * shared + SMOOTH) / (total + SMOOTH)
    present = truth.sum((0, 2, 3)) > 0
    return entropy + 1.0 - dice[present].mean()
