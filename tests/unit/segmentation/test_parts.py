"""Other parts of the body are told by their own marks; a leg by none."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks._bodies import PARTS, draw
from imaging.phantom.images import t1_weighted
from imaging.phantom.leg import make_leg
from imaging.segmentation.bodies import bones_of_section
from imaging.segmentation.legs import leg_mask, split_legs
from imaging.segmentation.parts import fat_alone, measure_sections, other_part
from imaging.segmentation.view import view_leg, work_spacing


def _sections(image):
    legs = split_legs(leg_mask(image), image.spacing, image.data)
    views = [view_leg(image, leg, work_spacing(2.0)) for leg in legs]
    return [measure_sections(v.tissue, v.work.spacing) for v in views]


@pytest.mark.parametrize("contrast", ["t1", "t2"])
@pytest.mark.parametrize(
    ("part", "code"),
    [("thigh", "one deep bone"), ("upper arm", "one deep bone"), ("hip", "too wide"),
     ("hand", "flat"), ("forearm", "bones alike"), ("foot, sections along it", "flat")],
)  # fmt: skip
def test_a_part_of_the_body_is_named(part, code, contrast):
    (seen,) = _sections(draw(PARTS[part], contrast, seed=3))
    assert other_part(seen)[0] == code


def test_a_head_is_named():
    (seen,) = _sections(draw(PARTS["head"], "t1", seed=3))
    assert other_part(seen)[0] == "enclosed"


def test_dark_fat_under_bright_skin_is_no_skull():
    """As with fat suppressed: the ring of fat lies around a tibia."""
    (head,) = _sections(draw(PARTS["head"], "t1", seed=3))
    assert head.tibia == 0
    assert other_part(replace(head, tibia=0.4)) is None


def test_a_digital_leg_is_no_other_part():
    leg = make_leg(35, "right")
    grid = leg.grid((2.0, 2.0, 8.0))
    (seen,) = _sections(t1_weighted([leg], grid, (2, 2, 2), 25.0, np.random.default_rng(0)))
    assert other_part(seen) is None
    assert fat_alone(seen) is None


@pytest.mark.parametrize("name", ["anat_3mm", "water"])
def test_real_legs_without_fat_are_no_other_part(shared_data, name):
    from imaging.formats.nifti import load_image
    from imaging.image import canonical

    image = canonical(load_image(shared_data / "person" / f"both-lower-legs_{name}.nii.gz"))
    for seen in _sections(image):
        assert other_part(seen) is None
        assert fat_alone(seen) is None


def test_an_image_of_fat_alone_is_certain(shared_data):
    from imaging.formats.nifti import load_image
    from imaging.image import canonical

    image = canonical(load_image(shared_data / "person" / "both-lower-legs_fat.nii.gz"))
    found = [fat_alone(seen) for seen in _sections(image)]
    assert len(found) == 2
    assert all(certain for certain, _ in found)


def _bone_image(bones, marrow):
    x, y = np.meshgrid(np.arange(60) * 2.0, np.arange(60) * 2.0, indexing="ij")
    inside = np.hypot(x - 60, y - 60) < 50
    data = np.where(inside, 1.0, 0.0).astype(np.float32)
    for cx, cy, radius in bones:
        data[np.hypot(x - cx, y - cy) < radius] = 0.05
        data[np.hypot(x - cx, y - cy) < radius - 4] = marrow
    return data, inside


@pytest.mark.parametrize("marrow", [2.0, 0.05])
def test_bones_are_counted_with_bright_and_with_dark_marrow(marrow):
    data, inside = _bone_image([(45, 60, 12), (85, 60, 7)], marrow)
    found = bones_of_section(data, inside, np.array([2.0, 2.0]))
    assert [bone.area_mm2 for bone in found] == pytest.approx(
        [np.pi * 12**2, np.pi * 7**2], rel=0.15
    )
    np.testing.assert_allclose(found[0].centre, [45, 60], atol=1.0)
    # 15 mm from the middle with a radius of 12: 23 mm of 50 lie over it.
    assert found[0].depth == pytest.approx(23 / 50, abs=0.08)


def test_a_section_without_bones_has_none():
    data, inside = _bone_image([], 1.0)
    assert bones_of_section(data, inside, np.array([2.0, 2.0])) == []
    assert bones_of_section(data, np.zeros_like(inside), np.array([2.0, 2.0])) == []


def test_nothing_in_view_measures_nothing():
    image = draw(PARTS["thigh"], "t1", seed=3)
    (leg,) = split_legs(leg_mask(image), image.spacing, image.data)
    view = view_leg(image, leg, work_spacing(2.0))
    none = np.zeros(view.work.shape[2], bool)
    assert measure_sections(view.tissue, view.work.spacing, none) is None
