"""Ghosts, distortion, lost signal, pressed and touching calves, thick slices."""

import numpy as np
import pytest
from scipy import ndimage

from imaging.segmentation.inputs import OUTSIDE, PIXEL_MM, SAT, SLICES_MM, THREE_MM
from imaging.training.batches import draw_image
from imaging.training.choices import FAMILIES, Choices, draw_choices
from imaging.training.echo_planar import nyquist_ghost, phase_distortion, signal_voids
from imaging.training.pressed import beside, press, pressed
from imaging.training.shape import SIZE, draw_stack


def rng(seed=0):
    return np.random.default_rng(seed)


def disk() -> np.ndarray:
    """Return the depth in a disk of 30 mm, mm, negative outside."""
    at = (np.indices((SIZE, SIZE)) - 0.5 * (SIZE - 1)) * PIXEL_MM
    return (30.0 - np.hypot(*at)).astype(np.float32)


def test_a_distortion_is_along_one_axis_and_keeps_the_signal():
    for seed in range(20):
        moved, piled = phase_distortion(rng(seed), 2.0)
        assert (np.abs(moved).max((1, 2)) > 0).sum() == 1
        assert piled.mean() == pytest.approx(1.0, abs=0.25)


def test_a_ghost_is_a_share_of_the_image_and_elsewhere():
    image = np.where(disk() > 0, 1.0, 0.0).astype(np.float32)[None].repeat(3, 0)
    out = nyquist_ghost(rng(3), image, 0.1)
    assert out[:, disk() <= 0].max() == pytest.approx(0.1, abs=0.101)
    assert np.abs(out - image).max() <= 0.2 + 1e-5


def test_voids_only_take_signal():
    factor = signal_voids(rng(1), disk(), 4)
    assert 0 <= factor.min() < 0.7 and factor.max() <= 1
    np.testing.assert_array_equal(signal_voids(rng(1), disk(), 0), 1.0)


def test_pressing_does_not_fold_and_meets_the_plane():
    away = np.linspace(0.0, 80.0, 200, dtype=np.float32)
    for by, reach in ((5.0, 30.0), (16.0, 20.0)):
        free = away - pressed(away, by, reach)
        assert (np.diff(free) >= -1e-4).all()
        assert free[0] == pytest.approx(-by) and free[-1] == pytest.approx(away[-1])


def test_beyond_the_plane_is_air():
    warp = np.zeros((6, SIZE, SIZE), np.float32)
    press(warp, -np.pi / 2, 20.0, 5.0, 30.0)
    assert warp[1, 50, 0] < -100 and not warp[0].max() > 1e-3
    assert not warp[1, :, SIZE // 2 + 20 :].any()


def test_the_other_leg_lies_medially_and_is_not_this_one():
    image = np.where(disk() > 0, 1.0, 0.0).astype(np.float32)[None].repeat(3, 0)
    out, other = beside(image, disk(), disk() > 0, 0)
    assert other.any() and not (other & (disk() > 0)).any()
    assert np.argwhere(other)[:, 0].max() < np.argwhere(disk() > 0)[:, 0].min()
    assert (out[:, other] == 1).all()


@pytest.mark.parametrize("aside", [-30, 30, 45])
def test_the_other_leg_of_one_that_lies_far_aside(aside):
    """A training of hours once ended at a leg that lay wholly in one half of its image."""
    depth = ndimage.shift(disk(), (aside, 0), order=0, cval=-10.0)
    image = np.where(depth > 0, 1.0, 0.0).astype(np.float32)[None]
    out, other = beside(image, depth, depth > 0, 2)
    assert out.shape == image.shape and not (other & (depth > 0)).any()
    assert (out[:, other] == 1).all()


def test_thick_slices_are_read_between_and_end_with_the_scan():
    for seed in range(20):
        stack = draw_stack(rng(seed), SLICES_MM, 20.0, 0.5)
        places = stack.samples[:, 0]
        assert places[stack.middle] == 0
        np.testing.assert_allclose(places % 20.0, 0, atol=1e-4)
        np.testing.assert_allclose(stack.mix.sum(1), 1, atol=1e-6)
        assert stack.mix[len(SLICES_MM) // 2, stack.middle] == 1
        read = stack.mix @ places
        assert (np.abs(read) <= np.abs(SLICES_MM) + 1e-4).all()


def test_other_slices_are_read_where_the_network_looks():
    wide = [draw_stack(rng(seed), THREE_MM, 0.0, 0.0) for seed in range(20)]
    reads = np.array([stack.mix @ stack.samples[:, 0] for stack in wide])
    assert (np.abs(reads) <= 6.0 + 1e-5).all() and np.abs(reads).max() == pytest.approx(6.0)


def test_every_kind_of_contrast_comes():
    assert {draw_choices(rng(seed), 1.0).family for seed in range(200)} == set(FAMILIES)


@pytest.mark.parametrize("choices", [
    Choices("echo_planar"), Choices("t1", septa=False), Choices("water", pressed=True),
    Choices("t2", touching=True), Choices("opposed", apart_mm=20.0),
])  # fmt: skip
def test_what_is_chosen_is_drawn(tube, choices):
    x, y = draw_image(rng(5), tube, 0.5, 0.5, choices=choices)
    assert x.shape == (len(SLICES_MM) + 2, SIZE, SIZE) and np.isfinite(x).all()
    assert (y > SAT).sum() > 500 and (y == OUTSIDE).any()
    again, _ = draw_image(rng(5), tube, 0.5, 0.5, choices=choices)
    np.testing.assert_array_equal(x, again)
