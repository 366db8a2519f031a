"""Units and kinds of EMG signals."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from imaging.errors import RecordingError
from imaging.io.emg_signals import factor_to_microvolts, in_microvolts, is_envelope

RATE = 1000.0
SECONDS = 10
rng = np.random.default_rng(3)
TIMES = np.arange(int(SECONDS * RATE)) / RATE
GATE = 0.05 + np.maximum(0, np.sin(2 * np.pi * TIMES)) ** 2
RAW = sosfiltfilt(
    butter(2, [20, 400], "bandpass", fs=RATE, output="sos"), rng.normal(size=(4, len(TIMES)))
) * GATE  # fmt: skip


def low_pass(rows, hertz):
    return sosfiltfilt(butter(2, hertz, fs=RATE, output="sos"), np.abs(rows))


def moving_rms(rows, samples=100):
    return np.stack([np.sqrt(np.convolve(r**2, np.ones(samples) / samples, "same")) for r in rows])


@pytest.mark.parametrize(
    "rows", [low_pass(RAW, 6), low_pass(RAW, 12), moving_rms(RAW), low_pass(RAW, 6) * 0 + GATE]
)
def test_envelopes_are_told(rows):
    assert is_envelope(rows, RATE)
    assert is_envelope(np.vstack([rows, np.zeros(len(TIMES))]), RATE)


@pytest.mark.parametrize(
    "rows",
    [
        RAW,
        2000 + 100 * RAW,  # counts of a converter
        RAW + 5 * np.exp(-TIMES / 3),  # an electrode that settles
        RAW + 500 * np.exp(-TIMES / 3),
        np.vstack([RAW[:3], low_pass(RAW[:1], 6)]),
        np.zeros((2, 1000)),
    ],
)
def test_raw_signals_are_no_envelopes(rows):
    assert not is_envelope(rows, RATE)


def test_rectified_signals_are_refused():
    with pytest.raises(RecordingError, match="rectified"):
        is_envelope(np.abs(RAW), RATE)


def test_units():
    units = ("mV", "µV", "μV", "uV", "V", "[mV]", "Volts", "microvolts", "MV", "%MVC", "", "N")
    expected = (1e3, 1, 1, 1, 1e6, 1e3, 1e6, 1, None, None, None, None)
    assert tuple(factor_to_microvolts(u) for u in units) == expected


def test_only_known_units_are_brought_to_microvolts():
    rows, known, said = in_microvolts(("a", "b"), np.ones((2, 3)), ("mV", ""))
    np.testing.assert_array_equal(rows, [[1000] * 3, [1] * 3])
    assert known == {"a": "uV"}
    assert "1 of 2" in said[0]
    same = np.ones((1, 3))
    assert in_microvolts(("a",), same, ("uV",))[0] is same
