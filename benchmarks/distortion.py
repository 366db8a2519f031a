"""Echo-planar distortion of the digital leg: what is left of it, and what it does to fascicles.

    python -m benchmarks.distortion [--snr 20 40] [--signs 1 -1] [--seed 1] [--max-mm 6]
        [--spacing 2 2 5]

A smooth off-resonance field (a shim polynomial and six local bumps 25 to 45 mm wide) displaces
tissue along the phase-encoding axis by up to 6 mm inside the leg, with stretch and compression; it
is rendered from the analytic leg, not by interpolating images. Every scan goes through all steps of
``pennate diffusion``. `left`: distance in mm between where a voxel of the leg is shown and where it
is, rigid alignment included. Fascicles are reconstructed with the true labels; every point of GM
and TA is compared with the true fascicle through it. `growth`: errors over those of the
undistorted scan, goal at most 1.5.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd

from benchmarks._digital_leg import compare, draw_sheet
from imaging.architecture.muscle import reconstruct_muscle
from imaging.config import DiffusionSettings, FibreSettings
from imaging.diffusion.acquisition import Acquisition
from imaging.diffusion.distortion import ReversedScan
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.pipeline import DiffusionResult, process
from imaging.geometry import sheet_from_mask
from imaging.image import Image
from imaging.muscles import label_of
from imaging.phantom.diffusion import Weighting, diffusion_signal, noisy_magnitude, weighting
from imaging.phantom.images import label_image, smooth_field, t1_weighted
from imaging.phantom.leg import Leg, covering_grid, make_leg
from imaging.phantom.truth import muscle_points

PHASE = 1  # voxel axis
MUSCLES = ("GM", "TA")
ERRORS = {"direction": "e1", "length": "L med", "pennation 0": "p0 med", "pennation 1": "p1 med"}
WAYS = {
    "undistorted": "off",
    "uncorrected": "off",
    "fmap": "fmap",
    "anatomy": "anatomy",
    "undistorted, anatomy": "anatomy",
}


def displacement(leg: Leg, grid: Image, seed: int, max_mm: float) -> np.ndarray:
    """Return the displacement (I, J, K) in mm of the tissue that is at each voxel."""
    rng = np.random.default_rng([seed, 11])
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    middle, half = leg.bounds_mm.mean(axis=0), np.diff(leg.bounds_mm, axis=0)[0] / 2
    field = smooth_field(grid, rng).astype(float)
    for _ in range(6):
        centre, width = middle + rng.uniform(-0.8, 0.8, 3) * half, rng.uniform(25, 45)
        squares = np.square((world - centre) / width).sum(axis=-1)
        field += rng.uniform(-0.8, 0.8) * np.exp(-squares / 2)
    inside = label_image([leg], grid).data > 0
    return field * max_mm / np.abs(field[inside]).max()


def shown(grid: Image, moved: np.ndarray) -> np.ndarray:
    """Return how far along the axis lies what each voxel shows, mm."""
    at = grid.spacing[PHASE] * np.arange(grid.shape[PHASE])
    return np.apply_along_axis(lambda line: np.interp(at, at + line, -line), PHASE, moved)


def left(result: DiffusionResult, grid: Image, moved: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the distances (P,) in mm between where the leg's voxels are shown and are."""
    found = np.zeros(grid.shape)
    if result.distortion is not None and result.distortion.status == "corrected":
        found = result.distortion.displacement_mm
    at = grid.spacing[PHASE] * np.arange(grid.shape[PHASE])
    # What is shown at a voxel came from the raw position at + found, hence from where it is true.
    raw = np.moveaxis(at[:, None] + np.moveaxis(found, PHASE, -2), -2, PHASE)
    back = shown(grid, moved)
    lines = zip(
        np.moveaxis(raw, PHASE, -1).reshape(-1, len(at)),
        np.moveaxis(back, PHASE, -1).reshape(-1, len(at)),
        strict=True,
    )
    true = np.array([r + np.interp(r, at, s) for r, s in lines])
    first, last = (n for a, n in enumerate(grid.shape) if a != PHASE)
    true = np.moveaxis(true.reshape(first, last, -1), -1, PHASE) / grid.spacing[PHASE]
    voxels = np.argwhere(inside).astype(float)
    is_at = voxels.copy()
    is_at[:, PHASE] = true[inside]
    return np.linalg.norm(result.dwi.to_world(voxels) - grid.to_world(is_at), axis=1)


class Scanner:
    """Scans of one leg, rendered once and made noisy at will."""

    def __init__(self, seed: int, sign: int, max_mm: float, spacing: tuple[float, ...]):
        self.leg = make_leg(seed)
        self.grid = covering_grid(self.leg.bounds_mm, spacing, (10.0, 14.0, 0.0))
        self.moved = sign * displacement(self.leg, self.grid, seed, max_mm)
        self.weights = weighting(16, 500.0, 3, np.random.default_rng([seed, 12]))
        still = np.zeros(self.grid.shape)
        self.clean = {
            "undistorted": self._render(still, self.weights),
            "distorted": self._render(shown(self.grid, self.moved), self.weights),
            "reversed": self._render(
                shown(self.grid, -self.moved), Weighting(np.zeros(2), np.zeros((2, 3)))
            ),
        }
        fine = covering_grid(self.leg.bounds_mm, (1.0, 1.0, 3.0), (8.0, 8.0, 0.0))
        rng = np.random.default_rng([seed, 13])
        self.anatomy = t1_weighted([self.leg], fine, (2, 2, 2), 40.0, rng)
        self.labels = label_image([self.leg], fine)
        self.inside = label_image([self.leg], self.grid).data > 0
        self.points = muscle_points(self.leg)

    def _render(self, field: np.ndarray, weights: Weighting) -> np.ndarray:
        return diffusion_signal([self.leg], self.grid, weights, split=(2, 3, 2), field=field)

    def process(self, way: str, snr: float) -> DiffusionResult:
        """Return the scan after all steps."""
        rng = np.random.default_rng([7, int(snr)])
        which = "undistorted" if way.startswith("undistorted") else "distorted"
        dwi = noisy_magnitude(self.grid, self.clean[which], snr, rng)
        back = noisy_magnitude(self.grid, self.clean["reversed"], snr, rng)
        fmap = ReversedScan(back.with_data(back.data.mean(axis=-1)), 1.0)
        settings = DiffusionSettings(distortion=WAYS[way], motion=False, gradient_check=False)
        table = GradientTable(self.weights.bvals, self.weights.directions)
        how = Acquisition(PHASE, 1, 0.04, 2)
        return process(dwi, table, self.anatomy, settings, how, fmap)

    def errors(self, result: DiffusionResult) -> dict[str, float]:
        """Return the errors of direction (deg), length (mm) and pennation (deg) per muscle."""
        tensor = result.dwi.with_data(result.tensor)
        out = {}
        for key in MUSCLES:
            label = label_of(key, self.leg.side)
            sheets = []
            if self.leg.tables.bipennate[label % 100 - 1] > 0:
                drawn = draw_sheet(self.leg, self.labels, label)
                sheets = [sheet_from_mask(drawn, self.labels.affine)]
            mask = self.labels.with_data(self.labels.data == label)
            found = reconstruct_muscle(label, mask, tensor, FibreSettings(bootstrap=0), sheets)
            row = compare(self.leg, found, tensor, self.points[key])
            out |= {f"{key} {name}": float(row[column]) for name, column in ERRORS.items()}
        return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snr", type=float, nargs="+", default=[20.0, 40.0])
    parser.add_argument("--signs", type=int, nargs="+", default=[1, -1], choices=[1, -1])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-mm", type=float, default=6.0)
    parser.add_argument("--spacing", type=float, nargs=3, default=[2.0, 2.0, 5.0])
    parser.add_argument("--no-fascicles", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for sign in given.signs:
        scanner = Scanner(given.seed, sign, given.max_mm, tuple(given.spacing))
        for snr in given.snr:
            for way in given.ways:
                start = time.perf_counter()
                result = scanner.process(way, snr)
                took = time.perf_counter() - start
                moved = scanner.moved * (not way.startswith("undistorted"))
                rest = left(result, scanner.grid, moved, scanner.inside)
                row = {"sign": sign, "snr": snr, "scan": way}
                row["status"] = result.facts.get("distortion_status", "-")
                row["left median"], row["left p95"] = np.percentile(rest, [50, 95])
                if not given.no_fascicles:
                    row |= scanner.errors(result)
                rows.append({**row, "s": took})
                print(pd.DataFrame(rows[-1:]).round(2).to_string(index=False), flush=True)
    frame = pd.DataFrame(rows)
    print("\n" + frame.round(2).to_string(index=False))
    names = [c for c in frame if c.split(" ")[0] in MUSCLES]
    if names and "undistorted" in given.ways:
        frame["undistorted"] = frame["scan"].eq("undistorted")
        whole = frame.groupby(["sign", "snr"])[names].transform("first")
        growth = (frame[names] / whole).assign(scan=frame["scan"])
        print("\ngrowth, mean over scans\n" + growth.groupby("scan").mean().round(2).to_string())


if __name__ == "__main__":
    main()
