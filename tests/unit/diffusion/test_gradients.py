import numpy as np
import pytest
from diffusion_for_tests import affine_of, directions, gradient_table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.diffusion.gradients import GradientTable, file_to_world
from imaging.errors import GradientTableError, MissingFileError
from imaging.io.gradients import read_gradients, write_gradients


def write(folder, bvals, rows):
    bval, bvec = folder / "a.bval", folder / "a.bvec"
    np.savetxt(bval, np.atleast_2d(bvals), fmt="%g")
    np.savetxt(bvec, rows, fmt="%.8f")
    return bval, bvec


def fsl(n=12, b0=1):
    return np.r_[np.zeros(b0), np.full(n, 500.0)], np.vstack([np.zeros((b0, 3)), directions(n)])


def test_x_is_flipped_only_when_the_determinant_is_positive(tmp_path):
    bvals, vectors = fsl()
    paths = write(tmp_path, bvals, vectors.T)
    for signs in ((1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, 1, -1)):
        affine = np.diag([*signs, 1.0])
        table, _ = read_gradients(*paths, affine, len(bvals))
        flip = -1 if np.prod(signs) > 0 else 1
        np.testing.assert_allclose(table.vectors, vectors * [flip, 1, 1] * signs, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_written_and_read_again_for_any_affine(tmp_path_factory, seed, mirrored):
    rotation = Rotation.random(random_state=seed).as_matrix() @ np.diag(
        [-1 if mirrored else 1, 1, 1]
    )
    affine = affine_of((5, 6, 7), (1.5, 2.0, 5.0), rotation)
    table = gradient_table()
    folder = tmp_path_factory.mktemp("table")
    write_gradients(table, affine, folder / "a.bval", folder / "a.bvec")
    again, warnings = read_gradients(folder / "a.bval", folder / "a.bvec", affine, len(table.bvals))
    np.testing.assert_allclose(again.vectors, table.vectors, atol=2e-6)
    assert warnings == []
    matrix = file_to_world(affine)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)


def test_missing_file_is_named(tmp_path):
    bval, bvec = write(tmp_path, *[a.T if a.ndim > 1 else a for a in fsl()])
    bvec.unlink()
    with pytest.raises(MissingFileError, match=r"a\.bvec"):
        read_gradients(bval, bvec, np.eye(4), 13)


def test_wrong_number_names_both_numbers(tmp_path):
    bvals, vectors = fsl()
    paths = write(tmp_path, bvals, vectors.T)
    with pytest.raises(GradientTableError, match="13 b-values for 14 volumes"):
        read_gradients(*paths, np.eye(4), 14)
    paths = write(tmp_path, bvals, vectors.T[:, :-1])
    with pytest.raises(GradientTableError, match="3 x 12 numbers, 3 x 13 are needed"):
        read_gradients(*paths, np.eye(4), 13)


def test_rows_of_three_are_transposed_with_a_warning(tmp_path):
    bvals, vectors = fsl()
    straight, _ = read_gradients(*write(tmp_path, bvals, vectors.T), np.eye(4), 13)
    turned, warnings = read_gradients(*write(tmp_path, bvals, vectors), np.eye(4), 13)
    np.testing.assert_array_equal(straight.vectors, turned.vectors)
    assert "transposed" in warnings[0]


def test_slightly_off_vectors_are_scaled_and_said(tmp_path):
    bvals, vectors = fsl()
    table, warnings = read_gradients(*write(tmp_path, bvals, 1.05 * vectors.T), np.eye(4), 13)
    np.testing.assert_allclose(np.linalg.norm(table.vectors[1:], axis=1), 1)
    assert "12 vectors were scaled" in warnings[0]


@pytest.mark.parametrize("factor", [0.0, 0.5, np.nan])
def test_vectors_far_from_unit_length_are_refused(tmp_path, factor):
    bvals, vectors = fsl()
    vectors[4] *= factor
    with pytest.raises(GradientTableError, match="first volume 4"):
        read_gradients(*write(tmp_path, bvals, vectors.T), np.eye(4), 13)


def test_no_b0_too_few_directions_and_a_plane_are_refused(tmp_path):
    bvals, vectors = fsl(12, 0)
    with pytest.raises(GradientTableError, match="no volume with b <= 50"):
        read_gradients(*write(tmp_path, bvals, vectors.T), np.eye(4), 12)
    bvals, vectors = fsl(12, 1)
    few = np.vstack([vectors[:6], -vectors[1:6], vectors[1:3]])
    with pytest.raises(GradientTableError, match="5 different directions"):
        read_gradients(*write(tmp_path, bvals, few.T), np.eye(4), 13)
    angle = np.linspace(0, np.pi, 12, endpoint=False)
    plane = np.vstack([np.zeros(3), np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)])
    with pytest.raises(GradientTableError, match="coplanar"):
        read_gradients(*write(tmp_path, bvals, plane.T), np.eye(4), 13)


def test_text_that_is_not_numbers_is_refused(tmp_path):
    bval, bvec = write(tmp_path, *[a.T if a.ndim > 1 else a for a in fsl()])
    bvec.write_text("x y z\n")
    with pytest.raises(GradientTableError, match="not a table of numbers"):
        read_gradients(bval, bvec, np.eye(4), 13)


def test_small_b_values_count_as_b0():
    table = GradientTable(np.array([0.0, 5.0, 50.0, 400.0]), np.zeros((4, 3)))
    assert table.is_b0.tolist() == [True, True, True, False]
