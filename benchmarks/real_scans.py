"""Labels of real scans without drawn labels: volumes, left against right, echo against echo.

``python -m benchmarks.real_scans`` labels the images of ``../shared/data/mri`` by the network (or
``--method``) and prints, per muscle, volumes of both legs and, for the three Dixon echoes, Dice of
every pair (the same legs, three contrasts). Water and fat images are made of two echoes (of half
their sum and half their difference the larger is water where the first echo finds muscle, and
fat elsewhere) and compared likewise. ``--pictures FOLDER`` draws overlays to judge by eye.
"""

import argparse
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from scipy import ndimage

from benchmarks.segmentation import ANATOMY
from imaging.config import SegmentationSettings
from imaging.formats.nifti import load_image
from imaging.image import Image, canonical
from imaging.io.label_sources import read_sources
from imaging.io.networks import load_network
from imaging.muscles import label_of, structure
from imaging.palette import muscle_colour
from imaging.segmentation.legs import correct_bias, leg_grid, leg_mask, split_legs
from imaging.segmentation.locate import locate
from imaging.segmentation.network import KEYS, Network, built_in, leg_slices, run
from imaging.segmentation.segment import segment
from imaging.training.dice import LARGE

SCANS = {
    "gre": "both-lower-legs_gre.nii.gz",
    "te3.45": "both-lower-legs_dixon_te3.45_mag.nii.gz",
    "te4.60": "both-lower-legs_dixon_te4.60_mag.nii.gz",
    "te5.75": "both-lower-legs_dixon_te5.75_mag.nii.gz",
}
MUSCLES = KEYS[2:-2]


def scan(name: str) -> Image:
    """Return a real image in canonical axis order."""
    return canonical(load_image(ANATOMY.parent / "mri" / SCANS[name]))


def labelled(image: Image, settings: SegmentationSettings) -> tuple[Image, np.ndarray, list[str]]:
    """Return the image, bias-corrected, its labels, and the warnings."""
    mask = leg_mask(image)
    image = correct_bias(image, mask)
    sources, _, _ = read_sources(settings, None, None)
    found = segment(image, mask, sources)
    return image, found.labels, found.warnings


def parted(labels: np.ndarray) -> dict[str, Image]:
    """Return water and fat images from the first two Dixon echoes.

    Parameters
    ----------
    labels : (I, J, K)
        Of the first echo.
    """
    opposed, in_phase = scan("te3.45"), scan("te4.60").data.astype(float)
    more = 0.5 * (in_phase + opposed.data)
    less = 0.5 * np.abs(in_phase - opposed.data)
    bones = [structure(key).index for key in ("TIB", "FIB")]
    disk = np.hypot(*np.mgrid[-9:10, -9:10])[..., None] < 9.5
    under = ndimage.binary_closing(np.pad(labels > 0, ((9, 9), (9, 9), (0, 0))), disk)[9:-9, 9:-9]
    muscle = under & ~np.isin(labels % 100, bones)
    pair = {"water": np.where(muscle, more, less), "fat": np.where(muscle, less, more)}
    return {name: opposed.with_data(data.astype(np.float32)) for name, data in pair.items()}


def volumes(image: Image, labels: np.ndarray) -> pd.DataFrame:
    """Return volumes (ml) of both sides and their difference in percent of the mean."""
    rows = {}
    for key in MUSCLES:
        left, right = (
            float((labels == label_of(key, side)).sum()) * image.voxel_ml
            for side in ("left", "right")
        )
        mean = 0.5 * (left + right)
        rows[key] = {"left": left, "right": right, "%": 100 * (right - left) / max(mean, 1e-6)}
    return pd.DataFrame(rows).T


def agreement(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Return Dice per muscle and bone, both sides together."""
    out = {}
    for key in KEYS[2:]:
        one, two = (np.isin(v, [structure(key).index + s for s in (100, 200)]) for v in (a, b))
        out[key] = float(2 * (one & two).sum() / max(one.sum() + two.sum(), 1))
    return out


# Slices of the first echo in which the joint surfaces of ankle and knee are seen, and those below
# and above which nothing is tibia any more.
JOINTS = {"left": (12.5, 85.5, 10, 88), "right": (11.0, 84.0, 8, 86)}


def ends(network: Network) -> pd.DataFrame:
    """Return how many slices too high joints are placed on the first echo, and false bone, ml.

    False bone is what the network alone calls tibia or fibula beyond the joints.
    """
    image = scan("te3.45")
    mask = leg_mask(image)
    image = correct_bias(image, mask)
    rows = {}
    for leg, (side, seen) in zip(
        split_legs(mask, image.spacing, image.data), JOINTS.items(), strict=True
    ):
        grid, own = leg_grid(image, leg)
        slices = leg_slices(grid, own)
        shares = run(network, slices, side == "left")
        place = locate(shares, network.card["profile"], slices.data > 0)
        if place is None:
            continue
        first = round(float(image.to_voxels(grid.to_world([[0, 0, 0]]))[0][2]))
        step = place.heights[1] - place.heights[0]
        found = [first + (at - place.heights[0]) / step for at in (0.0, 1.0)]
        winner = shares.values.argmax(0)
        bone = np.isin(winner, [KEYS.index("TIB"), KEYS.index("FIB")]).sum((0, 1)) * grid.voxel_ml
        rows[side] = {
            "ankle": found[0] - seen[0], "knee": found[1] - seen[1],
            "bone below, ml": bone[: seen[2] - first].sum(),
            "bone above, ml": bone[seen[3] - first :].sum(),
        }  # fmt: skip
    return pd.DataFrame(rows).T


def picture(image: Image, labels: np.ndarray, path: Path, count: int = 8) -> None:
    """Draw slices without and with labels."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    inside = np.argwhere(labels > 0)
    low, high = np.maximum(inside.min(0) - 6, 0), inside.max(0) + 7
    slices = np.linspace(low[2] + 8, high[2] - 9, count).astype(int)
    window = slice(low[0], high[0]), slice(low[1], high[1])
    wide = (high[0] - low[0]) / (high[1] - low[1])
    figure, axes = plt.subplots(count // 2, 4, figsize=(18, 18 * count / 8 / wide + 0.4))
    for n, k in enumerate(slices):
        data = image.data[:, :, k][window]
        plane = labels[:, :, k][window]
        overlay = np.zeros((*plane.shape, 4))
        for label in np.unique(plane[plane > 0]):
            overlay[plane == label] = [*(c / 255 for c in muscle_colour(int(label))), 0.45]
        for m in (0, 1):
            axis = axes[n // 2, 2 * (n % 2) + m]
            axis.imshow(data.T, origin="lower", cmap="gray", vmax=np.percentile(data, 99.5))
            axis.set_axis_off()
        axis.imshow(overlay.transpose(1, 0, 2), origin="lower")
        axes[n // 2, 2 * (n % 2)].set_title(f"slice {k}", fontsize=8)
    figure.subplots_adjust(0, 0, 1, 0.97, 0.01, 0.04)
    figure.savefig(path, dpi=70, pil_kwargs={"quality": 80})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", default="network")
    parser.add_argument("--network", default=None)
    parser.add_argument("--scans", nargs="*", default=list(SCANS))
    parser.add_argument("--pictures", type=Path, default=None)
    chosen = parser.parse_args()
    settings = SegmentationSettings(method=chosen.method, network=chosen.network)
    found: dict[str, np.ndarray] = {}

    def show(name: str, image: Image) -> None:
        image, found[name], warnings = labelled(image, settings)
        print(f"\n{name}: volume in view, ml")
        print(volumes(image, found[name]).round(0).to_string())
        print("\n".join(f"  ! {text}" for text in warnings))
        if chosen.pictures is not None:
            chosen.pictures.mkdir(parents=True, exist_ok=True)
            picture(image, found[name], chosen.pictures / f"network-{name}.jpg")

    if chosen.method == "network":
        network = load_network(Path(chosen.network) if chosen.network else built_in())
        print("first echo, network alone: slices that joints lie too high, false bone")
        print(ends(network).round(1).to_string())
    for name in chosen.scans:
        show(name, scan(name))
    if "te3.45" in found:
        for name, image in parted(found["te3.45"]).items():
            show(name, image)
    same = [name for name in found if name != "gre"]
    if len(same) > 1:
        pairs = {f"{a} / {b}": agreement(found[a], found[b]) for a, b in combinations(same, 2)}
        table = pd.DataFrame(pairs)
        table.loc["mean of the larger eight"] = table.loc[list(LARGE)].mean()
        print("\nDice between images of the same legs")
        print(table.T.round(2).to_string())


if __name__ == "__main__":
    main()
