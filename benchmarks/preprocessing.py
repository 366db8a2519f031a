"""What motion, eddy currents and lost slices cost, left alone and corrected, on a digital leg.

    python -m benchmarks.preprocessing [--cases clean motion eddy dropout all] [--snr 20 40]
        [--muscles GM TA] [--seed 1] [--ways off on true]

Every volume is rendered from the analytic leg at its own place, with gradients that stay with the
scanner: no image is interpolated. Motion: up to 2 mm and 3 deg at random per volume, median 0.
Eddy currents: displacement along the second axis, linear in the gradient: 3 % stretch, shears of
0.02 and 3 mm shift at most, intensity modulated. Dropout: a tenth of the slices of
diffusion-weighted volumes lose 30 to 90 %. Rician noise comes last. 1.875 x 1.875 x 5 mm, 16
directions, b = 500 s/mm2, the part of the leg that holds the muscles. Muscles' labels and
aponeuroses are the true ones; errors are medians per point of the muscle; `growth` is the ratio of
the error to that of the undisturbed scan (goal: 1.5). The way `true` undoes the true motion alone.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks._digital_leg import compare, draw_sheet
from imaging.architecture.muscle import reconstruct_muscle
from imaging.config import DiffusionSettings, FibreSettings
from imaging.diffusion.acquisition import Acquisition
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.pipeline import DiffusionResult, process
from imaging.diffusion.resample import Placement, resample_series
from imaging.diffusion.tensor import fit_tensor
from imaging.geometry import sheet_from_mask
from imaging.image import Image
from imaging.muscles import label_of
from imaging.phantom.diffusion import (
    DIFFUSIVITY,
    EIGENVALUES,
    SIGNAL,
    Weighting,
    motion_matrix,
    weighting,
)
from imaging.phantom.images import label_image, leg_matrix, rician
from imaging.phantom.leg import Leg, make_leg
from imaging.phantom.render import render_diffusion
from imaging.phantom.truth import muscle_points

SPACING, SPLIT, RIM_MM = (1.875, 1.875, 5.0), (2, 2, 2), 15.0
PHASE, SLICE = 1, 2
CASES = {
    "clean": (False, False, False),
    "motion": (True, False, False),
    "eddy": (False, True, False),
    "dropout": (False, False, True),
    "all": (True, True, True),
}
# The robust fit is left on, so that ways differ by the corrections alone.
OFF = {"motion": False, "eddy": False, "outliers": False}
GOAL = 1.5
ERRORS = ("direction deg", "length mm", "pennation deg")


@dataclass(frozen=True)
class Disturbance:
    """Motion (N, 6) mm and deg, eddy (N, 4) slopes and shift in mm, signal kept (N, K)."""

    motion: np.ndarray
    eddy: np.ndarray
    kept: np.ndarray


def field_of_view(leg: Leg, labels: Image, muscles: list[str]) -> Image:
    """Return the grid of the scan: whole sections of the leg, as high as the muscles and a rim."""
    whole = leg.grid(SPACING)
    own = np.isin(labels.data, [label_of(key, leg.side) for key in muscles])
    height = whole.to_voxels(labels.to_world(np.argwhere(own)))[:, SLICE]
    rim = RIM_MM / SPACING[SLICE]
    first = max(int(height.min() - rim), 0)
    last = min(int(height.max() + rim) + 1, whole.shape[SLICE])
    affine = whole.affine.copy()
    affine[:3, 3] = whole.to_world([0, 0, first])
    return Image(whole.data[:, :, first:last], affine)


def disturb(case: str, weights: Weighting, slices: int, seed: int) -> Disturbance:
    """Draw what happens to every volume."""
    moves, stretches, drops = CASES[case]
    rng = np.random.default_rng([seed, 11])
    n, weighted = len(weights.bvals), weights.bvals > 0
    motion = rng.uniform(-1, 1, (n, 6)) * [2, 2, 2, 3, 3, 3] * moves
    motion -= np.median(motion, axis=0)
    by_gradient = rng.standard_normal((4, 3))
    by_gradient *= np.array([0.02, 0.03, 0.02, 3.0])[:, None]
    eddy = weights.directions @ (by_gradient / np.linalg.norm(by_gradient, axis=1)[:, None]).T
    eddy *= np.array([0.02, 0.03, 0.02, 3.0]) * stretches
    kept = np.ones((n, slices))
    lost = (rng.random(kept.shape) < 0.1) & weighted[:, None] & drops
    kept[lost] = 1 - rng.uniform(0.3, 0.9, int(lost.sum()))
    return Disturbance(motion, eddy, kept)


def simulate(
    leg: Leg, grid: Image, weights: Weighting, disturbed: Disturbance, snr: float, seed: int
) -> Image:
    """Return noisy magnitudes (I, J, K, N)."""
    about = grid.to_world((np.array(grid.shape) - 1) / 2)
    still = np.zeros(grid.shape, np.float32)
    rng = np.random.default_rng([seed, int(snr)])
    out = np.empty((*grid.shape, len(weights.bvals)), np.float32)
    for v, motion in enumerate(disturbed.motion):
        moved = motion_matrix(motion, about)
        squeeze = np.eye(4)
        squeeze[:3, :3] += np.outer(grid.rotation[:, PHASE], grid.rotation @ disturbed.eddy[v, :3])
        shift = disturbed.eddy[v, 3] * grid.rotation[:, PHASE]
        squeeze[:3, 3] = about + shift - squeeze[:3, :3] @ about
        to_leg = leg_matrix(leg, np.linalg.inv(squeeze @ moved) @ grid.affine)
        gradients = weights.directions[[v]] @ moved[:3, :3] @ leg.pose[:3, :3]
        signal = render_diffusion(
            leg.tables, to_leg, grid.shape, SPLIT, SIGNAL, DIFFUSIVITY, EIGENVALUES,
            weights.bvals[[v]], np.ascontiguousarray(gradients), still,
        )[..., 0] * disturbed.kept[v] / np.linalg.det(squeeze[:3, :3])  # fmt: skip
        out[..., v] = 300.0 * rician(signal, 1 / snr, rng)
    return grid.with_data(out)


@dataclass(frozen=True)
class AtRest:
    """Images and tensors of a series that was brought to rest by its true motion."""

    dwi: Image
    noisy_tensor: np.ndarray


def at_true_rest(
    dwi: Image, table: GradientTable, disturbed: Disturbance, about: np.ndarray
) -> AtRest:
    """Undo the true motion, and nothing else: what is left over is the price of interpolation."""
    poses = [motion_matrix(motion, about) for motion in disturbed.motion]
    rest = resample_series(dwi, [Placement(pose) for pose in poses])
    turned = table.rotated(np.array([pose[:3, :3].T for pose in poses]))
    mask = leg_mask(dwi.with_data(dwi.data.mean(-1)))
    return AtRest(rest, fit_tensor(rest.data, turned, mask).tensor)


def errors(
    leg: Leg, result: DiffusionResult | AtRest, labels: Image, muscles: list[str]
) -> pd.DataFrame:
    """Return the errors of muscles, one row each."""
    inside = muscle_points(leg)
    tensor = result.dwi.with_data(result.noisy_tensor)
    rows = {}
    for key in muscles:
        label = label_of(key, leg.side)
        sheets = []
        if leg.tables.bipennate[label % 100 - 1] > 0:
            sheets = [sheet_from_mask(draw_sheet(leg, labels, label), labels.affine)]
        mask = labels.with_data(labels.data == label)
        found = compare(
            leg,
            reconstruct_muscle(label, mask, tensor, FibreSettings(bootstrap=0), sheets),
            tensor,
            inside[key],
        )
        rows[key] = [found["e1"], found["L med"], (found["p0 med"] + found["p1 med"]) / 2]
    return pd.DataFrame.from_dict(rows, orient="index", columns=ERRORS)


def recovered(result: DiffusionResult, disturbed: Disturbance, about: np.ndarray) -> str:
    """Return how well the disturbance itself was found."""
    facts, said = result.facts, []
    if "motion" in facts:
        gap = np.array(facts["motion"]) - disturbed.motion
        # Displacements are told for the legs' centre, drawn for that of the field of view.
        for v, motion in enumerate(disturbed.motion):
            moved = motion_matrix(motion, about)
            centre = np.array(facts["motion_centre_mm"])
            gap[v, :3] = facts["motion"][v][:3] - (moved[:3, :3] @ centre + moved[:3, 3] - centre)
        # A shift along the phase-encoding axis by eddy currents looks the same as motion.
        gap[:, PHASE] -= disturbed.eddy[:, 3]
        gap -= np.median(gap, axis=0)
        rms = np.sqrt(np.square(gap).mean(0))
        said.append("motion rms " + " ".join(f"{x:.2f}" for x in rms))
    if "eddy_slopes" in facts:
        gap = np.array(facts["eddy_slopes"]) - disturbed.eddy[:, :3]
        said.append("slopes rms " + " ".join(f"{x:.4f}" for x in np.sqrt(np.square(gap).mean(0))))
    if "outlier_slices" in facts:
        found = {(int(v), int(k)) for v, k, _ in facts["outlier_slices"]}
        true = {(int(v), int(k)) for v, k in np.argwhere(disturbed.kept < 1)}
        said.append(f"outliers: {len(found & true)} of {len(true)}, {len(found - true)} false")
    return "; ".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--snr", type=float, nargs="+", default=[20.0, 40.0])
    parser.add_argument("--muscles", nargs="+", default=["GM", "TA"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ways", nargs="+", default=["off", "on"], choices=["off", "on", "true"])
    parser.add_argument("--settings", type=str, default="{}", help="of the corrections when on")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    leg = make_leg(given.seed)
    labels = label_image([leg], leg.grid((1.0, 1.0, 3.0)))
    grid = field_of_view(leg, labels, given.muscles)
    about = grid.to_world((np.array(grid.shape) - 1) / 2)
    weights = weighting(16, 500.0, 2, np.random.default_rng(7))
    table = GradientTable(weights.bvals, weights.directions)
    on = DiffusionSettings.model_validate_json(given.settings)
    ways = {"off": DiffusionSettings.model_validate(OFF), "on": on}
    summary = []
    for snr in given.snr:
        reference: pd.DataFrame | None = None
        for case in given.cases:
            disturbed = disturb(case, weights, grid.shape[SLICE], given.seed)
            dwi = simulate(leg, grid, weights, disturbed, snr, given.seed)
            # What growth is measured against has to be there whatever ways are asked for.
            for way in dict.fromkeys((["off"] if case == "clean" else []) + given.ways):
                start = time.process_time()
                if way == "true":
                    result = at_true_rest(dwi, table, disturbed, about)
                else:
                    how = Acquisition(PHASE, 1, None, SLICE)
                    result = process(dwi, table, None, ways[way], how)
                took = time.process_time() - start
                found = errors(leg, result, labels, given.muscles)
                print(f"\nSNR {snr:g}, {case}, corrections {way}, {took:.0f} s of processor time")
                if way != "true" and (said := recovered(result, disturbed, about)):
                    print(said)
                if case == "clean" and way == "off":
                    reference = found
                if reference is not None:
                    found = found.join(found / reference, rsuffix=" growth")
                print(found.round(2).to_string(), flush=True)
                found.index.name = "muscle"
                row = found.reset_index().assign(snr=snr, case=case, corrections=way)
                summary.append(row.set_index(["snr", "case", "corrections", "muscle"]))
    print(f"\nSeed {given.seed}; growth against the undisturbed scan, goal {GOAL:g}")
    print(pd.concat(summary).round(2).to_string())


if __name__ == "__main__":
    main()
