import numpy as np
import pytest
from diffusion_for_tests import gradient_table, series

from imaging.diffusion.gradient_check import candidates, check_gradients, leg_axis, name_of
from imaging.diffusion.tensor import fit_tensor

TABLE = gradient_table(12, 2)
IMAGE, _ = series((24, 24, 40), (2.5, 2.5, 3.0), TABLE, sigma=4.0)
MASK = IMAGE.data[..., 0] > 400


def checked(change):
    turn = IMAGE.rotation @ change @ IMAGE.rotation.T
    return check_gradients(fit_tensor(IMAGE.data, TABLE.rotated(turn), MASK), MASK, IMAGE)


def test_there_are_24_different_tables_and_the_first_changes_nothing():
    found = candidates()
    assert len({tuple(np.ravel(c)) for c in found}) == 24
    np.testing.assert_array_equal(found[0], np.eye(3))
    assert not any(np.array_equal(a, -b) for a in found for b in found)
    assert name_of(found[0]) == "x y z"


@pytest.mark.parametrize("number", range(0, 24, 3))
def test_a_wrong_table_is_never_called_right_and_changes_only_towards_truth(number):
    change = candidates()[number]
    check = checked(change)
    product = check.change @ change
    if check.status == "corrected":
        assert np.allclose(np.abs(product), np.eye(3)), name_of(change)
        assert abs(np.trace(product)) == pytest.approx(3)
    if check.status == "ok":
        assert number == 0
    if abs(change[2, 2]) == 0:
        assert check.across_leg


def test_long_axis_of_a_leg_and_of_a_short_slab():
    assert abs(leg_axis(MASK, IMAGE)[2]) > 0.98
    slab = MASK.copy()
    slab[:, :, 5:] = False
    np.testing.assert_array_equal(leg_axis(slab, IMAGE), [0, 0, 1])
