"""Labels that a byte does not hold, in the viewer."""

import numpy as np
import pytest

from imaging.errors import LabelError
from imaging.export.volumes import voxel_values


def test_labels_of_the_catalogue_stand_for_themselves():
    assert voxel_values(np.array([0, 107, 242])) == {}


def test_larger_ones_get_bytes_that_no_label_has():
    found = voxel_values(np.array([0, 255, 107, 1001, 1002, 31000]))
    assert found == {1001: 254, 1002: 253, 31000: 252}


def test_more_than_a_byte_holds_is_an_error_and_no_mixture():
    with pytest.raises(LabelError, match="more than the viewer tells apart"):
        voxel_values(np.arange(1001, 1300))
