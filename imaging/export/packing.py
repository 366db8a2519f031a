"""Arrays as text for the viewer page.

Scalars are carried as one byte: 0 where nothing was measured, 1..255 from `low` to `high`.
Coordinates are carried as 16-bit steps from a corner, world RAS+ mm.
"""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.image import Image
from imaging.nib import nibabel as nib

STEP_MM = 0.02
_MOST_STEPS = 65535


def scaled_bytes(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as 1..255 from `low` to `high`, and 0 where they are not finite."""
    finite = np.isfinite(values)
    span = high - low if high > low else 1.0
    share = np.clip((np.where(finite, values, low) - low) / span, 0.0, 1.0)
    return np.where(finite, np.rint(1 + 254 * share), 0).astype(np.uint8)


def value_range(values: NDArray[Any]) -> tuple[float, float]:
    """Return the 2nd and 98th percentile of the finite values, three significant digits."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [2, 98]) if finite.size else (0.0, 1.0)
    return float(f"{low:.3g}"), float(f"{high:.3g}")


def step_of(extent_mm: float) -> float:
    """Return the step that reaches over an extent: of a leg :data:`STEP_MM`, of more a coarser."""
    return max(STEP_MM, extent_mm / _MOST_STEPS)


def steps(points: NDArray[Any], corner: NDArray[Any], step_mm: float = STEP_MM) -> str:
    """Return points (N, 3) in world mm as 16-bit steps from a corner (3,)."""
    return packed(np.rint((points - corner) / step_mm).clip(0, _MOST_STEPS).astype("<u2"))


def packed(values: NDArray[Any]) -> str:
    """Return the bytes of an array as base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def nifti(image: Image) -> str:
    """Return an image as base64 of a compressed NIfTI file, the same bytes each time."""
    raw = nib.Nifti1Image(image.data, image.affine).to_bytes()
    return base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode()
