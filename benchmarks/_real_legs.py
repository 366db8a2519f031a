"""The real legs of ``../shared/data/anatomy`` as legs of an atlas."""

import numpy as np

from benchmarks.segmentation import ANATOMY
from imaging.io.atlas import load_leg
from imaging.segmentation.atlas import AtlasLeg

REAL_KEYS = ("", "TA", "EDL+PT", "EHL", "PL+PB", "GM", "GL", "SOL", "PLA", "POP", "FDL", "FHL",
             "TP", "TIB", "FIB")  # fmt: skip


def real_legs(spacing: np.ndarray) -> dict[str, AtlasLeg]:
    """Return the real legs, as right legs."""
    out = {}
    for path in sorted(ANATOMY.glob("*_dseg.nii.gz")):
        side = {path.name: "left" if "left" in path.name else "right"}
        leg = load_leg(path, side, "visible_human", spacing, path)
        out[leg.name] = leg
    return out
