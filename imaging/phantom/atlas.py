"""The built-in label atlas: digital legs of other seeds than the demo's, on a coarse grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.phantom.leg import make_leg
from imaging.provenance import write_json

SEEDS = (101, 102, 103)
SPACING_MM = (2.0, 2.0, 4.0)


def atlas_leg(seed: int) -> Image:
    """Return the labels of a digital right leg as plain catalogue indices (uint8).

    Air and connective tissue are 0. Grid of 2 x 2 x 4 mm along the world axes.
    """
    leg = make_leg(seed, "right", variation=1.0)
    grid = leg.grid(SPACING_MM, margin_mm=0.0)
    points = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3))
    labels = leg.labels(points)
    indices = np.where(labels > 0, labels % 100, 0).astype(np.uint8)
    return grid.with_data(indices.reshape(grid.shape))


def write_atlas(folder: str | Path) -> None:
    """Write the legs of ``SEEDS`` and ``atlas.json`` into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sides = {}
    for seed in SEEDS:
        name = f"leg-{seed}_dseg.nii.gz"
        save_image(atlas_leg(seed), folder / name)
        sides[name] = "right"
    about = {
        "name": "Pennate digital legs",
        "version": "1",
        "licence": "BSD-3-Clause",
        "scheme": "catalogue",
        "sides": sides,
        "description": "Synthetic legs with human proportions, not scans of people.",
    }
    write_json(folder / "atlas.json", about)


if __name__ == "__main__":  # python -m imaging.phantom.atlas
    write_atlas(Path(__file__).parents[1] / "data" / "atlas")
