"""The same leg, stored or scanned another way, gets the same labels."""

from pathlib import Path

import numpy as np
import pytest

from imaging.cli.app import main
from imaging.formats.nifti import load_labels, save_image
from imaging.image import Image, resample
from imaging.muscles import structure_of
from imaging.phantom.images import t1_weighted
from imaging.phantom.leg import covering_grid, make_leg, rotation_matrix
from imaging.segmentation.network import built_in

LEAST = 0.95
SPACING = (1.5, 1.5, 5.0)
pytestmark = pytest.mark.skipif(
    not (built_in() / "network.onnx").is_file(), reason="the package holds no network yet"
)


def scan(legs, spacing=SPACING, turn_deg=0.0, snr=80.0) -> Image:
    """Return a T1-weighted image of the middle of legs, on a grid turned about x."""
    low, high = (np.stack([leg.bounds_mm[n] for leg in legs]) for n in (0, 1))
    bounds = np.stack([low.min(0), high.max(0)])
    rotation = rotation_matrix([np.deg2rad(turn_deg), 0.0, 0.0])
    grid = covering_grid(bounds, spacing, (5.0, 5.0, -60.0), rotation)
    return t1_weighted(legs, grid, (1, 1, 2), snr, np.random.default_rng(5))


def label(image: Image, folder: Path, name: str, *more: str) -> Image:
    path = folder / f"{name}_T1w.nii.gz"
    save_image(image, path)
    out = folder / name
    given = ["segment", "--anat", path, "--out", out, "--prefix", "x", *more]
    assert main([str(a) for a in given]) == 0
    return load_labels(out / "x_seg-muscles_dseg.nii.gz")


def agreement(a: Image, b: Image) -> float:
    """Return the mean Dice of the muscles of one map on the grid of the other, by size.

    Only slices of both fields of view count.
    """
    seen = resample(b.with_data(np.ones(b.shape, np.uint8)), a, order=0).data > 0
    other = resample(b, a, order=0).data
    shared = total = 0
    for v in np.unique(a.data[seen]):
        if v > 0 and structure_of(int(v)).is_muscle:
            one, two = (a.data == v) & seen, (other == v) & seen
            shared += 2 * int((one & two).sum())
            total += int(one.sum() + two.sum())
    return shared / total


@pytest.fixture(scope="module")
def right():
    return make_leg(11, "right")


@pytest.fixture(scope="module")
def original(right, tmp_path_factory):
    return label(scan([right]), tmp_path_factory.mktemp("original"), "original")


def test_axes_stored_in_another_order_and_direction(right, original, tmp_path):
    image = scan([right])
    turned = Image(image.data.transpose(2, 0, 1)[:, ::-1, ::-1].copy(), image.affine.copy())
    order, shape = [2, 0, 1], image.shape
    turned.affine[:3, :3] = image.affine[:3, order] * [1, -1, -1]
    corner = np.array([shape[0] - 1, shape[1] - 1, 0])
    turned.affine[:3, 3] = image.to_world(corner)
    assert agreement(original, label(turned, tmp_path, "turned")) > 0.999


def test_intensities_scaled(right, original, tmp_path):
    image = scan([right])
    scaled = image.with_data((image.data * 0.013).astype(np.float32))
    assert agreement(original, label(scaled, tmp_path, "scaled")) > LEAST


@pytest.mark.parametrize("turn_deg", [5.0, pytest.param(15.0, marks=pytest.mark.slow)])
def test_oblique_slices(right, original, tmp_path, turn_deg):
    oblique = label(scan([right], turn_deg=turn_deg), tmp_path, "oblique")
    assert agreement(original, oblique) > LEAST


def test_other_voxels(right, original, tmp_path):
    fine = label(scan([right], (1.0, 1.3, 3.0)), tmp_path, "fine")
    assert agreement(original, fine) > LEAST


@pytest.mark.slow
def test_one_leg_cut_out_of_two(right, tmp_path):
    left = make_leg(11, "left")
    image = scan([left, right])
    both = label(image, tmp_path, "both")
    assert {int(v) // 100 for v in np.unique(both.data) if v > 0} == {1, 2}
    middle = int(image.to_voxels([[0.0, 0.0, 0.0]])[0, 0])
    for name, part in (("left", slice(0, middle)), ("right", slice(middle, None))):
        affine = image.affine.copy()
        affine[:3, 3] = image.to_world([part.start, 0, 0])
        alone = label(Image(image.data[part], affine), tmp_path, name)
        own = both.with_data(
            np.where(both.data // 100 == (1 if name == "left" else 2), both.data, 0)
        )
        assert agreement(alone, own) > LEAST


def test_a_mirrored_leg_gets_mirrored_labels(right, original, tmp_path):
    image = scan([right])
    mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
    flipped = label(Image(image.data, mirror @ image.affine), tmp_path, "flipped")
    back = Image(np.where(flipped.data > 0, flipped.data + 100, 0), mirror @ flipped.affine)
    assert {int(v) // 100 for v in np.unique(flipped.data) if v > 0} == {1}
    assert agreement(original, back) > LEAST
