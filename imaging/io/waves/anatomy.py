"""Where the anatomical image lies in the world of the wave images: labels follow it.

People move between the two; echo-planar wave images are shifted along the phase encoding, too. What
is rigid of that is found; distortion is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from skimage.filters import threshold_otsu

from imaging.arrays import FloatArray
from imaging.dyads import FibreDirections
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError
from imaging.image import Image
from imaging.io.region import Region
from imaging.registration import Alignment, overlap_share, register_rigid

# Less of the leg inside the anatomical image: they are of different parts.
_MIN_OVERLAP = 0.5
# With fewer slices a motion across them is not seen.
_MIN_SLICES = 4


@dataclass(frozen=True)
class Placement:
    """Rigid motion between anatomical and wave images.

    Attributes
    ----------
    alignment : Alignment
        From the world of the waves to that of the anatomical image.
    """

    alignment: Alignment

    @property
    def back(self) -> FloatArray:
        """World of the anatomical image to that of the waves, (4, 4)."""
        return np.asarray(np.linalg.inv(self.alignment.world))

    def image(self, image: Image) -> Image:
        """Return an image of the anatomical world in that of the waves, without resampling."""
        if self.alignment.status != "registered":
            return image
        return replace(image, affine=self.back @ image.affine)

    def region(self, region: Region | None) -> Region | None:
        """Return labels or a mask in the world of the waves."""
        return None if region is None else replace(region, image=self.image(region.image))

    def directions(self, fibres: FibreDirections | None) -> FibreDirections | None:
        """Return fibre directions in the world of the waves: places and vectors turn."""
        if fibres is None or self.alignment.status != "registered":
            return fibres
        turned = fibres.image.data @ self.back[:3, :3].T.astype(fibres.image.data.dtype)
        image = self.image(replace(fibres.image, data=turned))
        spread = None if fibres.dispersion is None else self.image(fibres.dispersion)
        return FibreDirections(image, spread)

    @property
    def warnings(self) -> list[str]:
        """What a reader must know of it."""
        found = self.alignment
        size = f"{found.shift_mm:.1f} mm, {found.rotation_deg:.1f} degrees"
        if found.status == "registered":
            return [f"Anatomical and wave images lay apart ({size}): labels were moved with it."]
        if found.status == "refused":
            return [
                f"The registration of anatomical and wave images was implausible ({size}): labels "
                "lie as the headers say."
            ]
        return []


def place_anatomy(anatomy: Image, path: Path, images: WaveImages) -> Placement:
    """Register the anatomical image to the mean magnitude of wave images.

    Raises
    ------
    ImageError
        No magnitude, few slices, or images of different parts.
    """
    weight = images.weight
    if np.ptp(weight) == 0 or min(weight.shape) < _MIN_SLICES:
        raise ImageError(
            "cannot be registered: the wave images have no magnitude, or fewer than "
            f"{_MIN_SLICES} slices", path, "Leave --anatomy out",
        )  # fmt: skip
    magnitude = Image(np.asarray(weight, np.float32), images.affine)
    leg = weight > 0.5 * threshold_otsu(weight)
    if overlap_share(magnitude, leg, anatomy) < _MIN_OVERLAP:
        raise ImageError(
            "does not hold the leg of the wave images", path,
            "Give the anatomical image of the same leg and session",
        )  # fmt: skip
    return Placement(register_rigid(magnitude, leg, anatomy))
