import numpy as np
import pytest

from imaging.image import Image
from imaging.segmentation.apart import apart, as_wide_as_two, waist
from imaging.segmentation.find_legs import find_legs
from imaging.segmentation.legs import leg_mask, split_legs

SPACING = (2.0, 2.0, 5.0)
SHAPE = (150, 80, 12)


def _places():
    return np.meshgrid(*[np.arange(n) * s for n, s in zip(SHAPE, SPACING, strict=True)],
                       indexing="ij")  # fmt: skip


def _two(by_mm, turn=0.0, radius=50.0):
    """Return two cylinders that reach into each other by some mm, flat there, and the border."""
    x, y, _ = _places()
    x, y = x - 150.0, y - 80.0
    u = x * np.cos(turn) + y * np.sin(turn)
    v = y * np.cos(turn) - x * np.sin(turn)
    away = radius - by_mm / 2
    return np.hypot(np.abs(u) - away, v) < radius, u


@pytest.mark.parametrize("by_mm", [-4.0, 0.0, 10.0, 30.0, 45.0])
@pytest.mark.parametrize("turn", [0.0, 0.25])
def test_pressed_legs_are_cut_where_they_meet(by_mm, turn):
    mask, u = _two(by_mm, turn)
    legs = apart(mask, np.array(SPACING))
    assert len(legs) == 2
    wrong = (legs[0] & (u > 3)).sum() + (legs[1] & (u < -3)).sum()
    assert wrong < 0.002 * mask.sum()
    assert (legs[0] | legs[1]).sum() == mask.sum()
    assert not (legs[0] & legs[1]).any()


def test_the_valley_in_the_image_is_followed():
    """Legs of unlike size meet off the middle; a dark line between them shows where."""
    mask, u = _two(30.0)
    line = 6.0 + 4.0 * np.sin(_places()[1] / 25.0)
    data = np.where(mask, 100.0, 0.0)
    data[mask & (np.abs(u - line) < 2.0)] = 20.0
    blind = apart(mask, np.array(SPACING))
    seeing = apart(mask, np.array(SPACING), data)
    wrong = [
        int((legs[0] & (u > line + 3)).sum() + (legs[1] & (u < line - 3)).sum())
        for legs in (blind, seeing)
    ]
    assert wrong[1] < 0.2 * wrong[0]


def test_legs_that_touch_in_half_of_their_slices_are_cut_there_only():
    mask, u = _two(20.0)
    mask[:, :, 6:] &= np.abs(u[:, :, 6:]) > 8
    legs = apart(mask, np.array(SPACING))
    assert [int(leg[:, :, 8].sum()) for leg in legs] == pytest.approx([mask[:, :, 8].sum() / 2] * 2)


@pytest.mark.parametrize("stretch", [1.0, 1.25, 1.5])
def test_one_leg_stays_one_leg(stretch):
    x, y, _ = _places()
    mask = np.hypot((x - 150) / stretch, y - 80) < 50
    assert len(apart(mask, np.array(SPACING))) == 1
    assert as_wide_as_two(mask, np.array(SPACING)) == 0.0


def test_a_section_as_wide_as_two_without_a_waist_is_told():
    x, y, _ = _places()
    mask = (np.abs(x - 150) < 100) & (np.abs(y - 80) < 50)
    assert len(apart(mask, np.array(SPACING))) == 1
    assert as_wide_as_two(mask, np.array(SPACING)) == 1.0


def test_the_waist_of_two_circles():
    mask, _ = _two(20.0)
    shape = waist(mask[:, :, 0], np.array(SPACING[:2]))
    assert shape.two
    # Half the chord where circles of 50 mm reach 10 mm beyond their common plane.
    assert shape.narrow == pytest.approx(np.sqrt(50**2 - 40**2) / 50, abs=0.1)
    assert shape.alike > 0.95


def test_a_small_thing_beside_a_leg_is_left_out():
    x, y, _ = _places()
    data = np.where(np.hypot(x - 90, y - 80) < 50, 100.0, 0)
    data[(np.abs(x - 200) < 15) & (np.abs(y - 80) < 35)] = 100
    data += np.abs(np.random.default_rng(0).normal(0, 2, SHAPE))
    image = Image(data.astype(np.float32), np.diag([*SPACING, 1.0]))
    (leg,) = split_legs(leg_mask(image), image.spacing, image.data)
    assert np.argwhere(leg)[:, 0].mean() * 2 == pytest.approx(90, abs=2)


@pytest.mark.parametrize("dark", [0.03, 0.1, 0.3])
def test_the_dark_inside_of_a_bright_open_rim_belongs_to_the_leg(dark):
    """Muscle in an image of fat is nearly as dark as air, and the rim of fat is not closed."""
    x, y, _ = _places()
    away = np.hypot(x - 150, y - 80)
    data = np.where(away < 55, 100.0 * dark, 0)
    gap = (y > 80) & (np.abs(x - 150) < 20)
    data[(away < 55) & (away > 48) & ~gap] = 100
    noise = np.random.default_rng(1).normal(0, 0.3, (2, *SHAPE))
    image = Image(np.hypot(data + noise[0], noise[1]).astype(np.float32),
                  np.diag([*SPACING, 1.0]))  # fmt: skip
    found = leg_mask(image)
    assert found.sum() == pytest.approx((away < 55).sum(), rel=0.06)


def _with_bones(image_mask, places):
    x, y, _ = _places()
    data = np.where(image_mask, 100.0, 0.0)
    for cx, cy in places:
        away = np.hypot(x - cx, y - cy)
        data[away < 12] = 5.0
        data[away < 7] = 150.0
    return Image(data.astype(np.float32), np.diag([*SPACING, 1.0]))


def test_legs_pressed_to_one_block_are_parted_by_their_bones():
    x, y, _ = _places()
    block = (np.abs(x - 150) < 100) & (np.abs(y - 80) < 50)
    found = find_legs(_with_bones(block, [(110, 90), (190, 90)]), block)
    assert len(found.masks) == 2
    assert found.warnings == []
    assert found.masks[0].sum() == pytest.approx(block.sum() / 2, rel=0.03)


def test_a_leg_that_is_lost_is_said():
    x, y, _ = _places()
    block = (np.abs(x - 150) < 100) & (np.abs(y - 80) < 50)
    found = find_legs(_with_bones(block, []), block)
    assert len(found.masks) == 1
    assert "as wide as two legs" in found.warnings[0]


def test_what_lies_beside_the_legs_is_said():
    x, y, _ = _places()
    mask = np.hypot(x - 70, y - 60) < 45
    mask |= np.hypot(x - 180, y - 60) < 45
    assert find_legs(_with_bones(mask, []), mask).warnings == []
    mask |= np.hypot(x - 260, y - 60) < 25
    found = find_legs(_with_bones(mask, []), mask)
    assert [round(np.argwhere(m)[:, 0].mean() * 2) for m in found.masks] == [70, 180]
    assert "beside the legs" in found.warnings[0]


def test_a_bottle_beside_a_leg_is_left_out_and_said():
    x, y, _ = _places()
    leg, bottle = np.hypot(x - 80, y - 70) < 50, np.hypot(x - 210, y - 70) < 45
    image = _with_bones(leg | bottle, [(70, 90), (100, 70)])
    noise = np.random.default_rng(0).normal(0, 3, SHAPE)
    found = find_legs(image.with_data((image.data + noise).astype(np.float32)), leg | bottle)
    assert [round(np.argwhere(m)[:, 0].mean() * 2) for m in found.masks] == [80]
    assert len(found.warnings) == 1
    assert "a bottle" in found.warnings[0]
