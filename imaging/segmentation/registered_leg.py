"""A leg of an atlas with its transform into an image."""

from __future__ import annotations

from dataclasses import dataclass

from imaging.arrays import Float32, FloatArray
from imaging.segmentation.atlas import AtlasLeg

BORDER_MM = 1.2


@dataclass(frozen=True)
class RegisteredLeg:
    """A leg of an atlas with its transform into the image.

    ``matrix`` (4, 4) and ``field`` (3, I, J, K) take grid mm of the working grid to grid mm of the
    atlas; ``cost`` is the residual of registration.
    """

    leg: AtlasLeg
    matrix: FloatArray
    field: Float32
    cost: float
