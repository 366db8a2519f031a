"""Fascicles of the digital leg against its truth: shared by benchmarks of distortion and motion."""

from __future__ import annotations

import numpy as np

from imaging.architecture.direction import principal_direction
from imaging.architecture.muscle import MuscleArchitecture
from imaging.geometry import fold_angle_deg
from imaging.image import Image
from imaging.muscles import muscle_keys
from imaging.phantom.cells import across_points, classify_points
from imaging.phantom.fascicles import CURVATURE, END, LENGTH, START, trace
from imaging.phantom.images import slice_points
from imaging.phantom.leg import Leg


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
