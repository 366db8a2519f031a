"""The series a map was made from: by grid, then by picture."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.errors import InputError, LabelError
from imaging.export.dicom.choice import Source, choose, lies_on_grid, likeness
from imaging.export.dicom.placing import Placed
from imaging.export.dicom.segments import Method, segmentation
from imaging.formats.dicom_volume import DicomVolume
from imaging.image import Image, regrid, resample

SHAPE = (40, 36, 20)


class Volume(DicomVolume):
    """A series whose voxels are at hand."""

    def image(self):
        return Image(self.about["values"], self.affine)


def affine(spacing=(1.2, 1.4, 4.0)):
    out = np.eye(4)
    out[:3, :3] = Rotation.from_euler("xyz", (11, -7, 30), degrees=True).as_matrix() * spacing
    out[:3, 3] = 40, -60, 300
    return out


def leg(seed):
    rng = np.random.default_rng(seed)
    i, j = np.indices(SHAPE[:2])
    inside = ((i - 20) ** 2 + (j - 18) ** 2 < 150)[..., None]
    texture = ndimage.gaussian_filter(rng.normal(size=SHAPE), 0.8)
    return (300 + 400 * inside + 200 * texture).astype(np.float32)


def volume(values, number=1, grid=None):
    grid = affine() if grid is None else grid
    return Volume(number, f"s{number}", (), (), values.shape, grid, {"values": values})


def part(image, low=(3, 2, 0), size=(30, 30, 20)):
    """The map's grid: a part of the image, axes turned about as nibabel likes them."""
    box = tuple(slice(a, a + n) for a, n in zip(low, size, strict=True))
    own = image.affine.copy()
    own[:3, 3] = image.to_world(low)
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = size[0] - 1
    return Image(np.ascontiguousarray(image.data[box][::-1]), own @ flip)


def labels_on(image):
    data = np.zeros(image.shape, np.int16)
    data[8:20, 8:20, 1:-1] = 209
    return image.with_data(data)


@pytest.fixture
def scan():
    return Image(leg(0), affine())


def test_a_scan_is_known_through_bias_correction(scan):
    i, j, k = np.indices(SHAPE)
    bias = 1 + 0.5 * np.sin(i / 15) * np.cos(j / 18) + 0.01 * k
    own = part(scan.with_data((scan.data * bias).astype(np.float32)))
    found = choose([volume(leg(1), 1), volume(scan.data, 2)], {}, own, labels_on(own), Path("dcm"))
    assert (found.volume.number, found.on_grid) == (2, True)
    assert found.likeness > 0.95


def test_a_scan_of_another_moment_is_not(scan):
    own = part(scan)
    assert likeness(Image(leg(1), affine()), own) < 0.8
    again = scan.data + np.random.default_rng(9).normal(0, 60, SHAPE).astype(np.float32)
    with pytest.raises(InputError, match="picture"):
        choose([volume(again)], {}, own, labels_on(own), Path("dcm"))


def test_of_two_bias_corrections_the_nearer_is_taken(scan):
    i = np.indices(SHAPE)[0]
    other = scan.data * (1 + 0.4 * np.sin(i / 20)).astype(np.float32)
    own = part(scan)
    found = choose([volume(other, 1), volume(scan.data, 2)], {}, own, labels_on(own), Path("dcm"))
    assert found.volume.number == 2


@pytest.mark.parametrize("change", ["shift", "turn", "spacing"])
def test_grids_that_differ(scan, change):
    own, grid = part(scan), affine()
    assert lies_on_grid(volume(scan.data), own)
    if change == "shift":
        grid[:3, 3] += 0.05
    elif change == "turn":
        grid[:3, :3] = Rotation.from_euler("z", 0.3, degrees=True).as_matrix() @ grid[:3, :3]
    else:
        grid[:3, 0] *= 1.01
    assert not lies_on_grid(volume(scan.data, grid=grid), own)


def test_a_map_of_its_own_spacing_is_placed_by_nearest_and_linear(scan):
    fine = part(scan)
    coarse = resample(fine, regrid(fine, (2.4, 2.8, 4.0)))
    found = choose([volume(scan.data)], {}, coarse, labels_on(coarse), Path("dcm"))
    assert not found.on_grid
    placed = Placed(found)
    labels = placed.labels(labels_on(coarse))
    assert labels.shape == SHAPE[::-1] and set(np.unique(labels)) == {0, 209}
    ml = (labels > 0).sum() * scan.voxel_ml
    assert ml == pytest.approx((labels_on(coarse).data > 0).sum() * coarse.voxel_ml, rel=0.03)
    world = coarse.to_world(np.stack(np.indices(coarse.shape), -1))
    ramp = np.where(labels_on(coarse).data > 0, world @ [0.3, -0.2, 0.1], np.nan)
    values = placed.values(coarse.with_data(ramp.astype(np.float32)))
    k, j, i = np.nonzero(np.isfinite(values))
    own = scan.to_world(np.stack([i, j, k], -1)) @ [0.3, -0.2, 0.1]
    # At the rim the mean is of measured voxels only: at most half a voxel away.
    assert np.median(np.abs(values[k, j, i] - own)) < 1e-4
    assert np.abs(values[k, j, i] - own).max() < 0.5
    assert np.isnan(values[labels == 0]).mean() > 0.95


def test_a_structure_too_small_for_the_series_is_not_lost_in_silence(scan):
    fine = part(scan)
    own = resample(fine, regrid(fine, (0.4, 0.4, 4.0)))
    labels = labels_on(own)
    placed = Placed(Source(volume(scan.data), on_grid=False, likeness=1.0))
    # Of neighbours a third of a voxel apart, at least one is nearest to no voxel of the series.
    for i in range(3):
        one = labels.with_data(labels.data.copy())
        one.data[30 + i, 1, 1] = 210
        if 210 not in placed.labels(one):
            labels = one
    pytest.importorskip("highdicom")
    with pytest.raises(LabelError, match="has no voxel on series 1"):
        segmentation(placed, labels, {}, Method("MANUAL"), labelmap=True, series_number=1)
