"""Two legs apart: real legs moved together until they press each other flat.

``python -m benchmarks.pressed_legs`` moves the two legs of the real images of ``../shared/data``
together, until they overlap by 0 to 48 mm in their widest slice, flat where they meet (the plane
is known), and prints per image and overlap how many legs are found, the share of the mask on the
wrong side of the plane by more than a voxel (%), with the image and by shape alone, and seconds.
"""

import time

import numpy as np
import pandas as pd

from benchmarks._bodies import contact_plane, pressed_together
from benchmarks.negatives import b0, part_of, real
from imaging.segmentation.legs import leg_mask, split_legs

BY_MM = (0.0, 8.0, 16.0, 24.0, 32.0, 40.0, 48.0)


def wrong(legs: list[np.ndarray], plane: float) -> float:
    """Return the share (%) of voxels that lie a voxel or more beyond the plane."""
    if len(legs) < 2:
        return float("nan")
    at = np.arange(legs[0].shape[0])
    beyond = legs[0][at > plane + 1].sum() + legs[1][at < plane - 1].sum()
    return float(100 * beyond / (legs[0].sum() + legs[1].sum()))


def main() -> None:
    images = {name: real(name) for name in ("gre", "water", "anat_3mm")}
    images["b0"] = b0()
    images["dixon"] = part_of(real("dixon_te4.60_mag"), 12, 86)
    rows = []
    for name, image in images.items():
        legs = split_legs(leg_mask(image), image.spacing, image.data)
        plane = contact_plane(legs)
        for by_mm in BY_MM:
            shown = pressed_together(image, legs, by_mm)
            mask = leg_mask(shown)
            start = time.perf_counter()
            found = split_legs(mask, image.spacing, shown.data)
            seconds = time.perf_counter() - start
            blind = split_legs(mask, image.spacing)
            rows.append(
                (name, by_mm, len(found), wrong(found, plane), wrong(blind, plane), seconds)
            )
    columns = ["image", "overlap, mm", "legs", "wrong, %", "by shape alone", "s"]
    print(pd.DataFrame(rows, columns=columns).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
