"""Labels of a real person's calves, judged by drawn ones: Dice per muscle, volumes image by image.

``python -m benchmarks.person_labels [--network FOLDER ...] [--pictures FOLDER]`` labels six images
of ``../shared/data/person`` one by one and prints, per network: Dice of seven drawn muscles on the
3 mm image and on the b0 of the same slices, left and right, plain and among voxels that are drawn
(the drawing leaves gaps of a voxel between muscles, which only the second does not count); what
share of each drawn muscle is not labelled; and the volumes of GL and SOL over the six images, of
the slices that all of them show. Then all images but fat vote, with the 3 mm image and with water
as the reference: the same Dice of the joint labels, those on water carried to b0 by the rigid
registration of the diffusion stage, and how far volumes differ between images that are registered
leg by leg. A test set: no network has seen it, none is tuned to it.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.person import MUSCLES, PERSON, drawn_labels, series
from benchmarks.real_scans import labelled, picture
from imaging.config import SegmentationSettings
from imaging.errors import PennateError
from imaging.formats.nifti import load_image
from imaging.image import Image, canonical
from imaging.io.label_sources import read_sources
from imaging.muscles import label_of
from imaging.registration import register_rigid
from imaging.segmentation.legs import correct_bias, leg_mask, split_legs
from imaging.segmentation.segment import Segmentation, segment
from imaging.segmentation.votes import Voter

SIDES = ("left", "right")
OURS = {"EDL": ("EDL+PT", "EHL")}
_JUDGED = ("anat", "b0")


def images() -> dict[str, Image]:
    """Return six images in canonical axis order, in the world of the diffusion series.

    Water and fat carry another origin, and are moved to the 3 mm image.
    """
    diffusion, table = series()
    b0 = diffusion.data[..., np.asarray(table.bvals) < 5].mean(-1)
    anat = load_image(PERSON / "both-lower-legs_anat_3mm.nii.gz").data[::-1]
    echoes = spin_echoes()
    out = {
        "anat": Image(np.ascontiguousarray(anat, np.float32), diffusion.affine),
        "b0": Image(b0.astype(np.float32), diffusion.affine),
        "T2 1": echoes.with_data(np.ascontiguousarray(echoes.data[..., 0])),
        "T2 6": echoes.with_data(np.ascontiguousarray(echoes.data[..., 5])),
    }
    out = {name: canonical(image) for name, image in out.items()}
    water, fat = (
        canonical(load_image(PERSON / f"both-lower-legs_{name}.nii.gz"))
        for name in ("water", "fat")
    )
    place = moved(out["anat"], water)
    return out | {"water": Image(water.data, place), "fat": Image(fat.data, place)}


def spin_echoes() -> Image:
    """Return the train of spin echoes (I, J, K, 17).

    The file tells of 13 slices and 18 volumes, but the echoes of each slice follow one another in
    it: seventeen of every slice, then one more image of each. Read as its header says, a "volume"
    is a stack of echoes of a slice or two.
    """
    image = load_image(PERSON / "both-lower-legs_t2_18echoes.nii.gz", ndim=4)
    i, j, slices, count = image.data.shape
    flat = np.asarray(image.data).reshape(i, j, slices * count, order="F")
    trains = flat[..., : slices * (count - 1)].reshape(i, j, count - 1, slices, order="F")
    return image.with_data(np.ascontiguousarray(np.swapaxes(trains, 2, 3)))


def moved(anat: Image, water: Image) -> np.ndarray:
    """Return the affine of the water image in the world of the 3 mm image.

    The legs lie a few millimetres nearer to each other in one of the images: what both need
    together is the rotation, and the mean of what each needs by itself the shift.
    """
    masks = [leg_mask(image) for image in (anat, water)]
    centres = [
        image.to_world(np.argwhere(mask)).mean(0)
        for image, mask in zip((anat, water), masks, strict=True)
    ]
    near = water.affine.copy()
    near[:3, 3] += centres[0] - centres[1]
    near = np.linalg.inv(register_rigid(anat, masks[0], Image(water.data, near)).world) @ near
    shifts = []
    for leg in split_legs(masks[0], anat.spacing):
        centre = anat.to_world(np.argwhere(leg).mean(0))
        world = register_rigid(anat, leg, Image(water.data, near)).world
        shifts.append(world[:3, :3] @ centre + world[:3, 3] - centre)
    near[:3, 3] -= np.mean(shifts, axis=0)
    return near


def on_grid(labels: Image, grid: Image) -> np.ndarray:
    """Return labels at the voxels of another grid, -1 where nothing was seen."""
    voxels = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    at = np.rint(labels.to_voxels(grid.to_world(voxels.reshape(-1, 3)))).astype(int)
    inside = ((at >= 0) & (at < labels.shape)).all(1)
    out = np.full(len(at), -1)
    out[inside] = labels.data[tuple(at[inside].T)]
    return out.reshape(grid.shape)


def _ours(labels: np.ndarray, key: str, side: str) -> np.ndarray:
    keys = OURS.get(key, (key,))
    return np.isin(labels, [label_of(k, side) for k in keys])


def judged(drawn: np.ndarray, found: np.ndarray) -> pd.DataFrame:
    """Return Dice among drawn voxels and plain, and the share not labelled, per muscle and side."""
    rows = {}
    for key in MUSCLES.values():
        row = {}
        for side in SIDES:
            truth, ours = drawn == label_of(key, side), _ours(found, key, side)
            among = ours & (drawn > 0)
            shared = 2 * (truth & ours).sum()
            row |= {
                f"{side}, drawn": shared / max(truth.sum() + among.sum(), 1),
                f"{side}, plain": shared / max(truth.sum() + ours.sum(), 1),
                f"{side}, bare %": 100 * (truth & (found <= 0)).sum() / max(truth.sum(), 1),
            }
        rows[key] = row
    table = pd.DataFrame(rows).T
    return table[sorted(table.columns, key=lambda c: (c.split(", ")[1] != "drawn", c[-1] == "%"))]


def volumes(found: dict[str, Image]) -> pd.DataFrame:
    """Return volumes (ml) of the slices that all images show, per image."""
    grid = next(iter(found.values()))
    on = {name: on_grid(labels, grid) for name, labels in found.items()}
    seen = [(plane >= 0).mean((0, 1)) > 0.8 for plane in on.values()]
    shared = np.logical_and.reduce(seen)
    rows = {}
    for name, labels in on.items():
        rows[name] = {
            f"{key} {side}": _ours(labels[:, :, shared], key, side).sum() * grid.voxel_ml
            for key in ("GM", "GL", "SOL", "TA") for side in SIDES
        }  # fmt: skip
    table = pd.DataFrame(rows).T
    print(f"\nvolumes (ml) in the {shared.sum()} slices that all images show")
    return table


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and the largest distance from it, percent, with and without fat."""
    out = {}
    for name, rows in (("all", table), ("without fat", table.drop(index="fat", errors="ignore"))):
        out[f"{name}: worst %"] = (100 * (rows / rows.mean() - 1)).abs().max()
    return pd.DataFrame(out).T


def joint(name: str, given: dict[str, Image], network: str | None) -> tuple[Image, Segmentation]:
    """Return labels on which all images but fat voted, with one of them as the reference."""
    masks = {key: leg_mask(image) for key, image in given.items() if key != "fat"}
    ready = {key: correct_bias(given[key], mask) for key, mask in masks.items()}
    sources, _, _ = read_sources(SegmentationSettings(network=network), None, None)
    voters = [Voter(key, ready[key], masks[key]) for key in masks if key != name]
    found = segment(ready[name], masks[name], sources, voters=voters)
    return ready[name].with_data(found.labels), found


def carried(labels: Image, reference: Image, b0: Image) -> np.ndarray:
    """Return labels of a reference on b0, registered as the diffusion stage does."""
    world = register_rigid(b0, leg_mask(b0), reference).world
    return on_grid(Image(labels.data, np.linalg.inv(world) @ labels.affine), b0)


def votes(given: dict[str, Image], network: str | None, drawn: np.ndarray) -> None:
    """Print how good joint labels are, and how far the images differ."""
    for name, target in (("anat", "anat"), ("water", "b0")):
        labels, found = joint(name, given, network)
        on = labels.data if name == target else carried(labels, given[name], given[target])
        print(f"\nall images, reference {name}, judged on {target}")
        print("  ! " + "\n  ! ".join(w for w in found.warnings if "certainty" not in w))
        print(judged(drawn, on).round(2).to_string())
        table = pd.DataFrame(
            {
                side: {
                    key: next((r.value for r in found.rows if r.label == label_of(key, side)), None)
                    for key in ("GM", "GL", "SOL", "TA")
                }
                for side in SIDES
            }
        )
        print("largest difference of volume between images, % of the joint one")
        print(table.T.round(0).to_string())


def one(network: str | None, pictures: Path | None) -> None:
    """Label every image with one network and print the tables."""
    settings = SegmentationSettings(network=network)
    found: dict[str, Image] = {}
    given = images()
    drawn = canonical(drawn_labels(series()[0].with_data(np.zeros(given["anat"].shape)))).data
    for name, image in given.items():
        try:
            image, labels, warnings = labelled(image, settings)
        except PennateError as error:
            print(f"{name}: {error}")
            continue
        found[name] = image.with_data(labels)
        print(f"\n{name}: " + "\n  ! ".join(["", *warnings]).strip())
        if name in _JUDGED:
            print(judged(drawn, labels).round(2).to_string())
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            picture(image, labels, pictures / f"person-{name.replace(' ', '-')}.jpg")
    table = volumes(found)
    print(table.round(0).to_string())
    print(spread(table).round(0).to_string())
    votes(given, network, drawn)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", nargs="*", default=[None])
    parser.add_argument("--pictures", type=Path, default=None)
    chosen = parser.parse_args()
    for network in chosen.network:
        print(f"\n== {network or 'the built-in network'}")
        one(network, chosen.pictures)


if __name__ == "__main__":
    main()
