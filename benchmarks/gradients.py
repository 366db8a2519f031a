"""Verdicts of the gradient table check on digital legs whose table is right or wrong.

    python -m benchmarks.gradients [--seeds 1 2 3] [--snr 20 40] [--spacing 3 3 6]

Every leg is scanned once per noise level, straight and oblique, with the right table and with
each of the 23 flips and permutations. Labels are the truth moved by 5 mm and turned by 3 degrees,
as after a mediocre registration, or absent. `right`: `ok` with the right table, `corrected` to the
right one with a wrong table; `wrong`: `ok` with a wrong table, or changed to another wrong one;
`undecided` is split by whether the warning that fibres run across the leg is given.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.diffusion.gradient_check import GradientCheck, candidates, check_gradients
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.tensor import TensorFit, fit_tensor, to_matrix
from imaging.image import Image
from imaging.phantom.diffusion import diffusion_weighted, weighting
from imaging.phantom.images import label_image
from imaging.phantom.leg import Leg, make_leg

ROW, COLUMN = [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]
OBLIQUE_DEG = (12.0, -8.0, 20.0)
MISPLACED_MM, MISPLACED_DEG = 5.0, 3.0


def scan(
    leg: Leg, snr: float, spacing: tuple[float, ...], oblique: bool
) -> tuple[Image, np.ndarray, TensorFit]:
    """Return grid, leg mask and tensors of a scan fitted with the right table."""
    rng = np.random.default_rng([3, int(snr)])
    rotation = Rotation.from_euler("xyz", OBLIQUE_DEG if oblique else (0, 0, 0), degrees=True)
    grid = leg.grid(spacing, rotation=rotation.as_matrix())
    weights = weighting(16, 500.0, 2, rng)
    dwi, _ = diffusion_weighted([leg], grid, weights, split=(2, 2, 2), snr=snr, rng=rng)
    mask = leg_mask(grid.with_data(dwi.data.mean(axis=-1)))
    table = GradientTable(weights.bvals, weights.directions)
    return grid, mask, fit_tensor(dwi.data, table, mask)


def turned(fit: TensorFit, grid: Image, change: np.ndarray) -> TensorFit:
    """Return the fit that a table with flipped or permuted voxel axes gives: the tensors turn."""
    turn = grid.rotation @ change @ grid.rotation.T
    tensor = (turn @ to_matrix(fit.tensor) @ turn.T)[..., ROW, COLUMN]
    return replace(fit, tensor=tensor.astype(np.float32), e1=fit.e1 @ turn.T)


def misplaced(labels: Image, seed: int) -> Image:
    """Return labels moved and turned about their middle."""
    rng = np.random.default_rng(seed)
    shift, axis = rng.standard_normal((2, 3))
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(
        MISPLACED_DEG * axis / np.linalg.norm(axis), degrees=True
    ).as_matrix()
    middle = labels.to_world((np.array(labels.shape) - 1) / 2)
    affine[:3, 3] = middle - affine[:3, :3] @ middle
    affine[:3, 3] += MISPLACED_MM * shift / np.linalg.norm(shift)
    return Image(labels.data, affine @ labels.affine)


def verdict(check: GradientCheck, change: np.ndarray) -> str:
    """Return right, wrong or undecided."""
    left = check.change @ change
    is_right = np.allclose(left, left[0, 0] * np.eye(3))
    if check.status == "undecided":
        return "undecided, warned" if check.across_leg else "undecided, silent"
    return "right" if is_right else "wrong"


WAYS = {
    "true": lambda labels, seed: labels,
    "misplaced": misplaced,
    "none": lambda labels, seed: None,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--snr", type=float, nargs="+", default=[20.0, 40.0])
    parser.add_argument("--spacing", type=float, nargs=3, default=[3.0, 3.0, 6.0])
    parser.add_argument("--labels", nargs="+", default=["misplaced"], choices=list(WAYS))
    given = parser.parse_args()
    print("table  labels    scan     SNR seed  verdicts (log odds, misfit)")
    total: Counter[tuple[str, ...]] = Counter()
    for seed in given.seeds:
        leg = make_leg(seed, "left" if seed % 2 else "right")
        truth = label_image([leg], leg.grid((2.0, 2.0, 4.0)))
        for snr, oblique in product(given.snr, (False, True)):
            grid, mask, fit = scan(leg, snr, tuple(given.spacing), oblique)
            for way in given.labels:
                labels = WAYS[way](truth, seed)
                counts: dict[str, Counter[str]] = {"right": Counter(), "wrong": Counter()}
                for number, change in enumerate(candidates()):
                    check = check_gradients(turned(fit, grid, change), mask, grid, labels)
                    table = "wrong" if number else "right"
                    counts[table][verdict(check, change)] += 1
                    total[way, table, verdict(check, change)] += 1
                    if not number:
                        odds = f"({check.log_odds:.1f}, {check.misfit:.2f})"
                where = f"{way:9s} {'oblique' if oblique else 'straight':8s} {snr:<4g}{seed}"
                for table, count in counts.items():
                    shown = ", ".join(f"{k} {n}" for k, n in sorted(count.items()))
                    note = odds if table == "right" else ""
                    print(f"{table:6s} {where}   {shown} {note}", flush=True)
    print("\nin all: labels, table given: verdict, count")
    for key, count in sorted(total.items()):
        print(f"{', '.join(key[:2])}: {key[2]}, {count}")


if __name__ == "__main__":
    main()
