"""Place a file's frames in the scan: tracked ones by their chain, still ones by landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ImageError
from imaging.ultrasound.declaration import FrameDeclaration
from imaging.ultrasound.placement import Placement, place
from imaging.ultrasound.pose import image_to_reference, orientation_to_mf, tracked_frames
from imaging.ultrasound.regions import Region, pixel_size_mm
from imaging.ultrasound.samples import FramePlane


@dataclass(frozen=True)
class Located:
    """Places of a file's frames.

    Attributes
    ----------
    planes : list of FramePlane or None
        None for frames whose tracking was refused.
    placement : Placement
        Of the landmarks.
    tracked : bool
    skipped : tuple of str
        One text for every frame left out.
    """

    planes: list[FramePlane | None]
    placement: Placement
    tracked: bool
    skipped: tuple[str, ...]

    def target_mm(self, points: FloatArray) -> FloatArray:
        """Return the error of place expected at world points (M, 3)."""
        inverse = np.linalg.inv(self.placement.matrix)
        return self.placement.target_mm(points @ inverse[:3, :3].T + inverse[:3, 3])


def locate(
    declared: FrameDeclaration,
    count: int,
    shape: tuple[int, int],
    fields: Mapping[str, str],
    regions: Sequence[Region],
) -> Located:
    """Place the frames of one file.

    Parameters
    ----------
    declared
        From its JSON.
    count, shape
        Number of frames, and their height and width in pixels.
    fields
        Header of a tracked sequence; empty for others.
    regions
        Of a DICOM file.

    Raises
    ------
    ImageError
        No landmarks that place it, no pixel size, or no frame with good tracking.
    """
    letters = declared.orientation or fields.get("UltrasoundImageOrientation") or "MF"
    stored = orientation_to_mf(letters, shape)
    marks = declared.landmarks
    if marks.in_pixels:
        return _still(declared, count, stored, regions)
    if not fields:
        raise ImageError(
            "landmarks are given in the reference's frame, but the frames are not tracked", None,
            "Give landmarks as pixel, or a tracked sequence (.igs.mha)",
        )  # fmt: skip
    placement = place(marks.source, marks.world)
    planes: list[FramePlane | None] = []
    skipped = []
    for number, frame in enumerate(tracked_frames(fields, count)):
        chain = image_to_reference(frame, declared.calibration)
        if chain is None:
            skipped.append(f"frame {number}: {', '.join(frame.refused)} not OK")
        planes.append(None if chain is None else FramePlane.of(placement.matrix @ chain, stored))
    if all(p is None for p in planes):
        raise ImageError(
            f"none of {count} frames has good tracking", None, "Track the probe and the reference"
        )
    return Located(planes, placement, True, tuple(skipped))


def _still(
    declared: FrameDeclaration, count: int, stored: FloatArray, regions: Sequence[Region]
) -> Located:
    """Place frames that all show one view, by points seen in it."""
    size = declared.pixel_mm
    if size is None:
        if not regions:
            raise ImageError(
                "has no ultrasound regions, so the size of a pixel is unknown", None,
                "Declare PixelSpacing [mm across, mm down]",
            )  # fmt: skip
        size = pixel_size_mm(regions, declared.overlay)
    marks = declared.landmarks
    flat = np.column_stack([marks.source, np.zeros(len(marks.source)), np.ones(len(marks.source))])
    # The pixel size is that along the stored axes, whatever they are called.
    across, down = size if stored[0, 0] else size[::-1]
    scaled = np.diag([across, down, 1.0, 1.0])
    placement = place((flat @ (scaled @ stored).T)[:, :3], marks.world)
    plane = FramePlane.of(placement.matrix @ scaled, stored)
    return Located([plane] * count, placement, False, ())
