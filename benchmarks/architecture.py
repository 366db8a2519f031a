"""Fibre architecture of analytic muscles of realistic size, per point of the muscle, with goals.

    python -m benchmarks.architecture [--muscles unipennate bipennate …] [--scans thick fine]
        [--snr 20 40] [--no-sheet] [--mask-spacing 1 1 1] [--settings '{}']

`thick`: 1.875 x 1.875 x 5 mm, 16 directions. `fine`: 1.5 mm isotropic, oblique, 32 directions.
b = 500 s/mm2, Rician noise, no denoising before the tensor fit. Neighbours of the muscle are fat
and another muscle. Points are spread evenly through the muscle; each is compared with the true
fascicle through it. In brackets: the goal.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import product

import numpy as np
from scipy.spatial import cKDTree

from benchmarks._muscles import MUSCLES, Muscle, trace
from imaging.architecture.direction import principal_direction
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.config import FibreSettings
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import fit_tensor
from imaging.geometry import AponeurosisSurface, fold_angle_deg, sheet_from_mask
from imaging.image import Image
from imaging.muscles import label_of
from imaging.phantom.diffusion import EIGENVALUES, Weighting, weighting
from imaging.phantom.images import rician
from imaging.phantom.leg import rotation_matrix

# spacing mm, rotation degrees, directions, samples per voxel, usual b0 SNR
SCANS = {
    "thick": ((1.875, 1.875, 5.0), (0, 0, 0), 16, (3, 3, 5), (12.0, 20.0, 40.0, 75.0)),
    "fine": ((1.5, 1.5, 1.5), (8, -12, 15), 32, (3, 3, 3), (20.0, 40.0)),
}
# (muscle, scan, SNR, sheet given): direction deg, length mm, bias of the mean mm, pennation deg
GOALS = {
    ("unipennate", "thick", 12, True): (2.1, 0.95, 0.8, 1.6),
    ("unipennate", "thick", 20, True): (1.8, 0.75, 0.5, 1.3),
    ("unipennate", "thick", 40, True): (1.0, 0.45, 0.3, 0.8),
    ("unipennate", "thick", 75, True): (0.65, 0.37, 0.3, 0.6),
    ("unipennate", "fine", 20, True): (0.7, 0.33, 0.3, 0.6),
    ("unipennate", "fine", 40, True): (0.5, 0.28, 0.3, 0.5),
    ("bipennate", "thick", 20, True): (2.0, 1.5, 2.0, 1.9),
    ("bipennate", "thick", 40, True): (1.0, 0.9, 1.5, 1.4),
    ("bipennate", "fine", 40, True): (0.55, 0.6, 1.0, 0.9),
    ("bipennate", "fine", 40, False): (0.7, 1.2, 2.0, 1.5),
}
# Errors are medians over points; a bias is that of the mean over the muscle's volume.
COLUMNS = (
    "direction deg", "length mm", "bias mm", "pennation deg", "missing %", "raw deg",
    "curvature 1/m", "curv. bias 1/m",
)  # fmt: skip
MOST_MISSING = 1.0  # % of points without a fascicle within 3 mm, for every muscle
OTHER = np.array([0.5, 0.3, 0.81])  # fibres of the muscle around it
FAT, SHEET = 0.08, 0.2  # signal without weighting; muscle is 1
SHEET_MM, GAP_MM = 1.0, 1.0
# The faces of a muscle lie at an angle to the image; a flat face along voxels would hide by up to
# half a voxel, and no smoothing could tell.
MASK_TURN = (6, -9, 25)
LABEL = {"unipennate": label_of("GM", "left"), "bipennate": label_of("TA", "left")}


def empty(muscle: Muscle, spacing: tuple[float, ...], turn: tuple[float, ...]) -> Image:
    """Return a grid that holds a muscle about the origin."""
    axes = rotation_matrix(np.radians(turn))
    corners = np.array(list(product(*[(-h, h) for h in muscle.half]))) @ axes
    shape = np.ceil(2 * np.abs(corners).max(axis=0) / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2) + 0.31  # no symmetry with the muscle
    return Image(np.zeros(shape, np.uint8), affine)


def centres(grid: Image) -> np.ndarray:
    """Return the world points of the voxels, one row each."""
    return grid.to_world(np.argwhere(np.ones(grid.shape, bool)))


def signals(muscle: Muscle, grid: Image, weights: Weighting, split: tuple) -> np.ndarray:
    """Return noise-free signals (I, J, K, V)."""
    total = np.zeros((grid.data.size, len(weights.bvals)), np.float32)
    shifts = list(product(*[(np.arange(n) + 0.5) / n - 0.5 for n in split]))
    voxels = np.argwhere(np.ones(grid.shape, bool))
    # Far outside, `room` of some shapes is no distance: twice the reach is on the safe side.
    reach = GAP_MM + float(np.linalg.norm(grid.spacing))
    near = muscle.room(grid.to_world(voxels)) > -2 * reach
    total[~near] = len(shifts) * _weighted(OTHER[None], weights)
    for shift in shifts:
        p = grid.to_world(voxels[near] + np.array(shift))
        room = muscle.room(p)
        e1 = muscle.unit(p, muscle.side(p))
        e1[room < 0] = OTHER
        s = _weighted(e1, weights)
        fat = (room < 0) & (room > -GAP_MM)
        s[fat] = FAT
        if muscle.sheet is not None:
            apo = (np.abs(muscle.sheet(p)) < SHEET_MM / 2) & (room > 0)
            s[apo] = SHEET * np.exp(-weights.bvals * 1.0e-3)
        total[near] += s
    return (total / len(shifts)).reshape(*grid.shape, -1)


def _weighted(e1: np.ndarray, weights: Weighting) -> np.ndarray:
    """Return the signals (P, V) of muscle with fibres along e1 (P, 3)."""
    g, (l1, l2, l3) = weights.directions, EIGENVALUES
    e2 = np.cross(e1, [0.0, 1.0, 0.0])
    e2 /= np.linalg.norm(e2, axis=1, keepdims=True)
    along, across = (e1 @ g.T) ** 2, (e2 @ g.T) ** 2
    s = np.exp(-weights.bvals * (l3 + (l1 - l3) * along + (l2 - l3) * across))
    return np.asarray(s, np.float32)


def scan(clean: np.ndarray, grid: Image, weights: Weighting, snr: float, seed: int) -> Image:
    """Return the tensors of a noisy scan."""
    noisy = clean
    if np.isfinite(snr):
        noisy = rician(clean, 1 / snr, np.random.default_rng([seed, int(snr)]))
    table = GradientTable(weights.bvals, weights.directions)
    fit = fit_tensor(300.0 * noisy, table, np.ones(grid.shape, bool))
    return grid.with_data(fit.tensor)


def draw(muscle: Muscle, grid: Image) -> tuple[Image, list[AponeurosisSurface]]:
    """Return the mask of a muscle and its sheet, as a person would draw them on a grid."""
    p = centres(grid)
    room = muscle.room(p)
    mask = grid.with_data((room > 0).reshape(grid.shape))
    if muscle.sheet is None:
        return mask, []
    apo = (np.abs(muscle.sheet(p)) < 0.75 * grid.spacing[:2].max()) & (room > 0)
    return mask, [sheet_from_mask(apo.reshape(grid.shape), grid.affine)]


def compare(muscle: Muscle, result: MuscleArchitecture, tensor: Image, seed: int) -> list[float]:
    """Return one value per column of ``COLUMNS``."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (60_000, 3)) * muscle.half
    points = points[muscle.room(points) > 0][:3000]
    length, _, bend = trace(muscle, points)
    out = [np.nan] * len(COLUMNS)
    if result.box is not None and result.directions is not None:
        grid = np.argwhere(result.share > 0)
        at = tensor.to_world(grid + [s.start for s in result.box])
        own = muscle.room(at) > 0
        grid, at = grid[own], at[own]
        want = muscle.unit(at, muscle.side(at))
        out[0] = float(np.median(fold_angle_deg(result.directions[tuple(grid.T)], want)))
        raw = principal_direction(tensor.data[result.box][tuple(grid.T)])
        out[5] = float(np.median(fold_angle_deg(raw, want)))
    if not len(result.fascicles) or result.seeds is None:
        return out
    own = muscle.room(result.seeds) > 0
    table = result.fascicles.table[own]
    true, pennation, curvature = trace(muscle, result.seeds[own])
    found = table[["pennation_start_deg", "pennation_end_deg"]].to_numpy(float)
    out[1] = float(np.median(np.abs(table["length_mm"] - true)))
    weight = result.fascicles.table["weight"]
    out[2] = float(np.average(result.fascicles.table["length_mm"], weights=weight) - length.mean())
    out[3] = float(np.median(np.abs(found - pennation)))
    near, _ = cKDTree(result.fascicles.points).query(points)
    out[4] = 100 * float(np.mean(near > 3.0))
    out[6] = float(np.median(np.abs(table["curvature_per_m"] - curvature)))
    mean = np.average(result.fascicles.table["curvature_per_m"], weights=weight)
    out[7] = float(mean - bend.mean())
    return out


def show(values: list[float], goal: tuple[float, ...] | None) -> str:
    """Return one row of the table; a goal that is not met is marked."""
    aims = goal or (None,) * 4
    goals = [*aims, MOST_MISSING, *[None] * (len(COLUMNS) - 5)]
    cells = []
    for value, aim in zip(values, goals, strict=True):
        text = f"{value:7.2f}"
        missed = aim is not None and not abs(value) <= aim
        cells.append(text + ("            " if aim is None else f" ({aim:4.2f}){'*' * missed:4s} "))
    return "".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--muscles", nargs="+", default=list(MUSCLES), choices=list(MUSCLES))
    parser.add_argument("--scans", nargs="+", default=list(SCANS), choices=list(SCANS))
    parser.add_argument("--snr", type=float, nargs="+")
    parser.add_argument("--sheet", choices=["given", "found", "both"], default="both")
    parser.add_argument("--mask-spacing", type=float, nargs=3, default=[1.0, 1.0, 1.0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settings", type=str, default="{}")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    settings = FibreSettings.model_validate_json(given.settings)
    print(f"{'':34s}" + "".join(f"{name:19s}" for name in COLUMNS) + "s   ml")
    for name, key in product(given.muscles, given.scans):
        muscle = MUSCLES[name]()
        spacing, turn, directions, split, usual = SCANS[key]
        grid = empty(muscle, spacing, turn)
        weights = weighting(directions, 500.0, 2, np.random.default_rng(7))
        clean = signals(muscle, grid, weights, split)
        mask, sheets = draw(muscle, empty(muscle, tuple(given.mask_spacing), MASK_TURN))
        ways = (
            [True]
            if not sheets
            else {"given": [True], "found": [False]}.get(given.sheet, [True, False])
        )
        for snr in given.snr or usual:
            tensor = scan(clean, grid, weights, snr, given.seed)
            for is_given in ways:
                start = time.perf_counter()
                label = LABEL.get(name, label_of("PL", "left"))
                use = sheets if is_given else []
                result = reconstruct_muscle(label, mask, tensor, settings, use)
                took = time.perf_counter() - start
                row = compare(muscle, result, tensor, given.seed)
                sheet = ("sheet given" if is_given else "found") if sheets else ""
                title = f"{name:11s}{key:6s}SNR {snr:<4g}{sheet:11s}"
                goal = GOALS.get((name, key, snr, is_given))
                volume = float(mask.data.sum()) * mask.voxel_ml
                print(f"{title:34s}{show(row, goal)} {took:.1f} {volume:.0f}", flush=True)


if __name__ == "__main__":
    main()
