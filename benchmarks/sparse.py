"""Dice of drawn slices carried along the leg: real legs with made-up images, and digital legs.

``python -m benchmarks.sparse`` prints tables. Three to five slices of the true labels are taken as
drawn; Dice is of all other slices, from the lower end of the fibula to a little above its upper
end. Images of the real legs (label maps in ``../shared/data/anatomy``) are painted from their
labels: muscles of nearly one intensity, dark fascia, fat, cortex, a bias field and noise.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import ndimage

from benchmarks._real_legs import REAL_KEYS, real_legs
from benchmarks.segmentation import ANATOMY, dice
from imaging.formats.nifti import load_labels
from imaging.image import Image
from imaging.io.atlas import load_atlas
from imaging.muscles import muscle_keys, structure
from imaging.phantom.images import dixon_echoes, label_image, t1_weighted
from imaging.phantom.leg import make_leg
from imaging.schemes import translate
from imaging.segmentation.atlas import built_in_atlas
from imaging.segmentation.drawn import guided, join_drawn, weight_of_drawing
from imaging.segmentation.features import hull_gap
from imaging.segmentation.multiatlas import atlas_shares
from imaging.segmentation.shares import Shares, label_on
from imaging.segmentation.sparse import find_slices, propagate
from imaging.segmentation.view import view_leg, work_spacing

HEIGHTS = {
    3: (0.30, 0.62, 0.92),
    4: (0.22, 0.46, 0.70, 0.94),
    5: (0.18, 0.37, 0.56, 0.75, 0.94),
}
"""Where slices are drawn, in lengths of the fibula above its lower end."""
# Signal of muscle, fat, fascia, cortex, marrow.
CONTRASTS = {
    "t1": (1.0, 2.5, 0.5, 0.1, 2.2),
    "water": (1.0, 0.12, 0.5, 0.05, 0.12),
    "t2": (0.6, 1.6, 0.9, 0.1, 1.4),
}
LEGS = ("vhf_right", "vhf_left", "vhm_right", "vhm_left")
LARGE = ["TA", "EDL", "EDL+PT", "PL", "PL+PB", "GM", "GL", "SOL", "FHL", "TP"]
SINGLE_KEYS = ("", "SAT", "SKIN", *muscle_keys(), "TIB", "FIB")
BONES = (structure("TIB").index, structure("FIB").index)


def real_leg(name: str) -> Image:
    """Return fine labels of a real leg (indices; the tibia filled in) from ankle to knee."""
    image = load_labels(ANATOMY / f"{name}_dseg.nii.gz")
    data = (translate(image.data, "visible_human") % 100).astype(np.int16)
    fibula = np.flatnonzero((data == BONES[1]).any((0, 1)))
    top = int(fibula[-1] + 0.04 * np.ptp(fibula))
    data = np.pad(data[..., fibula[0] : top], ((25, 25), (25, 25), (0, 0)))
    if not (data == BONES[0]).any():
        coarse = data[::3, ::3, ::4]
        gap = hull_gap(coarse > 0, 3 * image.spacing * [1, 1, 4 / 3])
        gap = np.repeat(np.repeat(np.repeat(gap, 3, 0), 3, 1), 4, 2)
        data[gap[: data.shape[0], : data.shape[1], : data.shape[2]] & (data == 0)] = BONES[0]
    affine = np.diag([*image.spacing, 1.0])
    return Image(data, affine)


def painted(labels: Image, contrast: str, slice_mm: float, seed: int = 0) -> tuple[Image, Image]:
    """Return an image of 1.2 mm pixels painted from fine labels, and the labels on its grid."""
    rng = np.random.default_rng(seed)
    muscle, fat, fascia, cortex, marrow = CONTRASTS[contrast]
    data, spacing = labels.data, labels.spacing
    inside = data > 0
    leg = np.stack([_closed(inside[..., k], spacing[0]) for k in range(data.shape[2])], -1)
    skin = np.stack([_grown(leg[..., k], spacing[0], 8.0) for k in range(data.shape[2])], -1)
    signal = np.where(skin, fat, 0.0).astype(np.float32)
    signal[leg] = 0.5 * (fascia + fat)
    for index in np.unique(data[inside]):
        signal[data == index] = muscle * (1 + 0.03 * rng.standard_normal())
    signal[_borders(data) & leg] = fascia
    for index in BONES:
        bone = data == index
        core = ndimage.binary_erosion(bone, np.ones((3, 3, 1)), 6)
        signal[bone], signal[core] = cortex, marrow
    steps = int(round(slice_mm / spacing[2]))
    signal = ndimage.gaussian_filter(signal, (0.9, 0.9, 0.0))[::2, ::2]
    count = signal.shape[2] // steps
    signal = signal[..., : count * steps].reshape(*signal.shape[:2], count, steps).mean(-1)
    truth = data[::2, ::2, steps // 2 :: steps][..., :count]
    ramp = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in signal.shape], indexing="ij"))
    signal = signal * np.exp(0.1 * np.tensordot(rng.standard_normal(3), ramp, 1))
    noise = 0.05 * rng.standard_normal((2, *signal.shape))
    affine = np.diag([*(spacing * [2, 2, steps]), 1.0])
    magnitude = 400 * np.hypot(signal + noise[0], noise[1]).astype(np.float32)
    return Image(magnitude, affine), Image(truth.astype(np.int16), affine)


def _closed(mask: np.ndarray, spacing: float) -> np.ndarray:
    """Close the gaps between muscles of a slice."""
    if not mask.any():
        return mask
    away = ndimage.distance_transform_edt(~mask) > 8.0 / spacing
    near = ndimage.distance_transform_edt(~away) > 9.0 / spacing
    return np.asarray(ndimage.binary_fill_holes(near | mask))


def _grown(mask: np.ndarray, spacing: float, by_mm: float) -> np.ndarray:
    return ndimage.distance_transform_edt(~mask) < by_mm / spacing if mask.any() else mask


def _borders(data: np.ndarray) -> np.ndarray:
    """Return a line one to two pixels wide between different labels of a slice."""
    out = np.zeros(data.shape, bool)
    out[:-1] |= data[:-1] != data[1:]
    out[:, :-1] |= data[:, :-1] != data[:, 1:]
    return out


def digital_leg(seed: int, contrast: str, slice_mm: float) -> tuple[Image, Image]:
    """Return the image and indices of a digital leg."""
    leg = make_leg(seed, "right")
    grid = leg.grid((1.2, 1.2, slice_mm), margin_mm=(5.0, 5.0, -10.0))
    rng = np.random.default_rng(seed)
    if contrast == "t1":
        image = t1_weighted([leg], grid, (1, 1, 2), 25.0, rng)
    else:
        image = dixon_echoes([leg], grid, (1, 1, 2), 25.0, rng)[0][0]
    return image, grid.with_data((label_image([leg], grid).data % 100).astype(np.int16))


def drawn_map(truth: Image, count: int) -> tuple[Image, np.ndarray]:
    """Return a drawn map (right side) of some slices of the truth, and their places."""
    fibula = np.flatnonzero((truth.data == BONES[1]).any((0, 1)))
    planes = np.rint(fibula[0] + np.array(HEIGHTS[count]) * np.ptp(fibula)).astype(int)
    labels = np.zeros_like(truth.data)
    labels[..., planes] = truth.data[..., planes]
    labels[np.isin(labels, (31, 32))] = 0
    return truth.with_data(np.where(labels > 0, labels + 200, 0).astype(np.int16)), planes


def elsewhere(truth: Image, found: np.ndarray, planes: np.ndarray) -> dict[str, float]:
    """Return Dice per muscle outside the drawn slices."""
    rest = np.setdiff1d(np.arange(truth.shape[2]), planes)
    return dice(truth.data[..., rest], found[..., rest])


def leg_of(image: Image, truth: Image) -> np.ndarray:
    """Return the mask of the leg."""
    return ndimage.binary_opening(image.data > 60, np.ones((3, 3, 1))) | (truth.data > 0)


def registered(name: str, image: Image, truth: Image) -> Shares:
    """Return the shares of the best leg of the other body, or of the built-in atlas."""
    spacing = work_spacing(3.0)
    view = view_leg(image, leg_of(image, truth), spacing)
    if name.startswith("digital"):
        legs, keys = load_atlas(built_in_atlas(), spacing).legs, SINGLE_KEYS
    else:
        legs, keys = [v for n, v in real_legs(spacing).items() if n[:3] != name[:3]], REAL_KEYS
    side = "left" if name.endswith("left") else "right"
    return atlas_shares(view, legs, side, keys, view.work, 1)[0]


def try_leg(
    image: Image, truth: Image, count: int, other: Shares | None
) -> dict[str, dict[str, float]]:
    """Return Dice per muscle by method."""
    mask = leg_of(image, truth)
    labels, planes = drawn_map(truth, count)
    drawn = find_slices(labels, "right")
    out = {}
    for name, use in (("shapes", False), ("shapes and image", True)):
        start = time.process_time()
        shares = propagate(image, mask, drawn, use_image=use)
        print(f"# {name}: {time.process_time() - start:.1f} s of CPU", flush=True)
        out[name] = elsewhere(truth, label_on(shares, truth)[0], planes)
    if other is not None:
        joined = join_drawn(
            shares, guided(other, shares, drawn), weight_of_drawing(shares.grid, drawn)
        )
        for name, part in (("registration", other), ("joined", joined)):
            out[name] = elsewhere(truth, label_on(part, truth)[0], planes)
    return out


def cases(chosen: argparse.Namespace) -> Iterator[tuple[str, str, int, Image, Image]]:
    """Yield name, contrast, slice thickness, image and truth of every case."""
    for name in chosen.legs:
        fine = real_leg(name)
        for contrast in chosen.contrasts:
            for slice_mm in chosen.slices:
                yield name, contrast, slice_mm, *painted(fine, contrast, slice_mm)
    for seed in chosen.seeds:
        for contrast in ("t1", "dixon"):
            yield f"digital {seed}", contrast, 5, *digital_leg(seed, contrast, 5.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", nargs="*", default=LEGS)
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--counts", nargs="*", type=int, default=[3, 4, 5])
    parser.add_argument("--contrasts", nargs="*", default=list(CONTRASTS))
    parser.add_argument("--slices", nargs="*", type=int, default=[5, 2])
    parser.add_argument("--no-atlas", action="store_true", help="drawn slices alone")
    chosen = parser.parse_args()
    rows = {}
    for name, contrast, slice_mm, image, truth in cases(chosen):
        other = None if chosen.no_atlas else registered(name, image, truth)
        for count in chosen.counts:
            for method, figures in try_leg(image, truth, count, other).items():
                rows[(name, contrast, slice_mm, count, method)] = figures
    frame = pd.DataFrame(rows).T
    frame["mean"] = frame.mean(axis=1)
    frame["large"] = frame.reindex(columns=LARGE).mean(axis=1)
    print(frame.round(3).to_string(na_rep=""))


if __name__ == "__main__":
    main()
