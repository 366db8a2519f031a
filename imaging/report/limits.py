"""Limits of what is shown in shades."""

from __future__ import annotations

from typing import Any

import numpy as np


def window(values: np.ndarray[Any, Any], low: float = 1, high: float = 99) -> tuple[float, float]:
    """Return display limits: percentiles of the finite values, never empty."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    a, b = np.percentile(finite, [low, high])
    return float(a), float(b if b > a else a + 1)
