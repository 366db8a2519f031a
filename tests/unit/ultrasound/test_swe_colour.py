"""Colour overlays are read for what the scanner meant, whatever lies beneath."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imaging.errors import ImageError
from imaging.phantom.colour_frames import Layout, compressed, draw_screen, jet
from imaging.ultrasound.colour_bar import ColourBar, crop, ends_off, read_bar, unreadable
from imaging.ultrasound.overlay import fitting_opacity, read_overlay, repeats
from imaging.ultrasound.smooth import local_quadratic

LAYOUT = Layout()
SHAPE = (160, 240)


def screen_of(true, shown=None, opacity=0.5, quality=None, seed=0):
    shown = np.ones(SHAPE, bool) if shown is None else shown
    rng = np.random.default_rng(seed)
    screen = draw_screen(true, shown, LAYOUT, opacity=opacity, rng=rng)
    return compressed(screen, quality) if quality else screen


def read(screen, opacity=0.5):
    return read_overlay(crop(screen, LAYOUT.overlay), read_bar(screen, LAYOUT.bar), opacity)


def even_map(length, seed=0):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), length)
    return (np.argsort(np.argsort(field.ravel())).reshape(SHAPE) + 0.5) / field.size


@pytest.mark.parametrize("opacity", [0.3, 0.5, 0.8, 1.0])
def test_lossless_frames_are_read_exactly(opacity):
    true = even_map(14)
    found = read(screen_of(true, opacity=opacity), opacity)
    error = np.abs(found.position - true)[found.valid]
    assert found.valid.mean() > 0.9
    assert np.median(error) < 0.001 and error.max() < 0.008


def test_compressed_frames_are_read_within_a_third_of_a_percent():
    true = even_map(20)
    found = read(screen_of(true, quality=85))
    error = np.abs(found.position - true)[found.valid & (found.confidence >= 0.5)]
    assert np.median(error) <= 0.003
    assert np.quantile(error, 0.95) <= 0.011


@settings(max_examples=20, deadline=None)
@given(grey=st.integers(0, 255), value=st.floats(0.0, 1.0))
def test_the_grey_beneath_makes_no_difference(grey, value):
    bar = ColourBar((np.arange(200) + 0.5) / 200, jet((np.arange(200) + 0.5) / 200))
    part = np.rint(0.5 * grey + 0.5 * jet(np.full((30, 30), value))).astype(np.uint8)
    found = read_overlay(part, bar, 0.5)
    assert found.valid[10:20, 10:20].all()
    assert np.abs(found.position[10:20, 10:20] - value).max() < 0.006


def test_gaps_and_lines_are_not_measured():
    shown = np.ones(SHAPE, bool)
    shown[40:80, 100:140] = False
    screen = screen_of(even_map(20), shown, quality=85).copy()
    x0, y0 = LAYOUT.overlay[:2]
    screen[y0 + 120 : y0 + 123, x0 + 20 : x0 + 200] = 255  # a line drawn over the colours
    found = read(screen)
    assert not found.valid[37:83, 97:143].any()
    assert not found.valid[120:123, 25:195].any()
    assert not found.valid[:3].any() and not found.valid[:, -3:].any()
    assert found.valid[90:110, 20:220].all()


def test_frames_without_colour_read_nothing():
    found = read(screen_of(even_map(20), np.zeros(SHAPE, bool)))
    assert not found.valid.any()


@pytest.mark.parametrize("direction", ["up", "down", "right", "left"])
def test_bars_of_every_direction_give_one_table(direction):
    ramp = jet((np.arange(200) + 0.5) / 200)
    strip = np.repeat(ramp[:, None], 12, axis=1)
    strip = strip[::-1] if direction in ("up", "left") else strip
    strip = strip.swapaxes(0, 1) if direction in ("right", "left") else strip
    frame = np.zeros((260, 260, 3), np.uint8)
    height, width = strip.shape[:2]
    frame[30 : 30 + height, 20 : 20 + width] = np.rint(strip)
    bar = read_bar(frame, (20, 30, 20 + width, 30 + height), direction)
    assert np.abs(bar.rgb - ramp).max() < 6
    assert (np.diff(bar.position) > 0).all()


def test_a_grey_bar_is_refused():
    frame = np.zeros((260, 60, 3), np.uint8)
    frame[20:220, 10:26] = np.linspace(0, 255, 200, dtype=np.uint8)[:, None, None]
    with pytest.raises(ImageError, match="mostly grey"):
        read_bar(frame, (10, 20, 26, 220))


def test_a_box_that_holds_two_bars_is_refused():
    frame = np.zeros((260, 60, 3), np.uint8)
    frame[20:220, 10:26] = np.rint(jet(np.tile(np.linspace(0, 1, 100), 2)))[:, None]
    with pytest.raises(ImageError, match="one colour at"):
        read_bar(frame, (10, 20, 26, 220))


@pytest.mark.parametrize("box", [(10, 20, 26, 40), (10, 20, 12, 220)])
def test_a_tiny_bar_is_refused(box):
    frame = np.zeros((260, 60, 3), np.uint8)
    with pytest.raises(ImageError, match="too small"):
        read_bar(frame, box)


@pytest.mark.parametrize("opacity", [0.3, 0.5, 0.8])
def test_the_opacity_that_fits_is_the_true_one(opacity):
    screen = screen_of(even_map(14), opacity=opacity, quality=85)
    best, low, high = fitting_opacity(crop(screen, LAYOUT.overlay), read_bar(screen, LAYOUT.bar))
    assert best == pytest.approx(opacity, abs=0.03)
    assert opacity - 0.05 < low <= best <= high < opacity + 0.05


def test_colours_of_one_end_of_the_bar_fit_any_opacity():
    low_end = screen_of(0.05 + 0.05 * even_map(14), quality=85)
    _, low, high = fitting_opacity(crop(low_end, LAYOUT.overlay), read_bar(low_end, LAYOUT.bar))
    assert low < 0.47 and high > 0.6


def test_colours_too_near_to_grey_are_named():
    position = (np.arange(200) + 0.5) / 200
    rise, fall = (np.interp(position, [0, 0.5, 1], v) for v in ([0, 255, 255], [255, 255, 0]))
    green = np.interp(position, [0, 0.5, 1], [0, 255, 0])
    white_in_the_middle = np.stack([rise, green, fall], axis=1)
    hidden = unreadable(ColourBar(position, white_in_the_middle), 0.5)
    assert hidden.min() > 0.4 and hidden.max() < 0.6
    assert unreadable(ColourBar(position, jet(position)), 0.5).size == 0


def test_local_quadratic_leaves_a_paraboloid_alone_and_jumps_holes():
    y, x = np.mgrid[:40, :50] / 10.0
    surface = 0.3 + 0.1 * x - 0.2 * y + 0.05 * x * y + 0.02 * x**2
    weights = np.ones(surface.shape)
    weights[15:22, 20:27] = 0
    spoilt = np.where(weights > 0, surface, 99.0)
    assert np.abs(local_quadratic(spoilt, weights, 2.5) - surface)[weights > 0].max() < 2e-3


@pytest.mark.parametrize("quality", [None, 85])
@pytest.mark.parametrize("off", [(0, 0), (3, 0), (0, -4), (-2, 5), (40, 10), (15, -20)])
def test_a_box_that_misses_the_ends_of_the_bar_is_noticed(off, quality):
    x0, y0, x1, y1 = LAYOUT.bar
    screen = screen_of(even_map(20), quality=quality)
    found = ends_off(screen, (x0, y0 + off[0], x1, y1 - off[1]))
    np.testing.assert_allclose(found, off, atol=1)


@pytest.mark.parametrize("quality", [None, 95, 85, 60])
def test_a_map_shown_twice_is_noticed_whatever_lies_beneath(quality):
    true = even_map(20)
    one, two, moved = (
        crop(screen_of(m, quality=quality, seed=s), LAYOUT.overlay)
        for m, s in ((true, 0), (true, 1), (np.roll(true, 1, axis=1), 1))
    )
    assert repeats(one, two) and not repeats(one, moved)
