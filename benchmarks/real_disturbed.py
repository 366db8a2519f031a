"""Labels of a real scan that is cut, coarsened, noisy, shaded or turned, against its own.

``python -m benchmarks.real_disturbed`` labels the gradient-echo image of ``../shared/data/mri`` (or
``--scan``) as it is and disturbed, by the built-in network, and prints the mean Dice of the larger
eight muscles of both legs between the two, where both see them, and the muscle that agrees least.
No truth is known: this tells how steady labels are, not how right.
"""

import argparse

import numpy as np
import pandas as pd

from benchmarks.real_scans import SCANS, labelled, scan
from imaging.config import SegmentationSettings
from imaging.image import Image, canonical, resample
from imaging.muscles import structure
from imaging.training.dice import LARGE

_LEAST_VOXELS = 200


def part(image: Image, *slices: slice) -> Image:
    """Return a block of an image."""
    start = [s.start or 0 for s in slices]
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ start
    return Image(np.ascontiguousarray(image.data[slices]), affine)


def coarser(image: Image, pixel_mm: float) -> Image:
    """Return an image averaged over whole numbers of voxels across the leg."""
    n = max(2, round(pixel_mm / image.spacing[0]))
    i, j, k = image.shape
    data = image.data[: i // n * n, : j // n * n].reshape(i // n, n, j // n, n, k).mean((1, 3))
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :2] @ [(n - 1) / 2, (n - 1) / 2]
    affine[:3, :2] *= n
    return Image(data.astype(np.float32), affine)


def disturbed(image: Image) -> dict[str, Image]:
    """Return the image in other ways, by name."""
    rng, data, everything = np.random.default_rng(0), image.data.astype(np.float32), slice(None)
    i, _, k = image.shape
    muscle = float(np.median(data[data > np.percentile(data, 60)]))
    noise = 0.12 * muscle * rng.standard_normal((2, *image.shape))
    x, y, _ = np.indices(image.shape, dtype=np.float32)
    shade = np.exp(1.2 * np.sin(3 * x / i) - 0.8 * y / image.shape[1])
    twice = image.affine.copy()
    twice[:3, 2] *= 2

    def slices(low: int, high: int) -> Image:
        return part(image, everything, everything, slice(low, high))

    return {
        "lower half": slices(0, k // 2),
        "upper half": slices(k // 2, k),
        "ten slices": slices(k // 2 - 5, k // 2 + 5),
        "five slices": slices(k // 2 - 2, k // 2 + 3),
        "left half": part(image, slice(0, i // 2), everything, everything),
        "right half": part(image, slice(i // 2, i), everything, everything),
        "3 mm pixels": coarser(image, 3.0),
        "every other slice": Image(np.ascontiguousarray(data[:, :, ::2]), twice),
        "noise, 12 % of muscle": image.with_data(np.hypot(data + noise[0], noise[1])),
        "coil shading": image.with_data(data * shade),
        "turned by 20 degrees": image,
    }


def turned(image: Image, degrees: float) -> Image:
    """Return an image turned about the axis of the legs, voxels as they are."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turn = np.eye(4)
    turn[:2, :2] = [[c, -s], [s, c]]
    return Image(image.data, turn @ image.affine)


def agreement(base: Image, found: Image) -> dict[str, float]:
    """Return Dice per larger muscle and side on the grid of the first, where both see it."""
    seen = resample(found.with_data(np.ones(found.shape, np.uint8)), base, order=0).data > 0
    other = resample(found, base, order=0).data
    out = {}
    for key in LARGE:
        for side, code in (("left", 100), ("right", 200)):
            a, b = ((v == code + structure(key).index) & seen for v in (base.data, other))
            if a.sum() > _LEAST_VOXELS:
                out[f"{side} {key}"] = float(2 * (a & b).sum() / (a.sum() + b.sum()))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scan", choices=list(SCANS), default="gre")
    chosen, settings = parser.parse_args(), SegmentationSettings(method="network")
    image = scan(chosen.scan)
    base = image.with_data(labelled(image, settings)[1])
    rows = {}
    for name, way in disturbed(image).items():
        angle = 20.0 if name.startswith("turned") else 0.0
        own = canonical(turned(way, angle))
        found = turned(own.with_data(labelled(own, settings)[1]), -angle)
        dice = agreement(base, found)
        least = min(dice, key=lambda key: dice[key])
        rows[name] = {"mean": float(np.mean(list(dice.values()))), "least": dice[least],
                      "which": least}  # fmt: skip
    print(pd.DataFrame(rows).T.to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
