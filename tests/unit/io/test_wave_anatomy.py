"""Labels follow the anatomical image to where the leg lies in the wave images."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.dyads import FibreDirections
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError
from imaging.image import Image
from imaging.io.region import Region
from imaging.io.waves.anatomy import place_anatomy

SHAPE = (40, 36, 12)
AFFINE = np.diag([2.5, 2.5, 5.0, 1.0])
AFFINE[:3, 3] = -np.array([48.0, 44, 28])


def leg(points):
    """Fat, muscle and two bones at world points (..., 3), and where the one muscle is."""
    x, y, z = np.moveaxis(points, -1, 0)
    inside = (x / 40) ** 2 + (y / (34 + 0.1 * z)) ** 2 < 1
    muscle = (x / 34) ** 2 + (y / (29 + 0.1 * z)) ** 2 < 1
    bone = ((x - 12) ** 2 + (y - 10) ** 2 < 81) | ((x + 18) ** 2 + (y - 4 - 0.2 * z) ** 2 < 25)
    drawn = muscle & (x > 0) & (y < -4) & (np.abs(z) < 20)
    signal = np.where(inside, 900.0, 0) - np.where(muscle, 400.0, 0) + np.where(drawn, 120.0, 0)
    return np.where(bone, 150.0, signal), drawn


def grid(affine, shape):
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return voxels @ affine[:3, :3].T + affine[:3, 3]


def waves(moved=np.eye(4)):
    """Magnitude of another contrast, of a leg that lies elsewhere."""
    back = np.linalg.inv(moved)
    points = grid(AFFINE, SHAPE) @ back[:3, :3].T + back[:3, 3]
    signal = leg(points)[0]
    weight = np.where(signal > 600, 300.0, signal)
    weight = ndimage.gaussian_filter(weight, 0.5).astype(np.float32)
    weight += np.random.default_rng(1).uniform(0, 10, SHAPE).astype(np.float32)
    phase = np.zeros((*SHAPE, 1, 4, 1), np.float32)
    return WaveImages(phase, weight, AFFINE, np.eye(3)[:1], 60.0, 1000.0)


def anatomy(tmp_path):
    affine = np.diag([1.5, 1.5, 4.0, 1.0])
    affine[:3, 3] = [-52, -46, -36]
    signal, drawn = leg(grid(affine, (70, 62, 19)))
    image = Image(signal.astype(np.float32), affine)
    return image, Region(Image(drawn.astype(np.int16), affine), tmp_path / "l.nii.gz")


def test_labels_and_directions_follow_the_leg(tmp_path):
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_euler("xyz", [2, -1, 6], degrees=True).as_matrix()
    moved[:3, 3] = [6, -5, 3]
    image, labels = anatomy(tmp_path)
    found = place_anatomy(image, tmp_path / "t1.nii.gz", waves(moved))
    assert found.alignment.status == "registered"
    assert "labels were moved" in found.warnings[0]
    like = Image(np.zeros(SHAPE, np.uint8), AFFINE)
    back = np.linalg.inv(moved)
    want = leg(grid(AFFINE, SHAPE) @ back[:3, :3].T + back[:3, 3])[1]

    def overlap(got):
        return 2 * (got & want).sum() / (got.sum() + want.sum())

    exact = replace(labels, image=Image(labels.image.data, moved @ labels.image.affine))
    best = overlap(exact.on(like).data > 0)  # voxels of another size
    assert overlap(found.region(labels).on(like).data > 0) > best - 0.02
    assert overlap(labels.on(like).data > 0) < best - 0.2
    up = np.zeros((*image.shape, 3), np.float32)
    up[..., 2] = 1
    fibres = FibreDirections(Image(up, image.affine), image)
    turned = found.directions(fibres)
    np.testing.assert_allclose(turned.image.data[3, 3, 3], moved[:3, 2], atol=0.02)
    np.testing.assert_allclose(turned.dispersion.affine, turned.image.affine)


def test_a_leg_in_place_stays(tmp_path):
    image, labels = anatomy(tmp_path)
    found = place_anatomy(image, tmp_path / "t1.nii.gz", waves())
    moved = found.region(labels).image.affine
    assert np.abs(moved - labels.image.affine)[:3, 3].max() < 0.7
    assert found.region(None) is None and found.directions(None) is None


def test_what_cannot_be_registered_is_refused(tmp_path):
    image, _ = anatomy(tmp_path)
    path = tmp_path / "t1.nii.gz"
    plain = waves()
    plain.weight[:] = 1
    with pytest.raises(ImageError, match="no magnitude"):
        place_anatomy(image, path, plain)
    far = Image(image.data, np.array([[1, 0, 0, 300.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
                @ image.affine)  # fmt: skip
    with pytest.raises(ImageError, match=r"t1.nii.gz: does not hold the leg"):
        place_anatomy(far, path, waves())
