import numpy as np
import pytest

from imaging.diffusion.acquisition import acquisition_of
from imaging.image import Image


def image(spacing, shape=(8, 9, 10)):
    return Image(np.zeros((*shape, 2)), np.diag([*spacing, 1.0]))


@pytest.mark.parametrize(
    ("direction", "axis", "sign"),
    [("i", 0, 1), ("j-", 1, -1), ("k", 2, 1), ("AP", None, 1), (None, None, 1), (3, None, 1)],
)
def test_phase_encoding_direction(direction, axis, sign):
    found = acquisition_of({"PhaseEncodingDirection": direction}, image((2, 2, 5)))
    assert (found.phase_axis, found.phase_sign) == (axis, sign)


def test_slice_axis_from_sidecar_then_thickness_then_last():
    assert acquisition_of({"SliceEncodingDirection": "i-"}, image((2, 2, 5))).slice_axis == 0
    assert acquisition_of({}, image((2, 5, 2))).slice_axis == 1
    assert acquisition_of({}, image((1.5, 1.5, 1.5))).slice_axis == 2


@pytest.mark.parametrize(
    ("sidecar", "whole"),
    [
        ({}, True),
        ({"PartialFourier": 1}, True),
        ({"PartialFourier": 0.75}, False),
        ({"InterpolationFlag": True}, False),
        ({"PhaseEncodingDirection": "j", "AcquisitionMatrixPE": 6}, False),
        ({"PhaseEncodingDirection": "j", "AcquisitionMatrixPE": 9}, True),
    ],
)
def test_whole_k_space(sidecar, whole):
    assert acquisition_of(sidecar, image((2, 2, 5))).whole_k_space is whole
