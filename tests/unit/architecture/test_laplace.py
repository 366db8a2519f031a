"""The modelled flow between attachments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imaging.architecture.laplace import laplacian_directions


def _angle(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip(np.sum(found * expected, axis=-1), -1, 1)))


@pytest.mark.parametrize("turn", [(0, 0, 0), (20, -15, 40)])
@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (1.5, 1.5, 4.0)])
def test_uniform_flow_through_an_open_body_stays_nearly_uniform(turn, spacing):
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    inside = np.zeros((14, 16, 18), bool)
    inside[2:-2, 2:-2, 2:-2] = True
    direction = axes @ np.array([0.5, 0.5, np.sqrt(0.5)])
    found = laplacian_directions(inside, np.zeros(inside.shape, int), affine, direction[None])[0]
    error = _angle(found[inside], direction)
    assert np.median(error) < 2.0  # at some edges in- and outflow meet, which counts as closed
    assert np.percentile(error, 95) < 12.0


def test_flow_follows_a_bent_body_between_its_ends():
    # A quarter ring about the y axis: fascicles run along the ring, entering at one end.
    x, _, z = np.meshgrid(np.arange(50), np.arange(9), np.arange(50), indexing="ij")
    radius = np.hypot(x, z)
    inside = (radius > 30) & (radius < 42)
    inside[:, [0, -1]] = False
    expected = np.array([-1.0, 0.0, 1.0]) / np.sqrt(2)
    found = laplacian_directions(inside, np.zeros(inside.shape, int), np.eye(4), expected[None])[0]
    middle = inside & (np.abs(np.degrees(np.arctan2(z, x)) - 45) < 15)
    along = np.stack([-z, 0 * x, x], -1) / np.maximum(radius, 1)[..., None]
    assert np.median(_angle(found[middle], along[middle])) < 6.0


def test_both_sides_of_a_sheet_keep_their_own_direction():
    inside = np.zeros((20, 14, 30), bool)
    inside[2:-2, 2:-2, 2:-2] = True
    side = (np.arange(20)[:, None, None] >= 10) * np.ones(inside.shape, int)
    lean = np.sin(np.radians(20.0))
    expected = np.array([[-lean, 0.0, np.sqrt(1 - lean**2)], [lean, 0.0, np.sqrt(1 - lean**2)]])
    found = laplacian_directions(inside, side, np.eye(4), expected)
    for c in range(2):
        own = inside & (side == c)
        assert np.median(_angle(found[c][own], expected[c])) < 3.0
        assert np.allclose(np.linalg.norm(found[c], axis=-1), 1, atol=1e-3)


def test_too_small_a_body_has_no_direction():
    inside = np.zeros((6, 6, 6), bool)
    inside[2:4, 2:4, 2:4] = True
    found = laplacian_directions(inside, np.zeros((6, 6, 6), int), np.eye(4), np.eye(3)[2:])
    assert not found.any()


def test_the_same_input_gives_the_same_bytes():
    inside = np.zeros((12, 12, 20), bool)
    inside[2:-2, 3:-2, 2:-3] = True
    d = np.array([[0.3, 0.1, 0.95]]) / np.linalg.norm([0.3, 0.1, 0.95])
    runs = [laplacian_directions(inside, np.zeros(inside.shape, int), np.eye(4), d) for _ in "ab"]
    assert runs[0].tobytes() == runs[1].tobytes()
