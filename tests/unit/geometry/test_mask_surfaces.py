"""Surfaces of masks and of shares lie where the true border does: flat, at rims and at edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from imaging.errors import LabelError
from imaging.geometry import (
    border_error_mm,
    border_wobble_mm,
    mask_surface,
    mesh_volume,
    share_surface,
)
from imaging.image import apply_affine

TURN = np.linalg.qr(np.array([[0.9, -0.3, 0.2], [0.4, 0.8, -0.3], [0.1, 0.5, 0.9]]))[0]


def turned(spacing: tuple, reach: float) -> tuple[np.ndarray, tuple]:
    """Return affine and shape of a turned grid about the origin."""
    shape = tuple(2 * int(np.ceil(reach / s)) + 1 for s in spacing)
    affine = np.eye(4)
    affine[:3, :3] = TURN * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2) + [0.21, -0.34, 0.4]
    return affine, shape


def centres(affine: np.ndarray, shape: tuple) -> np.ndarray:
    return apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


def lens(points: np.ndarray) -> np.ndarray:
    """Return how deep points lie in a lens: two balls of 30 mm, 16 mm thick, rim radius 20.4."""
    height = np.array([0.0, 0, 22.0])
    return 30 - np.maximum(*(np.linalg.norm(points - s * height, axis=-1) for s in (-1, 1)))


RIM = np.sqrt(30.0**2 - 22.0**2)


@pytest.mark.parametrize(("spacing", "most"), [((1, 1, 1), 0.8), ((1.5, 1.5, 5), 2.1)])
def test_a_sharp_rim_is_not_worn_away(spacing, most):
    affine, shape = turned(spacing, 26.0)
    points, _ = mask_surface(lens(centres(affine, shape)) > 0, affine)
    angle = np.linspace(0, 2 * np.pi, 200)
    rim = RIM * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    assert np.median(cKDTree(points).query(rim)[0]) < most


@pytest.mark.parametrize(
    ("spacing", "median", "bias"), [((1, 1, 1), 0.06, 0.03), ((1.5, 1.5, 5), 0.5, 0.2)]
)
def test_the_border_of_a_mask_is_known_to_part_of_a_voxel(spacing, median, bias):
    affine, shape = turned(spacing, 26.0)
    points, _ = mask_surface(lens(centres(affine, shape)) > 0, affine)
    off = lens(points)
    assert np.median(np.abs(off)) < median
    assert abs(np.median(off)) < bias


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2, 2, 2), (1.5, 1.5, 5)])
def test_shares_place_the_border_inside_voxels(spacing):
    affine, shape = turned(spacing, 26.0)
    offsets = (np.arange(6) + 0.5) / 6 - 0.5
    shares = np.zeros(shape)
    for shift in np.stack(np.meshgrid(offsets, offsets, offsets), -1).reshape(-1, 3):
        shares += lens(centres(affine, shape) + affine[:3, :3] @ shift) > 0
    shares /= 216
    by_share, _ = share_surface(shares, affine)
    by_mask, _ = mask_surface(shares >= 0.5, affine)
    flat = [lens(p[np.linalg.norm(p[:, :2], axis=1) < 12]) for p in (by_share, by_mask)]
    own, other = (np.median(np.abs(f)) for f in flat)
    assert own < 0.1 * np.cbrt(np.prod(spacing))
    assert own < 0.6 * other


@pytest.mark.parametrize("value", [np.nan, -0.1, 2.0])
def test_labels_are_not_shares(value):
    shares = np.full((4, 4, 4), 0.8)
    shares[1, 1, 1] = value
    with pytest.raises(LabelError, match="outside 0 to 1"):
        share_surface(shares, np.eye(4))


def test_shares_that_never_reach_one_half_have_no_surface():
    with pytest.raises(LabelError, match="one half"):
        share_surface(np.full((4, 4, 4), 0.4), np.eye(4))


def test_shares_of_exactly_one_half_close_without_flat_triangles():
    shares = np.zeros((9, 9, 9))
    shares[2:7, 2:7, 2:7] = 0.5
    points, faces = share_surface(shares, np.eye(4))
    assert mesh_volume(points, faces) == pytest.approx(4**3, rel=0.05)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_voxels_finer_than_a_millimetre_stay_in_their_place(mirror):
    affine, shape = turned((0.3, 0.4, 0.5), 14.0)
    affine[:3, 0] *= mirror
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    mask = np.linalg.norm(centres(affine, shape), axis=-1) < 10.0
    points, faces = mask_surface(mask, affine)
    radius = np.linalg.norm(points, axis=1)
    assert abs(np.median(radius) - 10.0) < 0.02
    assert np.abs(radius - 10.0).max() < 0.25
    corners = points[faces]
    parts = np.linalg.det(corners)
    middle = parts @ corners.sum(axis=1) / (4 * parts.sum())
    np.testing.assert_allclose(middle, 0, atol=0.01)
    assert len(faces) < 8 * np.pi * 10**2 * 2
    assert mesh_volume(points, faces) == pytest.approx(mask.sum() * 0.06, rel=0.002)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 1, 1), (1, 2, 5), (0.4, 0.5, 3)]))
def test_any_mask_has_a_closed_surface_of_its_volume(seed, spacing):
    rng = np.random.default_rng(seed)
    mask = rng.uniform(size=(7, 6, 5)) < 0.7
    affine = np.diag([*spacing, 1.0])
    points, faces = mask_surface(mask, affine)
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts % 2 == 0).all()
    assert np.isfinite(points).all()
    again, _ = mask_surface(mask, affine)
    np.testing.assert_array_equal(points, again)


def test_larger_voxels_know_the_border_less():
    sizes = [np.array(s) for s in [(1, 1, 1), (1.5, 1.5, 5), (3, 3, 6)]]
    for stated in (border_error_mm, border_wobble_mm):
        values = [stated(s) for s in sizes]
        assert values == sorted(values)
        assert values[0] > 0
