"""Depth inside a region: distance to the border that runs between voxels."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from imaging.erosion import erode

RADII = np.array([20.0, 15.0, 45.0])


def test_across_thick_slices_half_a_slice_is_taken_off():
    slab = np.zeros((20, 20, 9), bool)
    slab[:, :, 2:7] = True
    kept = erode(slab, np.array([1.0, 1.0, 5.0]), 3.0)
    # Middles of the slices lie 2.5, 7.5 and 12.5 mm deep.
    assert kept[:, :, 3:6].all() and kept.sum() == kept[:, :, 3:6].size


def test_a_depth_that_a_voxel_has_exactly_is_kept_whatever_the_rounding():
    block = np.zeros((12, 12, 12), bool)
    block[2:10, 2:10, 2:10] = True
    for edge in (2.0, 2.0000003, 1.9999997):
        assert erode(block, np.full(3, edge), 3.0).sum() == 6**3


def ellipsoid(spacing, shift):
    """Voxels inside an ellipsoid, and the depth of their middles below its surface, mm."""
    count = np.ceil((2 * RADII + 10) / spacing).astype(int)
    axes = [(np.arange(n) - n / 2 + s) * h for n, s, h in zip(count, shift, spacing, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    inside = ((places / RADII) ** 2).sum(-1) <= 1
    k = np.arange(60_000) + 0.5
    polar, round_ = np.arccos(1 - k / 30_000), np.pi * (1 + 5**0.5) * k
    ball = np.stack(
        [np.cos(round_) * np.sin(polar), np.sin(round_) * np.sin(polar), np.cos(polar)], -1
    )
    depth = np.zeros(inside.shape)
    depth[inside] = cKDTree(ball * RADII).query(places[inside], workers=1)[0]
    return inside, depth


@pytest.mark.parametrize(
    ("spacing", "depth_mm", "error"),
    [((1, 1, 5), 2.0, 0.03), ((1, 1, 5), 3.0, 0.03), ((2, 2, 2), 3.0, 0.03),
     ((2, 2, 2), 2.0, 0.12)],  # on voxels of 2 mm depths are 1, 1.8, 2.5, 3 mm ...
)  # fmt: skip
def test_as_much_of_an_ellipsoid_is_left_as_lies_that_deep(spacing, depth_mm, error):
    spacing = np.array(spacing, float)
    kept = truth = 0
    for shift in ((0.1, 0.3, 0.2), (0.4, 0.2, 0.45), (0.25, 0.05, 0.4)):
        inside, depth = ellipsoid(spacing, shift)
        kept += erode(inside, spacing, depth_mm).sum()
        truth += (depth >= depth_mm).sum()
    assert kept == pytest.approx(truth, rel=error)
