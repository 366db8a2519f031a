"""How far labels move under changes that change no leg: volumes per muscle, real images.

``python -m benchmarks.stability [--network FOLDER]`` labels real images of ``../shared/data`` as
they are and after each small change (noise of SNR 20 in muscle, half a voxel's shift across the
leg, contrast raised to the power .8 and 1.25, shading by a quarter from side to side, every other
row of voxels left out) and prints by how many percent each muscle's volume moves: the median over
images, sides and changes, the worst, and in how many cases a muscle of which nothing was said
moved by more than 10 %. A muscle counts as told where its label is named in a warning.
"""

import argparse
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import ndimage

from benchmarks.person_labels import images
from benchmarks.real_scans import labelled, scan
from imaging.config import SegmentationSettings
from imaging.image import Image
from imaging.muscles import label_of
from imaging.segmentation.legs import leg_mask

MUSCLES = ("TA", "EDL+PT", "PL+PB", "GM", "GL", "SOL", "TP", "FDL", "FHL", "EHL", "PLA", "POP")
MOST = 10.0
SNR = 20.0
Change = Callable[[Image, np.random.Generator], Image]


def noisy(image: Image, rng: np.random.Generator) -> Image:
    """Add noise of both channels."""
    sigma = float(np.median(image.data[leg_mask(image)])) / SNR
    real = image.data + sigma * rng.standard_normal(image.shape)
    return image.with_data(
        np.hypot(real, sigma * rng.standard_normal(image.shape)).astype(np.float32)
    )


def shifted(image: Image, _: np.random.Generator) -> Image:
    """Sample the leg half a voxel further, as another placement of the grid would."""
    moved = ndimage.shift(image.data.astype(np.float32), (0.5, 0.5, 0), order=3, mode="nearest")
    affine = image.affine.copy()
    affine[:3, 3] -= image.affine[:3, :3] @ [0.5, 0.5, 0]
    return Image(np.maximum(moved, 0), affine)


def power(exponent: float) -> Change:
    """Return a change of contrast that keeps the order of signals."""

    def change(image: Image, _: np.random.Generator) -> Image:
        top = float(image.data.max())
        return image.with_data(
            (top * (np.maximum(image.data, 0) / top) ** exponent).astype(np.float32)
        )

    return change


def shaded(image: Image, _: np.random.Generator) -> Image:
    """Shade the image from side to side."""
    ramp = np.linspace(0.875, 1.125, image.shape[0], dtype=np.float32)
    return image.with_data(image.data * ramp[:, None, None])


def sparse(image: Image, _: np.random.Generator) -> Image:
    """Average voxels in pairs across the leg."""
    even = image.data[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2].astype(np.float32)
    pairs = 0.25 * (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])
    affine = image.affine @ np.diag([2.0, 2.0, 1.0, 1.0])
    affine[:3, 3] += image.affine[:3, :3] @ [0.5, 0.5, 0]
    return Image(pairs, affine)


CHANGES: dict[str, Change] = {
    "noise": noisy, "half a voxel": shifted, "power .8": power(0.8), "power 1.25": power(1.25),
    "shading": shaded, "coarser": sparse,
}  # fmt: skip


def measured(image: Image, settings: SegmentationSettings) -> dict[tuple[str, str], float]:
    """Return the volume (ml) of each muscle and side, negative where a warning names it."""
    image, labels, warnings = labelled(image, settings)
    out = {}
    for side in ("left", "right"):
        for key in MUSCLES:
            volume = float((labels == label_of(key, side)).sum()) * image.voxel_ml
            name = re.compile(rf"(?<![\w+]){re.escape(key)}(?![\w+])")
            told = any(name.search(w) and side in w.lower() for w in warnings)
            out[key, side] = -volume if told else volume
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default=None)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    settings = SegmentationSettings(network=chosen.network)
    own = images()
    shown = {"gre": scan("gre"), "te3.45": scan("te3.45")}
    shown |= {f"person {name}": own[name] for name in ("anat", "T2 1", "water")}
    rows = []
    for name, image in shown.items():
        before = measured(image, settings)
        for change, function in CHANGES.items():
            if change == "coarser" and image.spacing[0] > 2:
                continue
            after = measured(function(image, np.random.default_rng(chosen.seed)), settings)
            for (key, side), volume in before.items():
                if abs(volume) < 1.0:
                    continue
                moved = 100 * (abs(after[key, side]) / abs(volume) - 1)
                told = volume < 0 or after[key, side] < 0
                rows.append((name, change, key, side, abs(moved), told))
    table = pd.DataFrame(rows, columns=["image", "change", "muscle", "side", "moved", "told"])
    table["silent"] = ~table["told"] & (table["moved"] > MOST)
    for by in ("muscle", "change", "image"):
        groups = table.groupby(by, sort=False)
        print(f"\nvolume moves by, %, per {by}")
        print(
            pd.DataFrame({
                "n": groups.size(), "median": groups["moved"].median().round(1),
                "worst": groups["moved"].max().round(0), "over 10 %": (groups["moved"].apply(
                    lambda moved: int((moved > MOST).sum()))),
                "and not told": groups["silent"].sum(),
            }).to_string()
        )  # fmt: skip


if __name__ == "__main__":
    main()
