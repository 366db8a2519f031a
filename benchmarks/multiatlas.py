"""Dice of several registered legs fused, beside the single best one.

``python -m benchmarks.multiatlas`` prints a table: digital legs (other seeds) from the three of the
built-in atlas, and each real leg from the other body's two (``../shared/data/anatomy``; labels
alone, so the channels are exact).
"""

import argparse

import numpy as np
import pandas as pd

from benchmarks.segmentation import ANATOMY, dice, merged
from imaging.image import Image
from imaging.io.atlas import load_atlas, load_leg
from imaging.phantom.images import label_image, t1_weighted
from imaging.phantom.leg import make_leg
from imaging.segmentation.align import deform, register_leg
from imaging.segmentation.atlas import AtlasLeg, built_in_atlas
from imaging.segmentation.features import label_features
from imaging.segmentation.legs import correct_bias, leg_mask, split_legs
from imaging.segmentation.multiatlas import fused, joint_weights, residuals
from imaging.segmentation.shares import Shares, label_on
from imaging.segmentation.view import LegView, view_leg, work_spacing

REAL_KEYS = ("", "TA", "EDL+PT", "EHL", "PL+PB", "GM", "GL", "SOL", "PLA", "POP", "FDL", "FHL",
             "TP", "TIB", "FIB")  # fmt: skip
DIGITAL_KEYS = ("", "SAT", "SKIN", *(k for k in REAL_KEYS[1:]))


def real_legs(spacing: np.ndarray) -> dict[str, AtlasLeg]:
    """Return the real legs, as right legs."""
    out = {}
    for path in sorted(ANATOMY.glob("*_dseg.nii.gz")):
        side = {path.name: "left" if "left" in path.name else "right"}
        leg = load_leg(path, side, "visible_human", spacing, path)
        out[leg.name] = leg
    return out


def label_view(leg: AtlasLeg) -> LegView:
    """Return a leg in view whose channels come from its labels."""
    features, _ = label_features(leg.indices, leg.spacing)
    grid = Image(leg.indices, np.diag([*leg.spacing, 1.0]))
    return LegView((slice(None),) * 3, grid, None, features)


def digital_view(seed: int, spacing: np.ndarray) -> tuple[LegView, Image]:
    """Return a digital leg in view by its T1-weighted image, and its true labels."""
    leg = make_leg(seed, "right")
    grid = leg.grid((1.5, 1.5, 5.0))
    image = t1_weighted([leg], grid, (2, 2, 2), 40.0, np.random.default_rng(seed))
    mask = leg_mask(image)
    view = view_leg(correct_bias(image, mask), split_legs(mask, image.spacing)[0], spacing)
    return view, label_image([leg], grid)


def fusions(view: LegView, legs: list[AtlasLeg], keys: tuple[str, ...]) -> dict[str, Shares]:
    """Return the shares of each way of fusing."""
    tries = sorted((register_leg(view, leg) for leg in legs), key=lambda r: r.cost)
    chosen = [deform(view, one) for one in tries]
    errors = residuals(view.features, chosen)
    count, shape = len(chosen), view.work.shape
    one = np.ones((1, *shape), np.float32)
    local = 1 / ((errors**2).sum(1) + 1e-2)
    weights = {
        "mean": np.full((count, *shape), 1 / count, np.float32),
        "local": (local / local.sum(0)).astype(np.float32),
        "joint": joint_weights(errors, view.features.spacing),
    }
    out = {"best single": fused(chosen[:1], one, view.work, keys, view.work)}
    for n, other in enumerate(chosen[1:], start=2):
        out[f"single {n}"] = fused([other], one, view.work, keys, view.work)
    return out | {n: fused(chosen, w, view.work, keys, view.work) for n, w in weights.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3, 4])
    parser.add_argument("--spacing", type=float, default=2.0)
    parser.add_argument("--real", nargs="*", default=["vhf_right", "vhm_right"])
    chosen = parser.parse_args()
    spacing = work_spacing(chosen.spacing)
    rows = {}
    if ANATOMY.is_dir() and chosen.real:
        legs = real_legs(spacing)
        for name in chosen.real:
            others = [leg for n, leg in legs.items() if n[:3] != name[:3]]
            view = label_view(legs[name])
            for way, shares in fusions(view, others, REAL_KEYS).items():
                rows[(name, way)] = dice(legs[name].indices, shares.indices())
    atlas = load_atlas(built_in_atlas(), spacing)
    for seed in chosen.seeds:
        view, truth = digital_view(seed, spacing)
        for way, shares in fusions(view, list(atlas.legs), DIGITAL_KEYS).items():
            found, _ = label_on(shares, truth)
            rows[(f"digital {seed}", way)] = dice(merged(truth.data), found)
    frame = pd.DataFrame(rows).T
    frame["mean"] = frame.mean(axis=1)
    print(frame.round(3).to_string(na_rep=""))
    print(frame["mean"].unstack().round(3).to_string(na_rep=""))


if __name__ == "__main__":
    main()
