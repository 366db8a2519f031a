"""Internal aponeuroses: one tendon given as a mask and as its surface, and sheets that are found.

    python -m benchmarks.sheets given [--spacing 1 1 1] [--snr 40]
    python -m benchmarks.sheets found [--bodies vhm] [--muscles TA SOL TP GM GL PL]
        [--parts whole lower middle] [--fascicles]

`given`: a muscle like tibialis anterior (`benchmarks._muscles.bipennate`) whose fascicles end on
a central tendon, 3 mm thick below, that tapers to .6 mm above. The tendon is given as its exact
closed surface, as that surface cut off below (open), and as masks on several grids (its voxels
are those whose centre lies in it). Goal: mean lengths within .3 mm of each other.

`found`: real shapes (`benchmarks._real_muscles`), with the internal aponeurosis looked for in the
tensors. Goal in TA and SOL: found in 90 %, the median distance of the sheet found from the true
one at most 1 mm; in GM, GL and PL, which have none: not found. `covered`: which part of the true
sheet lies within 3 mm of the one found. The body vhf is held out. `--parts`: sheets that
span only the lower part or the middle of the muscle; `past rim`: how far the sheet found reaches
past their rim. `--fascicles`: errors of fascicles where the sheet is and past its rim.
"""

from __future__ import annotations

import argparse
import warnings
from itertools import product

import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from benchmarks._muscles import Muscle, bipennate, trace
from benchmarks._real_muscles import (
    BODIES,
    FILLINGS,
    PARTS,
    SIDES,
    PartlyBipennate,
    real_muscle,
)
from benchmarks.architecture import MASK_TURN, SCANS, centres, empty, scan, signals
from imaging.architecture.aponeurosis import find_sheet
from imaging.architecture.found_sheet import FoundSheet, NoSheet
from imaging.architecture.muscle import reconstruct_muscle
from imaging.architecture.region import find_region
from imaging.config import FibreSettings
from imaging.geometry import AponeurosisSurface, mask_surface, sheet_from_mask, sheet_from_mesh
from imaging.image import Image
from imaging.muscles import label_of
from imaging.phantom.diffusion import weighting

MOST_APART_MM, MOST_OFF_MM = 0.3, 1.0
TENDON_MM, SHEET_MM, TAPER_MM = 3.0, 0.6, (-60.0, 80.0)
GRIDS = {
    "1x1x1 straight": ((1.0, 1.0, 1.0), (0, 0, 0)),
    "1x1x1 oblique": ((1.0, 1.0, 1.0), MASK_TURN),
    "1x1x3 straight": ((1.0, 1.0, 3.0), (0, 0, 0)),
    "1x1x3 oblique": ((1.0, 1.0, 3.0), MASK_TURN),
    "1.5x1.5x5 oblique": ((1.5, 1.5, 5.0), MASK_TURN),
}


def half_mm(p: np.ndarray) -> np.ndarray:
    """Return half the thickness of the tendon over points (P, 3)."""
    return 0.5 * np.interp(p[:, 2], TAPER_MM, (TENDON_MM, SHEET_MM))


def with_tendon() -> Muscle:
    """Return the bipennate muscle with a tendon; `room` is that of the muscle with its tendon."""

    class Tendon(Muscle):
        def space(self, p: np.ndarray, side: np.ndarray) -> np.ndarray:
            return np.minimum(self.room(p), side * self.sheet(p) - half_mm(p))

    m = bipennate()
    return Tendon("tendon", m.half, m.room, m.direction, m.sheet)


def body(muscle: Muscle, p: np.ndarray) -> np.ndarray:
    """Return how deep points (P, 3) lie in the tendon: positive inside."""
    return np.minimum(half_mm(p) - np.abs(muscle.sheet(p)), muscle.room(p))


def as_mask(muscle: Muscle, name: str) -> AponeurosisSurface:
    """Return the tendon drawn on a grid."""
    grid = empty(muscle, *GRIDS[name])
    inside = body(muscle, centres(grid)).reshape(grid.shape) > 0
    return sheet_from_mask(inside, grid.affine)


def as_surface(muscle: Muscle, cut: bool = False) -> AponeurosisSurface:
    """Return the tendon's exact surface, also cut off below, where it is open."""
    grid = empty(muscle, (0.4, 0.4, 1.5), (0, 0, 0))
    depth = np.pad(body(muscle, centres(grid)).reshape(grid.shape), 1, constant_values=-1.0)
    corners, faces, _, _ = marching_cubes(depth, 0.0)
    points = grid.to_world(corners - 1)
    if cut:
        faces = faces[(points[faces][..., 2] > -118.0).all(axis=1)]
        used, faces = np.unique(faces, return_inverse=True)
        points, faces = points[used], faces.reshape(-1, 3)
    return sheet_from_mesh(points, faces)


def given(args: argparse.Namespace) -> None:
    """Print a row for each form in which the tendon is given."""
    muscle = with_tendon()
    spacing, turn, directions, split, _ = SCANS[args.scan]
    grid = empty(muscle, spacing, turn)
    weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
    clean = signals(muscle, grid, weights, split)
    tensor = scan(with_dark(muscle, clean, grid, split), grid, weights, args.snr, 1)
    drawn = empty(muscle, (1.0, 1.0, 1.0), MASK_TURN)
    mask = drawn.with_data((muscle.room(centres(drawn)) > 0).reshape(drawn.shape))
    points = np.random.default_rng(1).uniform(-1, 1, (60_000, 3)) * muscle.half
    points = points[(muscle.room(points) > 0) & (body(muscle, points) <= 0)][:3000]
    length, pennation, _ = trace(muscle, points)
    print(f"truth: mean length {length.mean():.2f} mm, pennation {pennation.mean():.2f} deg")
    print(f"{args.scan} SNR {args.snr:g}".ljust(22) + "mean mm  from surface  bias   err mm"
          "  err deg  dropped %  in tendon")  # fmt: skip
    forms = {"surface": as_surface(muscle), "surface, cut": as_surface(muscle, cut=True)}
    forms |= {name: as_mask(muscle, name) for name in args.grids}
    forms["its middle, open"] = middle(muscle)
    reference = None
    settings = FibreSettings(bootstrap=0)
    for name, sheet in forms.items():
        result = reconstruct_muscle(label_of("TA", "left"), mask, tensor, settings, [sheet])
        table, seeds = result.fascicles.table, result.seeds
        own = (muscle.room(seeds) > 0) & (body(muscle, seeds) <= 0)
        true, angle, _ = trace(muscle, seeds[own])
        mean = float(np.average(table["length_mm"], weights=table["weight"]))
        reference = mean if reference is None else reference
        error = np.median(np.abs(table["length_mm"][own] - true))
        ours = table[["pennation_start_deg", "pennation_end_deg"]].to_numpy(float)[own]
        dropped = 100 * (1 - len(table) / result.facts["seeds"])
        apart = mean - reference
        mark = "*" if abs(apart) > MOST_APART_MM else " "
        print(f"{name:22s}{mean:7.2f}{apart:+13.2f}{mark}{mean - length.mean():+9.2f}{error:8.2f}"
              f"{np.median(np.abs(ours - angle)):9.2f}{dropped:11.1f}{(~own).sum():10d}",
              flush=True)  # fmt: skip


def with_dark(muscle: Muscle, clean: np.ndarray, grid: Image, split: tuple) -> np.ndarray:
    """Return signals (I, J, K, V) with a tendon that gives little, in the share of each voxel."""
    voxels = np.argwhere(np.ones(grid.shape, bool))
    steps = [(np.arange(n) + 0.5) / n - 0.5 for n in split]
    shifts = np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 3)
    held = np.mean([body(muscle, grid.to_world(voxels + s)) > 0 for s in shifts], axis=0)
    return clean * (1 - 0.9 * held.reshape(grid.shape))[..., None]


def middle(muscle: Muscle) -> AponeurosisSurface:
    """Return the middle of the tendon, as masks were taken when all were thinned."""
    grid = np.stack(np.meshgrid(np.arange(-20, 20.1, 2), np.arange(-140, 140.1, 2)), -1)
    flat = grid.reshape(-1, 2)
    x = np.column_stack([np.zeros(len(flat)), flat])
    x[:, 0] = -muscle.sheet(x)
    number = np.arange(len(flat)).reshape(grid.shape[:2])
    a, b, c, d = (
        n.ravel() for n in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])
    )
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return sheet_from_mesh(x, faces)


def drawn_mask(muscle: Muscle) -> Image:
    """Return the muscle drawn on an oblique 1 mm grid."""
    drawn = empty(muscle, (1.0, 1.0, 1.0), MASK_TURN)
    return drawn.with_data((muscle.room(centres(drawn)) > 0).reshape(drawn.shape))


def seek(muscle: Muscle, tensor: Image) -> FoundSheet | NoSheet:
    """Return the sheet that is found in the tensors of a muscle with a drawn mask."""
    mask = drawn_mask(muscle)
    surface = mask_surface(mask.data, mask.affine)
    region = find_region(label_of("TA", "left"), mask, surface, tensor)
    assert not isinstance(region, str), region
    return find_sheet(region.tensor, region.share, region.affine, region.axis)


def past_rim(muscle: Muscle, points: np.ndarray) -> np.ndarray:
    """Return how far points (P, 3) lie past the rim of the sheet, mm; 0 over it."""
    if isinstance(muscle, PartlyBipennate):
        return muscle.beyond_mm(points)
    return np.zeros(len(points))


def errors(muscle: Muscle, found: FoundSheet) -> tuple[float, float, float]:
    """Return how far the sheet found is from the true one.

    Median distance, mm; which part of the true one is covered, %; how far past its rim the sheet
    found reaches, mm (95 % of it).
    """
    points = found.sheet.points[muscle.room(found.sheet.points) > 0]
    past = past_rim(muscle, points)
    over = points[past <= 0]
    slope = [(muscle.sheet(over + e) - muscle.sheet(over - e)) / 0.2 for e in 0.1 * np.eye(3)]
    off = np.median(np.abs(muscle.sheet(over)) / np.linalg.norm(slope, axis=0))
    inside = np.random.default_rng(3).uniform(-1, 1, (200_000, 3)) * muscle.half
    true = inside[(muscle.room(inside) > 1) & (np.abs(muscle.sheet(inside)) < 0.3)]
    covered = 100 * float(np.mean(cKDTree(points).query(true)[0] < 3.0))
    return float(off), covered, float(np.percentile(past, 95))


def fascicle_errors(muscle: Muscle, tensor: Image) -> str:
    """Return errors of length and pennation, mm and degrees, over the sheet and past its rim."""
    settings = FibreSettings(bootstrap=0)
    result = reconstruct_muscle(label_of("TA", "left"), drawn_mask(muscle), tensor, settings)
    own = muscle.room(result.seeds) > 0
    table, seeds = result.fascicles.table[own], result.seeds[own]
    true, angle, _ = trace(muscle, seeds)
    length = table["length_mm"].to_numpy() - true
    pennation = table[["pennation_start_deg", "pennation_end_deg"]].to_numpy(float) - angle
    past = past_rim(muscle, seeds)
    figures = ""
    for place in (past <= 0, past > 0):
        if place.sum() < 20:
            figures += f"{'-':>20s}"
            continue
        figures += (
            f"{np.median(np.abs(length[place])):7.2f}{length[place].mean():+7.2f}"
            f"{np.nanmedian(np.abs(pennation[place])):6.2f}"
        )
    return figures + f"{100 * (1 - len(own) / result.facts['seeds']):8.1f}"


def found(args: argparse.Namespace) -> None:
    """Print a row for each muscle."""
    head = "found  jump deg  evidence  reach  distance mm  covered %  past rim mm"
    if args.fascicles:
        head += "  over: mm  bias   deg  past: mm  bias   deg  dropped %"
    print(f"{'':42s}{head}")
    counts: dict[tuple[str, str], list[bool]] = {}
    asked = product(args.bodies, args.muscles, args.sides, args.parts, args.cases)
    for body_of, key, side, part, case in asked:
        if part != "whole" and not FILLINGS[key].bipennate:
            continue
        name, snr = case.split(":")
        muscle = real_muscle(key, body_of, side, part=PARTS.get(part))
        spacing, turn, directions, split, _ = SCANS[name]
        grid = empty(muscle, spacing, turn)
        weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
        clean = signals(muscle, grid, weights, split)
        for seed in args.seeds:
            tensor = scan(clean, grid, weights, float(snr), seed)
            sheet = seek(muscle, tensor)
            is_found = isinstance(sheet, FoundSheet)
            right = is_found == (muscle.sheet is not None)
            figures = f"{sheet.jump_deg or 0:10.1f}{sheet.evidence or 0:10.1f}{sheet.reach:7.2f}"
            if isinstance(sheet, NoSheet):
                figures += f"  {sheet.why}"
            elif muscle.sheet is not None:
                off, covered, past = errors(muscle, sheet)
                right &= off <= MOST_OFF_MM
                mark = " *" if off > MOST_OFF_MM else "  "
                figures += f"{off:13.2f}{mark}{covered:9.0f}{past:13.1f}"
                if args.fascicles:
                    figures += fascicle_errors(muscle, tensor)
            title = f"{body_of} {key:4s}{side:6s}{part:7s}{case:9s}seed {seed}"
            mark = "" if right else " *"
            print(f"{title:42s}{'yes' if is_found else 'no':>5s}{figures}{mark}", flush=True)
            counts.setdefault((body_of, key), []).append(right)
    for (body_of, key), rights in counts.items():
        print(f"{body_of} {key:4s} right in {sum(rights)} of {len(rights)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    ways = parser.add_subparsers(required=True)
    one = ways.add_parser("given")
    one.add_argument("--grids", nargs="*", default=list(GRIDS), choices=list(GRIDS))
    one.add_argument("--scan", default="fine", choices=list(SCANS))
    one.add_argument("--snr", type=float, default=40.0)
    one.set_defaults(run=given)
    two = ways.add_parser("found")
    two.add_argument("--bodies", nargs="+", default=["vhm"], choices=BODIES)
    two.add_argument("--muscles", nargs="+", default=list(FILLINGS), choices=list(FILLINGS))
    two.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES)
    two.add_argument("--cases", nargs="+", default=["thick:40", "fine:40"])
    two.add_argument("--seeds", type=int, nargs="+", default=[1])
    two.add_argument("--parts", nargs="+", default=["whole"], choices=["whole", *PARTS])
    two.add_argument("--fascicles", action="store_true")
    two.set_defaults(run=found)
    warnings.simplefilter("ignore")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
