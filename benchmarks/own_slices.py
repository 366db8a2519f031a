"""What ten drawn slices of one's own leg give: ``pennate train --from`` on a person's right calf.

    python -m benchmarks.own_slices [--drawn 10] [--steps 600] [--rate 1e-4] [--image anat]

Of ``../shared/data/person`` ten slices of the right leg, evenly spread, are what a site has drawn;
the built-in network goes on with them for some minutes (two cores), in a temporary folder that is
deleted: no weights of a person are kept. Printed is Dice on the slices left out, of the same leg
and of the left one, before and after: among drawn voxels, and plain. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.person import MUSCLES, drawn_labels, series
from benchmarks.person_labels import SIDES, images, judged
from benchmarks.real_scans import labelled
from imaging.cli.app import main as pennate
from imaging.config import SegmentationSettings
from imaging.formats.nifti import save_image
from imaging.image import Image, canonical
from imaging.muscles import label_of
from imaging.segmentation.network import built_in

# In this drawing EDL holds peroneus tertius.
GROUP = {"EDL": "EDL+PT"}


def ten(drawn: np.ndarray, count: int) -> list[int]:
    """Return slices of the right leg, evenly spread over those with muscle."""
    own = np.isin(drawn, [label_of(k, "right") for k in MUSCLES.values()])
    held = np.flatnonzero(own.any((0, 1)))
    return sorted({int(held[i]) for i in np.linspace(0, len(held) - 1, count).round().astype(int)})


def write_site(folder: Path, image: Image, drawn: np.ndarray, slices: list[int]) -> None:
    """Write the folder that a site would have: an image, and labels of a few slices of one leg."""
    labels = np.zeros(drawn.shape, np.int16)
    for key in MUSCLES.values():
        own = drawn[:, :, slices] == label_of(key, "right")
        labels[:, :, slices] = np.where(
            own, label_of(GROUP.get(key, key), "right"), labels[:, :, slices]
        )
    folder.mkdir()
    save_image(image, folder / "own_anat.nii.gz")
    save_image(image.with_data(labels), folder / "own_dseg.nii.gz")


def dice(network: Path, image: Image, drawn: np.ndarray, apart: np.ndarray) -> pd.Series:
    """Return Dice of slices left out: muscle by side, among drawn voxels and plain."""
    _, labels, _ = labelled(image, SegmentationSettings(network=str(network)))
    table = judged(drawn[:, :, apart], labels[:, :, apart])
    return table[[f"{side}, {how}" for how in ("drawn", "plain") for side in SIDES]].stack()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drawn", type=int, default=10)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--image", default="anat", choices=("anat", "b0"))
    given = parser.parse_args()
    everything = images()
    image = everything[given.image]
    drawn = canonical(drawn_labels(series()[0].with_data(np.zeros(everything["anat"].shape)))).data
    slices = ten(drawn, given.drawn)
    apart = np.setdiff1d(np.flatnonzero((drawn > 0).any((0, 1))), slices)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_site(folder / "labels", image, drawn, slices)
        began = time.monotonic()
        code = pennate(["train", str(folder / "run"), "--labels", str(folder / "labels"),
                        "--digital", "4", "--from", str(built_in()), "--steps", str(given.steps),
                        "--rate", str(given.rate)])  # fmt: skip
        took = time.monotonic() - began
        assert code in (0, None), code
        table = pd.DataFrame({"before": dice(built_in(), image, drawn, apart),
                              "after": dice(folder / "run", image, drawn, apart)})  # fmt: skip
    print(f"{len(slices)} slices drawn, {len(apart)} left out, {given.steps} steps, {took:.0f} s")
    print(table.unstack().round(2).to_string())


if __name__ == "__main__":
    main()
