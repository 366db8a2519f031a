import numpy as np
import pytest

from imaging.errors import SideError
from imaging.segmentation.sides import decide_sides, side_from_bones


def bones(fibula_x):
    tibia, fibula = np.zeros((2, 40, 40, 20), bool)
    tibia[17:24, 25:32], fibula[fibula_x : fibula_x + 3, 12:15] = True, True
    return tibia, fibula


@pytest.mark.parametrize(("x", "side"), [(30, "right"), (8, "left")])
def test_fibula_is_lateral(x, side):
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    assert side_from_bones(*bones(x), affine) == side
    assert side_from_bones(*bones(x), np.diag([-2.0, 2.0, 4.0, 1.0])) != side


def test_no_bones_or_fibula_behind_tibia_is_undecided():
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    tibia, fibula = bones(19)
    assert side_from_bones(tibia, fibula, affine) == "undecided"
    assert side_from_bones(tibia, np.zeros_like(fibula), affine) == "undecided"


def test_contradictions_name_both_sides():
    with pytest.raises(SideError, match=r"left.*right"):
        decide_sides(["right"], "left", "a.nii.gz")
    with pytest.raises(SideError, match=r"left.*right"):
        decide_sides(["right", "undecided"])
    with pytest.raises(SideError, match="both legs"):
        decide_sides(["left", "right"], "left")


def test_agreement():
    assert decide_sides(["undecided"]) == ["undecided"]
    assert decide_sides(["undecided"], "left") == ["left"]
    assert decide_sides(["undecided", "right"]) == ["left", "right"]
