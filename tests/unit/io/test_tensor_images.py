"""Tensors of other programs: order, frame and unit."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.diffusion.gradients import file_to_world
from imaging.diffusion.tensor import fit_tensor, to_matrix
from imaging.diffusion.tensor_order import (
    ELEMENTS,
    TensorOrder,
    in_lower_order,
    rotated_tensors,
    weigh_orders,
)
from imaging.errors import ImageError, InputError
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.diffusion_series import read_series
from imaging.io.tensor import TensorFrame, load_tensor

sys.path.insert(0, str(Path(__file__).parents[1] / "diffusion"))
from diffusion_for_tests import affine_of, gradient_table, series

OTHERS = (TensorOrder.MRTRIX, TensorOrder.FSL)
TABLE = gradient_table(12, 2)
TURN = Rotation.from_euler("xyz", [12, -20, 25], degrees=True).as_matrix()
IMAGE, _ = series((20, 20, 12), (3.0, 3.0, 5.0), TABLE, rotation=TURN, sigma=25.0)
MASK = IMAGE.data[..., 0] > 400
TENSOR = fit_tensor(IMAGE.data, TABLE, MASK).tensor
INSIDE = IMAGE.to_world(np.argwhere(MASK))


def written(tensor, order):
    """Put tensors xx xy yy xz yz zz into the order of a program."""
    names = ELEMENTS[TensorOrder.LOWER]
    return tensor[..., [names.index(name) for name in ELEMENTS[order]]]


def save(folder, data):
    save_image(IMAGE.with_data(data.astype(np.float32)), folder / "t.nii.gz")
    return folder / "t.nii.gz"


def test_tensors_impossible_in_every_order_name_none(tmp_path):
    with pytest.raises(ImageError, match="of which 100% are impossible") as error:
        load_tensor(save(tmp_path, -TENSOR), inside=INSIDE)
    assert "--tensor-order" not in str(error.value)


def test_orders_are_those_of_the_programs():
    full = np.arange(9.0).reshape(3, 3)
    full = full + full.T
    axes = {"x": 0, "y": 1, "z": 2}
    for order, names in ELEMENTS.items():
        file = np.array([full[axes[a], axes[b]] for a, b in names])
        np.testing.assert_array_equal(to_matrix(in_lower_order(file, order)), full, str(order))


def test_own_tensors_are_read_as_they_are(tmp_path):
    found, notes = load_tensor(save(tmp_path, TENSOR), inside=INSIDE)
    np.testing.assert_array_equal(found.data, TENSOR)
    assert notes == []


@pytest.mark.parametrize("order", OTHERS)
def test_another_order_is_refused_by_name_and_read_when_named(tmp_path, order):
    path = save(tmp_path, written(TENSOR, order))
    with pytest.raises(ImageError, match=f"Give --tensor-order {order}"):
        load_tensor(path, inside=INSIDE)
    found, notes = load_tensor(path, order, TensorFrame.WORLD, INSIDE)
    np.testing.assert_array_equal(found.data, TENSOR)
    assert str(order) in notes[0]
    with pytest.raises(ImageError, match="Give --tensor-order lower"):
        load_tensor(save(tmp_path, TENSOR), order, inside=INSIDE)


@pytest.mark.parametrize("sigma", [0.0, 60.0, 120.0])
@pytest.mark.parametrize("right", TensorOrder)
def test_the_right_order_is_plain_where_positive_tensors_are_not(sigma, right):
    image, _ = series((20, 20, 12), (3.0, 3.0, 5.0), TABLE, rotation=TURN, sigma=sigma)
    file = written(fit_tensor(image.data, TABLE, MASK).tensor[MASK].astype(float), right)
    found = weigh_orders(file)
    assert found[right].least_anisotropic > 0.9
    assert max(found[o].least_anisotropic for o in TensorOrder if o is not right) < 0.06


@pytest.mark.parametrize("flip", [1, -1])
def test_axes_of_the_image_become_world_axes(tmp_path, flip):
    affine = affine_of((20, 20, 12), (3.0, 3.0, 5.0), TURN @ np.diag([flip, 1, 1]))
    turn = file_to_world(affine)
    own = rotated_tensors(TENSOR, turn.T)  # what dtifit makes of the .bvec of this series
    save_image(Image(written(own, TensorOrder.FSL), affine), tmp_path / "t.nii.gz")
    found, notes = load_tensor(tmp_path / "t.nii.gz", TensorOrder.FSL)
    np.testing.assert_allclose(found.data, TENSOR, atol=1e-9)
    assert "turned to world axes" in notes[0]


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "um2/ms"), (1e6, "um2/s"), (1e-6, "m2/s")])
def test_units_are_told_by_size(tmp_path, factor, unit):
    found, notes = load_tensor(save(tmp_path, factor * TENSOR), inside=INSIDE)
    np.testing.assert_allclose(found.data, TENSOR, rtol=1e-5)
    assert f"taken to be in {unit}" in notes[0]


def test_numbers_that_are_no_diffusion_tensors_are_refused(tmp_path):
    with pytest.raises(ImageError, match="mean diffusivity of"):
        load_tensor(save(tmp_path, 30 * TENSOR), inside=INSIDE)
    noise = np.random.default_rng(0).standard_normal(TENSOR.shape)
    with pytest.raises(ImageError, match="impossible"):
        load_tensor(save(tmp_path, 1e-3 * noise), inside=INSIDE)


def test_a_real_series_fitted_and_written_in_each_order(shared_data, tmp_path):
    stem = shared_data / "person" / "both-lower-legs_dwi"
    series_ = read_series(*[stem.with_name(stem.name + e) for e in (".nii.gz", ".bval", ".bvec")])
    mask = np.zeros(series_.image.shape, bool)
    mask[::3, ::3, ::3] = series_.image.data[::3, ::3, ::3].mean(-1) > 60
    tensor = fit_tensor(series_.image.data, series_.table, mask).tensor
    for right in TensorOrder:
        path = tmp_path / "t.nii.gz"
        save_image(series_.image.with_data(written(tensor, right)), path)
        for order in TensorOrder:
            if order is right:
                load_tensor(path, order)
                continue
            with pytest.raises(ImageError, match=f"Give --tensor-order {right}"):
                load_tensor(path, order)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([(4, 4, 4, 6), (4, 4, 4, 1, 6), (4, 4, 4), (4, 4, 4, 9), (4, 4, 4, 3)]),
    st.sampled_from(TensorOrder),
    st.sampled_from([None, *TensorFrame]),
    st.floats(-12, 12),
    st.floats(0, 2),
)
def test_any_tensor_image_is_read_or_one_named_error(
    tmp_path_factory, seed, shape, order, frame, power, noise
):
    rng = np.random.default_rng(seed)
    data = 10.0**power * noise * rng.standard_normal(shape)
    for place, name in enumerate(ELEMENTS[order]):
        if data.ndim > 3 and place < shape[-1]:
            data[..., place] += 10.0**power * (name in ("xx", "yy", "zz"))
    path = tmp_path_factory.getbasetemp() / "t.nii.gz"
    save_image(Image(data.astype(np.float32), np.diag([2.0, 2, 3, 1])), path)
    try:
        found, _ = load_tensor(path, order, frame)
    except InputError:
        return
    assert found.data.shape == (4, 4, 4, 6)
    assert 3e-4 <= np.median(found.data[..., [0, 2, 5]].mean(-1)) <= 6e-3
