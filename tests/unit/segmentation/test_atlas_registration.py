import numpy as np
import pytest
from scipy import ndimage

from imaging.formats.nifti import load_labels
from imaging.io.atlas import load_atlas
from imaging.phantom.atlas import atlas_leg
from imaging.segmentation.atlas import built_in_atlas
from imaging.segmentation.features import label_features
from imaging.segmentation.initialise import guesses
from imaging.segmentation.register import affine, apply_matrix, coarser, grid_points, sample
from imaging.segmentation.view import work_spacing


@pytest.fixture(scope="module")
def leg():
    atlas = load_atlas(built_in_atlas(), work_spacing(4.0))
    return atlas.legs[0]


def test_built_in_atlas_is_made_by_the_phantom():
    made = atlas_leg(101)
    kept = load_labels(built_in_atlas() / "leg-101_dseg.nii.gz")
    np.testing.assert_allclose(made.affine, kept.affine, atol=1e-4)
    assert (made.data == kept.data).all()


def test_leg_is_found_again_after_stretch_shift_and_turn(leg):
    features, _ = label_features(leg.indices, leg.spacing)
    angle, stretch = 0.2, 1.1
    truth = np.eye(4)
    truth[:2, :2] = 1.1 * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    truth[:2, 3] = [12.0, -20.0]
    truth[2, 2:] = [stretch, -12.0]
    points = grid_points(leg.indices.shape, leg.spacing)
    index = apply_matrix(truth, points) / leg.spacing.reshape(3, 1, 1, 1)
    moved = ndimage.map_coordinates(leg.indices, index, order=0)
    target, _ = label_features(moved, leg.spacing)
    start = guesses(target, features, 2)
    found, _ = min((affine(target, features, g.matrix, step=(1, 1, 1)) for g in start),
                   key=lambda r: r[1])  # fmt: skip
    inside = moved > 0
    error = apply_matrix(found, points) - apply_matrix(truth, points)
    assert np.sqrt((error[:, inside] ** 2).sum(0)).mean() < 3.0


def test_sample_and_coarser_keep_place(leg):
    points = grid_points(leg.indices.shape, leg.spacing)
    np.testing.assert_allclose(sample(points, points, leg.spacing), points, atol=1e-3)
    features, _ = label_features(leg.indices, leg.spacing)
    half = coarser(features)
    fine = np.argwhere(features.tibia).mean(0) * features.spacing
    coarse = np.argwhere(half.tibia).mean(0) * half.spacing
    assert (np.abs(fine - coarse) < 0.5 * half.spacing).all()
