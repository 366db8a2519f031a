"""Fascicles of the digital leg against its truth, with true labels, at several noise levels.

    python -m benchmarks.fibres [--snr inf 40 20] [--muscles TA SOL GM] [--no-sheets] [--seed 1]

Every point of a muscle from which a fascicle was started is compared with the true fascicle
through that point. `bias` compares the volume means of the muscle, points without a fascicle
included.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd

from imaging.architecture.direction import principal_direction
from imaging.architecture.muscle import MuscleArchitecture, reconstruct_muscle
from imaging.config import FibreSettings
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import fit_tensor
from imaging.geometry import fold_angle_deg, sheet_from_mask
from imaging.image import Image
from imaging.muscles import label_of, muscle_keys
from imaging.phantom.cells import across_points, classify_points
from imaging.phantom.diffusion import diffusion_weighted, weighting
from imaging.phantom.fascicles import CURVATURE, END, LENGTH, START, trace
from imaging.phantom.images import label_image, slice_points
from imaging.phantom.leg import Leg, make_leg
from imaging.phantom.truth import muscle_points


def simulate(leg: Leg, snr: float, spacing: tuple[float, float, float], directions: int) -> Image:
    """Return the tensor image of a scan of the leg, fitted without any denoising."""
    rng = np.random.default_rng([7, int(min(snr, 1e6))])
    grid = leg.grid(spacing)
    weights = weighting(directions, 500.0, 3, rng)
    dwi, _ = diffusion_weighted([leg], grid, weights, split=(2, 2, 2), snr=min(snr, 1e6), rng=rng)
    table = GradientTable(weights.bvals, weights.directions)
    b0 = dwi.data[..., weights.bvals == 0].mean(axis=-1)
    fit = fit_tensor(dwi.data, table, b0 > 0.1 * b0.max())
    return grid.with_data(fit.tensor)


def draw_sheet(leg: Leg, labels: Image, label: int) -> np.ndarray:
    """Return the mask of a muscle's internal sheet, as a person would draw it on the labels."""
    out = np.zeros(labels.shape, bool)
    for k in range(labels.shape[2]):
        own = labels.data[..., k] == label
        if own.any():
            points = leg.to_leg(slice_points(labels, k)[own.ravel()])
            out[own, k] = np.abs(across_points(leg.tables, label % 100 - 1, points)) < 0.75
    return out


def compare(leg: Leg, result: MuscleArchitecture, tensor: Image, all_points: np.ndarray) -> dict:
    """Return the errors of one muscle."""
    index = result.label % 100 - 1
    row: dict[str, object] = {"muscle": muscle_keys()[index], "n": len(result.fascicles)}
    sample = all_points[:: max(1, len(all_points) // 2000)]
    truth = trace(leg.tables, index, sample, 0.25)
    row["L true"] = truth[:, LENGTH].mean()
    if not len(result.fascicles) or result.seeds is None:
        return row
    seeds = leg.to_leg(result.seeds)
    codes, _ = classify_points(leg.tables, seeds)
    own = codes == index + 1
    true = trace(leg.tables, index, seeds[own], 0.25)
    table = result.fascicles.table[own]
    length = table["length_mm"].to_numpy(float)
    found = {m.measure: m.value for m in result.measures}
    row["L bias"] = float(found["fascicle_length"] or np.nan) - truth[:, LENGTH].mean()
    row["L med"] = np.median(np.abs(length - true[:, LENGTH]))
    row["L mean"] = np.mean(np.abs(length - true[:, LENGTH]))
    for name, column, at in (
        ("p0", "pennation_start_deg", START),
        ("p1", "pennation_end_deg", END),
    ):
        row[f"{name} true"] = truth[:, at].mean()
        row[f"{name} bias"] = float(np.mean(table[column] - true[:, at]))
        row[f"{name} med"] = np.median(np.abs(table[column] - true[:, at]))
    row["k bias"] = float(np.mean(table["curvature_per_m"] - true[:, CURVATURE]))
    if result.box is not None and result.share is not None:
        inside = result.share > 0.99
        grid = np.argwhere(inside) + [s.start for s in result.box]
        places = tensor.to_world(grid)
        want = leg.directions(places, np.full(len(places), result.label))
        smooth, raw = result.directions[inside], principal_direction(tensor.data[tuple(grid.T)])
        row["e1 raw"] = np.median(fold_angle_deg(raw, want))
        row["e1"] = np.median(fold_angle_deg(smooth, want))
    row["lost"] = 1 - len(result.fascicles) / result.facts["seeds"]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snr", type=float, nargs="+", default=[np.inf, 40.0, 20.0])
    parser.add_argument("--muscles", nargs="+", default=list(muscle_keys()))
    parser.add_argument("--spacing", type=float, nargs=3, default=[2.0, 2.0, 5.0])
    parser.add_argument("--label-spacing", type=float, nargs=3, default=[1.0, 1.0, 3.0])
    parser.add_argument("--directions", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-sheets", action="store_true")
    parser.add_argument("--settings", type=str, default="{}")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    settings = FibreSettings.model_validate_json(given.settings)
    leg = make_leg(given.seed)
    labels = label_image([leg], leg.grid(given.label_spacing))
    inside = muscle_points(leg)
    for snr in given.snr:
        tensor = simulate(leg, snr, tuple(given.spacing), given.directions)
        rows, start = [], time.perf_counter()
        for key in given.muscles:
            label = label_of(key, leg.side)
            sheets = []
            if leg.tables.bipennate[label % 100 - 1] > 0 and not given.no_sheets:
                sheets = [sheet_from_mask(draw_sheet(leg, labels, label), labels.affine)]
            mask = labels.with_data(labels.data == label)
            result = reconstruct_muscle(label, mask, tensor, settings, sheets)
            rows.append(compare(leg, result, tensor, inside[key]))
        took = time.perf_counter() - start
        frame = pd.DataFrame(rows).set_index("muscle")
        frame.loc["mean"] = frame.mean()
        print(f"\nSNR {snr:g}, sheets {'not ' * given.no_sheets}given, {took:.0f} s")
        print(frame.round(2).to_string())


if __name__ == "__main__":
    main()
