"""Dice per muscle: a digital leg against the built-in atlas, and one real body against another.

``python -m benchmarks.segmentation`` prints a table. The second part needs the label maps of real
legs beside the project (``../shared/data/anatomy``); it has labels only, no intensities.
``--slabs`` prints instead what the built-in network makes of one digital leg scanned in axial,
coronal and sagittal slices: Dice and volumes.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.image import Image
from imaging.io.atlas import load_atlas
from imaging.io.networks import load_network
from imaging.muscles import single_keys, structure, structure_of
from imaging.phantom.images import label_image, t1_weighted
from imaging.phantom.leg import make_leg
from imaging.segmentation.align import deform, register_leg
from imaging.segmentation.atlas import AtlasLeg, built_in_atlas
from imaging.segmentation.features import label_features
from imaging.segmentation.legs import correct_bias, leg_mask
from imaging.segmentation.multiatlas import fused
from imaging.segmentation.network import KEYS, built_in
from imaging.segmentation.segment import Sources, segment
from imaging.segmentation.view import LegView, work_spacing

ANATOMY = Path(__file__).parents[1].parent / "shared" / "data" / "anatomy"


def dice(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Return Dice per muscle, by key, of two label maps on one grid."""
    out = {}
    for v in (int(v) for v in np.unique(truth) if v > 0):
        if structure_of(v).is_muscle:
            shared = ((truth == v) & (found == v)).sum()
            out[structure(structure_of(v).key).key] = float(
                2 * shared / ((truth == v).sum() + (found == v).sum())
            )
    return out


def bodies(spacing_mm: float = 2.0) -> dict[str, dict[str, float]]:
    """Return Dice per muscle of one body's right leg labelled from the other body's."""
    spacing = work_spacing(spacing_mm)
    about = ANATOMY.parent / "atlas.json"
    legs = {leg.name: leg for leg in _real_legs(spacing, about)}
    out = {}
    for target, model in (("vhf_right", "vhm_right"), ("vhm_right", "vhf_right")):
        out[f"{target} from {model}"] = _from_labels(legs[target], legs[model])
    return out


def _real_legs(spacing: np.ndarray, about: Path) -> list[AtlasLeg]:
    from imaging.io.atlas import load_leg

    names = ("vhf_right_dseg.nii.gz", "vhm_right_dseg.nii.gz")
    sides = dict.fromkeys(names, "right")
    return [load_leg(ANATOMY / n, sides, "visible_human", spacing, about) for n in names]


def _from_labels(target: AtlasLeg, model: AtlasLeg) -> dict[str, float]:
    features, _ = label_features(target.indices, target.spacing)
    grid = Image(target.indices, np.diag([*target.spacing, 1.0]))
    view = LegView((slice(None),) * 3, grid, None, features)  # type: ignore[arg-type]
    registered = deform(view, register_leg(view, model))
    whole = np.ones((1, 1, 1, 1), np.float32)
    found = fused([registered], whole, grid, KEYS, grid).indices()
    return dice(merged(target.indices), found)


def digital_leg(spacing_mm: float = 2.0, seed: int = 1) -> dict[str, float]:
    """Return Dice per muscle of a digital right leg labelled from the built-in atlas."""
    leg = make_leg(seed, "right")
    grid = leg.grid((2.0, 2.0, 6.0))
    image = t1_weighted([leg], grid, (2, 2, 2), 40.0, np.random.default_rng(seed))
    truth = label_image([leg], grid)
    mask = leg_mask(image)
    atlas = load_atlas(built_in_atlas(), work_spacing(spacing_mm))
    sources = Sources(atlas=atlas)
    found = segment(correct_bias(image, mask), mask, sources, spacing_mm=spacing_mm)
    return dice(merged(truth.data), found.labels % 100)


def merged(labels: np.ndarray) -> np.ndarray:
    """Return indices without side, with the groups that the network knows."""
    out = labels % 100
    for group in ("EDL+PT", "PL+PB"):
        own = [structure(key).index for key in single_keys(group)]
        out = np.where(np.isin(out, own), structure(group).index, out)
    return out


def table() -> pd.DataFrame:
    """Return Dice per muscle (rows) and comparison (columns), with the mean."""
    columns = {"digital leg": digital_leg()}
    if ANATOMY.is_dir():
        columns |= bodies()
    frame = pd.DataFrame(columns)
    frame.loc["mean"] = frame.mean()
    return frame


SLABS = ((1.2, 1.2, 5.0), (1.2, 5.0, 1.2), (5.0, 1.2, 1.2), (1.2, 3.0, 1.2), (2.0, 2.0, 2.0))


def slabs(seed: int = 31) -> pd.DataFrame:
    """Return Dice and volumes (found over true) of one digital leg per voxel size (rows)."""
    leg, network = make_leg(seed, "right"), load_network(built_in())
    rows = {}
    for spacing in SLABS:
        grid = leg.grid(spacing, (5.0, 5.0, -40.0))
        split = tuple(3 if mm > 3 else 2 if mm > 1.5 else 1 for mm in spacing)
        image = t1_weighted([leg], grid, split, 40.0, np.random.default_rng(seed))
        truth, mask = merged(label_image([leg], grid).data), leg_mask(image)
        found = segment(correct_bias(image, mask), mask, Sources(network)).labels % 100
        own = dice(truth, found)
        row: dict[str, float | str] = {"mean Dice": float(np.mean(list(own.values()))), **own}
        for key in ("TA", "GM", "SOL"):
            pair = [(v == structure(key).index).sum() * image.voxel_ml for v in (found, truth)]
            row[f"{key} ml"] = f"{pair[0]:.0f}/{pair[1]:.0f}"
        rows[" x ".join(f"{mm:g}" for mm in spacing)] = row
    return pd.DataFrame(rows).T


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slabs", action="store_true")
    frame = slabs() if parser.parse_args().slabs else table()
    print(frame.infer_objects().to_string(na_rep="", float_format="{:.2f}".format))
