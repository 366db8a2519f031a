import numpy as np
import pytest
from diffusion_for_tests import affine_of, directions, gradient_table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.diffusion.gradients import GradientTable, file_to_world
from imaging.errors import GradientTableError, InputError, MissingFileError
from imaging.io.gradients import read_table, write_gradients


def read_gradients(*arguments):
    read = read_table(*arguments)
    return read.table, read.warnings


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


def read_text(folder, bval, bvec, affine=None, n=13):
    (folder / "a.bval").write_text(bval)
    (folder / "a.bvec").write_bytes(bvec if isinstance(bvec, bytes) else bvec.encode())
    return read_gradients(
        folder / "a.bval", folder / "a.bvec", np.eye(4) if affine is None else affine, n
    )


def joined(rows, between, digits=8):
    return "\n".join(between.join(f"{v:.{digits}f}" for v in row) for row in np.atleast_2d(rows))


@pytest.mark.parametrize("between", [",", ", ", "\t", ";", " ; ", "\t\t "])
def test_numbers_may_stand_apart_by_other_signs(tmp_path, between):
    bvals, vectors = fsl()
    table, warnings = read_text(tmp_path, joined(bvals, between), joined(vectors.T, between))
    np.testing.assert_allclose(table.bvals, bvals)
    np.testing.assert_allclose(table.vectors, vectors * [-1, 1, 1], atol=1e-7)
    assert warnings == []


def test_decimal_commas_and_a_byte_order_mark(tmp_path):
    bvals, vectors = fsl()
    text = joined(vectors.T, " ").replace(".", ",")
    table, _ = read_text(tmp_path, joined(bvals, " ", 0), b"\xef\xbb\xbf" + text.encode())
    np.testing.assert_allclose(table.vectors, vectors * [-1, 1, 1], atol=1e-7)


@pytest.mark.parametrize("at_b0", [(0, 0, 0), (1, 0, 0), (np.nan, np.nan, np.nan), (0.4, 0, 0)])
def test_the_vector_of_a_b0_volume_counts_for_nothing(tmp_path, at_b0):
    bvals, vectors = fsl()
    vectors[0] = at_b0
    table, warnings = read_text(tmp_path, joined(bvals, " "), joined(vectors.T, " "))
    np.testing.assert_array_equal(table.vectors[0], 0)
    assert warnings == []


def test_a_shell_with_jitter_is_read_as_it_is(tmp_path):
    bvals, vectors = fsl()
    bvals = np.where(bvals > 0, 1000.0 + 5 * np.sin(np.arange(13)), 5.0)
    table, warnings = read_text(tmp_path, joined(bvals, " "), joined(vectors.T, " "))
    np.testing.assert_allclose(table.bvals, bvals)
    assert table.is_b0.tolist() == [True, *[False] * 12]
    assert warnings == []


def test_a_table_of_mrtrix_is_world_axes(tmp_path):
    bvals, vectors = fsl()
    turn = Rotation.from_euler("xyz", [20, -30, 75], degrees=True).as_matrix()
    affine = affine_of((5, 6, 7), (1.5, 2.0, 5.0), turn)
    rows = joined(np.column_stack([vectors, bvals]), " ")
    for bval in (joined(bvals, " "), rows):
        table, warnings = read_text(tmp_path, bval, rows, affine)
        np.testing.assert_allclose(table.vectors, vectors, atol=1e-7)
        np.testing.assert_allclose(table.bvals, bvals)
        assert "MRtrix" in warnings[0]
    with pytest.raises(GradientTableError, match=r"says b = 500 for volume 1, a.bval says 900"):
        read_text(tmp_path, joined(np.where(bvals > 0, 900, 0), " "), rows, affine)


def test_swapped_files_a_trace_volume_and_tiny_b_values_are_named(tmp_path):
    bvals, vectors = fsl()
    with pytest.raises(GradientTableError, match="are swapped"):
        read_text(tmp_path, joined(vectors.T, " "), joined(bvals, " "))
    vectors[-1] = 0
    with pytest.raises(GradientTableError, match=r"first volume 12 .* trace"):
        read_text(tmp_path, joined(bvals, " "), joined(vectors.T, " "))
    with pytest.raises(GradientTableError, match="no volume with b > 50"):
        read_text(tmp_path, joined(bvals / 20, " "), joined(vectors.T, " "))


@pytest.mark.parametrize("broken", ["", "\n\n", "# only words\n", "1 2\n3\n", "\x00", "nan"])
def test_texts_that_hold_no_table_are_refused(tmp_path, broken):
    bvals, _ = fsl()
    with pytest.raises(GradientTableError):
        read_text(tmp_path, joined(bvals, " "), broken)


def test_three_volumes_are_too_few_whichever_way_they_stand(tmp_path):
    with pytest.raises(GradientTableError, match="2 different directions"):
        read_text(tmp_path, "0 500 500", "0 1 0\n0 0 1\n0 0 0", n=3)


NUMBERS = st.one_of(
    st.floats(width=32), st.integers(-3, 3), st.sampled_from(["nan", "inf", "x", "1,5", "1e400"])
)
TABLES = st.lists(st.lists(NUMBERS, max_size=14), max_size=14)


@settings(max_examples=150, deadline=None)
@given(TABLES, TABLES, st.sampled_from([" ", ",", "\t", ";"]), st.binary(max_size=3))
def test_any_text_is_a_table_or_one_named_error(tmp_path_factory, bvals, rows, between, start):
    folder = tmp_path_factory.getbasetemp()
    texts = ["\n".join(between.join(map(str, row)) for row in table) for table in (bvals, rows)]
    try:
        table, _ = read_text(folder, texts[0], start + texts[1].encode(), n=len(rows))
    except InputError:
        return
    assert np.isfinite(table.bvals).all()
    norm = np.linalg.norm(table.vectors, axis=1)
    np.testing.assert_allclose(norm, np.where(table.is_b0, 0, 1), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.permutations([0.0] + [500.0] * 8),
    st.sampled_from([1, 1e-3, 1e6, 0.1, -1, np.nan]),
    st.lists(st.floats(0, 2), min_size=9, max_size=9),
    st.booleans(),
)
def test_any_nearly_right_table_is_a_table_or_one_named_error(
    tmp_path_factory, bvals, unit, lengths, plain
):
    folder = tmp_path_factory.getbasetemp()
    vectors = directions(9) * (np.ones(9) if plain else np.array(lengths))[:, None]
    try:
        table, _ = read_text(
            folder, joined(np.array(bvals) * unit, " "), joined(vectors.T, " "), n=9
        )
    except InputError:
        return
    norm = np.linalg.norm(table.vectors, axis=1)
    np.testing.assert_allclose(norm, np.where(table.is_b0, 0, 1), atol=1e-6)
