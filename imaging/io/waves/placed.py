"""Wave images put where the anatomical image shows the leg that they were taken of.

Between the two a leg may have moved. The rigid motion is found from the magnitude and written into
the position of the wave images, which are not resampled; encoding directions turn with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imaging.arrays import BoolArray
from imaging.elastography.waves import WaveImages
from imaging.image import Image
from imaging.registration import Alignment, register_rigid

#: Fewer slices leave motion across them open.
MIN_SLICES = 5
# Root mean square displacement that is worth a sentence, mm.
_TOLD_MM = 1.0


@dataclass(frozen=True)
class Placement:
    """How wave images were moved; `alignment` is None where it could not be looked for."""

    alignment: Alignment | None
    why: str = ""

    @property
    def warnings(self) -> list[str]:
        """What a reader must know of it."""
        found = self.alignment
        if found is None:
            return [f"Wave images were not registered to the anatomical image: {self.why}."]
        if found.status == "refused":
            return [
                f"Registration of the wave images to the anatomical image gave "
                f"{found.shift_mm:.1f} mm and {found.rotation_deg:.1f} degrees, which is "
                "implausible: the position in their header is kept. Look at the muscles on the "
                "magnitude."
            ]
        if found.status == "registered" and found.shift_mm > _TOLD_MM:
            return [
                f"The wave images lay {found.shift_mm:.1f} mm from the anatomical image and were "
                "moved onto it."
            ]
        return []

    @property
    def facts(self) -> dict[str, object]:
        """Numbers behind the words."""
        found = self.alignment
        if found is None:
            return {"wave_alignment": "not looked for"}
        return {
            "wave_alignment": found.status,
            "wave_shift_mm": round(found.shift_mm, 3),
            "wave_rotation_deg": round(found.rotation_deg, 3),
            "wave_transform": np.round(found.world, 6).tolist(),
        }


def place(images: WaveImages, tissue: BoolArray, anatomy: Image) -> Placement:
    """Find where the leg of wave images lies in an anatomical image.

    Parameters
    ----------
    images
        Of the first frequency; their weight is the mean magnitude.
    tissue : (I, J, K) bool array
        Where their magnitude shows tissue.
    anatomy : Image
        3-D, any contrast.
    """
    weight = images.weight
    if np.ptp(weight[tissue]) == 0 if tissue.any() else True:
        return Placement(None, "there is no magnitude")
    if min(weight.shape) < MIN_SLICES:
        return Placement(None, f"fewer than {MIN_SLICES} slices leave their height open")
    fixed = Image(weight.astype(np.float32), images.affine)
    return Placement(register_rigid(fixed, tissue, anatomy))


def moved(images: WaveImages, placement: Placement) -> WaveImages:
    """Return wave images in the world of the anatomical image."""
    if placement.alignment is None or placement.alignment.status != "registered":
        return images
    world = placement.alignment.world
    turned = images.directions @ world[:3, :3].T
    return replace(images, affine=world @ images.affine, directions=turned)
