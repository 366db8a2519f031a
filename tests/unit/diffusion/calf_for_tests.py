"""A calf of columns that lie and lean as the tables of anatomy say."""

import numpy as np
from diffusion_for_tests import affine_of
from scipy.spatial.transform import Rotation

from imaging.anatomy import layout, leans
from imaging.diffusion.tensor import TensorFit
from imaging.image import Image
from imaging.muscles import label_of

SHAPE, SPACING = (44, 44, 30), (2.5, 2.5, 8.0)
ROW, COLUMN = [0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]


def leg(side, rotation=None, scatter_deg=0.0, seed=0):
    """Return tensors and labels of a calf of columns laid out and leaning as the tables say."""
    rng = np.random.default_rng(seed)
    grid = Image(np.zeros(SHAPE, np.int16), affine_of(SHAPE, SPACING, rotation))
    turn = Rotation.from_euler("z", 15 if side == "right" else -15, degrees=True).as_matrix()
    lateral = 1.0 if side == "right" else -1.0
    axes = np.stack([turn[:, 1], lateral * turn[:, 0], turn[:, 2]])
    place = grid.to_world(np.argwhere(np.ones(SHAPE, bool))) @ axes.T
    labels = np.zeros(len(place), np.int16)
    direction = np.zeros((len(place), 3))
    for row in layout():
        offset = place[:, :2] - (row.anterior_mm, row.lateral_mm)
        own = (np.hypot(*offset.T) < 10) & (labels == 0) & (np.abs(place[:, 2]) < 110)
        labels[own] = label_of(row.structure, side)
        for prior in leans():
            if prior.muscle != row.structure:
                continue
            lean = rng.normal([prior.anterior_deg, prior.lateral_deg], scatter_deg)
            part = own.copy()
            for axis, (less, more) in enumerate((("posterior", "anterior"), ("medial", "lateral"))):
                names = prior.region.split("-")
                if less in names or more in names:
                    part &= (offset[:, axis] > 0) == (more in names)
            direction[part] = [*np.tan(np.radians(lean)), 1.0]
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    e1 = direction @ axes
    tensor = 1.3e-3 * np.eye(3) + 0.7e-3 * e1[:, :, None] * e1[:, None, :]
    known = np.linalg.norm(direction, axis=1) > 0
    return (
        grid.with_data(labels.reshape(SHAPE)),
        (tensor[:, ROW, COLUMN] * known[:, None]).reshape(*SHAPE, 6),
        known.reshape(SHAPE),
        axes,
    )


def turned(tensor, known, grid, change):
    """Return the fit under a wrong table."""
    turn = grid.rotation @ change @ grid.rotation.T
    full = np.zeros((*tensor.shape[:3], 3, 3))
    full[..., ROW, COLUMN] = full[..., COLUMN, ROW] = tensor
    full = turn @ full @ turn.T
    values, vectors = np.linalg.eigh(full)
    return TensorFit(
        full[..., ROW, COLUMN].astype(np.float32), values[..., ::-1].astype(np.float32),
        vectors[..., 2].astype(np.float32), *[known.astype(np.float32)] * 3,
    )  # fmt: skip
