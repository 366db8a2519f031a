"""Even clocks from written times."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import RecordingError
from imaging.io.clock import even_clock

FILE = Path("walk.csv")
RATES = st.sampled_from(
    [50.0, 100.0, 148.148, 1000.0, 1111.111, 1500.0, 2000.0, 2148.1481, 10000.0]
)


@settings(deadline=None, max_examples=150)
@given(
    rate=RATES,
    start=st.floats(-100, 1000),
    n=st.integers(50, 3000),
    digits=st.integers(3, 9),
    gap=st.tuples(st.integers(0, 49), st.integers(10, 500)),
)
def test_times_however_rounded_give_their_clock_back(rate, start, n, digits, gap):
    at, length = gap
    places = np.arange(n)
    if digits >= 5:  # a gap of whole samples is told where times tell samples apart
        places = np.where(places > at, places + length, places)
    clock = even_clock(np.round(start + places / rate, digits), FILE)
    grain = 10.0**-digits
    assert clock.rate_hz == pytest.approx(rate, rel=max(2 * grain * rate / n, 1e-6))
    assert clock.start_s == pytest.approx(start, abs=grain)
    np.testing.assert_array_equal(clock.places, places)
    rows = np.arange(n, dtype=float)[None]
    spread = clock.spread(rows)
    assert spread.shape == (1, places[-1] + 1)
    np.testing.assert_array_equal(spread[0, places], rows[0])
    assert np.isnan(spread).sum() == places[-1] + 1 - n


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([0.0], "not numbers"),
        ([0, np.nan, 0.002], "not numbers"),
        (np.zeros(100), "do not rise"),
        (np.arange(100)[::-1] / 1000, "do not rise"),
        (np.r_[np.arange(100), np.arange(100)] / 1000, "do not rise, at sample 101"),
        (np.arange(100.0), "1 samples per second"),
        (np.arange(100) / 1e6, "samples per second"),
        (np.cumsum(np.repeat([0.001, 0.0014], 300)), "uneven"),
        (np.r_[np.arange(100), 1e9 + np.arange(100)] / 1000, "spread over hours"),
        (np.cumsum(np.random.default_rng(0).exponential(0.001, 400)), "uneven"),
    ],
)
def test_refused(times, said):
    with pytest.raises(RecordingError, match=said):
        even_clock(np.asarray(times, dtype=float), FILE)
