"""True architecture of a digital leg, integrated from its analytic fibre directions.

The surface of a muscle is the border of its label; in a bipennate muscle the internal sheet is a
surface too, and each fascicle ends on it. Means are over the volume: points are spread evenly
through the muscle and each counts once, with the fascicle that runs through it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import qmc

from imaging.arrays import FloatArray
from imaging.measures import Measure
from imaging.muscles import label_of, muscle_keys
from imaging.phantom.cells import classify_points
from imaging.phantom.diffusion import EIGENVALUES
from imaging.phantom.fascicles import CHORD, CURVATURE, END, LENGTH, START, trace
from imaging.phantom.leg import Leg

STEP_MM = 0.25
GRID_MM = (1.25, 1.25, 2.5)


def muscle_points(leg: Leg) -> dict[str, FloatArray]:
    """Return points (N, 3) in leg coordinates on a regular grid inside every muscle."""
    t = leg.tables
    wide = t.radius * 1.12
    low, high = (t.centre - wide[:, None]).min(axis=0), (t.centre + wide[:, None]).max(axis=0)
    x, y = (np.arange(a, b, GRID_MM[i]) for i, (a, b) in enumerate(zip(low, high, strict=True)))
    top = t.z0 + t.dz * (len(t.radius) - 1)
    flat = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    found: dict[str, list[FloatArray]] = {key: [] for key in muscle_keys()}
    for z in np.arange(t.z0, top, GRID_MM[2]):
        points = np.column_stack([flat, np.full(len(flat), z)])
        codes, _ = classify_points(t, points)
        for index, key in enumerate(muscle_keys(), start=1):
            found[key].append(points[codes == index])
    return {key: np.concatenate(parts) for key, parts in found.items()}


def fascicle_table(leg: Leg, inside: dict[str, FloatArray], n_points: int) -> pd.DataFrame:
    """Return one row per traced point of every muscle.

    Parameters
    ----------
    leg
        The leg.
    inside
        From :func:`muscle_points`.
    n_points
        Points per muscle, evenly spread through its volume.

    Returns
    -------
    DataFrame
        key, label, x, y, z (world RAS+ mm, the point), length_mm, pennation_start_deg (lower end),
        pennation_end_deg (upper end), pennation_line_deg (fascicle's chord to the muscle's line of
        action, the first principal axis of its volume), curvature_per_m (turning over length).
    """
    rows = []
    for index, (key, grid) in enumerate(inside.items()):
        choice = np.linspace(0, len(grid) - 1, min(n_points, len(grid))).astype(int)
        jitter = qmc.Halton(3, scramble=False).random(len(choice)) - 0.5
        points = grid[choice] + jitter * GRID_MM
        codes, _ = classify_points(leg.tables, points)
        points = points[codes == index + 1]
        traced = trace(leg.tables, index, points, STEP_MM)
        axis = np.linalg.eigh(np.cov(grid.T))[1][:, -1]
        chord = traced[:, CHORD]
        cosine = np.abs(chord @ axis) / np.maximum(np.linalg.norm(chord, axis=1), 1e-9)
        world = leg.to_world(points)
        rows.append(
            pd.DataFrame(
                {
                    "key": key, "label": label_of(key, leg.side),
                    "x": world[:, 0], "y": world[:, 1], "z": world[:, 2],
                    "length_mm": traced[:, LENGTH], "pennation_start_deg": traced[:, START],
                    "pennation_end_deg": traced[:, END],
                    "pennation_line_deg": np.degrees(np.arccos(np.minimum(cosine, 1.0))),
                    "curvature_per_m": traced[:, CURVATURE],
                }
            )
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


MEASURES = {
    "fascicle_length": ("length_mm", "mm"),
    "pennation_start": ("pennation_start_deg", "deg"),
    "pennation_end": ("pennation_end_deg", "deg"),
    "pennation_line": ("pennation_line_deg", "deg"),
    "curvature": ("curvature_per_m", "1/m"),
}


def true_measures(leg: Leg, inside: dict[str, FloatArray], table: pd.DataFrame) -> list[Measure]:
    """Return volume, architecture and diffusion of every muscle.

    `inside` is from :func:`muscle_points`, `table` from :func:`fascicle_table`.
    """
    rows = []
    voxel_ml = float(np.prod(GRID_MM)) / 1000.0
    l1, l2, l3 = EIGENVALUES
    mean = float(EIGENVALUES.mean())
    fa = float(np.sqrt(1.5 * ((EIGENVALUES - mean) ** 2).sum() / (EIGENVALUES**2).sum()))
    for key, points in inside.items():
        label = label_of(key, leg.side)
        rows.append(Measure(label, "volume", len(points) * voxel_ml, "ml"))
        own = table[table["label"] == label]
        for name, (column, unit) in MEASURES.items():
            values = own[column].to_numpy(float)
            rows.append(
                Measure(
                    label, name, float(values.mean()), unit, n=len(values),
                    sd=float(values.std()), note="points of the volume",
                )
            )  # fmt: skip
        rows.append(Measure(label, "fa", fa, "1"))
        rows.append(Measure(label, "md", mean, "mm2/s"))
        rows.append(Measure(label, "ad", float(l1), "mm2/s"))
        rows.append(Measure(label, "rd", float(l2 + l3) / 2, "mm2/s"))
    return rows
