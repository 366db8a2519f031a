"""Dark sheets in anatomical images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imaging.architecture.sheetness import onto_line, sheetness
from imaging.image import Image

SHEET_X = 1.3  # mm, where the dark sheet stands


def _scene(turn: tuple[float, float, float], spacing: tuple[float, ...], dark: float):
    """Return an image of a muscle with a sheet across x, and its mask, on an oblique grid."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * spacing
    shape = np.array([44, 40, 100]) / spacing
    shape = shape.astype(int)
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2)
    grid = Image(np.zeros(shape, np.float32), affine)
    points = grid.to_world(np.argwhere(np.ones(shape, bool)))
    inside = (np.abs(points) < [14, 12, 30]).all(1)
    depth = np.abs(points[:, 0] - SHEET_X)
    value = np.where(inside, 400.0, 150.0) - dark * inside * np.exp(-0.5 * (depth / 0.6) ** 2)
    value += np.random.default_rng(5).normal(0, 8, len(value))
    image = grid.with_data(value.reshape(shape).astype(np.float32))
    return image, grid.with_data(inside.reshape(shape))


def _plane(x: float) -> tuple[np.ndarray, np.ndarray]:
    y, z = np.meshgrid(np.arange(-8, 8.1, 2), np.arange(-24, 24.1, 3))
    u, v = y.ravel() / 8, z.ravel() / 24
    places = np.column_stack([np.full(u.size, x), y.ravel(), z.ravel()])
    return places, np.column_stack([np.ones_like(u), u, v, u * v])


@pytest.mark.parametrize("turn", [(0, 0, 0), (10, -8, 20)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 1.1, 4.0)])
def test_a_sheet_is_moved_onto_the_dark_line(turn, spacing):
    line = sheetness(*_scene(turn, spacing, 120.0))
    assert line is not None
    places, basis = _plane(SHEET_X - 1.8)
    move = onto_line(line, places, np.array([1.0, 0.0, 0.0]), basis)
    assert move is not None
    found = places[:, 0] + basis @ move
    assert np.median(np.abs(found - SHEET_X)) < 0.3


def test_without_a_line_a_sheet_stays_where_it_is():
    line = sheetness(*_scene((0, 0, 0), (1.0, 1.0, 1.0), 0.0))
    assert line is not None
    places, basis = _plane(-0.5)
    assert onto_line(line, places, np.array([1.0, 0.0, 0.0]), basis) is None


def test_the_border_of_the_muscle_is_no_sheet():
    image, mask = _scene((0, 0, 0), (1.0, 1.0, 1.0), 0.0)
    line = sheetness(image, mask)
    assert line is not None
    x = line.to_world(np.argwhere(line.data != 0))[:, 0]
    assert np.abs(x).max() < 12


def test_an_image_beside_the_muscle_says_nothing():
    image, mask = _scene((0, 0, 0), (1.0, 1.0, 1.0), 50.0)
    away = image.affine.copy()
    away[0, 3] += 300
    assert sheetness(Image(image.data, away), mask) is None
