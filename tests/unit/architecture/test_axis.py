"""First eigenvectors, and streamlines of a field that is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.architecture.direction import principal_direction
from imaging.architecture.tracking import MET_SURFACE, track
from imaging.geometry import TriangleIndex
from imaging.geometry.segments import first_hits

COMPONENTS = ([0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e-9, 1e-3, 1e-2, 0.5]))
def test_the_first_eigenvector_has_the_largest_eigenvalue(seed, apart):
    turns = Rotation.random(50, random_state=seed).as_matrix()
    full = np.einsum("nij,j,nkj->nik", turns, [1.0 + apart, 1.0, 0.4], turns)
    found = principal_direction(full[:, *COMPONENTS])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-12)
    value = np.einsum("ni,nij,nj->n", found, full, found)
    np.testing.assert_allclose(value, 1.0 + apart, rtol=1e-13)
    assert (found[:, 2] >= 0).all()


@pytest.mark.parametrize("tensor", [[0.0] * 6, [1.0, 0, 1, 0, 0, 1], [2.0, 0, 2, 0, 0, 1]])
def test_any_unit_vector_where_no_eigenvalue_stands_out(tensor):
    found = principal_direction(np.array([tensor]))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_no_triangle_is_passed_over(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 9, (60, 3))
    faces = rng.permutation(60).reshape(20, 3)
    starts = rng.uniform(-1, 10, (200, 3))
    ends = starts + rng.normal(size=(200, 3)) * rng.choice([0.3, 8.0], (200, 1))
    share, face = first_hits(TriangleIndex.build(points, faces), starts, ends)
    plain = np.full((200, 20), 2.0)
    for t, (a, b, c) in enumerate(points[faces]):
        sides = np.stack(np.broadcast_arrays(starts - ends, b - a, c - a), axis=-1)
        s, u, v = np.linalg.solve(sides, (starts - a)[..., None])[..., 0].T
        met = (s >= 0) & (s <= 1) & (u >= 0) & (v >= 0) & (u + v <= 1)
        plain[met, t] = s[met]
    np.testing.assert_allclose(share, plain.min(axis=1), atol=1e-9)
    np.testing.assert_array_equal(face, np.where(plain.min(1) < 2, plain.argmin(1), -1))


def test_a_circular_field_gives_circles_whatever_the_signs():
    place = np.indices((30, 30, 4)).astype(float) - np.array([-2, -2, 0])[:, None, None, None]
    radius = np.hypot(place[0], place[1])
    field = np.stack([-place[1], place[0], 0 * radius], axis=-1) / radius[..., None]
    field *= np.random.default_rng(1).choice([-1, 1], (30, 30, 4, 1))
    affine = np.eye(4)
    affine[:2, 3] = 2.0
    # Walls across x = 3 and y = 3 end the quarter circles.
    wall = np.array([[3.0, 0, -9], [3, 99, -9], [3, 0, 99], [0, 3, -9], [99, 3, -9], [0, 3, 99]])
    walls = TriangleIndex.build(wall, np.array([[0, 1, 2], [3, 4, 5]]))
    seeds = np.array([[12.0, 12, 1.5], [16.0, 9, 1.2]])
    lines = track(
        seeds, field[None], np.empty((0, 30, 30, 4)), affine, walls,
        first_end=np.array([0.0, -1, 0]), step_mm=0.5, max_angle_deg_per_mm=10.0,
        max_length_mm=100.0,
    )  # fmt: skip
    assert (lines.stop == MET_SURFACE).all()
    assert lines.face.tolist() == [[1, 0], [1, 0]]
    for n, seed in enumerate(seeds):
        line = lines.line(n)
        np.testing.assert_allclose(np.hypot(line[:, 0], line[:, 1]), np.hypot(*seed[:2]), atol=0.02)
        np.testing.assert_allclose([line[0, 1], line[-1, 0]], 3.0, atol=1e-5)
