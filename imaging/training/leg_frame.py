"""Learn where structures lie in the frame of the two bones: ``imaging/data/leg_frame.tsv``.

``python -m imaging.training.leg_frame LABELS`` prints the table: mean and covariance of the places
of each structure over all its voxels, in the label maps of a folder (an atlas, ``atlas.json``) and
in as many digital legs. Bodies count alike, whatever their size.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.image import Image
from imaging.io.atlas import load_atlas
from imaging.phantom.images import label_image
from imaging.phantom.leg import make_leg
from imaging.segmentation.atlas import AtlasLeg
from imaging.segmentation.frame import coordinates, leg_frame
from imaging.segmentation.shares import Shares, soft_labels

SPACING = (2.0, 2.0, 8.0)
KEYS = (
    "", "TA", "EDL", "EDL+PT", "EHL", "PT", "PL", "PB", "PL+PB", "GM", "GL", "SOL", "PLA", "POP",
    "FDL", "FHL", "TP", "TIB", "FIB",
)  # fmt: skip
GROUPS = {"EDL+PT": ("EDL", "PT"), "PL+PB": ("PL", "PB"), "EDL+EHL+PT": ("EDL", "EHL", "PT"),
          "GM+GL": ("GM", "GL")}  # fmt: skip
DIGITAL_SEEDS = (101, 102, 103, 104)


def shares_of(leg: AtlasLeg) -> Shares:
    """Return the labels of an atlas leg, its missing tibia filled, as shares of voxels."""
    grid = Image(leg.features()[1].indices, np.diag([*leg.spacing, 1.0]))
    return soft_labels(grid.data, KEYS, grid, 0.0)


def digital_legs() -> list[Shares]:
    """Return the true labels of digital legs of both sides."""
    out = []
    for n, seed in enumerate(DIGITAL_SEEDS):
        leg = make_leg(seed, "left" if n % 2 else "right")
        labels = label_image([leg], leg.grid(SPACING))
        out.append(soft_labels(labels.data % 100, KEYS, labels, 0.0))
    return out


def places(shares: Shares) -> dict[str, np.ndarray]:
    """Return places (N, 2) of the voxels of every structure of a leg, in radii."""
    frame = leg_frame(shares)
    assert frame is not None
    where = coordinates(frame, shares.grid.shape, shares.grid.spacing)
    found = {}
    for key, share in zip(shares.keys[1:], shares.values[1:], strict=True):
        if share.any():
            found[key] = where[:, share > 0.5].T
    for group, members in GROUPS.items():
        parts = [found[key] for key in members if key in found]
        if parts and group not in found:
            found[group] = np.concatenate(parts)
    return found


def table(legs: list[Shares]) -> pd.DataFrame:
    """Return mean and covariance of the places of every structure."""
    everywhere: dict[str, list[np.ndarray]] = {}
    for leg in legs:
        for key, points in places(leg).items():
            everywhere.setdefault(key, []).append(points)
    rows = []
    for key, parts in sorted(everywhere.items()):
        mean = np.mean([p.mean(0) for p in parts], axis=0)
        spread = np.mean([(p - mean).T @ (p - mean) / len(p) for p in parts], axis=0)
        rows.append((key, *mean, spread[0, 0], spread[0, 1], spread[1, 1]))
    return pd.DataFrame(rows, columns=["key", "u", "v", "uu", "uv", "vv"])


if __name__ == "__main__":
    print("# Learnt by `python -m imaging.training.leg_frame` from digital legs and label maps of")
    print("# Andreassen et al., Sci Data 2023, doi 10.1038/s41597-022-01905-2 (CC BY 4.0).")
    atlas = load_atlas(Path(sys.argv[1]), np.array(SPACING))
    found = table([*map(shares_of, atlas.legs), *digital_legs()])
    print(found.to_csv(sep="\t", index=False, float_format="%.3f"), end="")
