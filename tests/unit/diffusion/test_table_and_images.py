"""Gradient tables that are valid but not those of the images."""

import numpy as np
import pytest
from diffusion_for_tests import directions, gradient_table, series
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.config import DiffusionSettings
from imaging.diffusion.acquisition import Acquisition
from imaging.diffusion.fitting import fit_series
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.notes import Journal
from imaging.errors import GradientTableError, InputError
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.diffusion_series import read_series
from imaging.io.gradients import write_gradients
from imaging.io.reversed_scan import read_reversed

SHAPE, SPACING = (26, 26, 16), (2.5, 2.5, 5.0)
TABLE = gradient_table(12, 2)
IMAGE, _ = series(SHAPE, SPACING, TABLE, sigma=25.0)


def shells(*groups):
    """b = 0 twice, then each (b, number of directions)."""
    bvals = np.concatenate([[0.0, 0.0], *[np.full(n, float(b)) for b, n in groups]])
    vectors = np.vstack([np.zeros((2, 3)), *[directions(n) for _, n in groups]])
    return GradientTable(bvals, vectors)


def read(folder, image, table):
    save_image(image, folder / "a.nii.gz")
    write_gradients(table, image.affine, folder / "a.bval", folder / "a.bvec")
    return again(folder)


def again(folder):
    return read_series(folder / "a.nii.gz", folder / "a.bval", folder / "a.bvec")


def test_a_right_table_is_read_without_a_word(tmp_path):
    found = read(tmp_path, IMAGE, TABLE)
    assert found.warnings == []
    np.testing.assert_array_equal(found.table.bvals, TABLE.bvals)
    np.testing.assert_allclose(found.table.vectors, TABLE.vectors, atol=1e-5)


def test_lengths_that_code_b_scale_it(tmp_path):
    truth = shells((250, 12), (500, 12))
    image, _ = series(SHAPE, SPACING, truth, sigma=25.0)
    lengths = np.sqrt(truth.bvals / 500)[:, None]
    written = GradientTable(np.where(truth.bvals > 0, 500.0, 0.0), truth.vectors * lengths)
    found = read(tmp_path, image, written)
    np.testing.assert_allclose(found.table.bvals, truth.bvals, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found.table.vectors[2:], axis=1), 1, atol=1e-5)
    assert "lengths from 0.707 to 1.000" in found.warnings[0]
    assert "of the signal unexplained" in found.warnings[1]


def test_nearly_unit_lengths_that_code_b_scale_it_too(tmp_path):
    truth = shells((432, 12), (500, 12))
    image, _ = series(SHAPE, SPACING, truth, sigma=10.0)
    lengths = np.sqrt(truth.bvals / 500)[:, None]
    written = GradientTable(np.where(truth.bvals > 0, 500.0, 0.0), truth.vectors * lengths)
    found = read(tmp_path, image, written)
    np.testing.assert_allclose(found.table.bvals, truth.bvals, rtol=1e-3)


def test_lengths_beside_b_values_that_hold_the_shells_do_not_scale_again(tmp_path):
    truth = shells((250, 12), (500, 12))
    image, _ = series(SHAPE, SPACING, truth, sigma=25.0)
    written = GradientTable(truth.bvals, truth.vectors * np.sqrt(truth.bvals / 500)[:, None])
    found = read(tmp_path, image, written)
    np.testing.assert_array_equal(found.table.bvals, truth.bvals)
    assert "taken as written" in found.warnings[0]


def test_images_overrule_what_the_table_looks_like(tmp_path):
    image, _ = series(SHAPE, SPACING, shells((500, 24)), sigma=25.0)
    lengths = np.r_[1, 1, np.full(12, 0.8), np.ones(12)][:, None]
    truth = shells((500, 24))
    found = read(tmp_path, image, GradientTable(truth.bvals, truth.vectors * lengths))
    np.testing.assert_array_equal(found.table.bvals, truth.bvals)
    assert "were taken as written" in found.warnings[0]


def test_one_short_length_for_all_is_refused_with_advice_that_fits(tmp_path):
    written = GradientTable(TABLE.bvals, TABLE.vectors * 0.707)
    with pytest.raises(GradientTableError, match="Scale the vectors to length 1"):
        read(tmp_path, IMAGE, written)


@pytest.mark.parametrize("step", [1, -1, 3])
def test_a_table_that_lies_some_volumes_off_is_refused_with_both_misfits(tmp_path, step):
    vectors = TABLE.vectors.copy()
    vectors[2:] = np.roll(vectors[2:], step, axis=0)
    with pytest.raises(GradientTableError) as error:
        read(tmp_path, IMAGE, GradientTable(TABLE.bvals, vectors))
    assert f"vectors of the weighted volumes moved by {-step:+d} volume" in str(error.value)
    assert str(error.value).count("%") == 2


def test_b_values_that_lie_one_volume_off_with_their_vectors_are_refused(tmp_path):
    table = GradientTable(np.roll(TABLE.bvals, 1), np.roll(TABLE.vectors, 1, axis=0))
    with pytest.raises(GradientTableError, match="b-values and vectors moved by -1 volume"):
        read(tmp_path, IMAGE, table)


def test_vectors_that_lie_one_volume_beside_the_b_values_are_named(tmp_path):
    table = GradientTable(TABLE.bvals, np.roll(TABLE.vectors, 1, axis=0))
    with pytest.raises(GradientTableError, match=r"1 volume.s. beside the volumes of b = 0"):
        read(tmp_path, IMAGE, table)


def test_directions_of_another_series_are_no_better_than_chance(tmp_path):
    rng = np.random.default_rng(5)
    vectors = TABLE.vectors.copy()
    vectors[2:] = rng.permutation(vectors[2:])
    found = read(tmp_path, IMAGE, GradientTable(TABLE.bvals, vectors))
    assert "no better than the same directions in random order" in found.warnings[0]


def test_an_undecided_check_of_flips_says_so_of_fa_only_where_the_rows_fit():
    mask = IMAGE.data[..., 0] > 400
    vectors = TABLE.vectors.copy()
    vectors[2:] = np.random.default_rng(5).permutation(vectors[2:])
    told = []
    for table in (TABLE, GradientTable(TABLE.bvals, vectors)):
        journal = Journal()
        fit_series(IMAGE, table, mask, None, None, DiffusionSettings(), journal)
        assert journal.facts["gradient_check"] == "undecided"
        told.append(journal.warnings[0])
    assert "FA and diffusivities do not depend on it" in told[0]
    assert "random order" in told[1]
    assert "do not depend" not in told[1]


def test_perfusion_at_low_b_makes_no_volume_dark(tmp_path):
    truth = shells((200, 12), (500, 12))
    table = GradientTable(np.r_[[0.0, 10.0, 30.0, 50.0], truth.bvals[2:]],
                          np.vstack([np.zeros((2, 3)), truth.vectors]))  # fmt: skip
    image, _ = series(SHAPE, SPACING, table, sigma=10.0)
    blood = image.data[..., :1] * np.exp(-0.05 * table.bvals)
    found = read(tmp_path, image.with_data(0.88 * image.data + 0.12 * blood), table)
    assert found.warnings == []


def test_a_dark_volume_called_b0_is_named_and_left_out(tmp_path):
    data = IMAGE.data.copy()
    data[..., 1] = data[..., 7]
    found = read(tmp_path, IMAGE.with_data(data), TABLE)
    assert "volume 1 is listed as b = 0, but is as dark" in found.warnings[-1]
    assert found.image.data.shape[3] == 13
    np.testing.assert_array_equal(found.table.bvals, TABLE.bvals[1:])


@pytest.mark.parametrize("source", range(1, 13))
def test_no_bright_b0_is_an_error_that_names_them(tmp_path, source):
    table = gradient_table(12, 1)
    image, _ = series(SHAPE, SPACING, table, sigma=25.0)
    image.data[..., 0] = image.data[..., source]
    with pytest.raises(GradientTableError, match="volume 0 b = 0, but the weighted"):
        read(tmp_path, image, table)


def test_a_weighted_volume_called_b0_is_named_rather_than_a_move_of_all_rows(tmp_path):
    bvals, vectors = TABLE.bvals.copy(), TABLE.vectors.copy()
    bvals[5], vectors[5] = 0.0, 0.0
    found = read(tmp_path, IMAGE, GradientTable(bvals, vectors))
    assert len(found.warnings) == 1
    assert "volume 5 is listed as b = 0, but is as dark" in found.warnings[0]
    assert found.image.data.shape[3] == 13


def test_one_length_near_1_says_what_it_would_mean_if_it_stood_for_b(tmp_path):
    found = read(tmp_path, IMAGE, GradientTable(TABLE.bvals, TABLE.vectors * 0.93))
    np.testing.assert_array_equal(found.table.bvals, TABLE.bvals)
    assert "all b-values are 14% too high and diffusivities too low" in found.warnings[0]


def test_a_weighted_volume_as_bright_as_b0_is_named_and_left_out(tmp_path):
    data = IMAGE.data.copy()
    data[..., 5] = data[..., 0]
    found = read(tmp_path, IMAGE.with_data(data), TABLE)
    assert "volume 5 is listed as weighted, but is as bright" in found.warnings[-1]
    assert found.image.data.shape[3] == 13


@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "ms/um2"), (1e6, "s/m2")])
def test_b_values_in_other_units_are_converted_and_said(tmp_path, factor, unit):
    read(tmp_path, IMAGE, TABLE)
    (tmp_path / "a.bval").write_text(" ".join(f"{factor * b:g}" for b in TABLE.bvals))
    found = again(tmp_path)
    np.testing.assert_allclose(found.table.bvals, TABLE.bvals)
    assert unit in found.warnings[0]


def test_b_values_that_no_tissue_could_have_are_refused(tmp_path):
    table = GradientTable(TABLE.bvals / 2, TABLE.vectors)
    image, _ = series(SHAPE, SPACING, GradientTable(TABLE.bvals * 4, TABLE.vectors))
    with pytest.raises(GradientTableError, match="faster than in water"):
        read(tmp_path, image, table)


def test_a_real_series_is_read_and_a_table_one_volume_off_is_not(shared_data, tmp_path):
    stem = shared_data / "person" / "both-lower-legs_dwi"
    paths = [stem.with_name(stem.name + end) for end in (".nii.gz", ".bval", ".bvec")]
    found = read_series(*paths)
    assert found.warnings == []
    assert found.image.data.shape[3] == 42
    bvals, vectors = np.loadtxt(paths[1]), np.loadtxt(paths[2])
    np.savetxt(tmp_path / "a.bval", np.roll(bvals, 1)[None])
    np.savetxt(tmp_path / "a.bvec", np.roll(vectors, 1, axis=1))
    with pytest.raises(InputError, match="moved by -1 volume"):
        read_series(paths[0], tmp_path / "a.bval", tmp_path / "a.bvec")
    weighted = bvals > 50
    vectors[:, weighted] = np.roll(vectors[:, weighted], 1, axis=1)
    np.savetxt(tmp_path / "a.bvec", vectors)
    with pytest.raises(InputError, match=r"vectors of the weighted volumes moved by -1 volume"):
        read_series(paths[0], paths[1], tmp_path / "a.bvec")


def test_of_a_reversed_series_only_b0_counts(tmp_path):
    table = gradient_table(12, 2)
    image, _ = series(SHAPE, SPACING, table)
    save_image(image, tmp_path / "epi.nii.gz")
    (tmp_path / "epi.json").write_text('{"PhaseEncodingDirection": "j-"}')
    forward = Acquisition(1, 1)
    every = read_reversed(tmp_path / "epi.nii.gz", image, forward)
    np.testing.assert_allclose(every.image.data, image.data.mean(-1), rtol=1e-5)
    write_gradients(table, image.affine, tmp_path / "epi.bval", tmp_path / "epi.bvec")
    found = read_reversed(tmp_path / "epi.nii.gz", image, forward)
    np.testing.assert_allclose(found.image.data, image.data[..., :2].mean(-1), rtol=1e-5)
    (tmp_path / "epi.bval").write_text(" ".join(["500"] * 14))
    with pytest.raises(GradientTableError, match="no volume with b <= 50"):
        read_reversed(tmp_path / "epi.nii.gz", image, forward)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["tissue", "noise", "constant", "holes"]),
    st.permutations([0.0, 0.0] + [500.0] * 12),
    st.sampled_from([1.0, 0.9, 0.7, 1e-3]),
)
def test_any_series_with_any_table_is_read_or_one_named_error(
    tmp_path_factory, seed, kind, bvals, length
):
    rng = np.random.default_rng(seed)
    data = IMAGE.data[::2, ::2].copy()
    if kind == "noise":
        data = rng.uniform(0, 1, data.shape).astype(np.float32)
    if kind == "constant":
        data[:] = 7
    if kind == "holes":
        data[rng.random(data.shape) < 0.3] = 0
    folder = tmp_path_factory.getbasetemp()
    vectors = TABLE.vectors * rng.choice([1.0, length], 14)[:, None]
    affine = np.diag([*(2 * IMAGE.spacing[:2]), IMAGE.spacing[2], 1])
    try:
        found = read(folder, Image(data, affine), GradientTable(np.array(bvals), vectors))
    except InputError:
        return
    assert found.image.data.shape[3] == len(found.table.bvals)
    norm = np.linalg.norm(found.table.vectors, axis=1)
    np.testing.assert_allclose(norm, np.where(found.table.is_b0, 0, 1), atol=1e-5)
