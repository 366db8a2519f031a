import gzip

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.errors import ImageError, LabelError, MissingFileError
from imaging.formats.itk import from_sitk, to_sitk
from imaging.formats.nifti import load_image, load_labels, save_image
from imaging.image import Image, canonical, regrid, resample, same_grid


def oblique_affine(angles, spacing, flips=(1, 1, 1), origin=(10.0, -20.0, 30.0)):
    affine = np.eye(4)
    rotation = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    affine[:3, :3] = rotation * np.array(spacing) * np.array(flips)
    affine[:3, 3] = origin
    return affine


affines = st.builds(
    oblique_affine,
    st.tuples(*[st.floats(-40, 40)] * 3),
    st.tuples(*[st.floats(0.5, 6.0)] * 3),
    st.tuples(*[st.sampled_from((-1, 1))] * 3),
)


@given(affines)
@settings(max_examples=25, deadline=None)
def test_voxels_and_world_are_inverse(affine):
    image = Image(np.zeros((4, 5, 6), np.float32), affine)
    voxels = np.array([[0, 0, 0], [1.5, 2.5, 3.25]])
    assert np.allclose(image.to_voxels(image.to_world(voxels)), voxels, atol=1e-9)


@given(affines)
@settings(max_examples=25, deadline=None)
def test_canonical_keeps_every_voxel_in_its_place(affine):
    rng = np.random.default_rng(0)
    image = Image(rng.random((3, 4, 5)).astype(np.float32), affine)
    out = canonical(image)
    assert nib.orientations.io_orientation(out.affine).tolist() == [[0, 1], [1, 1], [2, 1]]
    points = image.to_world(np.argwhere(np.ones(image.shape)))
    found = np.rint(out.to_voxels(points)).astype(int)
    assert np.array_equal(out.data[tuple(found.T)], image.data.ravel())


@given(affines)
@settings(max_examples=25, deadline=None)
def test_sitk_round_trip_keeps_world_positions(affine):
    image = Image(np.arange(60, dtype=np.float32).reshape(3, 4, 5), affine)
    back = from_sitk(to_sitk(image))
    assert same_grid(image, back, 1e-6)
    assert np.array_equal(image.data, back.data)


def test_sitk_physical_point_is_lps():
    image = Image(np.zeros((3, 4, 5), np.float32), oblique_affine((5, 10, 20), (1, 2, 3)))
    point = to_sitk(image).TransformIndexToPhysicalPoint((1, 2, 3))
    assert np.allclose(np.array(point) * (-1, -1, 1), image.to_world([1, 2, 3]))


@given(affines)
@settings(max_examples=15, deadline=None)
def test_resampling_a_linear_ramp_is_exact_inside(affine):
    like = Image(np.zeros((6, 6, 6), np.float32), affine)
    grid = np.argwhere(np.ones((40, 40, 40)))
    source = Image(np.zeros((40, 40, 40), np.float32), np.eye(4))
    centre = like.to_world([2.5, 2.5, 2.5])
    source = Image(source.data, np.block([[np.eye(3) * 2, (centre - 39)[:, None]], [0, 0, 0, 1]]))
    ramp = (source.to_world(grid) @ [1.0, 2.0, -1.0]).reshape(40, 40, 40).astype(np.float32)
    out = resample(source.with_data(ramp), like, fill=np.nan)
    expected = (like.to_world(np.argwhere(np.ones(like.shape))) @ [1.0, 2.0, -1.0]).reshape(6, 6, 6)
    inside = np.isfinite(out.data)
    assert inside.any()
    assert np.allclose(out.data[inside], expected[inside], atol=1e-2)


def test_resample_4d_and_labels_keep_type():
    image = Image(np.arange(48, dtype=np.int16).reshape(2, 3, 4, 2), np.diag([2.0, 2, 5, 1]))
    out = resample(image, image, order=0)
    assert out.data.dtype == np.int16
    assert np.array_equal(out.data, image.data)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("seed", range(8))
def test_a_part_of_an_oblique_grid_keeps_its_outermost_slices(order, seed):
    rng = np.random.default_rng(seed)
    affine = oblique_affine(
        rng.uniform(-0.5, 0.5, 3), (1.1, 1.1, 4.3), (1, 1, 1), rng.normal(size=3) * 99
    )
    image = Image(np.ones((40, 40, 30), np.float32), affine)
    part = affine.copy()
    part[:3, 3] = image.to_world([3, 4, 0])
    assert resample(image, Image(np.zeros((30, 36, 30)), part), order=order).data.all()


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
@given(seed=st.integers(0, 10_000), fill=st.sampled_from((-7.0, None)))
@settings(max_examples=25, deadline=None)
def test_grids_of_the_same_axes_are_resampled_as_oblique_ones(order, kind, seed, fill):
    rng = np.random.default_rng(seed)
    shape, wanted = rng.integers(2, 9, 3), rng.integers(1, 12, 3)
    values = rng.uniform(-100, 100, shape).astype(kind)
    scale, shift = rng.uniform(0.3, 2.5, 3) * rng.choice([-1, 1], 3), rng.uniform(-2, 6, 3)
    matrix = np.diag([*scale, 1.0])
    matrix[:3, 3] = shift
    found = resample(
        Image(values, np.eye(4)), Image(np.zeros(wanted), matrix), order=order, fill=fill
    )
    mode = "nearest" if fill is None else "constant"
    expected = ndimage.affine_transform(
        values, np.diag(scale), shift, tuple(wanted), kind, order=order, mode=mode, cval=-7
    )
    assert found.data.dtype == kind
    np.testing.assert_allclose(found.data, expected, rtol=0, atol=0 if order == 0 else 1e-4)


def test_regrid_keeps_the_field_of_view():
    image = Image(np.zeros((10, 12, 8), np.float32), oblique_affine((3, 4, 5), (1, 1, 5)))
    out = regrid(image, 2.0)
    assert out.shape == (5, 6, 20)
    assert np.allclose(out.to_world([-0.5] * 3), image.to_world([-0.5] * 3))


def test_same_image_gives_the_same_bytes(tmp_path):
    image = Image(np.ones((4, 4, 4), np.float32), np.eye(4))
    for name in ("a.nii.gz", "b.nii.gz"):
        save_image(image, tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_saved_affine_is_read_by_nibabel_and_sitk(tmp_path):
    affine = oblique_affine((10, -20, 30), (1, 2, 3), (-1, 1, 1))
    save_image(Image(np.zeros((4, 5, 6), np.float32), affine), tmp_path / "a.nii.gz")
    assert np.allclose(nib.load(tmp_path / "a.nii.gz").affine, affine, atol=1e-4)
    read = from_sitk(sitk.ReadImage(str(tmp_path / "a.nii.gz")))
    assert np.allclose(read.affine, affine, atol=1e-3)


def _write(path, data):
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)
    return path


def test_missing_image(tmp_path):
    with pytest.raises(MissingFileError, match="no such image"):
        load_image(tmp_path / "absent.nii.gz")


def test_nan_image(tmp_path):
    data = np.ones((4, 4, 4), np.float32)
    data[0, 0, 0] = np.nan
    with pytest.raises(ImageError, match="1 values that are not finite"):
        load_image(_write(tmp_path / "nan.nii.gz", data))


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 4, 3)])
def test_image_that_is_not_a_volume(tmp_path, shape):
    with pytest.raises(ImageError, match="3-D image is needed"):
        load_image(_write(tmp_path / "flat.nii.gz", np.ones(shape, np.float32)))


def test_truncated_gzip(tmp_path):
    rng = np.random.default_rng(0)
    path = _write(tmp_path / "a.nii.gz", rng.random((20, 20, 20)).astype(np.float32))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageError, match="cannot be read as NIfTI"):
        load_image(path)


def test_text_that_claims_to_be_an_image(tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(b"no image"))
    with pytest.raises(ImageError, match="cannot be read"):
        load_image(path)


def test_empty_and_fractional_label_maps(tmp_path):
    with pytest.raises(LabelError, match="is empty"):
        load_labels(_write(tmp_path / "empty.nii.gz", np.zeros((4, 4, 4), np.int16)))
    with pytest.raises(LabelError, match="not whole numbers"):
        load_labels(_write(tmp_path / "soft.nii.gz", np.full((4, 4, 4), 0.5, np.float32)))


def test_complex_values_are_refused_not_cut(tmp_path):
    path = tmp_path / "complex.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), np.complex64), np.eye(4)), path)
    with pytest.raises(ImageError, match="complex64"):
        load_image(path)


def test_an_image_without_orientation_is_refused(tmp_path):
    path = tmp_path / "nowhere.nii.gz"
    image = nib.Nifti1Image(np.ones((3, 3, 3), np.float32), np.eye(4))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nib.save(image, path)
    with pytest.raises(ImageError, match="no orientation"):
        load_image(path)
