"""Surface EMG whose bursts are exactly known, in shapes and disturbances of many kinds.

Seeds of development are 0 to 99; those of :mod:`benchmarks.emg_onsets` begin at 1000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

RATE_HZ = 2000.0
STRIDE_S = 1.1


@dataclass(frozen=True)
class Kind:
    """How a channel is made.

    Attributes
    ----------
    shape : str
        ramp (raised cosine of `ramp_s`, 0: hard), gaussian, double or none.
    snr_db : float
        Mean square at the top of a burst over that of the baseline.
    carrier : str
        phantom (30-220 Hz, baseline alike), surface (spectrum of surface EMG over white noise) or
        units (trains of motor unit potentials over white noise).
    more : str
        Disturbance: hum, artefact, tonic, drift, crosstalk, continuous.
    """

    shape: str = "ramp"
    ramp_s: float = 0.02
    snr_db: float = 20.0
    carrier: str = "phantom"
    more: str = ""


@dataclass(frozen=True)
class Channel:
    """One channel and its truth.

    Attributes
    ----------
    emg : (N,) array
        Volts.
    strides : (K, 2) array
        s.
    bursts : (B, 4) array
        Start, half of the amplitude, half again and end, s.
    scale : float
        Root mean square of the muscle at a gain of 1, V.
    top : float
        Mean gain at the top of the bursts.
    """

    emg: np.ndarray
    strides: np.ndarray
    bursts: np.ndarray
    scale: float
    top: float


def channel(
    kind: Kind, seed: int, n_bursts: int = 14, rate_hz: float = RATE_HZ, late: float = 0.0
) -> Channel:
    """Return a channel whose every burst lies whole inside a stride, by `late` of it later."""
    rng = np.random.default_rng([seed, 0xE36])
    lengths = STRIDE_S * (1 + 0.02 * rng.standard_normal(n_bursts))
    edges = 0.6 + np.concatenate([[0.0], np.cumsum(lengths)])
    time = np.arange(int((edges[-1] + 0.6) * rate_hz)) / rate_hz
    gain = np.zeros_like(time)
    bursts, tops = [], []
    for start, length in zip(edges[:-1], lengths, strict=True):
        for share, duration in _plan(kind, rng):
            on = start + length * (share + late) + 0.015 * rng.standard_normal()
            off = on + duration + 0.01 * rng.standard_normal()
            top = 1 + 0.15 * rng.standard_normal()
            tops.append(top)
            shape, known = _shape(kind, time, on, off)
            gain = np.maximum(gain, top * shape)
            bursts.append(known)
    if kind.more == "continuous":
        gain = 0.7 + 0.3 * np.sin(2 * np.pi * time / STRIDE_S + rng.uniform(0, 6))
        bursts = []
    noise, base = _carriers(kind, rng, len(time), rate_hz)
    emg = gain * noise + 10 ** (-kind.snr_db / 20) * base
    emg = emg + _disturbance(kind, rng, time, edges, noise, rate_hz)
    scale = 100e-6 * rng.uniform(0.5, 2)
    strides = np.stack([edges[:-1], edges[1:]], 1)
    whole = np.array(bursts).reshape(-1, 4)
    return Channel(scale * emg, strides, whole, scale, float(np.mean(tops or [0.0])))


def _plan(kind: Kind, rng: np.random.Generator) -> list[tuple[float, float]]:
    if kind.shape == "none":
        return []
    if kind.shape == "double":
        return [(0.15, 0.16), (0.15 + 0.27 + 0.1 * rng.uniform(), 0.22)]
    return [(0.3, rng.uniform(0.2, 0.45))]


def _shape(
    kind: Kind, time: np.ndarray, on: float, off: float
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Return the amplitude over time, and start, half, half and end of the burst.

    A Gaussian has neither start nor end: those given are where it equals the baseline.
    """
    if kind.shape == "gaussian":
        centre, sd = (on + off) / 2, (off - on) / 5
        reach = sd * np.sqrt(2 * np.log(10 ** (kind.snr_db / 20)))
        half = sd * np.sqrt(2 * np.log(2))
        shape = np.exp(-((time - centre) ** 2) / (2 * sd**2))
        return shape, (centre - reach, centre - half, centre + half, centre + reach)
    ramp = max(kind.ramp_s, 1e-9)
    rise = np.clip((time - on) / ramp, 0, 1)
    fall = np.clip((off - time) / ramp, 0, 1)
    return np.sin(np.pi / 2 * np.minimum(rise, fall)) ** 2, (
        on, on + kind.ramp_s / 2, off - kind.ramp_s / 2, off
    )  # fmt: skip


def _carriers(
    kind: Kind, rng: np.random.Generator, n: int, rate_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return burst and baseline noise of mean square 1."""
    white = rng.standard_normal((2, n))
    if kind.carrier == "phantom":
        sos = signal.butter(2, [30.0, 220.0], "bandpass", fs=rate_hz, output="sos")
        made = signal.sosfiltfilt(sos, white, axis=1)
    else:
        made = np.stack([_surface(white[0], rate_hz), white[1]])
        if kind.carrier == "units":
            made[0] = _units(rng, n, rate_hz)
    return made[0] / made[0].std(), made[1] / made[1].std()


def _surface(white: np.ndarray, rate_hz: float) -> np.ndarray:
    """Shape noise to the spectrum of surface EMG.

    Shwedyk E, Balasubramanian R, Scott RN. A nonstationary model for the electromyogram. IEEE Trans
    Biomed Eng 1977;24:417-424: f_l 60 Hz, f_h 120 Hz.
    """
    f = np.fft.rfftfreq(len(white), 1 / rate_hz)
    power = 120.0**4 * f**2 / ((f**2 + 60.0**2) * (f**2 + 120.0**2) ** 2)
    return np.fft.irfft(np.fft.rfft(white) * np.sqrt(power), len(white))


def _units(rng: np.random.Generator, n: int, rate_hz: float) -> np.ndarray:
    """Return a train of motor unit potentials, 500 a second, of many sizes."""
    train = np.zeros(n)
    at = rng.integers(0, n, int(500 * n / rate_hz))
    np.add.at(train, at, rng.lognormal(0.0, 0.6, len(at)) * rng.choice([-1, 1], len(at)))
    t = np.arange(-int(0.008 * rate_hz), int(0.008 * rate_hz) + 1) / rate_hz
    wave = -t * np.exp(-((t / 0.0022) ** 2))
    return np.convolve(train, wave, "same")


def _disturbance(
    kind: Kind,
    rng: np.random.Generator,
    time: np.ndarray,
    edges: np.ndarray,
    noise: np.ndarray,
    rate_hz: float,
) -> np.ndarray:
    """Return what is added: a burst has mean square 1 at its top."""
    if kind.more == "hum":
        return 0.15 * np.sin(2 * np.pi * 50 * time) + 0.05 * np.sin(2 * np.pi * 150 * time + 1)
    if kind.more == "artefact":
        since = time - edges[np.maximum(np.searchsorted(edges, time, "right") - 1, 0)]
        swing = np.exp(-since / 0.06) * np.sin(2 * np.pi * 9 * since)
        return np.where(time >= edges[0], 2.0 * swing, 0.0)
    if kind.more == "tonic":
        return 0.15 * _surface(rng.standard_normal(len(time)), rate_hz) / 0.5
    if kind.more == "drift":
        slow = 10 ** (-kind.snr_db / 20) * np.interp(time, time[[0, -1]], [0, 1.2])
        return slow * rng.standard_normal(len(time))
    if kind.more == "crosstalk":
        phase = (time % STRIDE_S) / STRIDE_S
        other, _ = _carriers(kind, rng, len(time), rate_hz)
        return 0.05 * other * ((phase > 0.7) & (phase < 0.95))
    return np.zeros_like(time)


def contraction(
    kind: Kind, rng: np.random.Generator, skin: np.ndarray, *, exact: bool = False
) -> np.ndarray:
    """Return five seconds of maximal effort on both sides, (2, N): mean square `skin` squared.

    Exact: a sine whose rectified mean is that of noise of the same mean square.
    """
    time = np.arange(int(7 * RATE_HZ)) / RATE_HZ
    gain = np.clip((time - 1) / 0.5, 0, 1) * np.clip((6 - time) / 0.5, 0, 1)
    if exact:
        height = np.sqrt(2 / np.pi) * np.pi / 2
        return np.outer(skin, height * gain * np.sin(2 * np.pi * 100 * time))
    rows = [_carriers(kind, rng, len(time), RATE_HZ)[0] for _ in skin]
    return skin[:, None] * gain * np.stack(rows)
