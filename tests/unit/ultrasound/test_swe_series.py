"""Times of frames, lines through their figures, and what makes a line dishonest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import ImageError, InputError
from imaging.ultrasound.alike import median_interval
from imaging.ultrasound.colour_box import Shares
from imaging.ultrasound.figures import Figure, figure
from imaging.ultrasound.samples import FramePlane
from imaging.ultrasound.series import line, moved_mm
from imaging.ultrasound.times import angles_at, same_rate, times_at_rate, times_from_increments

WHOLE = Shares(1000, 900, 0.1, 0.0, 0.0)


def figures(values):
    return [Figure(float(v), v - 1, v + 1, 100, "measured", "") for v in values]


def test_increments_become_times():
    np.testing.assert_allclose(times_from_increments([0, 20, 30], 3), [0, 0.02, 0.05])
    np.testing.assert_allclose(times_at_rate(3, 50), [0, 0.02, 0.04])
    for wrong, word in (([20, 30], "2 increments for 3"), ([0, 20, 0], "does not rise"),
                        ([0, np.nan, 3], "does not rise")):  # fmt: skip
        with pytest.raises(ImageError, match=word):
            times_from_increments(wrong, 3)
    assert same_rate(30, 29.97) and not same_rate(30, 25)


def test_angles_are_interpolated_and_never_extended():
    found = angles_at(np.array([0.0, 2]), np.array([10.0, 30]), np.array([-1, 0, 1, 2, 3, np.nan]))
    np.testing.assert_allclose(found, [np.nan, 10, 20, 30, np.nan, np.nan])
    with pytest.raises(InputError, match="do not rise"):
        angles_at(np.array([0.0, 0]), np.array([1.0, 2]), np.array([0.0]))


@given(slope=st.floats(-500, 500), start=st.floats(1e3, 5e4), n=st.integers(8, 40))
def test_a_straight_line_is_found_exactly(slope, start, n):
    x = np.linspace(0, 20, n)
    noise = np.where(np.arange(n) % 2, 3.0, -3.0)  # anti-correlated: nothing is taken from n
    found = line(x, figures(start + slope * x + noise), 0.0)
    assert found.status == "measured" and found.low <= slope <= found.high
    assert found.slope == pytest.approx(slope, abs=0.6)


def test_intervals_of_a_slope_hold_with_frames_that_resemble_each_other():
    rng, hits, given_ = np.random.default_rng(2), 0, 0
    x = np.linspace(0, 30, 60)
    for _ in range(400):
        noise = np.zeros(60)
        for k in range(1, 60):
            noise[k] = 0.5 * noise[k - 1] + rng.normal(0, 200)
        found = line(x, figures(5000 + 100 * x + noise), 0.0)
        if found.slope is not None:
            given_ += 1
            hits += found.low <= 100 <= found.high
    assert given_ > 380 and 0.90 < hits / given_ < 0.99


@pytest.mark.parametrize(
    ("x", "values", "moved", "why"),
    [
        (np.arange(20.0), np.arange(20.0), 9.0, "9.0 mm apart"),
        (np.arange(4.0), np.arange(4.0), 0.0, "4 frames have a figure"),
        (np.zeros(20), np.arange(20.0), 0.0, "one and the same"),
        (np.full(20, np.nan), np.arange(20.0), 0.0, "0 frames"),
        (np.linspace(0, 4, 40), np.exp(np.linspace(0, 4, 40)), 0.0, "does not describe them"),
    ],
)
def test_a_line_that_would_mislead_is_not_given(x, values, moved, why):
    found = line(x, figures(1000 * values + 5), moved)
    assert found.slope is None and found.status == "not_measured" and why in found.note


def test_bounds_give_no_line():
    own = figures(np.arange(20) * 10.0 + 3000)
    own[-1] = Figure(9e3, 8e3, 9e3, 100, "extrapolated", "90% ...")
    found = line(np.arange(20.0), own, 0.0)
    assert found.status == "not_measured" and "only a bound" in found.note


def test_a_curved_change_is_named():
    rng, x = np.random.default_rng(0), np.linspace(-1, 1, 60)
    found = line(x, figures(5000 + 500 * x + 150 * x**2 + rng.normal(0, 60, 60)), 0.0)
    assert found.status == "measured" and "no straight line" in found.note


def test_frames_move_by_their_largest_distance():
    planes = []
    for shift in (0.0, 4.0, -3.0):
        matrix = np.eye(4)
        matrix[2, 3] = shift
        planes.append(FramePlane.of(matrix, np.eye(4)))
    assert moved_mm(planes, [(10, 20)] * 3) == pytest.approx(7)


def test_medians_say_when_they_are_bounds():
    values = np.linspace(1000, 2000, 101)
    plain = figure(values, WHOLE)
    assert (plain.value, plain.low, plain.high) == pytest.approx((1500, 1250, 1750))
    assert plain.status == "measured" and plain.note == ""
    high = figure(values, Shares(1000, 900, 0.1, 0.3, 0.0))
    assert high.status == "extrapolated" and "30% of its pixels are at the upper" in high.note
    low = figure(values, Shares(1000, 900, 0.1, 0.0, 0.3))
    assert "only an upper bound" in low.note
    assert figure(values, Shares(1000, 900, 0.1, 0.4, 0.4)).status == "not_measured"
    void = figure(values[:0], Shares(1000, 0, 1.0, np.nan, np.nan))
    assert void.status == "not_measured" and "all of its 1000 pixels" in void.note
    assert "no colour box" in figure(values[:5], Shares(0, 0, np.nan, np.nan, np.nan)).note


def test_intervals_of_a_median_hold_for_values_that_resemble_their_neighbours():
    rng, hits, runs = np.random.default_rng(1), [], 120
    y, x = np.mgrid[:24, :40] * 0.5  # mm
    place = np.column_stack([x.ravel(), y.ravel()])
    for _ in range(runs):
        field = smooth(rng, (24, 40))
        values = 5000 * (1 + 0.2 * field.ravel())
        frame = np.zeros(len(values), int)
        ends = median_interval(values, frame, place)
        hits += [ends[0] <= 5000 <= ends[1]] if ends else []
    assert len(hits) > 0.7 * runs and 0.88 < np.mean(hits) <= 1


def smooth(rng, shape):
    from scipy import ndimage

    wide = ndimage.gaussian_filter(rng.standard_normal((shape[0] + 20, shape[1] + 20)), 2.0)
    return (wide / wide.std())[10:-10, 10:-10]


def test_samples_that_are_alike_give_no_interval_and_draws_are_the_same_each_time():
    place = np.random.default_rng(0).uniform(0, 30, (900, 2))
    frame = np.zeros(900, int)
    ramp = 5000 + 100 * place[:, 0]
    assert median_interval(ramp, frame, place) is None
    assert median_interval(np.full(900, 5000.0), frame, place) is None
    noise = np.random.default_rng(1).normal(5000, 500, 900)
    one, two = (median_interval(noise, frame, place) for _ in range(2))
    assert one == two and one is not None


def test_a_frame_shown_twice_counts_once():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:40, :60] * 0.5
    place = np.column_stack([x.ravel(), y.ravel()])
    values = 5000 * (1 + 0.2 * smooth(rng, (40, 60)).ravel())
    once = median_interval(values, np.zeros(2400, int), place)
    twice = median_interval(np.tile(values, 2), np.repeat([0, 1], 2400), np.tile(place, (2, 1)))
    assert once is not None and twice is not None
    assert np.ptp(twice) == pytest.approx(np.ptp(once), rel=0.15)
