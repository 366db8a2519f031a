"""What is said of muscles whose fat fraction is not what it seems."""

import numpy as np
import pytest

from imaging.composition.muscles import FATTY_PERCENT, fatty, patchy
from imaging.measures import Measure
from imaging.muscles import label_of

GM = label_of("GM", "right")


@pytest.mark.parametrize(("share", "rest", "named"), [(0.08, 4.0, True), (0.01, 4.0, False),
                                                     (0.08, 30.0, False)])  # fmt: skip
def test_a_part_that_is_mostly_fat_is_named_unless_the_muscle_is_fatty(share, rest, named):
    values = np.full((10, 10, 10), rest)
    values.ravel()[: int(1000 * share)] = 92.0
    said = patchy(values, np.full(values.shape, GM))
    assert ("right GM 8%, median 4 %" in said) == named
    assert bool(said) == named


def test_few_voxels_and_muscles_that_nobody_knows_do_not_matter():
    values = np.full((10, 10, 10), 90.0)
    core = np.zeros(values.shape, int)
    core[0, 0, :5] = GM
    assert patchy(values, core) == ""
    said = fatty([Measure(1002, "fat_fraction", FATTY_PERCENT + 10, "percent")])
    assert "label 1002 30 %" in said
