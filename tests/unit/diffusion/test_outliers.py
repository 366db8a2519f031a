import numpy as np
import pytest
from diffusion_for_tests import gradient_table, series

from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.outliers import find_outliers, replaced

SHAPE, SPACING = (30, 30, 24), (2.5, 2.5, 4.0)


@pytest.fixture(scope="module")
def scan():
    table = gradient_table(16, 2)
    image, _ = series(SHAPE, SPACING, table, sigma=25.0, seed=3)
    return image, table, leg_mask(image.with_data(image.data.mean(-1)))


def test_a_clean_scan_keeps_its_slices(scan):
    image, table, mask = scan
    found = find_outliers(image.data, table, mask, 2)
    assert found.weights.shape == (18, SHAPE[2])
    assert len(found.found) == 0


@pytest.mark.parametrize("axis", [0, 2])
def test_slices_that_lost_signal_are_found_and_replaced(scan, axis):
    image, table, mask = scan
    data = np.moveaxis(image.data.copy(), 2, axis)
    mask = np.moveaxis(mask, 2, axis)
    lost = {(3, 5): 0.7, (3, 6): 0.3, (9, 5): 0.5, (12, 15): 0.1}
    for (v, k), kept in lost.items():
        np.moveaxis(data, axis, 0)[k, ..., v] *= kept
    found = find_outliers(data, table, mask, axis)
    assert {tuple(map(int, pair)) for pair in found.found} == set(lost)
    assert all(found.z[pair] < 0 for pair in lost)
    mended = np.moveaxis(replaced(data, table, mask, found, axis), axis, 0)
    clean, inside = np.moveaxis(image.data, 2, 0), np.moveaxis(mask, axis, 0)
    for v, k in lost:
        ratio = mended[k, ..., v][inside[k]] / clean[k, ..., v][inside[k]]
        assert abs(np.median(ratio) - 1) < 0.05


def test_a_whole_volume_that_lost_signal_is_found(scan):
    image, table, mask = scan
    data = image.data.copy()
    data[..., 7] *= 0.5
    found = find_outliers(data, table, mask, 2)
    assert found.volumes.tolist() == [7]


def test_a_single_volume_without_weighting_is_not_judged(scan):
    image, table, mask = scan
    keep = np.arange(18) != 1
    table = type(table)(table.bvals[keep], table.vectors[keep])
    found = find_outliers(image.data[..., keep], table, mask, 2)
    assert (found.weights[0] == 1).all()
