"""Surfaces, intersections, curves and sheets with known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import LabelError
from imaging.geometry import (
    TriangleIndex,
    arc_length,
    curvature,
    face_normals,
    first_hits,
    fold_angle_deg,
    inside,
    mask_surface,
    mesh_volume,
    principal_axis,
    resample_polyline,
    sheet_from_mask,
    sheet_from_mesh,
    vertex_normals,
)
from imaging.image import apply_affine


def rotation(a: float, b: float) -> np.ndarray:
    ca, sa, cb, sb = np.cos(a), np.sin(a), np.cos(b), np.sin(b)
    x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    return x @ np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])


def make_affine(spacing: tuple, mirrored: bool = False, tilt: float = 0.0) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = rotation(tilt, 0.7 * tilt) * np.asarray(spacing)
    if mirrored:
        affine[:3, 0] *= -1
    affine[:3, 3] = [31.0, -20.0, 55.0]
    return affine


def ellipsoid(affine: np.ndarray, shape: tuple, radii: tuple) -> np.ndarray:
    centre = apply_affine(affine, (np.array(shape) - 1) / 2)
    points = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1)) - centre
    return (np.square(points / np.asarray(radii)).sum(-1) <= 1.0), centre


CASES = [
    ((1.0, 1.0, 1.0), False, 0.0),
    ((0.9, 0.9, 5.0), False, 0.0),
    ((1.0, 1.0, 3.0), True, 0.0),
    ((1.0, 1.4, 3.0), False, 0.4),
    ((2.0, 1.0, 1.0), True, -0.3),
]


@pytest.mark.parametrize(("spacing", "mirrored", "tilt"), CASES)
def test_surface_keeps_volume_and_points_outwards(spacing, mirrored, tilt):
    affine = make_affine(spacing, mirrored, tilt)
    shape = tuple(np.ceil(110 / np.array(spacing)).astype(int))
    radii = (14.0, 20.0, 40.0)
    mask, centre = ellipsoid(affine, shape, radii)
    points, faces = mask_surface(mask, affine)
    voxels = mask.sum() * np.prod(spacing)
    assert mesh_volume(points, faces) == pytest.approx(voxels, rel=0.005)
    assert mesh_volume(points, faces) == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.02)
    outwards = points[faces].mean(axis=1) - centre
    assert (np.sum(face_normals(points, faces) * outwards, axis=1) > 0).mean() > 0.999
    # Normals without staircase: those of the ellipsoid itself.
    local = points - centre
    want = local / np.square(radii)
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    angle = fold_angle_deg(vertex_normals(points, faces, 2.5), want)
    assert np.median(angle) < 3.0
    # The surface lies where the ellipsoid's does.
    radius = np.sqrt(np.square(local / radii).sum(axis=1))
    assert np.median(np.abs(radius - 1)) * 20.0 < 0.5


def test_surface_is_closed_at_the_border_of_the_image():
    mask = np.ones((6, 7, 8), bool)
    points, faces = mask_surface(mask, np.diag([2.0, 2.0, 2.0, 1.0]))
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 2).all()
    assert mesh_volume(points, faces) == pytest.approx(mask.size * 8.0, rel=0.01)


def test_empty_mask_is_an_error():
    with pytest.raises(LabelError):
        mask_surface(np.zeros((4, 4, 4), bool), np.eye(4))


def sphere(radius: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    grid = np.moveaxis(np.indices((31, 31, 31)), 0, -1) - 15.0
    affine = np.eye(4)
    affine[:3, 3] = -15
    return mask_surface(np.linalg.norm(grid, axis=-1) <= radius, affine)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_segments_from_inside_meet_a_closed_surface_once(seed):
    points, faces = SPHERE
    rng = np.random.default_rng(seed)
    start = rng.uniform(-4, 4, (20, 3))
    direction = rng.normal(size=(20, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    share, face = first_hits(INDEX, start, start + 30 * direction)
    assert (face >= 0).all()
    hit = start + 30 * share[:, None] * direction
    # The hit lies in the plane of its face.
    normal = face_normals(points, faces)[face]
    assert np.abs(np.sum((hit - points[faces[face, 0]]) * normal, axis=1)).max() < 1e-6
    assert np.abs(np.linalg.norm(hit, axis=1) - 12.0).max() < 0.8


SPHERE = sphere()
INDEX = TriangleIndex.build(*SPHERE)


def test_short_segments_meet_nothing_and_inside_is_told():
    rng = np.random.default_rng(3)
    places = rng.uniform(-14, 14, (4000, 3))
    radius = np.linalg.norm(places, axis=1)
    found = inside(INDEX, places)
    assert found[radius < 11.4].all()
    assert not found[radius > 12.6].any()
    _, face = first_hits(INDEX, places[radius < 9], places[radius < 9] + 0.5)
    assert (face == -1).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(5, 200), st.floats(0.3, 3.0), st.floats(0.5, 3.0))
def test_arc_has_its_length_and_curvature(radius, span, spacing):
    angle = np.linspace(0, span, 40_000)
    arc = radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    assert arc_length(arc)[-1] == pytest.approx(radius * span, rel=1e-5)
    even = resample_polyline(arc, spacing)
    np.testing.assert_allclose(even[[0, -1]], arc[[0, -1]], atol=1e-9)
    steps = np.linalg.norm(np.diff(even, axis=0), axis=1)
    assert steps.max() <= spacing * (1 + 1e-6)
    if len(even) > 2:
        np.testing.assert_allclose(curvature(even), 1 / radius, rtol=1e-2)


def test_angles_do_not_depend_on_sign():
    a = np.array([[0, 0, 1.0]])
    b = np.array([[0, np.sin(0.3), -np.cos(0.3)]])
    assert fold_angle_deg(a, b)[0] == pytest.approx(np.degrees(0.3))
    assert fold_angle_deg(a, -b)[0] == pytest.approx(np.degrees(0.3))


def test_principal_axis_points_upwards():
    rng = np.random.default_rng(0)
    axis = np.array([0.3, -0.2, -0.9])
    axis /= np.linalg.norm(axis)
    points = rng.normal(size=(5000, 3)) + rng.normal(size=(5000, 1)) * 40 * axis
    assert principal_axis(points) @ -axis == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_sheet_of_a_mask_lies_in_its_middle(mirrored):
    affine = make_affine((1.0, 1.0, 4.0), mirrored, 0.2)
    shape = (40, 60, 30)
    points = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    centre = apply_affine(affine, (np.array(shape) - 1) / 2)
    normal = np.array([0.9, 0.3, 0.1]) / np.linalg.norm([0.9, 0.3, 0.1])
    height = (points - centre) @ normal
    sheet = sheet_from_mask(np.abs(height) < 0.7, affine)
    assert not sheet.closed
    off = np.abs((sheet.points - centre) @ normal)
    assert np.median(off) < 0.15
    assert np.percentile(off, 95) < 0.5
    probes = centre + np.array([[5.0], [-5.0]]) * normal
    side = sheet.side_mm(probes)
    np.testing.assert_allclose(np.abs(side), 5, atol=0.4)
    assert side[0] * side[1] < 0
    np.testing.assert_allclose(sheet.beyond_mm(probes), 0)


def test_sheet_beyond_its_rim():
    u, v = np.meshgrid(np.arange(0, 21, 2.0), np.arange(0, 41, 2.0), indexing="ij")
    corners = np.stack([u, 0 * u, v], -1).reshape(-1, 3)
    n = np.arange(u.size).reshape(u.shape)
    a, b, c, d = (q.ravel() for q in (n[:-1, :-1], n[1:, :-1], n[1:, 1:], n[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    sheet = sheet_from_mesh(corners, faces)
    beyond = sheet.beyond_mm(np.array([[10.0, 3, 20], [10, 0, 60], [40, 5, 20]]))
    assert beyond[0] == 0
    np.testing.assert_allclose(beyond[1:], 20, atol=2.5)
    assert sheet.side_mm(np.array([[10.0, 3, 60]]))[0] == pytest.approx(
        -sheet.side_mm(np.array([[10.0, -3, 60]]))[0], abs=0.1
    )


def test_few_voxels_make_no_sheet():
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, :] = True
    with pytest.raises(LabelError):
        sheet_from_mask(mask, np.eye(4))
