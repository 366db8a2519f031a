import numpy as np
import pytest

from imaging.errors import InputError
from imaging.image import Image, regrid, resample
from imaging.memory import ensure_fits, machine_bytes


def test_what_fits_passes_and_what_does_not_is_named():
    ensure_fits((machine_bytes() // 2,), 1, "half of the memory")
    with pytest.raises(InputError, match=r"a\.nii: the image would need 931 GiB of memory"):
        ensure_fits((1e4, 1e4, 1e4), 1, "the image", "a.nii")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_size_that_is_no_number_is_an_error_too(bad):
    with pytest.raises(InputError, match="would need"):
        ensure_fits((bad, 1, 1), 4, "a grid")


def test_grids_too_fine_for_the_machine_are_refused():
    image = Image(np.zeros((10, 10, 10), np.uint8), np.diag([2.0, 2.0, 5.0, 1.0]))
    with pytest.raises(InputError, match=r"a grid of 0\.0005 mm would need"):
        regrid(image, 0.0005)
    huge = Image(np.broadcast_to(np.uint8(0), (100_000,) * 3), np.eye(4))
    with pytest.raises(InputError, match="on another grid"):
        resample(image, huge)
