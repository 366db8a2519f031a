"""Refinement, anatomical sense and the eye for what is no leg: ``python -m benchmarks.quality``.

True labels of digital legs are bent by a smooth field and refined on the image: Dice and volume
before and after, and what refinement does to labels that were right. Shares of true labels with
noise are given anatomical sense. Scores of legs and of what is no leg stand beside each other.
"""

import time
import tracemalloc

import numpy as np
import pandas as pd
from scipy import ndimage

from benchmarks._real_legs import real_legs
from imaging.formats.nifti import load_image
from imaging.image import Image, canonical
from imaging.muscles import structure_of
from imaging.phantom import not_legs
from imaging.phantom.images import dixon_echoes, label_image, t1_weighted
from imaging.phantom.leg import make_leg
from imaging.segmentation.anatomical import impose_anatomy
from imaging.segmentation.legs import leg_mask, split_legs
from imaging.segmentation.quality import assess_leg
from imaging.segmentation.refine import moved, refine
from imaging.segmentation.shares import Shares
from imaging.segmentation.view import view_leg, work_spacing
from imaging.training.leg_frame import KEYS, shares_of

from benchmarks.segmentation import ANATOMY, dice  # isort: skip

SEEDS = ((41, "left"), (42, "right"))
SPACING = (1.0, 1.0, 5.0)


def bend(shape: tuple[int, ...], spacing: np.ndarray, mm: float, seed: int) -> np.ndarray:
    """Return a smooth field (2, I, J, K) across the leg of the given root mean square, mm."""
    rng = np.random.default_rng(seed)
    field = np.stack(
        [ndimage.gaussian_filter(rng.standard_normal(shape), 12.0 / spacing) for _ in range(2)]
    )
    return (field / np.sqrt((field**2).sum(0).mean()) * mm).astype(np.float32)


def bias(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean relative error of the volumes of muscles."""
    muscles = [v for v in np.unique(truth) if v > 0 and structure_of(int(v)).is_muscle]
    return float(np.mean([(found == v).sum() / (truth == v).sum() - 1 for v in muscles]))


def refinement() -> pd.DataFrame:
    """Return Dice and bias before and after refinement per leg, contrast and size of the error."""
    rows = []
    for seed, side in SEEDS:
        leg = make_leg(seed, side)
        grid = leg.grid(SPACING, (5.0, 5.0, -100.0))
        truth = label_image([leg], grid).data % 100
        rng = np.random.default_rng(seed)
        images = {"T1w": t1_weighted([leg], grid, (2, 2, 3), 30.0, rng)}
        echoes = dixon_echoes([leg], grid, (2, 2, 3), 30.0, rng)
        images |= {"out of phase": echoes[0][0], "in phase": echoes[1][0]}
        for contrast, image in images.items():
            for mm in (0.0, 1.0, 2.0):
                field = bend(truth.shape, grid.spacing, mm, seed)
                bad = moved(truth, field, grid.spacing)
                start = time.process_time()
                found = refine(bad, image.data, grid.spacing)
                seconds = time.process_time() - start
                before, after = dice(truth, bad), dice(truth, found)
                rows.append(
                    (f"{seed} {side}", contrast, mm, np.mean(list(before.values())),
                     np.mean(list(after.values())), min(after[k] - before[k] for k in before),
                     bias(bad, truth), bias(found, truth), seconds)
                )  # fmt: skip
    columns = ["leg", "contrast", "moved_mm", "dice_before", "dice_after", "worst_change",
               "bias_before", "bias_after", "cpu_s"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def cost() -> str:
    """Return time and memory of refining one leg at 1 mm on a made-up image of its labels."""
    leg = make_leg(44, "right")
    grid = leg.grid((1.0, 1.0, 4.0))
    thick = label_image([leg], grid).data % 100
    truth = np.repeat(thick, 4, axis=2)
    noise = np.random.default_rng(0).normal(0.0, 0.05, truth.shape).astype(np.float32)
    image = np.where((truth > 0) & (truth < 20), 1.0, 2.0).astype(np.float32) + noise
    bad = moved(truth, bend(truth.shape, np.ones(3), 1.5, 1), np.ones(3))
    tracemalloc.start()
    start = time.process_time()
    refine(bad, image, np.ones(3))
    seconds, memory = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    return f"{truth.shape} at 1 mm: {seconds:.1f} s of one core, {memory / 2**30:.2f} GiB more"


def dice_with_noise() -> pd.DataFrame:
    """Return mean Dice of noisy shares of real legs before and after anatomical sense."""
    rows = []
    for n, leg in enumerate(map(shares_of, real_legs(np.array([2.0, 2.0, 6.0])).values())):
        truth = leg.indices()
        values = ndimage.gaussian_filter(leg.values, (0, 0.8, 0.8, 0.3))
        clean = Shares(leg.keys, values, leg.grid)
        noise = np.random.default_rng(n).standard_normal(values.shape).astype(np.float32)
        noise = ndimage.gaussian_filter(noise, (0, 2, 2, 0.7))
        noisy = np.maximum(values, 1e-3) ** 0.5 * np.exp(0.7 * noise / noise.std())
        noisy[0] *= 3.0
        bad = Shares(KEYS, (noisy / noisy.sum(0)).astype(np.float32), leg.grid)
        parts = (bad, impose_anatomy(bad), clean, impose_anatomy(clean))
        rows.append([np.mean(list(dice(truth, s.indices()).values())) for s in parts])
    return pd.DataFrame(rows, columns=["noisy", "noisy, sense", "true", "true, sense"])


def domain() -> pd.DataFrame:
    """Return the scores of images with legs and without, before any labelling."""
    leg = make_leg(43, "right")
    grid = leg.grid((1.5, 1.5, 6.0))
    whole = t1_weighted([leg], grid, (2, 2, 2), 25.0, np.random.default_rng(0))
    n = whole.shape[2]

    def part(low: int, high: int) -> Image:
        return Image(whole.data[:, :, low:high], whole.affine)

    images = {
        "digital leg": whole, "its middle third": part(n // 3, 2 * n // 3),
        "its knee end": part(n - 7, n), "its ankle": part(0, 7), "thigh": not_legs.thigh(),
        "lean thigh": not_legs.thigh(1, 3.0), "bottle": not_legs.bottle(),
    }  # fmt: skip
    for path in sorted((ANATOMY.parent / "mri").glob("*.nii.gz")):
        images[path.name.removesuffix(".nii.gz")] = canonical(load_image(path))
    rows = []
    for name, image in images.items():
        for mask in split_legs(leg_mask(image), image.spacing, image.data):
            view = view_leg(image, mask, work_spacing(2.0))
            found = assess_leg(view.tissue, view.work.spacing)
            rows.append((name, found.score, "; ".join(flag.code for flag in found.flags)))
    return pd.DataFrame(rows, columns=["image", "score", "flags"])


if __name__ == "__main__":
    print(refinement().round(3).to_string(index=False))
    print(cost())
    print(domain().round(2).to_string(index=False))
    if ANATOMY.is_dir():
        print(dice_with_noise().round(3).to_string(index=False))
