"""What the other volumes predict for a volume: a log-linear tensor fit that leaves it out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import design_matrix

FloatArray = NDArray[np.floating[Any]]

_MIN_WEIGHT = 1e-3
_MAX_LEVERAGE = 0.9


def average_others(aligned: FloatArray, weights: FloatArray) -> list[FloatArray]:
    """Return, per volume, the mean (I, J, K) of the others, each brought to the same brightness.

    Blind to direction, but it stays sharp enough to follow while volumes are far from rest.

    Parameters
    ----------
    aligned : (I, J, K, N) array
    weights : (N,) array
    """
    level = aligned.mean(axis=(0, 1, 2))
    factors = np.maximum(weights, _MIN_WEIGHT) / np.maximum(level, 1e-6 * level.max() + 1e-12)
    total = aligned @ factors.astype(np.float32)
    return [total - factors[v] * aligned[..., v] for v in range(len(weights))]


def predict_volumes(
    aligned: FloatArray, table: GradientTable, weights: FloatArray
) -> list[FloatArray]:
    """Return, per volume, its prediction (I, J, K) from the others.

    The only b = 0 volume cannot be predicted so; it is compared with the mean of the others.

    Parameters
    ----------
    aligned : (I, J, K, N) array
        Magnitude, volumes in one position.
    table : GradientTable
    weights : (N,) array
        Trust in each volume, 0..1.
    """
    design = design_matrix(table)
    design = design / np.abs(design).max(0)
    weights = np.maximum(weights, _MIN_WEIGHT)
    root = np.sqrt(weights)
    projection = np.linalg.pinv(design * root[:, None]) * root
    hat = design @ projection
    leverage = np.diag(hat)
    top = float(aligned.max())
    floor = 1e-3 * top + 1e-12
    log = np.log(np.maximum(aligned, floor))
    targets: list[FloatArray] = []
    for v, h in enumerate(leverage):
        if h > _MAX_LEVERAGE:
            others = ~table.is_b0
            others[v] = False
            targets.append(np.average(aligned[..., others], axis=-1, weights=weights[others]))
            continue
        row = (hat[v] / (1 - h)).astype(np.float32)
        row[v] = 0
        targets.append(np.exp(np.minimum(log @ row, np.log(2 * top + floor))))
    return targets
