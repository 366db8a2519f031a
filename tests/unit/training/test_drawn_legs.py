"""Images with drawings beside them, as a site has them: no atlas.json."""

import numpy as np
import pytest

from imaging.errors import LabelError, MissingFileError
from imaging.formats.nifti import save_image
from imaging.formats.nrrd import Segment, save_segments
from imaging.image import Image
from imaging.muscles import label_of
from imaging.segmentation.inputs import CLASSES
from imaging.training.sources import scanned_legs

SHAPE = (150, 80, 40)


def calves(spacing: float = 4.0) -> tuple[Image, np.ndarray]:
    """Return two calves side by side, and which voxels of each are GM."""
    affine = np.diag([2.0, 2.0, spacing, 1.0])
    affine[0, 3] = -SHAPE[0]
    x, y = np.mgrid[-75:75, -40:40] * 2.0
    image, inside = np.zeros(SHAPE, np.float32), {}
    for side, centre in (("left", -70.0), ("right", 70.0)):
        radius = np.hypot(x - centre, y)
        image[radius < 48] = 150.0
        image[radius < 42] = 100.0
        inside[side] = (radius < 30)[:, :, None] & np.ones(SHAPE[2], bool)
    return Image(image, affine), inside


def drawing(inside: dict, slices, sides=("left", "right"), swapped=False) -> np.ndarray:
    labels = np.zeros(SHAPE, np.int16)
    for side in sides:
        other = {"left": "right", "right": "left"}[side]
        here = inside[other if swapped else side][:, :, slices]
        labels[:, :, slices] = np.where(here, label_of("GM", side), labels[:, :, slices])
    return labels


def test_both_legs_of_one_drawing_are_learnt_from(tmp_path):
    image, inside = calves()
    save_image(image, tmp_path / "p1_anat.nii.gz")
    save_image(image.with_data(drawing(inside, [8, 20, 31])), tmp_path / "p1_dseg.nii.gz")
    legs = scanned_legs(tmp_path)
    assert [(leg.name, leg.body) for leg in legs] == [("p1_left", "p1"), ("p1_right", "p1")]
    gm = CLASSES.index("GM")
    for leg in legs:
        assert leg.drawn.size == 3
        area = (leg.classes == gm).sum() / 3 * 1.5**2
        assert area == pytest.approx(np.pi * 30**2, rel=0.05)


def test_a_segmentation_of_3d_slicer_is_read_by_its_names(tmp_path):
    image, inside = calves()
    save_image(image, tmp_path / "p1_anat.nii.gz")
    labels = image.with_data(drawing(inside, [8, 20], sides=("right",)))
    segment = Segment(label_of("GM", "right"), "right GM", (230, 80, 0), "")
    save_segments(labels, [segment], tmp_path / "p1_dseg.seg.nrrd")
    (leg,) = scanned_legs(tmp_path)
    assert leg.name == "p1_right" and leg.drawn.size == 2


def test_slices_thinner_than_the_network_looks_are_not_lost(tmp_path):
    image, inside = calves(1.0)
    save_image(image, tmp_path / "p1_anat.nii.gz")
    drawn = [3, 10, 17, 24, 32]
    save_image(image.with_data(drawing(inside, drawn, ("left",))), tmp_path / "p1_dseg.nii.gz")
    (leg,) = scanned_legs(tmp_path)
    assert leg.drawn.size == len(drawn)


def test_a_drawing_on_the_wrong_side_is_refused(tmp_path):
    image, inside = calves()
    save_image(image, tmp_path / "p1_anat.nii.gz")
    labels = drawing(inside, [8, 20], ("left",), swapped=True)
    save_image(image.with_data(labels), tmp_path / "p1_dseg.nii.gz")
    with pytest.raises(LabelError, match="lies in the leg of the other side"):
        scanned_legs(tmp_path)


def test_labels_without_a_side_are_refused(tmp_path):
    image, inside = calves()
    save_image(image, tmp_path / "p1_anat.nii.gz")
    labels = drawing(inside, [8, 20]) % 100
    save_image(image.with_data(labels), tmp_path / "p1_dseg.nii.gz")
    with pytest.raises(LabelError, match="which leg"):
        scanned_legs(tmp_path)


def test_a_drawing_beside_the_leg_is_refused(tmp_path):
    image, inside = calves()
    save_image(image, tmp_path / "p1_anat.nii.gz")
    labels = image.with_data(drawing(inside, [8, 20]))
    away = Image(labels.data, labels.affine.copy())
    away.affine[1, 3] += 500.0
    save_image(away, tmp_path / "p1_dseg.nii.gz")
    with pytest.raises(LabelError, match="beside the leg"):
        scanned_legs(tmp_path)


def test_an_image_without_a_drawing_is_named(tmp_path):
    save_image(calves()[0], tmp_path / "p1_anat.nii.gz")
    with pytest.raises(MissingFileError, match="no label map"):
        scanned_legs(tmp_path)
