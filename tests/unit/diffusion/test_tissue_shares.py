import numpy as np
import pytest

from imaging.diffusion.distortion_anatomy import tissue_shares
from imaging.diffusion.tissue_shares import CLASSES
from imaging.image import Image


@pytest.fixture(scope="module")
def shares():
    rng = np.random.default_rng(1)
    anatomy = Image(rng.random((24, 22, 12)).astype(np.float32), np.diag([1.0, 1.0, 3.0, 1.0]))
    grid = Image(np.zeros((9, 8, 6), np.float32), np.diag([2.0, 2.0, 5.0, 1.0]))
    return tissue_shares(anatomy, grid, np.eye(4), axis=1)


def dense(shares):
    out = np.zeros((len(shares.starts) - 1, CLASSES))
    voxel = np.repeat(np.arange(len(out)), np.diff(shares.starts))
    out[voxel, shares.classes] = shares.values
    return out


def test_shares_of_a_voxel_add_up_to_one(shares):
    assert shares.shape == (9, 6, 8)
    np.testing.assert_allclose(dense(shares).sum(1), 1, atol=1e-5)


def test_signals_of_classes_are_found_again(shares):
    rows = dense(shares)
    voxels = np.arange(len(rows))
    known = shares.volumes(voxels) > 0.5
    true = np.where(known, 1 + np.arange(CLASSES) % 7, 0.0)
    found = shares.signals(rows @ true, voxels, known)
    # The ridge draws classes that hardly any voxel holds towards 0.
    gap = shares.image(found).ravel() - rows @ true
    assert gap.std() < 0.03 * (rows @ true).std()
    np.testing.assert_allclose(shares.image(true).ravel(), rows @ true, rtol=1e-6)
    assert (found[~known] == 0).all()
