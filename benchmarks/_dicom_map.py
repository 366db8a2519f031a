"""A map of two legs from shapes, turned at will, in memory: what DICOM objects are judged by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyvista as pv
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.image import Image
from imaging.musclemap.read.meshes import MapFascicles
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.muscles import label_of

SHAPE, SPACING = (64, 36, 30), (2.0, 2.5, 5.0)
# Centre of the right leg's and semi-axes, mm; the left leg is its mirror.
SHAPES = {
    "TA": ((34.0, 14.0, 0.0), (9.0, 9.0, 55.0)),
    "SOL": ((30.0, -18.0, 5.0), (16.0, 12.0, 60.0)),
    "FHL": ((48.0, -10.0, -5.0), (5.0, 7.0, 45.0)),
    "TIB": ((18.0, 6.0, 0.0), (7.0, 8.0, 65.0)),
}
FASCICLES = 12


def turned_map(
    angles_deg: tuple[float, float, float], sides: tuple[str, ...] = ("left", "right")
) -> MuscleMap:
    """Return a map whose voxel axes are turned about x, y and z, and all that lies in it."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    turn[:3, 3] = 11.3, -7.1, 402.7
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -0.5 * (np.array(SHAPE) - 1) * SPACING
    labels = Image(np.zeros(SHAPE, np.int16), affine)
    world = labels.to_world(np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1))
    surfaces, lines, of = {}, [], []
    for side in sides:
        mirror = np.array([1 if side == "right" else -1, 1, 1])
        for key, (centre, axes) in SHAPES.items():
            label, middle = label_of(key, side), np.array(centre) * mirror
            labels.data[(((world - middle) / axes) ** 2).sum(-1) <= 1] = label
            sphere = pv.Icosphere(radius=1.0, nsub=3)
            surfaces[label] = pv.PolyData(sphere.points * axes + middle, sphere.faces)
            if key != "TIB":
                reach = np.linspace(-20, 20, 21)[:, None] * [0.0, 0.3, 0.95]
                lines += [middle + reach + [0, 0, k - 6] for k in range(FASCICLES)]
                of += [label] * FASCICLES
    for mesh in surfaces.values():
        mesh.transform(turn, inplace=True)
    rng = np.random.default_rng(5)
    grid = Image(labels.data, turn @ affine)
    texture = ndimage.gaussian_filter(rng.normal(size=SHAPE), 0.7)
    inside = labels.data > 0
    arrays = {
        "label": labels.data,
        "anatomy": (400 + 200 * inside + 300 * texture).astype(np.float32),
        "fa": np.where(inside, 0.2 + 0.1 * rng.random(SHAPE), np.nan).astype(np.float32),
        "md": np.where(inside, 1.5e-3 + 1e-4 * rng.random(SHAPE), np.nan).astype(np.float32),
        "fat_fraction": (100 * rng.random(SHAPE)).astype(np.float32),
        "stiffness_mdev": np.where(inside, 2e3 + rng.random(SHAPE), np.nan).astype(np.float32),
    }  # fmt: skip
    about = {name: {"Description": name, "Units": "1"} for name in arrays}
    about["stiffness_mdev"]["Quantity"] = "magnitude"
    points = np.concatenate(lines) @ turn[:3, :3].T + turn[:3, 3]
    offsets = np.arange(len(lines) + 1) * 21
    figures = pd.DataFrame({"label": of, "length_mm": 40.0, "fa_mean": 0.25})
    return MuscleMap(
        "sub-01",
        {name: Image(data, grid.affine) for name, data in arrays.items()},
        layers=about,
        surfaces=surfaces,
        fascicles=MapFascicles(points.astype(np.float32), offsets.astype(np.int64), figures),
    )
